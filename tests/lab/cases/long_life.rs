//! The short form of what `make torture` does with 200 runs.

use crate::long_life::nothing_grows;

#[test]
fn nothing_grows_from_run_to_run() {
    nothing_grows(40, 8);
}
