//! Actions: what a plan consists of. One variant is one observable change of the host.

mod undo;

pub use undo::{Change, Repeat, Touched, Undo};

use crate::access::stack::PamManager;
use crate::accounts::Owner;
use crate::authorized_keys::KeyName;
use crate::facts::PartitionTable;
use crate::profile::{FilesystemType, WhenFull};
use crate::record::Begun;
use crate::secret::SecretRef;
use serde::{Deserialize, Serialize};

/// One observable change, with every choice made.
///
/// Devices are absolute paths; sizes are bytes unless named extents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// sfdisk and the kernel's view: a partition grows into the free space behind it.
    GrowPartition { disk: String, table: PartitionTable, number: u32, device: String, from: u64, to: u64 },
    /// pvresize: a physical volume follows its device.
    ResizePhysicalVolume { device: String, from_extents: u64, to_extents: u64 },
    /// wipefs --all: the signatures named in the plan, and only with the profile's consent. None are named where a
    /// disk holds data without any.
    WipeSignatures { device: String, signatures: Vec<String> },
    /// vgcreate with its first physical volumes.
    CreateVolumeGroup { volume_group: String, devices: Vec<DiskTaken> },
    /// vgextend.
    ExtendVolumeGroup { volume_group: String, devices: Vec<DiskTaken> },
    /// lvchange --activate y.
    ActivateVolume { volume_group: String, volume: String },
    /// lvcreate of a linear volume.
    CreateVolume { volume_group: String, volume: String, extents: u64 },
    /// lvextend of a plain volume.
    ExtendVolume { volume_group: String, volume: String, from_extents: u64, to_extents: u64 },
    /// lvcreate of a thin pool with its metadata volume and, where the group has none, the spare.
    CreateThinPool(NewThinPool),
    /// lvremove of a thin pool with its thin volumes, all of which are named. `geometry` is the pool
    /// as it was, for a run that a crash cuts off before there is one again.
    RemoveThinPool { volume_group: String, pool: String, thin_volumes: Vec<String>, geometry: NewThinPool },
    /// lvremove of what lvcreate left when it was cut off while it made a thin pool.
    RemoveUnfinished { volume_group: String, volume: String, uuid: String },
    /// lvextend --poolmetadatasize.
    ExtendPoolMetadata { volume_group: String, pool: String, extent_size: u64, from_extents: u64, to_extents: u64 },
    /// lvextend of the pool's data.
    ExtendPoolData { volume_group: String, pool: String, from_extents: u64, to_extents: u64 },
    /// lvchange --zero.
    SetPoolZeroing { volume_group: String, pool: String, zero: bool },
    /// lvchange --errorwhenfull.
    SetPoolWhenFull { volume_group: String, pool: String, when_full: WhenFull },
    /// lvchange --metadataprofile.
    AttachPoolProfile { volume_group: String, pool: String, profile: String },
    /// lvchange --monitor y.
    MonitorPool { volume_group: String, pool: String },
    /// mkfs; `unfinished` replaces a file system whose making was interrupted, and nothing else.
    MakeFilesystem { volume_group: String, volume: String, device: String, fstype: FilesystemType, unfinished: bool },
    /// xfs_growfs or resize2fs, while mounted.
    GrowFilesystem { path: String, device: String, fstype: FilesystemType, from: u64, to: u64 },
    /// mkdir with its parents, which get mode 0755 and belong to root.
    CreateDirectory { path: String, mode: u32, owner: Owner },
    /// An atomic replacement of a whole file; mode and owner are for a new one. Nothing secret goes
    /// through here.
    WriteFile { path: String, mode: u32, owner: Owner, before: Option<String>, after: String },
    /// The same for a file that is a secret; `before` is the digest of what is there.
    WriteSecretFile { path: String, mode: u32, owner: Owner, before: Option<String>, after: SecretRef },
    /// The same where the old content or the new is no text, too long to show, or a secret's file:
    /// digests stand for both.
    CopyFile { path: String, mode: u32, owner: Owner, before: Option<String>, after: String, origin: Origin },
    /// chmod and chown of what is there.
    SetAttributes { path: String, mode: Option<u32>, owner: Option<Owner> },
    /// A file makes way: renamed to `backup`. `digest` is that of its content.
    RemoveFile { path: String, digest: String, backup: String },
    /// update-ca-trust or update-ca-certificates.
    RefreshTrust { store: TrustStore },
    /// groupadd.
    CreateGroup { group: String, gid: Option<u32> },
    /// useradd, with the home directory.
    CreateUser(NewUser),
    /// usermod --shell.
    SetShell { user: String, from: String, to: String },
    /// usermod --append --groups.
    JoinGroups { user: String, groups: Vec<String> },
    /// chpasswd --encrypted, which reads the hash from its standard input. `before` is the digest of
    /// the field of shadow(5).
    SetPasswordHash { user: String, before: Option<String>, after: SecretRef },
    /// usermod --lock.
    LockPassword { user: String },
    /// Lines of authorized_keys; `before` is the digest of the file, which is made with mode 0600.
    ChangeKeys { path: String, owner: Owner, before: Option<String>, changes: Vec<KeyChange> },
    /// restorecon: SELinux's labels of what is at the path and below it.
    RestoreLabels { path: String },
    /// authselect or authconfig: the stacks of every login load pam_access.
    EnablePamAccess { manager: PamManager },
    /// systemd-tmpfiles and journalctl --flush: what is in memory goes to `directory`, its access control
    /// lists set as the host's tmpfiles.d says.
    FlushJournal { directory: String },
    /// systemctl reload.
    ReloadUnit { unit: String },
    /// systemctl restart.
    RestartUnit { unit: String },
    /// systemctl stop, for a while: a start is owed.
    StopUnit { unit: String },
    /// systemctl start of a unit that was stopped for a while.
    StartUnit { unit: String },
    /// systemctl enable.
    EnableUnit { unit: String },
    /// systemctl disable.
    DisableUnit { unit: String },
    /// systemctl mask.
    MaskUnit { unit: String },
    /// systemctl daemon-reload, after fstab changed.
    ReloadSystemd,
    /// mount(8) of a path that fstab names.
    Mount { path: String },
    /// swapoff.
    DisableSwap { device: String },
    /// mkswap; `uuid` is the old area's, kept when an area is made anew at a larger size.
    MakeSwap { device: String, size: u64, uuid: Option<String> },
    /// swapon.
    EnableSwap { device: String },
}

/// Where the content of a [`Action::CopyFile`] comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Another file of the host.
    File(String),
    /// The plan itself.
    Text(String),
}

/// The system's trust store, by the family of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrustStore {
    /// Fedora's: update-ca-trust.
    CaTrust,
    /// Debian's: update-ca-certificates.
    CaCertificates,
}

/// A thin pool to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThinPool {
    pub volume_group: String,
    pub pool: String,
    /// Bytes of one extent of the volume group.
    pub extent_size: u64,
    pub data_extents: u64,
    pub metadata_extents: u64,
    pub chunk: u64,
    pub zero: bool,
    pub when_full: WhenFull,
    /// Metadata profile attached from the start.
    pub profile: Option<String>,
}

/// A user to be made. What is `None` is useradd's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub user: String,
    pub uid: Option<u32>,
    /// Primary group that exists by then; `None`: one of the user's own name is made.
    pub group: Option<String>,
    pub groups: Vec<String>,
    pub home: String,
    pub shell: Option<String>,
}

/// One change of authorized_keys. `line` is the digest of a line of the profile, `before` that of the
/// line of this `number` (from 1) in the file as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeyChange {
    /// At the end.
    Add { key: KeyName, line: String },
    /// The same key with other options or another comment.
    Replace { number: u32, before: String, was: KeyName, key: KeyName, line: String },
    /// `was` is `None` for a line that is no known key.
    Remove { number: u32, before: String, was: Option<KeyName> },
}

/// A device that becomes a physical volume, with what identifies it if its name changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskTaken {
    pub device: String,
    pub serials: Vec<String>,
    pub links: Vec<String>,
    pub size: u64,
    /// `VG/selector` under which the profile names it: the key of the record.
    pub selector: String,
    /// It is an empty physical volume already: an earlier run was cut off while taking it.
    pub resumed: bool,
    /// The profile consents to lose what it holds, and an action before this one has wiped its signatures.
    #[serde(default)]
    pub consented: bool,
}

impl Action {
    /// The intents to record before this action starts.
    pub fn begins(&self) -> Vec<Begun> {
        match self {
            Action::CreateVolumeGroup { volume_group, devices }
            | Action::ExtendVolumeGroup { volume_group, devices } => devices
                .iter()
                .map(|disk| Begun::TakeDisk {
                    volume_group: volume_group.clone(),
                    serials: disk.serials.clone(),
                    links: disk.links.clone(),
                    size: disk.size,
                })
                .collect(),
            Action::CreateVolume { volume_group, volume, .. } => {
                vec![Begun::CreateVolume { volume_group: volume_group.clone(), volume: volume.clone() }]
            }
            Action::MakeFilesystem { volume_group, volume, .. } => {
                vec![Begun::MakeFilesystem { volume_group: volume_group.clone(), volume: volume.clone() }]
            }
            Action::CreateUser(NewUser { user, .. }) => vec![Begun::CreateUser { user: user.clone() }],
            Action::RemoveThinPool { geometry, .. } => vec![Begun::ResetPool { geometry: geometry.clone() }],
            Action::StopUnit { unit } => vec![Begun::StopUnit { unit: unit.clone() }],
            _ => Vec::new(),
        }
    }

    /// Whether it goes through the files of users and groups, which have a lock of their own.
    pub fn changes_accounts(&self) -> bool {
        matches!(
            self,
            Action::CreateGroup { .. }
                | Action::CreateUser(_)
                | Action::SetShell { .. }
                | Action::JoinGroups { .. }
                | Action::SetPasswordHash { .. }
                | Action::LockPassword { .. }
        )
    }

    /// Whether the success of this action fulfils an intent. Most fulfil their own; what spans
    /// several actions is fulfilled by the last of them.
    pub fn fulfils(&self, begun: &Begun) -> bool {
        match (self, begun) {
            (Action::ReloadUnit { unit } | Action::RestartUnit { unit }, Begun::RefreshUnit { unit: owed, .. }) => {
                unit == owed
            }
            (Action::RemoveThinPool { .. } | Action::StopUnit { .. }, _) => false,
            (Action::StartUnit { unit }, Begun::StopUnit { unit: stopped }) => unit == stopped,
            (Action::RestartUnit { unit }, Begun::RestartUnit { unit: owed }) => unit == owed,
            (Action::RefreshTrust { .. }, Begun::RefreshTrust) => true,
            (Action::CreateThinPool(made), Begun::ResetPool { geometry }) => {
                (&made.volume_group, &made.pool) == (&geometry.volume_group, &geometry.pool)
            }
            (
                Action::MakeFilesystem { volume_group, volume, .. },
                Begun::CreateVolume { volume_group: group, volume: made },
            ) => (volume_group, volume) == (group, made),
            (Action::CreateThinPool(made), Begun::CreatePool { volume_group, pool, .. }) => {
                (&made.volume_group, &made.pool) == (volume_group, pool)
            }
            _ => self.begins().contains(begun),
        }
    }

    /// What must never run without the explicit consent of the profile or of a person.
    pub fn is_destructive(&self) -> bool {
        matches!(self, Action::WipeSignatures { .. } | Action::RemoveThinPool { .. })
    }
}
