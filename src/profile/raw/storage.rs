//! Volume groups, disks, volumes, pools and shares as they are written.

use super::{MapOf, Shape, WordOr};
use crate::profile::yaml::At;
use crate::profile::{FilesystemType, Grow, WhenFull};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// One volume group in the short form, or several under `volume_groups`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lvm")]
pub struct RawLvm {
    /// Whether LVM keeps old metadata in /etc/lvm/archive (backup/archive of lvm.conf).
    pub archive: Option<At<bool>>,
    /// Name of the one volume group (short form).
    pub volume_group: Option<At<String>>,
    /// Disks that the group shall contain (short form).
    pub disks: Option<Vec<At<WordOr<RawDisk>>>>,
    /// What follows when a disk has grown (short form).
    pub grow: Option<At<Grow>>,
    /// Logical volumes by name (short form).
    pub volumes: Option<IndexMap<At<String>, MapOf<RawVolume>>>,
    /// Thin pools by name (short form).
    pub thin_pools: Option<IndexMap<At<String>, MapOf<RawPool>>>,
    /// Several volume groups by name, in place of the keys above.
    pub volume_groups: Option<At<IndexMap<At<String>, MapOf<RawGroup>>>>,
}

/// One volume group.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VolumeGroup")]
pub struct RawGroup {
    /// Disks that the group shall contain.
    pub disks: Option<Vec<At<WordOr<RawDisk>>>>,
    /// What follows when a disk has grown.
    pub grow: Option<At<Grow>>,
    /// Logical volumes by name.
    pub volumes: Option<IndexMap<At<String>, MapOf<RawVolume>>>,
    /// Thin pools by name.
    pub thin_pools: Option<IndexMap<At<String>, MapOf<RawPool>>>,
}

/// A disk: named by exactly one of path, serial, by-id and by-path, or selected by size.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Disk")]
pub struct RawDisk {
    /// Absolute path in /dev.
    pub path: Option<At<String>>,
    /// Serial number as udev or the kernel reports it.
    pub serial: Option<At<String>>,
    /// Name of a link in /dev/disk/by-id.
    #[serde(rename = "by-id")]
    pub by_id: Option<At<String>>,
    /// Name of a link in /dev/disk/by-path.
    #[serde(rename = "by-path")]
    pub by_path: Option<At<String>>,
    /// Sizes that fit, such as `>=30G` or `>=30G <=100G`: selects blank disks.
    pub size: Option<At<String>>,
    /// Only true has a meaning: a selector takes blank disks and no others.
    pub blank: Option<At<bool>>,
    /// How many disks must fit the selector; 1 unless given.
    pub count: Option<At<u32>>,
    /// Whether signatures on this disk are erased. Nothing in use is ever erased.
    pub wipe: Option<At<bool>>,
}

/// A logical volume.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Volume")]
pub struct RawVolume {
    /// At least this large: `15G`, `40%VG` or `100%FREE`.
    #[schemars(required)]
    pub size: Option<At<String>>,
    /// Whether larger is refused rather than in sync.
    pub exact: Option<At<bool>>,
    /// File system to make on a blank volume.
    pub filesystem: Option<At<FilesystemType>>,
    /// Where to mount it.
    pub mount: Option<At<WordOr<RawMount>>>,
    /// Whether it is a swap area.
    pub swap: Option<At<bool>>,
}

/// A mount point with its options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mount")]
pub struct RawMount {
    /// Absolute path.
    #[schemars(required)]
    pub path: Option<At<String>>,
    /// Mount options, comma-separated; `defaults` unless given.
    pub options: Option<At<String>>,
}

/// A thin pool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ThinPool")]
pub struct RawPool {
    /// At least this large: `40G` or `40%VG` of data alone, or `100%FREE` for data, metadata and its spare together.
    #[schemars(required)]
    pub size: Option<At<String>>,
    /// Whether larger is refused rather than in sync.
    pub exact: Option<At<bool>>,
    /// Size of a chunk: a multiple of 64K up to 1G.
    pub chunk: Option<At<String>>,
    /// Size of the metadata, at least: 2M to 15.8G.
    pub metadata: Option<At<String>>,
    /// Whether new blocks are zeroed.
    pub zero: Option<At<bool>>,
    /// When and by how much LVM grows the pool by itself.
    pub autoextend: Option<MapOf<RawAutoextend>>,
    /// What writes meet in a full pool.
    pub when_full: Option<At<WhenFull>>,
}

/// Automatic growth of a thin pool.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Autoextend")]
pub struct RawAutoextend {
    /// Percent of use that triggers growth: 50 to 99.
    #[schemars(required, range(min = 50, max = 99))]
    pub threshold: Option<At<u32>>,
    /// Percent of its size that the pool grows by: 1 to 100; 20 unless given.
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<At<u32>>,
}

/// A network share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Share")]
pub struct RawShare {
    /// `server:/export`.
    #[schemars(required)]
    pub source: Option<At<String>>,
    /// `nfs` or `nfs4`; nfs4 unless given.
    #[serde(rename = "type")]
    pub fstype: Option<At<ShareType>>,
    /// Mount options, comma-separated; `defaults,_netdev` unless given.
    pub options: Option<At<String>>,
}

/// Types of network share.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShareType {
    Nfs,
    Nfs4,
}

impl Shape for RawGroup {
    const EXPECTED: &'static str = "a volume group such as {disks: [/dev/sdb]}";
}
impl Shape for RawVolume {
    const EXPECTED: &'static str = "a volume such as {size: 15G}";
}
impl Shape for RawPool {
    const EXPECTED: &'static str = "a thin pool such as {size: 100%FREE}";
}
impl Shape for RawAutoextend {
    const EXPECTED: &'static str = "a rule such as {threshold: 60, percent: 20}";
}
impl Shape for RawShare {
    const EXPECTED: &'static str = "a share such as {source: \"nfs.example.com:/export/srv\"}";
}
impl Shape for RawDisk {
    const EXPECTED: &'static str = "a disk such as /dev/sdb or {serial: DATA1}";
}
impl Shape for RawMount {
    const EXPECTED: &'static str = "a mount point such as /var/srv";
}
