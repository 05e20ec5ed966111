//! Facts: everything a plan may depend on, observed read-only, serialisable, and nothing else.
//!
//! `atomhost facts` prints this as JSON and `plan --facts` reads it back, so a plan can be made far
//! from the host. Sizes are bytes unless a name says extents.

pub mod index;
mod logins;

pub use logins::{HashFacts, KeysSetting, LoginFacts, PasswordFacts, PasswordState};

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

/// An LVM volume group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeGroup {
    pub name: String,
    pub uuid: String,
    /// Bytes of one extent.
    pub extent_size: u64,
    pub extents: u64,
    pub free_extents: u64,
    /// Metadata sequence number: every write of LVM metadata bumps it.
    pub seqno: u64,
    pub missing_pvs: u64,
    pub exported: bool,
    pub writable: bool,
    /// clvm/lvmlockd groups are not ours to change.
    pub shared: bool,
    pub physical_volumes: Vec<PhysicalVolume>,
    pub logical_volumes: Vec<LogicalVolume>,
}

/// An LVM physical volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhysicalVolume {
    /// Path as LVM reports it (`/dev/sda2`), or `[unknown]` when missing.
    pub device: String,
    pub uuid: String,
    /// Bytes of the device beneath, as LVM sees it.
    pub device_size: u64,
    /// Bytes from the device's start to the first extent.
    pub extents_start: u64,
    pub extents: u64,
    pub allocated_extents: u64,
    pub missing: bool,
    /// LVM saw this PV on more than one device.
    pub duplicate: bool,
}

/// An LVM logical volume, hidden ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogicalVolume {
    /// Without LVM's brackets around hidden ones.
    pub name: String,
    pub uuid: String,
    pub role: Role,
    /// Extents of the volume group that its own segments take (0 for a thin volume).
    pub extents: u64,
    /// Virtual size in bytes.
    pub size: u64,
    pub active: bool,
    /// The /dev/mapper path, empty for hidden ones.
    pub path: String,
    /// `major:minor` while active.
    pub device_number: Option<String>,
    /// lv_health_status: empty when healthy.
    pub health: String,
    /// Segment type, such as `linear` or `thin-pool`.
    pub segment_type: String,
    /// Thin pools only.
    pub pool: Option<Pool>,
    /// Thin volumes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thin: Option<Thin>,
    /// Something holds its device open: a mount, swap, a process or a device built on it.
    #[serde(default)]
    pub open: bool,
}

/// A thin volume's own figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thin {
    /// Name of the pool that it takes its blocks from.
    pub pool: String,
    /// Hundredths of a percent of its virtual size in use; `None` when inactive.
    pub used: Option<u32>,
}

/// What a logical volume is to LVM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A volume a person made: linear, striped, mirrored, snapshot, and so on.
    #[default]
    Plain,
    ThinPool,
    ThinPoolData,
    ThinPoolMetadata,
    /// lvol0_pmspare.
    MetadataSpare,
    ThinVolume,
    /// Any other hidden volume.
    Hidden,
}

/// A thin pool's own figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub data_extents: u64,
    pub metadata_extents: u64,
    /// Bytes.
    pub chunk: u64,
    pub zero: bool,
    /// `error`, `queue`, or empty when LVM does not say (inactive).
    pub when_full: String,
    /// `monitored`, `not monitored`, or empty when LVM does not say (inactive).
    pub monitor: String,
    /// Name of the attached metadata profile, empty for none.
    pub profile: String,
    /// Hundredths of a percent in use; `None` when inactive.
    pub data_used: Option<u32>,
    pub metadata_used: Option<u32>,
    /// lv_check_needed.
    pub needs_check: bool,
}

/// A block device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockDevice {
    /// Kernel name: `sdb`, `sda2`, `dm-0`.
    pub name: String,
    /// `major:minor`.
    pub number: String,
    pub size: u64,
    pub kind: BlockKind,
    pub read_only: bool,
    /// Kernel name of the disk a partition is on.
    pub parent: Option<String>,
    pub partition: Option<Partition>,
    /// Kernel names of what is built on it (dm, md).
    pub holders: Vec<String>,
    /// Serial numbers under which udev and the kernel know it; any may be named.
    pub serials: Vec<String>,
    /// Links in /dev/disk/by-id, by-path and by-partuuid, and /dev/mapper names: absolute paths.
    pub links: Vec<String>,
    /// An exclusive open failed with "busy": something unseen uses it. Only when probed.
    pub busy: bool,
    /// What is on it; `None` where nobody looked (in use, or no concern of the profile).
    pub probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    #[default]
    Disk,
    Partition,
    /// device-mapper, LVM's volumes among them.
    Mapped,
    /// loop, ram, optical, floppy, md, zram, nbd without a size: never chosen by a selector.
    Other,
}

/// The kind of a disk's partition table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartitionTable {
    Gpt,
    Dos,
    /// None that atomhost knows how to change.
    #[default]
    Unknown,
}

/// Where a partition lies. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    pub table: PartitionTable,
    pub number: u32,
    pub start: u64,
    /// Bytes that the partition could grow by: from its end to the next partition or the last usable
    /// sector (1 MiB kept for a GPT's second header). 0 when the table type is unknown.
    pub room: u64,
}

/// The result of looking at a device's bytes with blkid -p and wipefs --no-act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Signatures of either tool, such as `xfs` or `gpt`, with blkid's words for types; sorted, unique.
    pub signatures: Vec<String>,
    /// blkid found contradicting signatures (its exit 8).
    pub ambiguous: bool,
    /// The device could not be read, with the reason: it is never taken for blank.
    pub unreadable: Option<String>,
    /// The one file system on it.
    pub filesystem: Option<FilesystemProbe>,
    /// The swap area on it.
    pub swap: Option<SwapProbe>,
}

impl Probe {
    /// Provably nothing there: both tools read the device and neither saw a signature.
    pub fn is_blank(&self) -> bool {
        self.signatures.is_empty() && !self.ambiguous && self.unreadable.is_none()
    }
}

/// An unmounted file system, read from its superblock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesystemProbe {
    pub fstype: String,
    pub uuid: String,
    pub label: String,
    /// Bytes it covers; `None` for types whose superblock we do not read.
    pub size: Option<u64>,
    /// Bytes of a block.
    pub block_size: u64,
    /// XFS's sb_inprogress: mkfs.xfs never finished, the kernel refuses to mount it.
    pub unfinished: bool,
}

/// A swap area on a device, active or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapProbe {
    pub uuid: String,
    /// Bytes that the header's last page covers, header included.
    pub size: u64,
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

impl VolumeGroup {
    pub fn logical_volume(&self, name: &str) -> Option<&LogicalVolume> {
        self.logical_volumes.iter().find(|lv| lv.name == name)
    }

    /// The thin volumes of a pool.
    pub fn thin_volumes<'a>(&'a self, pool: &'a str) -> impl Iterator<Item = &'a LogicalVolume> {
        self.logical_volumes.iter().filter(move |lv| lv.thin.as_ref().is_some_and(|thin| thin.pool == pool))
    }
}

impl BlockDevice {
    pub fn path(&self) -> String {
        format!("/dev/{}", self.name)
    }
}
