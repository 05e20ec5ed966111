//! What atomhost remembers between runs: which disk a name meant, and what it was about to take.
//!
//! Kept in /var/lib/atomhost/record.json, replaced atomically. A kernel name such as /dev/sdb is
//! resolved at each run; once it has become a physical volume, that volume's UUID is its identity.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The remembered facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `VG/selector as written in the profile` → UUIDs of the physical volumes it became.
    #[serde(default)]
    pub disks: BTreeMap<String, Vec<String>>,
    /// Work that was begun: written before the command that may die halfway, removed after it.
    #[serde(default)]
    pub begun: Vec<Begun>,
}

/// An intent. What a crash left half-made is ours to finish only when an intent names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Begun {
    /// A disk was being given to a volume group: a crash may leave an orphan physical volume on it.
    TakeDisk { volume_group: String, serials: Vec<String>, links: Vec<String>, size: u64 },
    /// A file system was being made on a new logical volume.
    MakeFilesystem { volume_group: String, volume: String },
}
