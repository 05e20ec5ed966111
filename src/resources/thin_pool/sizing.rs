//! How large a pool is to be: data, metadata and the group's spare, to the extent.

use super::super::volumes::{Sizing, percent_of};
use crate::facts::LogicalVolume;
use crate::profile::ThinPool;
use crate::size::{Amount, extents_up};

/// LVM's smallest and default chunk, and its limit for metadata when it chooses a chunk (lvm.conf(5),
/// thin_pool_chunk_size; thin_pool_metadata target of 128 MiB).
const SMALLEST_CHUNK: u64 = 64 << 10;
const METADATA_TARGET: u64 = 128 << 20;
/// Kernel and LVM: metadata takes 64 bytes a chunk, 2 MiB at least, 15.8125 GiB at most.
const BYTES_A_CHUNK: u64 = 64;
const SMALLEST_METADATA: u64 = 2 << 20;
const LARGEST_METADATA: u64 = 16_978_542_592;

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
