//! Block devices, and what is on those that nothing uses.

use crate::size::human;
use serde::{Deserialize, Serialize};

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
    /// Where there is data although nothing saw a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residue: Option<Residue>,
}

impl Probe {
    /// No signature there: the device could be read, and nothing saw one. Enough for a new volume, which may lie
    /// where a removed one did.
    pub fn is_blank(&self) -> bool {
        self.signatures.is_empty() && !self.ambiguous && self.unreadable.is_none()
    }

    /// Nothing there as far as anybody looked: neither a signature nor a byte other than zero. What a disk must be.
    pub fn is_zeroed(&self) -> bool {
        self.is_blank() && self.residue.is_none()
    }
}

/// Bytes other than zero on a device without a signature, such as a file system whose partition table is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residue {
    /// Where the first sector lies that was seen to hold any. Bytes.
    pub offset: u64,
    /// They are LVM's metadata: a physical volume was removed, or its making was cut off.
    pub lvm_metadata: bool,
}

impl std::fmt::Display for Residue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what =
            if self.lvm_metadata { "metadata of a removed physical volume" } else { "data without a known signature" };
        match self.offset {
            0 => write!(f, "{what} at its start"),
            offset => write!(f, "{what} at {}", human(offset)),
        }
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

impl BlockDevice {
    pub fn path(&self) -> String {
        format!("/dev/{}", self.name)
    }
}
