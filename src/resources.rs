//! The resources of a profile. Each plans itself from what is wanted and what was observed, in
//! the order of the layers: disks and groups, volumes and pools, file systems and swap, mounts.

pub mod cloud_init;
pub mod disk;
pub mod filesystem;
pub mod journald;
pub mod managed_file;
pub mod mount;
pub mod partition;
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
    /// Folders of which some files are looked at as texts.
    pub folders: BTreeSet<Folder>,
    /// Names of systemd units.
    pub units: BTreeSet<String>,
}

/// Files of a folder, by the form of their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// Absolute; it need not be there.
    pub path: String,
    /// What the names begin and end with.
    pub prefix: String,
    pub suffix: String,
}

impl Folder {
    pub fn new(path: &str, prefix: &str, suffix: &str) -> Folder {
        Folder { path: path.to_owned(), prefix: prefix.to_owned(), suffix: suffix.to_owned() }
    }

    /// Whether a file of this name in the folder is meant.
    pub fn means(&self, name: &str) -> bool {
        name.len() >= self.prefix.len() + self.suffix.len()
            && name.starts_with(&self.prefix)
            && name.ends_with(&self.suffix)
    }
}

/// What to look at for a plan of this profile.
pub fn watch(profile: &Profile) -> Watch {
    let mut watch = Watch::default();
    journald::watch(profile, &mut watch);
    cloud_init::watch(profile, &mut watch);
    watch
}
