//! The resources of a profile. Each plans itself from what is wanted and what was observed, in
//! the order of the layers: disks and groups, volumes and pools, file systems and swap, mounts.

pub mod disk;
pub mod filesystem;
pub mod mount;
pub mod partition;
pub mod swap;
pub mod thin_pool;
pub mod volume_group;
pub mod volumes;
