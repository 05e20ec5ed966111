//! What atomhost remembers between runs: which disk a name meant, and what it was about to take.
//!
//! Kept in /var/lib/atomhost/record.json, replaced atomically. A kernel name such as /dev/sdb is
//! resolved at each run; once it has become a physical volume, that volume's UUID is its identity.

use crate::action::NewThinPool;
use crate::facts::Facts;
use crate::host::files::Ids;
use crate::host::{Host, HostError};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where it is kept.
pub const RECORD_PATH: &str = "/var/lib/atomhost/record.json";

/// The remembered facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `VG/selector as written in the profile` → UUIDs of the physical volumes it became.
    #[serde(default)]
    pub disks: BTreeMap<String, Vec<String>>,
    /// Work that was begun: written before the command that may die halfway, removed after it.
    #[serde(default)]
    pub begun: Vec<Begun>,
    /// Set by a revert, until a person applies a profile: no boot applies that one again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverted: Option<Reverted>,
}

/// An intent. What a crash left half-made is ours to finish only when an intent names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Begun {
    /// A disk was being given to a volume group: a crash may leave an orphan physical volume on it.
    TakeDisk { volume_group: String, serials: Vec<String>, links: Vec<String>, size: u64 },
    /// A volume was being made: until lvcreate has wiped it, it shows what the disk held there before.
    CreateVolume { volume_group: String, volume: String },
    /// A file system was being made on a new logical volume.
    MakeFilesystem { volume_group: String, volume: String },
    /// A file that the unit reads at its start was being changed: the unit is restarted still.
    RestartUnit { unit: String },
    /// Certificates for the trust store were being changed: it is made anew still.
    RefreshTrust,
    /// A user was being made: useradd writes it to passwd(5) first, its group and home come later.
    CreateUser { user: String },
    /// A unit's configuration was being changed during this boot: it is owed a reload or restart.
    RefreshUnit { unit: String, boot_id: String },
    /// The same where only a reboot is safe.
    AwaitReboot { unit: String, boot_id: String },
    /// A thin pool was being made: lvcreate, cut off, leaves volumes of the size of its metadata. `others` are none of
    /// them: they were there before, or the profile wants them.
    CreatePool { volume_group: String, pool: String, metadata_extents: u64, others: Vec<String> },
    /// A thin pool was being removed, to be made anew as the profile says, or as it was.
    ResetPool { geometry: NewThinPool },
    /// A unit was stopped for a while: it is owed a start.
    StopUnit { unit: String },
}

impl Begun {
    /// Whether this is still owed once the host is as planned: a unit's new configuration waits for
    /// the end of the boot that it was written in.
    fn outlives_sync(&self, this_boot: &str) -> bool {
        match self {
            Begun::TakeDisk { .. }
            | Begun::CreateVolume { .. }
            | Begun::MakeFilesystem { .. }
            | Begun::RestartUnit { .. }
            | Begun::RefreshTrust
            | Begun::CreateUser { .. }
            | Begun::CreatePool { .. }
            | Begun::ResetPool { .. }
            | Begun::StopUnit { .. } => false,
            Begun::RefreshUnit { boot_id, .. } | Begun::AwaitReboot { boot_id, .. } => boot_id == this_boot,
        }
    }
}

/// A profile whose changes were taken back because nobody confirmed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reverted {
    /// SHA-256 of the profile's text.
    pub profile_digest: String,
    /// Seconds since the epoch.
    pub at: u64,
}

/// Writes the record; it is on the disk when this returns.
///
/// # Errors
/// The file cannot be written.
pub fn write(host: &Host, record: &Record) -> Result<(), HostError> {
    host.replace_json(RECORD_PATH, record, Ids::ROOT)
}

/// Remembers which physical volumes the profile's disk entries are, and forgets intents that have
/// come to nothing: those of groups that are as planned now. Writes only what changed.
///
/// # Errors
/// The file cannot be written.
pub fn remember(host: &Host, record: &Record, plan: &Plan, facts: &Facts) -> Result<(), HostError> {
    let mut next = record.clone();
    for disk in &plan.disks {
        let (Some(uuid), Some(_)) = (&disk.pv_uuid, facts.volume_group(&disk.volume_group)) else { continue };
        let uuids = next.disks.entry(format!("{}/{}", disk.volume_group, disk.selector)).or_default();
        if !uuids.contains(uuid) {
            uuids.push(uuid.clone());
        }
    }
    if plan.is_in_sync() {
        next.begun.retain(|begun| begun.outlives_sync(&facts.boot_id));
    }
    if next == facts.record { Ok(()) } else { write(host, &next) }
}
