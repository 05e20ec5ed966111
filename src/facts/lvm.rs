//! Volume groups with all that is in them, as LVM reports them.

use serde::{Deserialize, Serialize};

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

impl VolumeGroup {
    pub fn logical_volume(&self, name: &str) -> Option<&LogicalVolume> {
        self.logical_volumes.iter().find(|lv| lv.name == name)
    }

    pub fn thin_pool(&self, name: &str) -> Option<&Pool> {
        self.logical_volume(name)?.pool.as_ref()
    }

    /// The thin volumes of a pool.
    pub fn thin_volumes<'a>(&'a self, pool: &'a str) -> impl Iterator<Item = &'a LogicalVolume> {
        self.logical_volumes.iter().filter(move |lv| lv.thin.as_ref().is_some_and(|thin| thin.pool == pool))
    }
}
