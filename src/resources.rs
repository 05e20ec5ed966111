//! The resources of a profile. Each plans itself from what is wanted and what was observed, in
//! the order of the layers: disks and groups, volumes and pools, file systems and swap, mounts.

pub mod disk;
pub mod filesystem;
pub mod managed_file;
pub mod mount;
pub mod partition;
pub mod pool_reset;
pub mod pool_status;
pub mod pool_users;
pub mod swap;
pub mod thin_pool;
pub mod volume_group;
pub mod volumes;

use crate::profile::Profile;
use std::collections::BTreeSet;

/// What of a host the configuration of a profile asks about: each resource adds its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Paths of files and directories whose text a plan may show.
    pub texts: BTreeSet<String>,
    /// Paths of files whose digest stands for their text.
    pub secrets: BTreeSet<String>,
    /// Names of systemd units.
    pub units: BTreeSet<String>,
}

/// What to look at for a plan of this profile.
pub fn watch(_profile: &Profile) -> Watch {
    Watch::default()
}
