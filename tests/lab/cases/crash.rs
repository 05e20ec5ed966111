//! The short form of `make torture`: one host, killed again and again.

use crate::crash::{Cut, Scenario, cut, recover, reference};

/// Case 22: wherever a run is killed, the next one goes on, and the last one ends where an undisturbed one does.
#[test]
fn a_run_killed_at_each_of_its_writes_goes_on() {
    let (undisturbed, actions) = reference(Scenario::Provisioning);
    let mut host = Scenario::Provisioning.host("killed");
    // Each run gets a little further than the one before, and is killed before, between and after its writes.
    let mut cuts = 0;
    let ended = (0..4 * actions.len()).any(|turn| {
        let survived = cut(&mut host, Cut::KilledAtRename(3 + turn % 8)).is_none();
        cuts += usize::from(!survived);
        survived
    });
    assert!(ended, "no run got through after {cuts} cuts");
    assert!(cuts >= actions.len() / 4, "only {cuts} cuts");
    recover(&host, &undisturbed).unwrap_or_else(|difference| panic!("{difference}"));
}
