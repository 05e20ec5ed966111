//! The profile: what operations people want of a host, typed, checked, and free of I/O.
//!
//! [`parse`] reads the YAML and keeps the positions for error messages; everything below this
//! module works on the plain types here.

pub mod access;
pub mod checks;
pub mod compose;
mod docker;
pub mod error;
mod files;
pub mod journald;
mod mask;
mod mode;
pub mod names;
pub mod raw;
pub mod remote;
mod users;
pub(crate) mod yaml;

pub use access::Access;
pub use docker::DockerWanted;
pub use error::ProfileError;
pub use files::{Attributes, CertificateWanted, FileContent, FileState, FileWanted, Visibility};
pub use journald::Journald;
pub use mask::mask;
pub use mode::Mode;
pub use raw::{MAX_PROFILE_BYTES, json_schema, parse};
pub use users::{AuthorizedKey, Group, KeysWanted, OtherKeys, Password, User};

use crate::secret::Secrets;
use crate::size::Amount;
use serde::{Deserialize, Serialize};

/// A checked profile. The order of volume groups, volumes and pools is the order of the file.
///
/// It may hold secrets, and therefore has no serialised form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub volume_groups: Vec<VolumeGroup>,
    /// Mounts that no volume of the profile backs: network shares.
    pub mounts: Vec<ShareMount>,
    pub files: Vec<FileWanted>,
    pub ca_certificates: Vec<CertificateWanted>,
    /// Whether LVM keeps old metadata in /etc/lvm/archive; `None`: as found.
    pub lvm_archive: Option<bool>,
    pub docker: DockerWanted,
    /// The table `[storage]` of /etc/containers/storage.conf: keys to set; other keys there stay.
    pub container_storage: serde_json::Map<String, serde_json::Value>,
    pub groups: Vec<Group>,
    pub users: Vec<User>,
    /// Who may log in from where; `None`: as found.
    pub access: Option<Access>,
    pub journald: Option<Journald>,
    pub cloud_init: Option<CloudInit>,
}

impl Profile {
    /// What the profile holds itself and apply finds by digest: password hashes, and whole lines of
    /// authorized_keys.
    pub fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for file in &self.files {
            if let FileState::File(FileContent::Secret(secret), _) = &file.state {
                secrets.add(secret);
            }
        }
        for user in &self.users {
            if let Some(Password::Hash { hash, .. }) = &user.password {
                secrets.add(hash);
            }
            user.keys.iter().flat_map(|keys| &keys.keys).for_each(|key| secrets.add(&key.line));
        }
        secrets
    }

    /// Whether nobody but root should read the profile.
    pub fn holds_secrets(&self) -> bool {
        self.users.iter().any(|user| matches!(user.password, Some(Password::Hash { .. })))
    }
}

/// One LVM volume group with all that the profile wants in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeGroup {
    pub name: String,
    pub disks: Vec<DiskWanted>,
    pub grow: Grow,
    pub volumes: Vec<Volume>,
    pub thin_pools: Vec<ThinPool>,
}

/// What follows when the device under a physical volume has grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grow {
    /// Physical volumes keep their size.
    #[default]
    None,
    /// Every physical volume of the group follows its device (pvresize).
    PhysicalVolumes,
    /// As `physical-volumes`; where the device is the last partition of its disk, that grows first.
    Partitions,
}

/// A disk (or partition) that the volume group shall contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskWanted {
    pub selector: DiskSelector,
    pub on_signature: OnSignature,
}

/// How the profile names a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskSelector {
    /// An absolute path in /dev: a kernel name, or a by-id / by-path link.
    Path(String),
    /// The serial number that udev or the kernel reports.
    Serial(String),
    /// Every disk that fits; exactly `count` must.
    Match {
        /// Smallest fitting size in bytes, inclusive.
        min: Option<u64>,
        /// Largest fitting size in bytes, inclusive.
        max: Option<u64>,
        count: u32,
    },
}

impl std::fmt::Display for DiskSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::size::human;
        use crate::words::counted;
        match self {
            DiskSelector::Path(path) => f.write_str(path),
            DiskSelector::Serial(serial) => write!(f, "serial {serial}"),
            DiskSelector::Match { min, max, count } => {
                f.write_str(&counted(*count, "blank disk"))?;
                if let Some(min) = min {
                    write!(f, " >={}", human(*min))?;
                }
                if let Some(max) = max {
                    write!(f, " <={}", human(*max))?;
                }
                Ok(())
            }
        }
    }
}

/// What to do with a disk that carries a signature. Nothing in use is ever wiped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSignature {
    #[default]
    Refuse,
    Wipe,
}

/// A plain logical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    pub size: SizeWanted,
    pub content: Content,
    pub mount: Option<MountWanted>,
}

/// How large, and whether larger is in sync too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeWanted {
    pub amount: Amount,
    pub bound: Bound,
}

/// `AtLeast`: bigger is in sync. `Exact`: bigger is refused, since nothing is ever shrunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    #[default]
    AtLeast,
    Exact,
}

/// What a logical volume holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The profile names none: what is there stays, and grows with the volume while mounted.
    AsFound,
    Filesystem(FilesystemType),
    Swap,
}

/// File systems that atomhost makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FilesystemType {
    Xfs,
    Ext4,
}

impl FilesystemType {
    /// The name that mount(8), blkid(8) and /proc use.
    pub fn as_str(self) -> &'static str {
        match self {
            FilesystemType::Xfs => "xfs",
            FilesystemType::Ext4 => "ext4",
        }
    }
}

/// Where and how a volume is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountWanted {
    /// Absolute and normalised: no `.`/`..`, no trailing slash.
    pub path: String,
    /// fstab's fourth field.
    pub options: String,
}

/// A network share mounted in place of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareMount {
    pub mount: MountWanted,
    /// fstab's first field, `server:/export`.
    pub source: String,
    /// `nfs` or `nfs4`.
    pub fstype: String,
}

/// cloud-init, retired once it has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudInit {
    /// Its units are masked too, where that breaks no mount.
    pub mask: bool,
}

/// A thin pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThinPool {
    pub name: String,
    pub size: SizeWanted,
    /// Bytes; a multiple of 64 KiB. `None`: as found, and LVM's own choice for a new pool.
    pub chunk: Option<u64>,
    /// Bytes of the pool's metadata volume, at least. `None`: 64 bytes a chunk, as LVM counts.
    pub metadata: Option<u64>,
    /// Whether new blocks are zeroed. `None`: as found, and LVM's default (yes) for a new pool.
    pub zero: Option<bool>,
    pub autoextend: Option<Autoextend>,
    pub when_full: Option<WhenFull>,
}

/// dmeventd's automatic growth, kept in an LVM metadata profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoextend {
    /// Percent of use that triggers growth: 50 to 99.
    pub threshold: u32,
    /// Percent of its size that the pool grows by: 1 to 100.
    pub percent: u32,
}

/// What writes meet in a full pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// They fail at once.
    Error,
    /// They wait 60 s for the pool to grow, then fail.
    Queue,
}

impl WhenFull {
    /// The word that lvs prints in `lv_when_full`.
    pub fn as_str(self) -> &'static str {
        match self {
            WhenFull::Error => "error",
            WhenFull::Queue => "queue",
        }
    }
}
