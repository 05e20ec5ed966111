//! The resources of a profile. Each plans itself from what is wanted and what was observed, in
//! the order of the layers: disks and groups, volumes and pools, file systems and swap, mounts.

pub mod access;
pub mod authorized_keys;
pub mod ca_certificates;
pub mod cloud_init;
pub mod containers;
pub mod disk;
pub mod docker;
pub mod files;
pub mod filesystem;
pub mod journald;
pub mod lvm_conf;
pub mod managed_file;
pub mod mount;
pub mod partition;
pub mod place;
pub mod pool_reset;
pub mod pool_status;
pub mod pool_users;
pub mod swap;
pub mod thin_pool;
pub mod unfinished_pool;
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
    /// Paths whose kind, mode and owner alone are asked for.
    pub attributes: BTreeSet<String>,
    /// Folders of which some files are looked at as texts.
    pub folders: BTreeSet<Folder>,
    /// Names of systemd units.
    pub units: BTreeSet<String>,
    /// Settings of LVM, such as `backup/archive`.
    pub lvm_settings: BTreeSet<String>,
    /// Whether the time matters.
    pub time: bool,
    /// Users by name: what lets them in is looked at.
    pub users: BTreeMap<String, UserWatch>,
}

impl Watch {
    /// A file whose text a plan may show, with the directories above it.
    pub fn text(&mut self, path: &str) {
        self.texts.insert(path.to_owned());
        self.parents(path);
    }

    /// A file whose digest stands for its text, with the directories above it.
    pub fn secret(&mut self, path: &str) {
        self.secrets.insert(path.to_owned());
        self.parents(path);
    }

    /// Something whose content is no concern, with the directories above it.
    pub fn attributes(&mut self, path: &str) {
        self.attributes.insert(path.to_owned());
        self.parents(path);
    }

    /// Every path of the watch.
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        self.attributes.iter().chain(&self.texts).chain(&self.secrets)
    }

    fn parents(&mut self, path: &str) {
        let mut path = path;
        while let Some(parent) = place::parent(path) {
            self.attributes.insert(parent.to_owned());
            path = parent;
        }
    }
}

/// What the profile names of a user and only the host knows more of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserWatch {
    pub home: Option<String>,
    pub shell: Option<String>,
    /// Where its password's hash is, unless in the profile.
    pub hash: Option<SecretSource>,
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
    users::watch(profile, &mut watch);
    files::watch(profile, &mut watch);
    ca_certificates::watch(profile, &mut watch);
    lvm_conf::watch(profile, &mut watch);
    docker::watch(profile, &mut watch);
    containers::watch(profile, &mut watch);
    journald::watch(profile, &mut watch);
    access::watch(profile, &mut watch);
    cloud_init::watch(profile, &mut watch);
    watch
}
