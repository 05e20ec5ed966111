//! Words for people that no layer owns.

use std::fmt::Display;

/// `1 host`, `2 hosts`: a number of what takes a plain s.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    let s = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{s}")
}
