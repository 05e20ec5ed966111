//! How full thin pools are, what is in them, and how far they can grow.

use super::pool_users;
use super::thin_pool::{AUTOEXTEND, WARN_USED, profile_values};
use crate::facts::{Facts, LogicalVolume, Pool, VolumeGroup};
use serde::Serialize;

/// Name and version of the JSON form.
pub const POOL_STATUS_SCHEMA: &str = "atomhost.pool-status/1";

/// One thin pool. Sizes are bytes, usage is in hundredths of a percent and `None` while inactive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    pub volume_group: String,
    pub pool: String,
    pub active: bool,
    pub data: Usage,
    pub metadata: Usage,
    pub chunk: u64,
    pub zero: bool,
    /// `error`, `queue`, or empty while LVM does not say.
    pub when_full: String,
    pub monitored: bool,
    pub autoextend: Autoextend,
    /// Free bytes of the volume group: what the pool can grow by.
    pub room: u64,
    pub thin_volumes: Vec<ThinVolume>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub size: u64,
    pub used: Option<u32>,
}

/// What dmeventd goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autoextend {
    /// Percent of use that triggers growth; 100 is never.
    pub threshold: u32,
    pub percent: u32,
    /// The metadata profile that says so; `None`: lvm.conf or LVM's defaults.
    pub profile: Option<String>,
    /// Bytes that the next growth of the data takes.
    pub next: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThinVolume {
    pub name: String,
    /// Virtual.
    pub size: u64,
    pub used: Option<u32>,
    pub active: bool,
    /// Mounts and other uses, in words.
    pub uses: Vec<String>,
}

/// Every pool, or the one that is asked for. `defaults`: LVM's own threshold and percent.
pub fn status(facts: &Facts, only: Option<(&str, &str)>, defaults: (u32, u32)) -> Vec<PoolStatus> {
    let mut pools = Vec::new();
    for group in &facts.volume_groups {
        for lv in &group.logical_volumes {
            let Some(pool) = &lv.pool else { continue };
            if only.is_none_or(|only| only == (group.name.as_str(), lv.name.as_str())) {
                pools.push(one(facts, group, lv, pool, defaults));
            }
        }
    }
    pools
}

fn one(facts: &Facts, group: &VolumeGroup, lv: &LogicalVolume, pool: &Pool, defaults: (u32, u32)) -> PoolStatus {
    let bytes = |extents: u64| extents * group.extent_size;
    let text = facts.lvm_profiles.get(&pool.profile);
    let (threshold, percent) = text.map_or((None, None), |text| profile_values(text));
    // LVM takes a threshold below 50 for 50.
    let threshold = threshold.unwrap_or(defaults.0).max(*AUTOEXTEND.start());
    let percent = percent.unwrap_or(defaults.1);
    let next = (u128::from(pool.data_extents) * u128::from(percent)).div_ceil(100) as u64;
    let uses = pool_users::uses(facts, &group.name, &lv.name);
    let thin = |volume: &LogicalVolume| {
        let object = format!("{}/{}", group.name, volume.name);
        ThinVolume {
            name: volume.name.clone(),
            size: volume.size,
            used: volume.thin.as_ref().and_then(|thin| thin.used),
            active: volume.active,
            uses: uses.iter().filter(|found| found.object == object).map(|found| found.how.clone()).collect(),
        }
    };
    let mut status = PoolStatus {
        volume_group: group.name.clone(),
        pool: lv.name.clone(),
        active: lv.active,
        data: Usage { size: bytes(pool.data_extents), used: pool.data_used },
        metadata: Usage { size: bytes(pool.metadata_extents), used: pool.metadata_used },
        chunk: pool.chunk,
        zero: pool.zero,
        when_full: pool.when_full.clone(),
        monitored: pool.monitor == "monitored",
        autoextend: Autoextend { threshold, percent, profile: text.map(|_| pool.profile.clone()), next: bytes(next) },
        room: bytes(group.free_extents),
        thin_volumes: group.thin_volumes(&lv.name).map(thin).collect(),
        warnings: Vec::new(),
    };
    status.warnings = warnings(&status, lv, pool, text.is_some());
    status
}

fn warnings(status: &PoolStatus, lv: &LogicalVolume, pool: &Pool, has_profile: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    let full = |usage: Usage| usage.used.filter(|used| *used > WARN_USED);
    let fix = "extend the pool, or remove what is not needed, before writes fail";
    if let Some(used) = full(status.data) {
        warnings.push(format!("data is {}.{:02} % full: {fix}", used / 100, used % 100));
    }
    if let Some(used) = full(status.metadata) {
        warnings.push(format!("metadata is {}.{:02} % full: {fix}", used / 100, used % 100));
    }
    if !status.active {
        warnings.push(format!(
            "inactive, so nobody can tell how full it is (lvs shows blanks too): lvchange --activate y {}/{}",
            status.volume_group, status.pool
        ));
    }
    if pool.needs_check || !lv.health.is_empty() {
        let health = if pool.needs_check { "needs a check of its metadata" } else { lv.health.as_str() };
        warnings.push(format!("unhealthy: {health}"));
    }
    if !pool.profile.is_empty() && !has_profile {
        warnings.push(format!(
            "its metadata profile {} has no file in /etc/lvm/profile: LVM extends it no more, without a word",
            pool.profile
        ));
    }
    let grows = status.autoextend.threshold < 100;
    if grows && status.active && !status.monitored {
        warnings.push("not monitored: autoextend never happens; atomhost apply mends that".to_owned());
    }
    if grows && status.room < status.autoextend.next {
        warnings.push("the volume group has no room for the next autoextend: add a disk to it in time".to_owned());
    }
    warnings
}
