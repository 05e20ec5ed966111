//! The space of a volume group: how many extents each volume and pool shall have, whether they
//! fit, and the actions that get there.

use super::thin_pool::{self, PoolSizing};
use crate::action::Action;
use crate::facts::index::Index;
use crate::facts::{self, LogicalVolume, Role};
use crate::plan::RefusalCode;
use crate::plan::ledger::{LedgerKind, LedgerRow};
use crate::plan::model::{Model, PlannedVolume, Unfinished, Words};
use crate::profile::{Bound, Content, Volume, VolumeGroup};
use crate::size::{Amount, extents_up, human};
use std::collections::HashSet;

/// Extents of one volume, now and as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    pub current: u64,
    pub target: u64,
}

/// Everything of a group in extents.
struct Space {
    volumes: Vec<Sizing>,
    pools: Vec<PoolSizing>,
    /// Volumes and pools that the profile does not name.
    unnamed: u64,
    spare_before: u64,
    spare: u64,
}

/// Plans the volumes and pools of a group that [`super::volume_group`] entered into the model.
pub fn plan(wanted: &VolumeGroup, model: &mut Model<'_>) {
    let Some((extent_size, total)) = model.group(&wanted.name).map(|group| (group.extent_size, group.extents)) else {
        return;
    };
    let facts = model.facts;
    let observed = facts.volume_group(&wanted.name);
    if !suitable(wanted, model) {
        return;
    }
    let space = sizes(wanted, observed, &model.index, extent_size, total);
    let fits = fits(wanted, &space, extent_size, total, model) && has_extents(wanted, &space, extent_size, model);
    if !exact(wanted, &space, extent_size, model) || !fits {
        return;
    }
    let rows = rows(wanted, observed, &model.unfinished, &space);
    let volumes = planned(wanted, &model.index, &space, extent_size);
    if let Some(group) = model.group_mut(&wanted.name) {
        group.rows = Some(rows);
        group.volumes = volumes;
    }
    emit(wanted, &space, extent_size, model);
    for (pool, sizing) in wanted.thin_pools.iter().zip(&space.pools) {
        thin_pool::plan(&wanted.name, extent_size, pool, sizing, model);
    }
}

/// Names that exist as something else, or in a state that must not be touched.
fn suitable(wanted: &VolumeGroup, model: &mut Model<'_>) -> bool {
    let mut suitable = true;
    for volume in &wanted.volumes {
        let Some(lv) = model.index.logical_volume(&wanted.name, &volume.name) else { continue };
        let object = format!("{}/{}", wanted.name, volume.name);
        if lv.role != Role::Plain {
            model.refuse(
                RefusalCode::VolumeUnsuitable,
                object,
                format!("exists as a {} volume, the profile wants a plain one", lv.segment_type),
                "choose another name",
            );
            suitable = false;
        } else if !lv.health.is_empty() {
            model.refuse(
                RefusalCode::VolumeUnsuitable,
                object,
                format!("LVM reports it as {}", lv.health),
                "repair it first (lvs -o+lv_health_status)",
            );
            suitable = false;
        } else if !lv.active {
            model.refuse(
                RefusalCode::VolumeUnsuitable,
                object.clone(),
                "is not active, so nobody can see what is on it",
                format!("lvchange --activate y {object}"),
            );
            suitable = false;
        }
    }
    for pool in &wanted.thin_pools {
        let Some(lv) = model.index.logical_volume(&wanted.name, &pool.name) else { continue };
        suitable &= thin_pool::suitable(&wanted.name, pool, lv, model);
    }
    suitable
}

/// Counts every volume in extents. Percentages of what is free are taken of what all others leave,
/// so that a second run computes the same numbers.
fn sizes(
    wanted: &VolumeGroup,
    observed: Option<&facts::VolumeGroup>,
    index: &Index<'_>,
    extent_size: u64,
    total: u64,
) -> Space {
    let find = |name: &str| index.logical_volume(&wanted.name, name);
    let current: Vec<u64> = wanted.volumes.iter().map(|volume| find(&volume.name).map_or(0, |lv| lv.extents)).collect();
    let named = named(wanted);
    let all = observed.map_or(&[][..], |group| &group.logical_volumes);
    let spare_before = all.iter().filter(|lv| lv.role == Role::MetadataSpare).map(|lv| lv.extents).sum();
    let unnamed = all.iter().filter(|lv| lv.role != Role::MetadataSpare && !named(lv)).map(|lv| lv.extents).sum();
    let fixed = |amount: Amount| match amount {
        Amount::Bytes(bytes) => Some(extents_up(bytes, extent_size)),
        Amount::PercentVg(percent) => Some(percent_of(percent, total)),
        Amount::PercentFree(_) => None,
    };
    let mut volumes: Vec<Sizing> = wanted
        .volumes
        .iter()
        .zip(&current)
        .map(|(volume, current)| Sizing {
            current: *current,
            target: fixed(volume.size.amount).map_or(*current, |extents| extents.max(*current)),
        })
        .collect();
    let mut pools: Vec<PoolSizing> = wanted
        .thin_pools
        .iter()
        .map(|pool| thin_pool::fixed_size(pool, find(&pool.name), fixed(pool.size.amount), extent_size))
        .collect();
    let fixed_volumes: u64 = wanted
        .volumes
        .iter()
        .zip(&volumes)
        .filter(|(volume, _)| !matches!(volume.size.amount, Amount::PercentFree(_)))
        .map(|(_, sizing)| sizing.target)
        .sum();
    let fixed_pools: u64 = pools.iter().filter(|pool| pool.share.is_none()).map(PoolSizing::footprint).sum();
    // Where a pool shares what is free, the spare comes out of its share, as LVM counts it.
    let spare_reserved =
        if pools.iter().any(|pool| pool.share.is_some()) { 0 } else { thin_pool::spare(&pools, spare_before) };
    let base = total.saturating_sub(unnamed + fixed_volumes + fixed_pools + spare_reserved);
    for (volume, sizing) in wanted.volumes.iter().zip(&mut volumes) {
        if let Amount::PercentFree(percent) = volume.size.amount {
            sizing.target = sizing.current.max(percent_of(percent, base));
        }
    }
    thin_pool::share_free(&wanted.thin_pools, &mut pools, base, spare_before, extent_size);
    let spare = thin_pool::spare(&pools, spare_before);
    Space { volumes, pools, unnamed, spare_before, spare }
}

/// Whether a volume, or the pool that it is part of, is in the profile.
fn named(wanted: &VolumeGroup) -> impl Fn(&LogicalVolume) -> bool {
    let names: HashSet<&str> = wanted.volumes.iter().map(|volume| volume.name.as_str()).collect();
    move |lv| names.contains(lv.name.as_str()) || thin_pool::owner(&wanted.thin_pools, lv).is_some()
}

/// Percent of extents, rounded down as LVM does.
pub fn percent_of(percent: u32, extents: u64) -> u64 {
    (u128::from(extents) * u128::from(percent) / 100) as u64
}

/// Refuses when the wanted growth is larger than the free space.
fn fits(wanted: &VolumeGroup, space: &Space, extent_size: u64, total: u64, model: &mut Model<'_>) -> bool {
    let before: u64 = space.volumes.iter().map(|sizing| sizing.current).sum::<u64>()
        + space.pools.iter().map(PoolSizing::footprint_before).sum::<u64>()
        + space.unnamed
        + space.spare_before;
    let after: u64 = space.volumes.iter().map(|sizing| sizing.target).sum::<u64>()
        + space.pools.iter().map(PoolSizing::footprint).sum::<u64>()
        + space.unnamed
        + space.spare;
    // A pool that gets a share of what is free must come out with room for data.
    let starved = wanted.thin_pools.iter().zip(&space.pools).find(|(_, pool)| pool.data.target == 0);
    if after <= total && starved.is_none() {
        return true;
    }
    let available = total.saturating_sub(before);
    let (needed, object) = match starved {
        Some((pool, sizing)) => (
            after.saturating_sub(before) + 1 + if after > total { 0 } else { sizing.metadata.target },
            format!("{}/{}", wanted.name, pool.name),
        ),
        None => (after.saturating_sub(before), wanted.name.clone()),
    };
    let growing: Vec<String> = wanted
        .volumes
        .iter()
        .zip(&space.volumes)
        .filter(|(_, sizing)| sizing.target > sizing.current)
        .map(|(volume, sizing)| format!("{} {}", volume.name, sizing.target - sizing.current))
        .chain(
            wanted
                .thin_pools
                .iter()
                .zip(&space.pools)
                .filter(|(_, pool)| pool.footprint() > pool.footprint_before())
                .map(|(pool, sizing)| format!("{} {}", pool.name, sizing.footprint() - sizing.footprint_before())),
        )
        .collect();
    model.refuse(
        RefusalCode::NotEnoughSpace,
        object,
        format!(
            "{needed} extents ({}) needed, {available} ({}) available: {}",
            human(needed * extent_size),
            human(available * extent_size),
            growing.join(", ")
        ),
        format!(
            "add a disk of at least {}, or ask for less",
            human((needed.saturating_sub(available)) * extent_size + (4 << 20))
        ),
    );
    false
}

/// Refuses a new volume whose share of what is free comes to nothing.
fn has_extents(wanted: &VolumeGroup, space: &Space, extent_size: u64, model: &mut Model<'_>) -> bool {
    let mut empty = wanted.volumes.iter().zip(&space.volumes).filter(|(_, sizing)| sizing.target == 0).peekable();
    let all = empty.peek().is_none();
    for (volume, _) in empty {
        model.refuse(
            RefusalCode::NotEnoughSpace,
            format!("{}/{}", wanted.name, volume.name),
            format!("{} of what is left is less than one extent ({})", volume.size.amount, human(extent_size)),
            "add a disk, ask for a larger share, or give the others less",
        );
    }
    all
}

/// Refuses what `exact: true` wants smaller than it is.
fn exact(wanted: &VolumeGroup, space: &Space, extent_size: u64, model: &mut Model<'_>) -> bool {
    let volumes =
        wanted.volumes.iter().zip(&space.volumes).map(|(volume, sizing)| (&volume.name, volume.size, sizing.current));
    let pools =
        wanted.thin_pools.iter().zip(&space.pools).map(|(pool, sizing)| (&pool.name, pool.size, sizing.data.current));
    let mut exact = true;
    for (name, size, current) in volumes.chain(pools) {
        let Amount::Bytes(bytes) = size.amount else { continue };
        if size.bound == Bound::Exact && current > extents_up(bytes, extent_size) {
            model.refuse(
                RefusalCode::TooLarge,
                format!("{}/{name}", wanted.name),
                format!("is {}, the profile wants exactly {}", human(current * extent_size), human(bytes)),
                "nothing is ever shrunk: raise the size in the profile, or drop exact",
            );
            exact = false;
        }
    }
    exact
}

fn rows(
    wanted: &VolumeGroup,
    observed: Option<&facts::VolumeGroup>,
    unfinished: &[Unfinished],
    space: &Space,
) -> Vec<LedgerRow> {
    let mut rows = Vec::new();
    let mut push = |name: String, kind, named, before, after| rows.push(LedgerRow { name, kind, named, before, after });
    for (volume, sizing) in wanted.volumes.iter().zip(&space.volumes) {
        push(volume.name.clone(), LedgerKind::Volume, true, sizing.current, sizing.target);
    }
    for (pool, sizing) in wanted.thin_pools.iter().zip(&space.pools) {
        push(pool.name.clone(), LedgerKind::PoolData, true, sizing.data.current, sizing.data.target);
        push(
            format!("{}_tmeta", pool.name),
            LedgerKind::PoolMetadata,
            true,
            sizing.metadata.current,
            sizing.metadata.target,
        );
    }
    if space.spare > 0 {
        push(
            "lvol0_pmspare".to_owned(),
            LedgerKind::MetadataSpare,
            !wanted.thin_pools.is_empty(),
            space.spare_before,
            space.spare,
        );
    }
    let all = observed.map_or(&[][..], |group| &group.logical_volumes);
    let named = named(wanted);
    for lv in all.iter().filter(|lv| lv.extents > 0 && lv.role != Role::MetadataSpare && !named(lv)) {
        push(lv.name.clone(), lv.role.into(), false, lv.extents, lv.extents);
    }
    for Unfinished { volume, .. } in unfinished.iter().filter(|gone| gone.volume_group == wanted.name) {
        push(volume.name.clone(), LedgerKind::Volume, false, volume.extents, 0);
    }
    rows
}

/// The /dev/mapper path of a volume: hyphens in either name are doubled.
pub fn mapper_path(group: &str, volume: &str) -> String {
    format!("/dev/mapper/{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
}

fn planned(wanted: &VolumeGroup, index: &Index<'_>, space: &Space, extent_size: u64) -> Vec<PlannedVolume> {
    wanted
        .volumes
        .iter()
        .zip(&space.volumes)
        .map(|(volume, sizing)| PlannedVolume {
            name: volume.name.clone(),
            device: mapper_path(&wanted.name, &volume.name),
            size: sizing.target * extent_size,
            observed: index.logical_volume(&wanted.name, &volume.name).cloned(),
            unmounted: None,
        })
        .collect()
}

/// Emits the plain volumes' actions: fixed sizes in the profile's order, swap, then shares of what
/// is free.
fn emit(wanted: &VolumeGroup, space: &Space, extent_size: u64, model: &mut Model<'_>) {
    let rank = |volume: &Volume| match (volume.size.amount, volume.content) {
        (Amount::PercentFree(_), _) => 2,
        (_, Content::Swap) => 1,
        _ => 0,
    };
    let mut order: Vec<(&Volume, &Sizing)> = wanted.volumes.iter().zip(&space.volumes).collect();
    order.sort_by_key(|(volume, _)| rank(volume));
    for (volume, sizing) in order {
        let Sizing { current, target } = *sizing;
        if target == current {
            continue;
        }
        let object = format!("{}/{}", wanted.name, volume.name);
        let (volume_group, name) = (wanted.name.clone(), volume.name.clone());
        let after = format!("{} ({target} extents)", human(target * extent_size));
        if let Some(lv) = model.index.logical_volume(&wanted.name, &volume.name) {
            if !linear(lv, &object, model) {
                continue;
            }
            model.act(
                Action::ExtendVolume { volume_group, volume: name, from_extents: current, to_extents: target },
                Words {
                    object,
                    before: format!("{} ({current} extents)", human(current * extent_size)),
                    after,
                    why: format!("the profile wants {}", volume.size.amount),
                },
            );
        } else {
            model.act(
                Action::CreateVolume { volume_group, volume: name, extents: target },
                Words {
                    object,
                    before: String::new(),
                    after,
                    why: format!("no such volume yet; the profile wants {}", volume.size.amount),
                },
            );
        }
    }
}

/// Only linear volumes are extended: stripes, mirrors and snapshots need decisions that the profile
/// does not hold.
fn linear(lv: &LogicalVolume, object: &str, model: &mut Model<'_>) -> bool {
    let segment_type = &lv.segment_type;
    if segment_type == "linear" {
        return true;
    }
    model.refuse(
        RefusalCode::VolumeUnsuitable,
        object,
        format!("is a {segment_type} volume: only linear ones are extended"),
        "extend it by hand; a volume of the wanted size is in sync",
    );
    false
}
