//! The space ledger: where every extent of a volume group is, before and after.

use crate::facts::{PhysicalVolume, Role, VolumeGroup};
use serde::{Deserialize, Serialize};

/// One volume group's extents before and after the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    pub volume_group: String,
    /// Bytes of one extent.
    pub extent_size: u64,
    pub total_before: u64,
    pub total_after: u64,
    /// The physical volumes that the extents are on, in LVM's order, new ones last.
    #[serde(default)]
    pub disks: Vec<LedgerDisk>,
    /// Volumes of the profile in its order, then what it does not name, hidden volumes included.
    pub rows: Vec<LedgerRow>,
}

/// One physical volume's extents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerDisk {
    /// Path, such as `/dev/sda2`; LVM's `[unknown]` for a missing one.
    pub device: String,
    pub before: u64,
    pub after: u64,
}

/// One volume's extents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerRow {
    pub name: String,
    pub kind: LedgerKind,
    /// Whether the profile names it (or the pool it belongs to).
    pub named: bool,
    pub before: u64,
    pub after: u64,
}

/// What the extents are used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerKind {
    Volume,
    PoolData,
    PoolMetadata,
    /// lvol0_pmspare: LVM's reserve for repairing a pool's metadata, one a volume group.
    MetadataSpare,
}

impl LedgerDisk {
    /// The physical volumes of a group as they are.
    pub fn observed(group: &VolumeGroup) -> Vec<LedgerDisk> {
        let disk =
            |pv: &PhysicalVolume| LedgerDisk { device: pv.device.clone(), before: pv.extents, after: pv.extents };
        group.physical_volumes.iter().map(disk).collect()
    }

    /// `sda2` of `/dev/sda2`.
    pub fn file_name(&self) -> &str {
        self.device.rsplit('/').next().unwrap_or(&self.device)
    }
}

impl LedgerRow {
    /// What a person should know of it besides its size; empty for a plain volume of the profile.
    pub fn remark(&self) -> &'static str {
        match (self.named, self.kind) {
            (false, _) if self.after == 0 => "of a pool never finished",
            (false, _) => "not in the profile: stays",
            (true, LedgerKind::Volume) => "",
            (true, LedgerKind::PoolData) => "thin pool",
            (true, LedgerKind::PoolMetadata) => "pool metadata",
            (true, LedgerKind::MetadataSpare) => "for pool repair",
        }
    }
}

impl From<Role> for LedgerKind {
    fn from(role: Role) -> Self {
        match role {
            Role::ThinPoolData => LedgerKind::PoolData,
            Role::ThinPoolMetadata => LedgerKind::PoolMetadata,
            Role::MetadataSpare => LedgerKind::MetadataSpare,
            Role::Plain | Role::ThinPool | Role::ThinVolume | Role::Hidden => LedgerKind::Volume,
        }
    }
}

impl Ledger {
    /// The space of a group as it is: before and after are the same.
    pub fn observed(group: &VolumeGroup) -> Ledger {
        let volumes = group.logical_volumes.iter().filter(|lv| lv.extents > 0);
        Ledger {
            volume_group: group.name.clone(),
            extent_size: group.extent_size,
            total_before: group.extents,
            total_after: group.extents,
            disks: LedgerDisk::observed(group),
            rows: volumes
                .map(|lv| LedgerRow {
                    name: lv.name.clone(),
                    kind: lv.role.into(),
                    named: true,
                    before: lv.extents,
                    after: lv.extents,
                })
                .collect(),
        }
    }

    pub fn used_before(&self) -> u64 {
        self.rows.iter().map(|row| row.before).sum()
    }

    pub fn used_after(&self) -> u64 {
        self.rows.iter().map(|row| row.after).sum()
    }

    pub fn free_before(&self) -> u64 {
        self.total_before.saturating_sub(self.used_before())
    }

    pub fn free_after(&self) -> u64 {
        self.total_after.saturating_sub(self.used_after())
    }
}
