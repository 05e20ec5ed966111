//! Thin pools: data, metadata and spare counted to the extent, settings, monitoring and health.

use super::volumes::{Sizing, percent_of};
use crate::accounts::Owner;
use crate::action::{Action, NewThinPool};
use crate::facts::{LogicalVolume, Pool, Role};
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{Autoextend, ThinPool, WhenFull};
use crate::size::{Amount, extents_up, human};

/// LVM's smallest and default chunk, and its limit for metadata when it chooses a chunk (lvm.conf(5),
/// thin_pool_chunk_size; thin_pool_metadata target of 128 MiB).
const SMALLEST_CHUNK: u64 = 64 << 10;
const METADATA_TARGET: u64 = 128 << 20;
/// Kernel and LVM: metadata takes 64 bytes a chunk, 2 MiB at least, 15.8125 GiB at most.
const BYTES_A_CHUNK: u64 = 64;
const SMALLEST_METADATA: u64 = 2 << 20;
const LARGEST_METADATA: u64 = 16_978_542_592;
/// Hundredths of a percent in use from which a pool is warned of.
pub const WARN_USED: u32 = 8000;
/// Thresholds that LVM acts on: less counts as 50, and 100 is never.
pub const AUTOEXTEND: std::ops::RangeInclusive<u32> = 50..=100;

/// A pool's extents, now and as wanted, and the chunk that they are counted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSizing {
    pub data: Sizing,
    pub metadata: Sizing,
    /// Bytes.
    pub chunk: u64,
    /// Percent of what is free, for a pool sized that way.
    pub share: Option<u32>,
    pub exists: bool,
}

impl PoolSizing {
    /// Extents of data and metadata; the spare belongs to the group.
    pub fn footprint(&self) -> u64 {
        self.data.target + self.metadata.target
    }

    pub fn footprint_before(&self) -> u64 {
        self.data.current + self.metadata.current
    }
}

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

/// Bytes of metadata for `data` bytes in chunks of `chunk` bytes.
fn metadata_bytes(data: u64, chunk: u64) -> u64 {
    data.div_ceil(chunk.max(SMALLEST_CHUNK)).saturating_mul(BYTES_A_CHUNK).clamp(SMALLEST_METADATA, LARGEST_METADATA)
}

fn metadata_extents(wanted: &ThinPool, data_extents: u64, chunk: u64, extent_size: u64) -> u64 {
    let bytes = wanted.metadata.unwrap_or(0).max(metadata_bytes(data_extents * extent_size, chunk));
    extents_up(bytes.min(LARGEST_METADATA), extent_size)
}

/// The chunk that LVM itself would choose for `data` bytes.
fn default_chunk(data: u64) -> u64 {
    let mut chunk = SMALLEST_CHUNK;
    while data.div_ceil(chunk) * BYTES_A_CHUNK > METADATA_TARGET {
        chunk *= 2;
    }
    chunk
}

/// Sizes a pool whose data is `fixed` extents; a pool that shares what is free is sized later.
pub fn fixed_size(
    wanted: &ThinPool,
    observed: Option<&LogicalVolume>,
    fixed: Option<u64>,
    extent_size: u64,
) -> PoolSizing {
    let pool = observed.and_then(|lv| lv.pool.as_ref());
    let (data, metadata) = pool.map_or((0, 0), |pool| (pool.data_extents, pool.metadata_extents));
    let chunk_for = |extents: u64| {
        pool.map(|pool| pool.chunk).or(wanted.chunk).unwrap_or_else(|| default_chunk(extents * extent_size))
    };
    let share = match wanted.size.amount {
        Amount::PercentFree(percent) => Some(percent),
        Amount::Bytes(_) | Amount::PercentVg(_) => None,
    };
    let target = fixed.unwrap_or(data).max(data);
    let chunk = chunk_for(target);
    let mut sizing = PoolSizing {
        data: Sizing { current: data, target },
        metadata: Sizing { current: metadata, target: metadata },
        chunk,
        share,
        exists: pool.is_some(),
    };
    sizing.metadata.target = grown_metadata(wanted, &sizing, target, extent_size);
    sizing
}

/// Metadata grows when the profile asks for more, or with data that grows; a pool that stays as it
/// is keeps what LVM or somebody gave it.
fn grown_metadata(wanted: &ThinPool, sizing: &PoolSizing, data_target: u64, extent_size: u64) -> u64 {
    let current = sizing.metadata.current;
    if data_target > sizing.data.current {
        return current.max(metadata_extents(wanted, data_target, sizing.chunk, extent_size));
    }
    current.max(wanted.metadata.map_or(0, |bytes| extents_up(bytes, extent_size)))
}

/// Extents of the group's metadata spare (lvol0_pmspare): as large as the largest metadata volume
/// that is made or extended. Where none is, LVM leaves whatever spare there is.
pub fn spare(pools: &[PoolSizing], before: u64) -> u64 {
    let made = pools.iter().map(|pool| pool.metadata).filter(|metadata| metadata.target > metadata.current);
    made.map(|metadata| metadata.target).fold(before, u64::max)
}

/// Sizes the pools that share what is free: of `base` extents each takes its percentage, for data
/// and metadata; the first also carries the spare.
pub fn share_free(wanted: &[ThinPool], pools: &mut [PoolSizing], base: u64, spare_before: u64, extent_size: u64) {
    let shares: Vec<Option<u64>> =
        pools.iter().map(|pool| pool.share.map(|percent| percent_of(percent, base))).collect();
    // Metadata is counted for the whole share: a little more than its data needs, as LVM does.
    let mut grown = pools.to_vec();
    for ((wanted, sizing), share) in wanted.iter().zip(&mut grown).zip(&shares) {
        let Some(share) = *share else { continue };
        if !sizing.exists && wanted.chunk.is_none() {
            sizing.chunk = default_chunk(share * extent_size);
        }
        sizing.metadata.target =
            sizing.metadata.current.max(metadata_extents(wanted, share, sizing.chunk, extent_size));
    }
    let (spare_kept, spare_grown) = (spare(pools, spare_before), spare(&grown, spare_before));
    let bearer = shares.iter().position(Option::is_some);
    for (at, (sizing, mut grown)) in pools.iter_mut().zip(grown).enumerate() {
        let Some(share) = shares[at] else { continue };
        let carried = |spare: u64| if bearer == Some(at) { spare } else { 0 };
        let with_kept = share.saturating_sub(sizing.metadata.target + carried(spare_kept));
        let with_grown = share.saturating_sub(grown.metadata.target + carried(spare_grown));
        // Growth that its own metadata would eat up is none: else every run would find a little more.
        if !sizing.exists || (with_kept > sizing.data.current && with_grown > sizing.data.current) {
            grown.data.target = with_grown;
            *sizing = grown;
        }
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
    let target = Target { group, name: &wanted.name };
    let why = format!("no such pool yet; the profile wants {}", wanted.size.amount);
    target.act(
        model,
        |volume_group, pool| {
            Action::CreateThinPool(NewThinPool {
                volume_group,
                pool,
                extent_size,
                data_extents: sizing.data.target,
                metadata_extents: sizing.metadata.target,
                chunk: sizing.chunk,
                zero: wanted.zero.unwrap_or(true),
                when_full: wanted.when_full.unwrap_or(WhenFull::Queue),
                profile,
            })
        },
        ("", &after),
        &why,
    );
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

/// The name of the metadata profile that holds the wanted autoextend: the attached one when it says
/// the same already, else ours, whose file is written where it differs.
fn autoextend_profile(
    group: &str,
    wanted: &ThinPool,
    autoextend: Autoextend,
    lv: Option<&LogicalVolume>,
    model: &mut Model<'_>,
) -> String {
    let attached = lv.and_then(|lv| lv.pool.as_ref()).map(|pool| pool.profile.as_str()).filter(|name| !name.is_empty());
    if let Some(name) = attached
        && model.facts.lvm_profiles.get(name).is_some_and(|text| says(text, autoextend))
    {
        return name.to_owned();
    }
    let name = format!("atomhost-{group}-{}", wanted.name);
    let text = profile_text(autoextend);
    let before = model.facts.lvm_profiles.get(&name).cloned();
    if before.as_deref() != Some(text.as_str()) {
        let path = format!("/etc/lvm/profile/{name}.profile");
        let state = if before.is_some() { "other settings" } else { "" };
        model.act(
            Action::WriteFile { path: path.clone(), mode: 0o644, owner: Owner::root(), before, after: text },
            Words {
                object: path,
                before: state.to_owned(),
                after: format!("autoextend at {} % by {} %", autoextend.threshold, autoextend.percent),
                why: "LVM reads a pool's autoextend from its metadata profile".to_owned(),
            },
        );
    }
    name
}

fn profile_text(Autoextend { threshold, percent }: Autoextend) -> String {
    format!(
        "# Written by atomhost from its profile. LVM stops extending the pool, without a word, if this file is gone.\n\
         activation {{\n\tthin_pool_autoextend_threshold={threshold}\n\tthin_pool_autoextend_percent={percent}\n}}\n"
    )
}

/// Whether a metadata profile's text sets just these two values.
fn says(text: &str, Autoextend { threshold, percent }: Autoextend) -> bool {
    profile_values(text) == (Some(threshold), Some(percent))
}

/// Threshold and percent of autoextend as a metadata profile, or lvmconfig, sets them; comments do
/// not count.
pub fn profile_values(text: &str) -> (Option<u32>, Option<u32>) {
    let value = |key: &str| {
        text.lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.trim().rsplit('/').next() == Some(key))
            .filter_map(|(_, value)| value.trim().parse::<u32>().ok())
            .next_back()
    };
    (value("thin_pool_autoextend_threshold"), value("thin_pool_autoextend_percent"))
}
