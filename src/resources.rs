//! The resources of a profile. Each plans itself from what is wanted and what was observed, in
//! the order of the layers: disks and groups, volumes and pools, file systems and swap, mounts.

pub mod authorized_keys;
pub mod disk;
pub mod filesystem;
pub mod managed_file;
pub mod mount;
pub mod partition;
pub mod swap;
pub mod thin_pool;
pub mod users;
pub mod volume_group;
pub mod volumes;

use crate::profile::Profile;
use crate::secret::SecretSource;
use std::collections::{BTreeMap, BTreeSet};

/// What of a host the configuration of a profile asks about: each resource adds its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Paths of files and directories whose text a plan may show.
    pub texts: BTreeSet<String>,
    /// Paths of files whose digest stands for their text.
    pub secrets: BTreeSet<String>,
    /// Names of systemd units.
    pub units: BTreeSet<String>,
    /// Users by name: what lets them in is looked at.
    pub users: BTreeMap<String, UserWatch>,
}

/// What the profile names of a user and only the host knows more of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserWatch {
    pub home: Option<String>,
    pub shell: Option<String>,
    /// Where its password's hash is, unless in the profile.
    pub hash: Option<SecretSource>,
}

/// What to look at for a plan of this profile.
pub fn watch(profile: &Profile) -> Watch {
    let mut watch = Watch::default();
    users::watch(profile, &mut watch);
    watch
}
