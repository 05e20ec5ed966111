//! A thin pool made anew, empty: its users are stopped, it is removed, made again, they are started.
//!
//! Only ever planned when a person asks for it by the pool's name.

use super::{pool_users, unfinished_pool};
use crate::action::{Action, NewThinPool};
use crate::facts::{Facts, LogicalVolume, Pool, Role, VolumeGroup};
use crate::fstab;
use crate::plan::model::{Model, Words};
use crate::plan::{self, Plan, PlannedAction, RefusalCode};
use crate::profile::{Profile, WhenFull};
use crate::record::Begun;
use crate::size::human;
use crate::words::counted;

/// Engines that keep what they have in a thin pool; sockets first, which would start them again.
pub const ENGINES: [&str; 6] =
    ["docker.socket", "podman.socket", "docker.service", "podman.service", "crio.service", "containerd.service"];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Reset<'a> {
    pub group: &'a str,
    pub pool: &'a str,
    /// Units to stop where they run, in this order; they must be among the facts.
    pub units: &'a [String],
    pub afterwards: Afterwards,
}

/// What becomes of the units that were stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    Start,
    KeepStopped,
}

/// Plans the reset. The pool comes back as the profile wants it, and as it was where the profile
/// does not name it.
pub fn plan(profile: Option<&Profile>, facts: &Facts, reset: &Reset<'_>) -> Plan {
    let none = Profile::default();
    let profile = profile.unwrap_or(&none);
    let unfinished = unfinished_pool::find(facts);
    let facts = &*unfinished_pool::without(facts, &unfinished);
    let mut model = Model::new(facts);
    let Some(geometry) = former(facts, reset, &mut model) else { return model.finish() };
    let exists = facts.volume_group(reset.group).is_some_and(|group| group.logical_volume(reset.pool).is_some());
    let running: Vec<&String> = reset.units.iter().filter(|unit| runs(facts, unit)).collect();
    if exists && !is_free(facts, reset, !running.is_empty(), &mut model) {
        return model.finish();
    }
    unfinished_pool::plan(unfinished, &mut model);
    for unit in &running {
        let action = Action::StopUnit { unit: (*unit).clone() };
        model.act(action, words(unit, "running", "stopped", "it may use the pool"));
    }
    if exists {
        remove(facts, reset, &geometry, &mut model);
    }
    let created = match names(profile, reset) {
        true => as_profile_says(profile, facts, reset, &mut model),
        false => as_it_was(facts, reset, geometry, &mut model),
    };
    created.into_iter().for_each(|planned| {
        let PlannedAction { object, before, after, why, owes, action } = planned;
        model.act_owing(action, Words { object, before, after, why }, &owes);
    });
    if reset.afterwards == Afterwards::Start {
        let owed = facts.record.begun.iter().filter_map(stopped).filter(|unit| !running.contains(unit));
        for unit in running.iter().rev().copied().chain(owed) {
            start(unit, "it was stopped for the reset", &mut model);
        }
    }
    model.finish()
}

/// What an interrupted reset still owes, for every plan: the pool where the profile does not make it,
/// and the units that it stopped.
pub fn resume(profile: &Profile, model: &mut Model<'_>) {
    let facts = model.facts;
    for begun in &facts.record.begun {
        match begun {
            Begun::ResetPool { geometry } => {
                let NewThinPool { volume_group, pool, .. } = geometry;
                let there = facts.volume_group(volume_group).is_some_and(|group| group.logical_volume(pool).is_some());
                let reset = Reset { group: volume_group, pool, units: &[], afterwards: Afterwards::Start };
                if !there && !names(profile, &reset) {
                    model.refuse(
                        RefusalCode::ResetUnfinished,
                        format!("{volume_group}/{pool}"),
                        "a reset was cut off after the pool was removed, and the profile does not name it",
                        format!("finish it: atomhost pool reset {volume_group}/{pool}"),
                    );
                }
            }
            Begun::StopUnit { unit } => start(unit, "a pool reset that was cut off had stopped it", model),
            _ => {}
        }
    }
}

fn words(object: &str, before: &str, after: &str, why: &str) -> Words {
    Words { object: object.to_owned(), before: before.to_owned(), after: after.to_owned(), why: why.to_owned() }
}

fn start(unit: &str, why: &str, model: &mut Model<'_>) {
    model.act(Action::StartUnit { unit: unit.to_owned() }, words(unit, "stopped", "started", why));
}

fn stopped(begun: &Begun) -> Option<&String> {
    if let Begun::StopUnit { unit } = begun { Some(unit) } else { None }
}

fn runs(facts: &Facts, unit: &str) -> bool {
    facts.units.get(unit).is_some_and(|found| found.is_active())
}

fn names(profile: &Profile, reset: &Reset<'_>) -> bool {
    let group = profile.volume_groups.iter().find(|group| group.name == reset.group);
    group.is_some_and(|group| group.thin_pools.iter().any(|pool| pool.name == reset.pool))
}

/// The pool as it is, or as an interrupted reset found it; `None` where a guard refuses.
fn former(facts: &Facts, reset: &Reset<'_>, model: &mut Model<'_>) -> Option<NewThinPool> {
    let Reset { group, pool, .. } = *reset;
    let object = format!("{group}/{pool}");
    let Some(observed) = facts.volume_group(group) else {
        model.refuse(RefusalCode::PoolMissing, object, "there is no such volume group", "vgs lists them");
        return None;
    };
    let Some(lv) = observed.logical_volume(pool) else {
        let ours = facts.record.begun.iter().find_map(|begun| match begun {
            Begun::ResetPool { geometry }
                if (geometry.volume_group.as_str(), geometry.pool.as_str()) == (group, pool) =>
            {
                Some(geometry.clone())
            }
            _ => None,
        });
        if ours.is_none() {
            let cure = "atomhost pool status lists them; what the profile names, atomhost apply makes";
            model.refuse(RefusalCode::PoolMissing, object, "there is no such thin pool", cure);
        }
        return ours;
    };
    let Some(found) = &lv.pool else {
        let found = format!("is a {} volume, no thin pool", lv.segment_type);
        model.refuse(RefusalCode::VolumeUnsuitable, object, found, "atomhost pool status lists thin pools");
        return None;
    };
    if !changeable(observed, model) {
        return None;
    }
    let parts = [format!("{pool}_tdata"), format!("{pool}_tmeta")];
    let odd = parts.iter().filter_map(|part| observed.logical_volume(part)).find(|lv| lv.segment_type != "linear");
    if let Some(odd) = odd {
        let found =
            format!("its part {} is a {} volume, which would not come back as such", odd.name, odd.segment_type);
        model.refuse(RefusalCode::VolumeUnsuitable, object, found, "remove the pool and make it anew by hand");
        return None;
    }
    Some(geometry(observed, lv, found))
}

fn changeable(observed: &VolumeGroup, model: &mut Model<'_>) -> bool {
    if observed.missing_pvs > 0 {
        let found = format!("{} physical volume(s) are missing", observed.missing_pvs);
        model.refuse(RefusalCode::GroupIncomplete, &observed.name, found, "bring the disks back, or repair the group");
        return false;
    }
    if observed.exported || observed.shared || !observed.writable {
        model.refuse(
            RefusalCode::GroupNotOurs,
            &observed.name,
            "is exported, read-only or shared with other hosts",
            "make it an ordinary group of this host first",
        );
        return false;
    }
    true
}

fn geometry(observed: &VolumeGroup, lv: &LogicalVolume, pool: &Pool) -> NewThinPool {
    NewThinPool {
        volume_group: observed.name.clone(),
        pool: lv.name.clone(),
        extent_size: observed.extent_size,
        data_extents: pool.data_extents,
        metadata_extents: pool.metadata_extents,
        chunk: pool.chunk,
        zero: pool.zero,
        when_full: if pool.when_full == WhenFull::Error.as_str() { WhenFull::Error } else { WhenFull::Queue },
        profile: Some(pool.profile.clone()).filter(|profile| !profile.is_empty()),
    }
}

/// Refuses what stopping the units cannot free. What it may free is looked at again after the stop.
fn is_free(facts: &Facts, reset: &Reset<'_>, stops: bool, model: &mut Model<'_>) -> bool {
    let mut free = true;
    for found in pool_users::uses(facts, reset.group, reset.pool) {
        if found.by_engine && stops {
            continue;
        }
        let cure = "unmount it and stop what uses it (lsof, fuser -vm), or name its unit with --stop";
        model.refuse(RefusalCode::PoolInUse, found.object, found.how, cure);
        free = false;
    }
    let Some(observed) = facts.volume_group(reset.group) else { return free };
    let text = facts.fstab.text.as_deref().unwrap_or_default();
    for entry in fstab::parse(text) {
        let device = facts.fstab.devices.get(&entry.source);
        let named =
            observed.thin_volumes(reset.pool).find(|lv| device.is_some() && lv.device_number.as_ref() == device);
        if let Some(lv) = named {
            model.refuse(
                RefusalCode::FstabConflict,
                format!("{}/{}", reset.group, lv.name),
                format!("fstab mounts it on {}: the next boot would wait for it in vain", entry.path),
                "remove that line first",
            );
            free = false;
        }
    }
    free
}

fn remove(facts: &Facts, reset: &Reset<'_>, geometry: &NewThinPool, model: &mut Model<'_>) {
    let Some(observed) = facts.volume_group(reset.group) else { return };
    let mut thin_volumes: Vec<String> = observed.thin_volumes(reset.pool).map(|lv| lv.name.clone()).collect();
    thin_volumes.sort_unstable();
    let size = human(geometry.data_extents * geometry.extent_size);
    let before = format!("{size} with {}", counted(thin_volumes.len(), "thin volume"));
    let (volume_group, pool) = (reset.group.to_owned(), reset.pool.to_owned());
    let action = Action::RemoveThinPool { volume_group, pool, thin_volumes, geometry: geometry.clone() };
    let object = format!("{}/{}", reset.group, reset.pool);
    model.act(action, words(&object, &before, "removed with all that is in it", "a reset was asked for by name"));
}

/// The host as the removal leaves it.
fn without(facts: &Facts, reset: &Reset<'_>) -> Facts {
    let mut after = facts.clone();
    after.record.begun.retain(|begun| !matches!(begun, Begun::ResetPool { .. } | Begun::StopUnit { .. }));
    let Some(group) = after.volume_groups.iter_mut().find(|group| group.name == reset.group) else { return after };
    let parts = [format!("{}_tdata", reset.pool), format!("{}_tmeta", reset.pool)];
    let before: u64 = group.logical_volumes.iter().map(|lv| lv.extents).sum();
    group.logical_volumes.retain(|lv| {
        lv.name != reset.pool
            && !parts.contains(&lv.name)
            && lv.thin.as_ref().is_none_or(|thin| thin.pool != reset.pool)
    });
    // LVM drops the metadata spare together with the last pool of a group.
    let others = |lv: &LogicalVolume| lv.role == Role::ThinPoolMetadata || lv.segment_type.starts_with("cache");
    if !group.logical_volumes.iter().any(others) {
        group.logical_volumes.retain(|lv| lv.role != Role::MetadataSpare);
    }
    let left: u64 = group.logical_volumes.iter().map(|lv| lv.extents).sum();
    group.free_extents += before - left;
    after
}

/// The actions of an ordinary plan that make the pool. When that plan has more to do, it comes first.
fn as_profile_says(profile: &Profile, facts: &Facts, reset: &Reset<'_>, model: &mut Model<'_>) -> Vec<PlannedAction> {
    let plan = plan::plan(profile, &without(facts, reset));
    for refusal in plan.refusals {
        model.refuse(refusal.code, refusal.object, refusal.found, refusal.cure);
    }
    let file = format!("/etc/lvm/profile/atomhost-{}-{}.profile", reset.group, reset.pool);
    let ours = |planned: &PlannedAction| match &planned.action {
        Action::CreateThinPool(made) => (made.volume_group.as_str(), made.pool.as_str()) == (reset.group, reset.pool),
        Action::WriteFile { path, .. } => *path == file,
        _ => false,
    };
    let (created, others): (Vec<_>, Vec<_>) = plan.actions.into_iter().partition(ours);
    if let Some(first) = others.first() {
        model.refuse(
            RefusalCode::NotInSync,
            first.object.clone(),
            format!("the host is not as the profile says: {} is still to do", first.after),
            "run atomhost apply first",
        );
    }
    created
}

fn as_it_was(facts: &Facts, reset: &Reset<'_>, geometry: NewThinPool, model: &mut Model<'_>) -> Vec<PlannedAction> {
    let object = format!("{}/{}", reset.group, reset.pool);
    let after = without(facts, reset);
    let spare = |group: &VolumeGroup| {
        let spares = group.logical_volumes.iter().filter(|lv| lv.role == Role::MetadataSpare);
        spares.map(|lv| lv.extents).sum::<u64>()
    };
    let (free, spare) = after.volume_group(reset.group).map_or((0, 0), |group| (group.free_extents, spare(group)));
    let needed = geometry.data_extents + geometry.metadata_extents + geometry.metadata_extents.saturating_sub(spare);
    if needed > free {
        model.refuse(
            RefusalCode::NotEnoughSpace,
            object.clone(),
            format!("{needed} extents are needed to make the pool as it was, {free} are free"),
            "make room in the group, or name the pool in the profile with a smaller size",
        );
    }
    let NewThinPool { extent_size, data_extents, metadata_extents, chunk, .. } = &geometry;
    let size = |extents: u64| human(extents * extent_size);
    let state = format!("{} data + {} metadata, chunk {}", size(*data_extents), size(*metadata_extents), human(*chunk));
    let why = "made anew as it was: the profile does not name it".to_owned();
    let owes = vec![unfinished_pool::intent(&geometry, &after, std::iter::empty())];
    let action = Action::CreateThinPool(geometry);
    vec![PlannedAction { object, before: String::new(), after: state, why, owes, action }]
}
