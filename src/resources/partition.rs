//! Partitions under physical volumes: how far one can grow into free space behind it.

use crate::facts::{BlockDevice, PartitionTable};

/// The size in bytes that a partition can grow to: its own and the room behind it.
pub fn grown_size(device: &BlockDevice) -> Option<u64> {
    let partition = device.partition.as_ref()?;
    (partition.room > 0 && partition.table != PartitionTable::Unknown).then_some(device.size + partition.room)
}
