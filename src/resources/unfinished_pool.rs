//! What lvcreate leaves when it is cut off while it makes a thin pool.
//!
//! It writes LVM's metadata more than once (lib/metadata/lv_manip.c and pool_manip.c): first there is a volume `lvol0`
//! that is to become the group's metadata spare, then a linear volume of the pool's own name that is to become the pool's
//! metadata; both as large as the metadata. Nothing of either is of use to anybody, and with the second one there LVM
//! makes no pool of that name.

use crate::action::{Action, NewThinPool};
use crate::facts::{Facts, LogicalVolume, Probe, Role, VolumeGroup};
use crate::plan::model::{Model, Unfinished, Words};
use crate::record::Begun;
use crate::size::human;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The intent to record before a pool is made; `planned` are the volumes that the profile wants beside it.
pub fn intent<'a>(geometry: &NewThinPool, facts: &'a Facts, planned: impl Iterator<Item = &'a str>) -> Begun {
    let there = facts.volume_group(&geometry.volume_group).map_or(&[][..], |group| &group.logical_volumes);
    let there = there.iter().filter(|lv| lv.role == Role::Plain).map(|lv| lv.name.as_str());
    let others: BTreeSet<&str> = there.chain(planned).collect();
    Begun::CreatePool {
        volume_group: geometry.volume_group.clone(),
        pool: geometry.pool.clone(),
        metadata_extents: geometry.metadata_extents,
        others: others.into_iter().map(str::to_owned).collect(),
    }
}

/// What interrupted runs have left. Only what the record names, what came after it was written, what nobody uses and
/// what carries no signature.
pub fn find(facts: &Facts) -> Vec<Unfinished> {
    // Nobody can see what is on a volume that is not active, nor mount it.
    let is_blank = |lv: &LogicalVolume| {
        let device = facts.block_devices.iter().find(|device| lv.device_number.as_ref() == Some(&device.number));
        let probe =
            device.filter(|device| device.holders.is_empty() && !device.busy).and_then(|device| device.probe.as_ref());
        !lv.active || probe.is_some_and(Probe::is_blank)
    };
    let mut found: Vec<Unfinished> = Vec::new();
    for (group, pool, lv) in candidates(facts).filter(|(_, _, lv)| is_blank(lv)) {
        if found.iter().all(|one| one.volume.uuid != lv.uuid) {
            found.push(Unfinished { volume_group: group.name.clone(), pool: pool.to_owned(), volume: lv.clone() });
        }
    }
    found
}

/// What may be left of an interrupted run, with its group and pool, whatever is on it.
pub fn candidates(facts: &Facts) -> impl Iterator<Item = (&VolumeGroup, &str, &LogicalVolume)> {
    facts.record.begun.iter().flat_map(move |begun| {
        let Begun::CreatePool { volume_group, pool, metadata_extents, .. } = begun else { return Vec::new() };
        // Of a pool that is there nothing is left.
        let group = facts.volume_group(volume_group).filter(|group| group.thin_pool(pool).is_none());
        let Some(group) = group else { return Vec::new() };
        let left = |lv: &&LogicalVolume| {
            lv.role == Role::Plain
                && lv.segment_type == "linear"
                && lv.extents == *metadata_extents
                && !lv.open
                && !is_known(facts, volume_group, &lv.name)
                && (lv.name == *pool || is_lvm_name(&lv.name))
        };
        group.logical_volumes.iter().filter(left).map(|lv| (group, pool.as_str(), lv)).collect()
    })
}

/// Whether a volume was there, or wanted by the profile, before any of the runs that were cut off.
fn is_known(facts: &Facts, group: &str, name: &str) -> bool {
    facts.record.begun.iter().any(|begun| {
        matches!(begun, Begun::CreatePool { volume_group, others, .. }
            if volume_group == group && others.iter().any(|other| other == name))
    })
}

/// The names that LVM gives to volumes without one: `lvol0`, `lvol1` …
fn is_lvm_name(name: &str) -> bool {
    name.strip_prefix("lvol")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The host as it is once they are gone.
pub fn without<'a>(facts: &'a Facts, unfinished: &[Unfinished]) -> Cow<'a, Facts> {
    let mut facts = Cow::Borrowed(facts);
    for gone in unfinished {
        let groups = &mut facts.to_mut().volume_groups;
        let Some(group) = groups.iter_mut().find(|group| group.name == gone.volume_group) else { continue };
        group.logical_volumes.retain(|lv| lv.uuid != gone.volume.uuid);
        group.free_extents += gone.volume.extents;
    }
    facts
}

/// Emits their removal, and has the model know of it.
pub fn plan(unfinished: Vec<Unfinished>, model: &mut Model<'_>) {
    for Unfinished { volume_group, pool, volume } in &unfinished {
        let action = Action::RemoveUnfinished {
            volume_group: volume_group.clone(),
            volume: volume.name.clone(),
            uuid: volume.uuid.clone(),
        };
        let words = Words {
            object: format!("{volume_group}/{}", volume.name),
            before: format!("{} of a pool that was never finished", human(volume.size)),
            after: "removed".to_owned(),
            why: format!("a run was cut off while lvcreate made {pool}"),
        };
        model.act(action, words);
    }
    model.unfinished = unfinished;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::golden;

    const CASE: &str = "25-pool-cut-at-its-spare";

    fn found(change: impl Fn(&mut Facts)) -> Vec<String> {
        let mut facts = golden::facts(CASE);
        change(&mut facts);
        find(&facts).into_iter().map(|one| one.volume.name).collect()
    }

    fn change_volume(change: impl Fn(&mut LogicalVolume)) -> Vec<String> {
        found(|facts| {
            let volumes = &mut facts.volume_groups[0].logical_volumes;
            change(volumes.iter_mut().find(|lv| lv.name == "lvol0").expect("it is there"));
        })
    }

    fn change_probe(change: impl Fn(&mut Probe)) -> Vec<String> {
        found(|facts| {
            let device = facts.block_devices.iter_mut().find(|device| device.number == "254:5");
            change(device.and_then(|device| device.probe.as_mut()).expect("it was probed"));
        })
    }

    #[test]
    fn what_lvcreate_left_is_found() {
        assert_eq!(found(|_| {}), ["lvol0"]);
        assert_eq!(change_volume(|lv| lv.name = "lvol12".to_owned()), ["lvol12"]);
        assert_eq!(change_volume(|lv| (lv.active, lv.device_number) = (false, None)), ["lvol0"]);
        assert_eq!(found(|facts| facts.record.begun.push(facts.record.begun[0].clone())), ["lvol0"]);
    }

    #[test]
    fn what_the_profile_wants_beside_the_pool_is_known() {
        let plan = golden::plan("01-scheme-v2-blank-host");
        let begun = plan.actions.iter().find(|planned| matches!(planned.action, Action::CreateThinPool(_)));
        let Some([Begun::CreatePool { others, .. }]) = begun.map(|planned| &planned.owes[..]) else {
            panic!("{begun:?}")
        };
        assert_eq!(others[..], ["root", "srv", "swap"]);
    }

    /// Whatever could be somebody's is left alone.
    #[test]
    fn nothing_else_is_taken_for_it() {
        let none: [&str; 0] = [];
        assert_eq!(found(|facts| facts.record.begun.clear()), none, "no intent names it");
        assert_eq!(change_volume(|lv| lv.name = "data".to_owned()), none, "a name that a person gave");
        assert_eq!(change_volume(|lv| lv.name = "lvol".to_owned()), none, "a name that LVM does not give");
        assert_eq!(change_volume(|lv| lv.extents = 2), none, "of another size");
        assert_eq!(change_volume(|lv| lv.open = true), none, "in use");
        assert_eq!(change_volume(|lv| lv.role = Role::ThinVolume), none, "no plain volume");
        assert_eq!(change_volume(|lv| lv.segment_type = "raid1".to_owned()), none, "not linear");
        assert_eq!(change_probe(|probe| probe.signatures.push("ext4".to_owned())), none, "something is on it");
        assert_eq!(change_probe(|probe| probe.unreadable = Some("I/O error".to_owned())), none, "it cannot be read");
        assert_eq!(
            found(|facts| facts.block_devices.iter_mut().for_each(|device| device.probe = None)),
            none,
            "nobody looked"
        );
        let another = |facts: &mut Facts| {
            let Begun::CreatePool { volume_group, metadata_extents, .. } = facts.record.begun[0].clone() else {
                unreachable!("{:?}", facts.record.begun)
            };
            let (pool, others) = ("other".to_owned(), vec!["lvol0".to_owned()]);
            facts.record.begun.push(Begun::CreatePool { volume_group, pool, metadata_extents, others });
        };
        assert_eq!(found(another), none, "it was there before, or the profile wants it");
    }
}
