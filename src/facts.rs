//! Facts: everything a plan may depend on, observed read-only, serialisable, and nothing else.
//!
//! `atomhost facts` prints this as JSON and `plan --facts` reads it back, so a plan can be made far
//! from the host. Sizes are bytes unless a name says extents.

mod block;
pub mod index;
mod logins;
mod lvm;

pub use block::{BlockDevice, BlockKind, FilesystemProbe, Partition, PartitionTable, Probe, Residue, SwapProbe};
pub use logins::{HashFacts, KeysSetting, LoginFacts, PasswordFacts, PasswordState};
pub use lvm::{LogicalVolume, PhysicalVolume, Pool, Role, Thin, VolumeGroup};

use crate::access::stack::PamFacts;
use crate::accounts::Accounts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON form; a reader refuses another.
pub const FACTS_VERSION: u32 = 1;

/// One host as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub version: u32,
    pub hostname: String,
    pub volume_groups: Vec<VolumeGroup>,
    /// Physical volumes that belong to no volume group.
    pub orphans: Vec<PhysicalVolume>,
    /// Disks, partitions and mapped devices, by kernel name.
    pub block_devices: Vec<BlockDevice>,
    pub mounts: Vec<Mount>,
    pub swaps: Vec<Swap>,
    pub fstab: Fstab,
    /// Absolute paths that resolve elsewhere (`/srv` → `/var/srv`): those the profile or fstab names.
    pub links: BTreeMap<String, String>,
    /// Directories among the mount points the profile names that exist.
    pub directories: Vec<String>,
    /// Those of them that hold something while nothing is mounted on them.
    pub occupied: Vec<String>,
    /// Mount points the profile names that neither exist nor can be made, with what is in the way.
    #[serde(default)]
    pub unmakeable: BTreeMap<String, String>,
    /// Text of LVM metadata profiles (/etc/lvm/profile/NAME.profile), by NAME.
    pub lvm_profiles: BTreeMap<String, String>,
    pub memory: Memory,
    /// Files and directories that the profile's configuration concerns, by path.
    #[serde(default)]
    pub files: BTreeMap<String, FileFacts>,
    /// systemd units that the profile's configuration concerns, by name.
    #[serde(default)]
    pub units: BTreeMap<String, UnitFacts>,
    /// Settings of LVM as LVM sees them, such as `backup/archive`; those it leaves unset are absent.
    #[serde(default)]
    pub lvm_settings: BTreeMap<String, String>,
    /// Seconds since the epoch, where the profile has anything that expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Users and groups of the host's files.
    #[serde(default)]
    pub accounts: Accounts,
    /// What lets the profile's users in, by user.
    #[serde(default)]
    pub logins: BTreeMap<String, LoginFacts>,
    /// Each AuthorizedKeysFile that sshd's configuration sets.
    #[serde(default)]
    pub sshd_keys_files: Vec<KeysSetting>,
    /// SELinux is in force, and restorecon is there.
    #[serde(default)]
    pub selinux: bool,
    /// PAM's stacks, as far as access rules are concerned; `None` where nobody looked.
    #[serde(default)]
    pub pam: Option<PamFacts>,
    /// Whence the ssh session came that this run was started in: an address, as sshd has it in SSH_CONNECTION.
    #[serde(default)]
    pub session_origin: Option<String>,
    /// The user who logged in to that session.
    #[serde(default)]
    pub session_user: Option<String>,
    /// The kernel's id of this boot.
    #[serde(default)]
    pub boot_id: String,
    /// What earlier runs recorded.
    pub record: crate::record::Record,
    /// Programs that a plan may need, and that are not installed.
    pub missing_tools: Vec<String>,
}

/// Bytes of main memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Memory {
    /// What can be had without swapping (MemAvailable).
    pub available: u64,
    pub total: u64,
}

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// mountinfo's mount id.
    pub id: u32,
    pub source: String,
    pub path: String,
    pub fstype: String,
    pub options: String,
    /// `major:minor` as mountinfo has it.
    pub device_number: String,
    /// The directory inside the file system that is mounted; `/` unless a bind mount or subvolume.
    pub root: String,
    /// Bytes that the file system covers (XFS data blocks, ext4 blocks); `None` for other types.
    pub size: Option<u64>,
    /// Bytes of a block.
    pub block_size: u64,
}

/// An active swap area.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// As /proc/swaps has it, `/dev/dm-1` for a logical volume.
    pub source: String,
    /// `None` for a file.
    pub device_number: Option<String>,
    /// From the area's header, for a device; empty when it cannot be read.
    pub uuid: String,
    /// Bytes, header page not counted.
    pub size: u64,
    pub used: u64,
}

/// /etc/fstab as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fstab {
    /// `None`: there is no such file.
    pub text: Option<String>,
    /// First fields that name devices (`UUID=…`, `/dev/mapper/…`) → `major:minor`, where they resolve.
    pub devices: BTreeMap<String, String>,
}

/// A path that the profile's configuration concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    pub kind: FileKind,
    /// What the path itself links to, as the link has it; the rest is told of what is at the end of it.
    pub link: Option<String>,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Content of a regular file, when it is UTF-8, not too large, and no secret; never one with a
    /// private key in it.
    pub text: Option<String>,
    /// SHA-256 of the content in hexadecimal, secret or not.
    pub sha256: Option<String>,
    /// Why it could not be read.
    pub unreadable: Option<String>,
    /// chattr +i; of a missing file, its nearest parent that exists.
    pub immutable: bool,
    /// The file system that holds it is mounted read-only.
    pub read_only: bool,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    #[default]
    Missing,
    File,
    Directory,
    /// A device, socket or pipe.
    Special,
}

/// A systemd unit, as `systemctl show` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitFacts {
    /// LoadState: `loaded`, `not-found`, `masked` …
    pub load_state: String,
    /// ActiveState: `active`, `inactive`, `failed` …
    pub active_state: String,
    /// UnitFileState: `enabled`, `disabled`, `static`, `masked` … or empty.
    pub file_state: String,
    pub can_reload: bool,
    /// FileDescriptorStoreMax: above 0 a restart keeps open streams.
    pub fd_store_max: u64,
    pub needs_daemon_reload: bool,
    /// A start or stop of it waits or is under way.
    #[serde(default)]
    pub has_job: bool,
}

impl UnitFacts {
    /// Whether systemd knows such a unit, masked or not.
    pub fn exists(&self) -> bool {
        !matches!(self.load_state.as_str(), "not-found" | "")
    }

    pub fn is_active(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "reloading" | "activating")
    }

    pub fn is_masked(&self) -> bool {
        self.load_state == "masked" || self.file_state.starts_with("masked")
    }

    /// Whether it starts at boot.
    pub fn is_enabled(&self) -> bool {
        self.file_state.starts_with("enabled")
    }
}

impl Facts {
    pub fn volume_group(&self, name: &str) -> Option<&VolumeGroup> {
        self.volume_groups.iter().find(|vg| vg.name == name)
    }

    /// The block device with this `major:minor`.
    pub fn device(&self, number: &str) -> Option<&BlockDevice> {
        self.block_devices.iter().find(|device| device.number == number)
    }

    /// The block device that a path names: by kernel name or by any of its links.
    pub fn device_at(&self, path: &str) -> Option<&BlockDevice> {
        let name = path.strip_prefix("/dev/");
        self.block_devices
            .iter()
            .find(|device| name == Some(device.name.as_str()) || device.links.iter().any(|link| link == path))
    }

    /// Where a path leads when its links are followed; itself when nothing is known of it.
    pub fn resolved<'a>(&'a self, path: &'a str) -> &'a str {
        self.links.get(path).map_or(path, String::as_str)
    }
}

impl Mount {
    /// Whether nothing can be written through this mount, whatever other mounts of the file system allow.
    pub fn is_read_only(&self) -> bool {
        self.options.split(',').any(|option| option == "ro")
    }
}
