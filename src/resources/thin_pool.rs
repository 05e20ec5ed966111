//! Thin pools: data, metadata and spare counted to the extent, settings, monitoring and health.

mod metadata_profile;
mod sizing;

pub use metadata_profile::profile_values;
pub use sizing::{PoolSizing, fixed_size, share_free, spare};

use super::unfinished_pool;
use super::volumes::Sizing;
use crate::action::{Action, NewThinPool};
use crate::facts::{LogicalVolume, Pool, Role};
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{ThinPool, WhenFull};
use crate::size::human;
use metadata_profile::autoextend_profile;

/// Hundredths of a percent in use from which a pool is warned of.
pub const WARN_USED: u32 = 8000;
/// Thresholds that LVM acts on: less counts as 50, and 100 is never.
pub const AUTOEXTEND: std::ops::RangeInclusive<u32> = 50..=100;

/// The pool of the profile that a volume is part of: the pool itself, its data or its metadata.
pub fn owner<'a>(pools: &'a [ThinPool], lv: &LogicalVolume) -> Option<&'a ThinPool> {
    let name = match lv.role {
        Role::ThinPool => lv.name.as_str(),
        Role::ThinPoolData => lv.name.strip_suffix("_tdata")?,
        Role::ThinPoolMetadata => lv.name.strip_suffix("_tmeta")?,
        Role::Plain | Role::MetadataSpare | Role::ThinVolume | Role::Hidden => return None,
    };
    pools.iter().find(|pool| pool.name == name)
}

/// Guards of a pool that exists.
pub fn suitable(group: &str, wanted: &ThinPool, lv: &LogicalVolume, model: &mut Model<'_>) -> bool {
    let object = format!("{group}/{}", wanted.name);
    let Some(pool) = &lv.pool else {
        model.refuse(
            RefusalCode::VolumeUnsuitable,
            object,
            format!("exists as a {} volume, the profile wants a thin pool", lv.segment_type),
            "choose another name",
        );
        return false;
    };
    if pool.needs_check || matches!(lv.health.as_str(), "failed" | "metadata_read_only") {
        let found = if pool.needs_check { "needs a check of its metadata" } else { lv.health.as_str() };
        model.refuse(
            RefusalCode::PoolUnhealthy,
            object.clone(),
            format!("the pool is unhealthy: {found}"),
            format!("take its users down and run lvconvert --repair {object}"),
        );
        return false;
    }
    if let Some(chunk) = wanted.chunk
        && chunk != pool.chunk
    {
        model.refuse(
            RefusalCode::PoolChunkFixed,
            object,
            format!("its chunk is {}, the profile wants {}", human(pool.chunk), human(chunk)),
            "a pool's chunk is fixed for life: correct the profile, or remove the pool and what is on it by hand",
        );
        return false;
    }
    warn_used(&object, lv, pool, model);
    true
}

fn warn_used(object: &str, lv: &LogicalVolume, pool: &Pool, model: &mut Model<'_>) {
    for (what, used) in [("data", pool.data_used), ("metadata", pool.metadata_used)] {
        if let Some(used) = used.filter(|used| *used >= WARN_USED) {
            model.warn(
                WarningCode::PoolNearlyFull,
                object,
                format!("{what} is {}.{:02} % full: extend the pool before writes fail", used / 100, used % 100),
            );
        }
    }
    if lv.health == "out_of_data" {
        model.warn(WarningCode::PoolNearlyFull, object, "out of data space: writes to it fail or wait");
    }
}

/// Emits a pool's actions: its profile file, then creation or growth, then settings.
pub fn plan(group: &str, extent_size: u64, wanted: &ThinPool, sizing: &PoolSizing, model: &mut Model<'_>) {
    let lv = model.index.logical_volume(group, &wanted.name);
    let profile = wanted.autoextend.map(|autoextend| autoextend_profile(group, wanted, autoextend, lv, model));
    match lv.and_then(|lv| lv.pool.as_ref().map(|pool| (lv, pool))) {
        None => create(group, extent_size, wanted, sizing, profile, model),
        Some((lv, pool)) => {
            let target = Target { group, name: &wanted.name };
            if !lv.active {
                target.act(
                    model,
                    |volume_group, volume| Action::ActivateVolume { volume_group, volume },
                    ("inactive", "active"),
                    "an inactive pool serves nobody",
                );
            }
            grow(&target, extent_size, sizing, model);
            settings(&target, wanted, pool, profile, model);
        }
    }
}

struct Target<'a> {
    group: &'a str,
    name: &'a str,
}

impl Target<'_> {
    fn act(
        &self,
        model: &mut Model<'_>,
        action: impl FnOnce(String, String) -> Action,
        (before, after): (&str, &str),
        why: &str,
    ) {
        model.act(
            action(self.group.to_owned(), self.name.to_owned()),
            Words {
                object: format!("{}/{}", self.group, self.name),
                before: before.to_owned(),
                after: after.to_owned(),
                why: why.to_owned(),
            },
        );
    }
}

fn create(
    group: &str,
    extent_size: u64,
    wanted: &ThinPool,
    sizing: &PoolSizing,
    profile: Option<String>,
    model: &mut Model<'_>,
) {
    let after = format!(
        "{} data + {} metadata, chunk {}",
        human(sizing.data.target * extent_size),
        human(sizing.metadata.target * extent_size),
        human(sizing.chunk)
    );
    let geometry = NewThinPool {
        volume_group: group.to_owned(),
        pool: wanted.name.clone(),
        extent_size,
        data_extents: sizing.data.target,
        metadata_extents: sizing.metadata.target,
        chunk: sizing.chunk,
        zero: wanted.zero.unwrap_or(true),
        when_full: wanted.when_full.unwrap_or(WhenFull::Queue),
        profile,
    };
    let words = Words {
        object: format!("{group}/{}", wanted.name),
        before: String::new(),
        after,
        why: format!("no such pool yet; the profile wants {}", wanted.size.amount),
    };
    let planned = model.group(group).into_iter().flat_map(|group| &group.volumes);
    let intent = unfinished_pool::intent(&geometry, model.facts, planned.map(|volume| volume.name.as_str()));
    model.act_owing(Action::CreateThinPool(geometry), words, &[intent]);
}

fn grow(target: &Target<'_>, extent_size: u64, sizing: &PoolSizing, model: &mut Model<'_>) {
    let words = |what: &str, sizing: Sizing| {
        (
            format!("{what} {}", human(sizing.current * extent_size)),
            format!("{what} {}", human(sizing.target * extent_size)),
        )
    };
    let PoolSizing { data, metadata, .. } = *sizing;
    // Metadata first: data must never outgrow what can map it.
    if metadata.target > metadata.current {
        let (before, after) = words("metadata", metadata);
        target.act(
            model,
            |volume_group, pool| Action::ExtendPoolMetadata {
                volume_group,
                pool,
                extent_size,
                from_extents: metadata.current,
                to_extents: metadata.target,
            },
            (&before, &after),
            "room to map the pool's data, with the spare of the same size",
        );
    }
    if data.target > data.current {
        let (before, after) = words("data", data);
        target.act(
            model,
            |volume_group, pool| Action::ExtendPoolData {
                volume_group,
                pool,
                from_extents: data.current,
                to_extents: data.target,
            },
            (&before, &after),
            "the profile wants more of the volume group for it",
        );
    }
}

fn settings(target: &Target<'_>, wanted: &ThinPool, pool: &Pool, profile: Option<String>, model: &mut Model<'_>) {
    if let Some(zero) = wanted.zero.filter(|zero| *zero != pool.zero) {
        let word = |zero: bool| if zero { "zeroes new blocks" } else { "does not zero new blocks" };
        target.act(
            model,
            |volume_group, pool| Action::SetPoolZeroing { volume_group, pool, zero },
            (word(pool.zero), word(zero)),
            "the profile says so",
        );
    }
    // Empty for an inactive pool: LVM keeps the setting in its metadata and says so once it is active.
    if let Some(when_full) = wanted.when_full.filter(|when_full| when_full.as_str() != pool.when_full) {
        let before = format!("when full: {}", if pool.when_full.is_empty() { "unknown" } else { &pool.when_full });
        let after = format!("when full: {}", when_full.as_str());
        target.act(
            model,
            |volume_group, pool| Action::SetPoolWhenFull { volume_group, pool, when_full },
            (&before, &after),
            "the profile says so",
        );
    }
    if let Some(profile) = profile.filter(|profile| *profile != pool.profile) {
        let before = if pool.profile.is_empty() {
            "no metadata profile".to_owned()
        } else {
            format!("metadata profile {}", pool.profile)
        };
        let after = format!("metadata profile {profile}");
        target.act(
            model,
            |volume_group, pool| Action::AttachPoolProfile { volume_group, pool, profile },
            (&before, &after),
            "autoextend is read from it",
        );
    }
    if wanted.autoextend.is_some() && pool.monitor != "monitored" {
        let before = if pool.monitor.is_empty() { "monitoring unknown" } else { pool.monitor.as_str() };
        target.act(
            model,
            |volume_group, pool| Action::MonitorPool { volume_group, pool },
            (before, "monitored"),
            "without dmeventd autoextend never happens",
        );
    }
}
