//! The space ledger: where every extent of a volume group is, before and after.

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
    /// Volumes of the profile in its order, then what it does not name, hidden volumes included.
    pub rows: Vec<LedgerRow>,
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

impl Ledger {
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
