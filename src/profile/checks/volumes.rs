//! Logical volumes and thin pools: names, sizes and contents.

use super::{Problems, mounts};
use crate::profile::names;
use crate::profile::raw::{MapOf, RawAutoextend, RawPool, RawVolume};
use crate::profile::yaml::At;
use crate::profile::{Autoextend, Bound, Content, SizeWanted, ThinPool, Volume};
use crate::size::{Amount, human, parse_bytes};
use indexmap::IndexMap;
use std::collections::HashSet;
use std::ops::Range;

/// lvmthin(7): chunks are multiples of 64 KiB …
const CHUNK_STEP: u64 = 64 << 10;
/// … up to 1 GiB.
const CHUNK_MAX: u64 = 1 << 30;
/// lvmthin(7): pool metadata has at least 2 MiB …
const METADATA_MIN: u64 = 2 << 20;
/// … and at most 15.81 GiB: LVM's DM_THIN_MAX_METADATA_SIZE, in sectors of 512 bytes.
const METADATA_MAX: u64 = (255 * (1 << 14) * 8 - 256 * 1024) * 512;
/// LVM's own thin_pool_autoextend_percent.
const AUTOEXTEND_PERCENT: u32 = 20;

/// What one volume group's names and percentages add up to.
pub struct Names {
    group: String,
    seen: HashSet<String>,
    percent_vg: u32,
    percent_free: u32,
}

impl Names {
    pub fn new(group: &str) -> Names {
        Names { group: group.to_owned(), seen: HashSet::new(), percent_vg: 0, percent_free: 0 }
    }

    fn take(&mut self, name: &At<String>, problems: &mut Problems) {
        let At { value, span } = name;
        if let Err(reason) = names::check_volume(&self.group, value) {
            problems.add(span, format!("the name `{value}` {reason}"), "choose another name");
        }
        if !self.seen.insert(value.clone()) {
            problems.add(
                span,
                format!("`{value}` is a volume of `{}` already", self.group),
                "volumes and thin pools of one group share their names: choose another",
            );
        }
    }

    fn add_share(&mut self, amount: Amount, span: &Range<usize>, problems: &mut Problems) {
        let (sum, share, word) = match amount {
            Amount::Bytes(_) => return,
            Amount::PercentVg(share) => (&mut self.percent_vg, share, "%VG"),
            Amount::PercentFree(share) => (&mut self.percent_free, share, "%FREE"),
        };
        let before = *sum;
        *sum = before.saturating_add(share);
        if before <= 100 && *sum > 100 {
            problems.add(
                span,
                format!("the {word} sizes of volume group `{}` add up to {sum}%", self.group),
                format!(
                    "{word} is counted once for all volumes: keep their sum within 100, here up to {}{word}",
                    100 - before
                ),
            );
        }
    }
}

/// The logical volumes of one group.
pub fn volumes(
    volumes: IndexMap<At<String>, MapOf<RawVolume>>,
    names: &mut Names,
    points: &mut mounts::Points,
    problems: &mut Problems,
) -> Vec<Volume> {
    volumes
        .into_iter()
        .filter_map(|(name, MapOf(volume))| one_volume(&name, volume.value, names, points, problems))
        .collect()
}

/// The thin pools of one group.
pub fn pools(pools: IndexMap<At<String>, MapOf<RawPool>>, names: &mut Names, problems: &mut Problems) -> Vec<ThinPool> {
    pools.into_iter().filter_map(|(name, MapOf(pool))| one_pool(&name, pool.value, names, problems)).collect()
}

fn one_volume(
    name: &At<String>,
    volume: RawVolume,
    names: &mut Names,
    points: &mut mounts::Points,
    problems: &mut Problems,
) -> Option<Volume> {
    let RawVolume { size, exact, filesystem, mount, swap } = volume;
    names.take(name, problems);
    let size = size_wanted(name, size, exact, names, problems);
    let is_swap = swap.as_ref().is_some_and(|swap| swap.value);
    if is_swap && let Some(filesystem) = &filesystem {
        problems.add(
            &filesystem.span,
            format!("`{}` is swap and a file system at once", name.value),
            "keep `swap: true` or `filesystem`",
        );
    }
    if is_swap && let Some(mount) = &mount {
        problems.add(
            &mount.span,
            format!("`{}` is swap, which is not mounted", name.value),
            "remove `mount` or `swap: true`",
        );
        return None;
    }
    let content = match filesystem {
        _ if is_swap => Content::Swap,
        Some(filesystem) => Content::Filesystem(filesystem.value),
        None => Content::AsFound,
    };
    let owner = format!("{}/{}", names.group, name.value);
    let mount = match mount {
        Some(mount) => Some(mounts::of_volume(mount, &owner, points, problems)?),
        None => None,
    };
    Some(Volume { name: name.value.clone(), size: size?, content, mount })
}

fn one_pool(name: &At<String>, pool: RawPool, names: &mut Names, problems: &mut Problems) -> Option<ThinPool> {
    let RawPool { size, exact, chunk, metadata, zero, autoextend, when_full } = pool;
    names.take(name, problems);
    let size = size_wanted(name, size, exact, names, problems);
    let chunk = chunk.and_then(|chunk| chunk_size(&chunk, problems));
    let metadata = metadata.and_then(|metadata| metadata_size(&metadata, problems));
    let autoextend = autoextend.and_then(|MapOf(rule)| autoextend_rule(rule, problems));
    Some(ThinPool {
        name: name.value.clone(),
        size: size?,
        chunk,
        metadata,
        zero: zero.map(|zero| zero.value),
        autoextend,
        when_full: when_full.map(|when_full| when_full.value),
    })
}

fn size_wanted(
    name: &At<String>,
    size: Option<At<String>>,
    exact: Option<At<bool>>,
    names: &mut Names,
    problems: &mut Problems,
) -> Option<SizeWanted> {
    let Some(size) = size else {
        problems.add(
            &name.span,
            format!("`{}` has no size", name.value),
            "add one, such as `size: 15G` or `size: 100%FREE`",
        );
        return None;
    };
    let amount = problems.note(&size.span, Amount::parse(&size.value))?;
    names.add_share(amount, &size.span, problems);
    let bound = match exact {
        Some(At { value: true, span }) => {
            if !matches!(amount, Amount::Bytes(_)) {
                problems.add(
                    &span,
                    format!("`exact` stands beside {amount}, which grows with its volume group"),
                    "remove `exact`, or write the size in bytes, such as 15G",
                );
            }
            Bound::Exact
        }
        _ => Bound::AtLeast,
    };
    Some(SizeWanted { amount, bound })
}

fn chunk_size(chunk: &At<String>, problems: &mut Problems) -> Option<u64> {
    let bytes = problems.note(&chunk.span, parse_bytes(&chunk.value))?;
    if bytes > CHUNK_MAX || !bytes.is_multiple_of(CHUNK_STEP) {
        problems.add(
            &chunk.span,
            format!("`{}` is no size of a chunk", chunk.value),
            "write a multiple of 64K, up to 1G; 512K suits images of containers",
        );
        return None;
    }
    Some(bytes)
}

fn metadata_size(metadata: &At<String>, problems: &mut Problems) -> Option<u64> {
    let bytes = problems.note(&metadata.span, parse_bytes(&metadata.value))?;
    if !(METADATA_MIN..=METADATA_MAX).contains(&bytes) {
        problems.add(
            &metadata.span,
            format!("`{}`: a pool's metadata has from {} to 15.81G", metadata.value, human(METADATA_MIN)),
            "leave it out, and it is counted from the pool's size and chunk",
        );
        return None;
    }
    Some(bytes)
}

fn autoextend_rule(rule: At<RawAutoextend>, problems: &mut Problems) -> Option<Autoextend> {
    let At { value: RawAutoextend { threshold, percent }, span } = rule;
    let Some(threshold) = threshold else {
        problems.add(
            &span,
            "`autoextend` has no threshold",
            "add one, such as `threshold: 60`; LVM's default 100 means never",
        );
        return None;
    };
    if !(50..=99).contains(&threshold.value) {
        problems.add(
            &threshold.span,
            format!("threshold {}: it is from 50 to 99 percent", threshold.value),
            "LVM takes less than 50 as 50, and 100 as never: remove `autoextend` for that",
        );
        return None;
    }
    let percent = percent.unwrap_or(At { value: AUTOEXTEND_PERCENT, span });
    if !(1..=100).contains(&percent.value) {
        problems.add(
            &percent.span,
            format!("percent {}: a pool grows by 1 to 100 percent", percent.value),
            "20 is LVM's default",
        );
        return None;
    }
    Some(Autoextend { threshold: threshold.value, percent: percent.value })
}
