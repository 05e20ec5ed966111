//! Planning: profile and facts in, plan out. Pure, synchronous, deterministic.
//!
//! Every effect is carried forward in [`model::Model`], so a chain on a blank host is planned as it
//! will happen, and every refusal is found before the first write.

mod fingerprint;
#[cfg(test)]
pub(crate) mod golden;
pub mod ledger;
pub mod model;

use crate::action::Action;
use crate::facts::Facts;
use crate::profile::Profile;
use crate::record::Begun;
use crate::resources::{self, unfinished_pool};
use ledger::Ledger;
use model::Model;
use serde::{Deserialize, Serialize};

/// Name and version of the plan's JSON form; a reader refuses another.
pub const PLAN_SCHEMA: &str = "atomhost.plan/1";

/// What would be done to a host, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    pub hostname: String,
    /// In the order in which they run.
    pub actions: Vec<PlannedAction>,
    /// With any refusal nothing at all is done.
    pub refusals: Vec<Refusal>,
    /// What deserves attention though it stops nothing.
    pub warnings: Vec<Note>,
    /// What is owed, but not yet: until a reboot, or until somebody else is done. Nothing to do now.
    #[serde(default)]
    pub deferred: Vec<Note>,
    /// What was found and left alone.
    pub notes: Vec<Note>,
    /// The space of each volume group of the profile.
    pub ledgers: Vec<Ledger>,
    /// Which device each of the profile's disk entries means on this run.
    pub disks: Vec<ResolvedDisk>,
}

/// A disk entry of the profile, resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolvedDisk {
    pub volume_group: String,
    /// The entry as the profile writes it.
    pub selector: String,
    pub device: String,
    pub serial: Option<String>,
    /// UUID of the physical volume that it already is.
    pub pv_uuid: Option<String>,
}

/// An action with the words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedAction {
    /// What it acts on, such as `atomicos/root` or `/etc/fstab`.
    pub object: String,
    /// The state now, short; empty when there is nothing yet.
    pub before: String,
    pub after: String,
    pub why: String,
    /// What must still be done, by later actions or at a reboot, once this one has begun: recorded before it, so that
    /// a crash in between leaves it known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owes: Vec<Begun>,
    pub action: Action,
}

impl PlannedAction {
    /// The intents to record before this action starts.
    pub fn begins(&self) -> Vec<Begun> {
        let mut begins = self.action.begins();
        begins.extend(self.owes.iter().cloned());
        begins
    }
}

/// A guard's no: object, what was found, and the cure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub code: RefusalCode,
    pub object: String,
    pub found: String,
    pub cure: String,
}

/// The guards. The words are stable: scripts may match them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// A named disk is not there (yet): the one guard that waiting may satisfy (exit 75).
    DiskMissing,
    DiskHasSignature,
    /// No known signature, but not only zeroes either.
    DiskHasData,
    DiskInUse,
    DiskUnreadable,
    DiskReadOnly,
    DiskAmbiguous,
    DiskInOtherGroup,
    SelectorMismatch,
    GroupMissing,
    GroupIncomplete,
    GroupNotOurs,
    NotEnoughSpace,
    TooLarge,
    VolumeUnsuitable,
    FilesystemMismatch,
    NotBlank,
    MountConflict,
    PoolUnhealthy,
    PoolChunkFixed,
    SwapInUse,
    FstabConflict,
    /// A thin pool or a volume in it is mounted or open.
    PoolInUse,
    PoolMissing,
    /// A reset was cut off, and this plan would not finish it.
    ResetUnfinished,
    /// Something else is to be done first.
    NotInSync,
    /// A file that is no regular file, cannot be read or written, or is not what its resource expects.
    FileUnsuitable,
    /// A user or group that is there, but not as the profile says, and that nobody but a person should change.
    AccountConflict,
    /// A password hash or another secret that is not there, or not root's alone.
    SecretUnsuitable,
    /// Nobody who administers the host could log in any more.
    LockOut,
    /// Access rules that would leave no way in for those who administer the host.
    AccessLocksOut,
}

impl std::fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self);
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// What is warned of. The words are stable: scripts may match them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// A thin pool's data or metadata.
    PoolNearlyFull,
    FstabDuplicate,
    MountHidesFiles,
    /// What is on a file system that is yet to be mounted is planned by the next run.
    TakesTwoRuns,
    ToolMissing,
    FileNotLasting,
    SecretReadable,
    /// A certificate that is not valid yet, not any more, or not for long.
    CertificateValidity,
    CertificateUnusual,
    WeakPasswordHash,
    WeakKey,
    /// sshd does not read keys where the profile has them written, or does not trust the place.
    KeysPassedOver,
    KeysNotExclusive,
    /// Root is left with a password that sshd does not take.
    RootWithoutKeys,
    /// Rules of before, which lock every administrator out.
    LockedOutAlready,
    /// Rules that stop root's jobs, or the user manager of who gets in.
    AccessStopsServices,
    /// Other lines decide before the profile's rules, or some never come to be read.
    AccessDecidedElsewhere,
    AccessLinePassedOver,
    AccessWithoutEffect,
    JournaldOverridden,
    DockerSettingUnknown,
    /// A tcp address without TLS.
    DockerOpenDoor,
}

impl std::fmt::Display for WarningCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self);
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// A sentence about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Of a warning: `atomhost explain` says more about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<WarningCode>,
    pub object: String,
    pub text: String,
}

impl Plan {
    /// Of a host about which nothing has been said yet.
    pub fn empty(hostname: &str) -> Self {
        Self {
            schema: PLAN_SCHEMA.to_owned(),
            hostname: hostname.to_owned(),
            actions: Vec::new(),
            refusals: Vec::new(),
            warnings: Vec::new(),
            deferred: Vec::new(),
            notes: Vec::new(),
            ledgers: Vec::new(),
            disks: Vec::new(),
        }
    }

    /// Nothing to do and nothing refused.
    pub fn is_in_sync(&self) -> bool {
        self.actions.is_empty() && self.refusals.is_empty()
    }

    /// Whether every refusal may go away by waiting (a disk that is not there yet).
    pub fn only_waits(&self) -> bool {
        !self.refusals.is_empty() && self.refusals.iter().all(|refusal| refusal.code == RefusalCode::DiskMissing)
    }
}

/// Computes the plan that takes the host of `facts` to `profile`.
pub fn plan(profile: &Profile, facts: &Facts) -> Plan {
    let unfinished = unfinished_pool::find(facts);
    let facts = &*unfinished_pool::without(facts, &unfinished);
    let mut model = Model::new(facts);
    unfinished_pool::plan(unfinished, &mut model);
    for wanted in &profile.volume_groups {
        resources::volume_group::plan(wanted, &mut model);
    }
    for wanted in &profile.volume_groups {
        resources::volumes::plan(wanted, &mut model);
    }
    for wanted in &profile.volume_groups {
        resources::filesystem::plan(wanted, &mut model);
        resources::swap::plan(wanted, &mut model);
    }
    resources::mount::plan(profile, &mut model);
    resources::users::plan(profile, &mut model);
    resources::files::plan(profile, &mut model);
    resources::ca_certificates::plan(profile, &mut model);
    resources::lvm_conf::plan(profile, &mut model);
    resources::docker::plan(profile, &mut model);
    resources::containers::plan(profile, &mut model);
    resources::journald::plan(profile, &mut model);
    resources::access::plan(profile, &mut model);
    resources::pool_reset::resume(profile, &mut model);
    resources::cloud_init::plan(profile, &mut model);
    let mut plan = model.finish();
    if !plan.actions.is_empty() {
        plan.warnings.extend(facts.missing_tools.iter().map(|tool| Note {
            code: Some(WarningCode::ToolMissing),
            object: tool.clone(),
            text: format!("is not installed: install the package {}", crate::host::command::package(tool)),
        }));
    }
    plan
}
