//! The last look before a thin pool is removed: somebody may use it since the plan, or still.

use super::StepError;
use crate::facts::Facts;
use crate::host::{Query, Reader};
use crate::observe::{ObserveError, block, lvm, mounts, swaps};
use crate::resources::pool_users;

/// # Errors
/// The pool has other thin volumes than were agreed upon, or somebody uses it.
pub fn require(reader: &Reader, group: &str, pool: &str, thin_volumes: &[String]) -> Result<(), StepError> {
    let refused = |reason: String| StepError::PoolInUse { reason };
    let facts = look(reader).map_err(|error| match error {
        ObserveError::Host(error) => StepError::Host(error),
        other => refused(format!("{group}/{pool} is not removed: {other}")),
    })?;
    let observed = facts.volume_group(group);
    // Fewer than were agreed upon are no harm: they were to go anyway.
    let mut new: Vec<&str> =
        observed.map_or(Vec::new(), |group| group.thin_volumes(pool).map(|lv| lv.name.as_str()).collect());
    new.retain(|name| !thin_volumes.iter().any(|known| known == name));
    new.sort_unstable();
    if !new.is_empty() {
        return Err(refused(format!(
            "{group}/{pool} has new thin volumes since the reset was agreed to ({}): nothing was removed; run it again",
            new.join(", ")
        )));
    }
    let uses = pool_users::uses(&facts, group, pool);
    if uses.is_empty() {
        return Ok(());
    }
    let uses: Vec<String> = uses.into_iter().map(|found| format!("{} {}", found.object, found.how)).collect();
    Err(refused(format!("{group}/{pool} is in use, nothing was removed: {}", uses.join("; "))))
}

fn look(reader: &Reader) -> Result<Facts, ObserveError> {
    let report = lvm::from_output(&reader.query(&Query::LvmReport)?).map_err(ObserveError::Lvm)?;
    Ok(Facts {
        volume_groups: report.volume_groups,
        block_devices: block::read(reader)?,
        mounts: mounts::read(reader)?,
        swaps: swaps::read(reader)?,
        ..Facts::default()
    })
}
