//! What can be taken back of an action, for `apply --confirm-within`.

use super::{Action, KeyChange, TrustStore};

/// How an action is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By bringing back what was at this path.
    Restore(Touched),
    /// It has no state of its own: done once more when the files are back, its reader sees those.
    Repeat(Repeat),
    /// Not at all, and why.
    Never(&'static str),
}

/// A path that an action changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    pub path: String,
    pub change: Change,
}

/// What becomes of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file with this content; the digest tells it from what somebody else may write later. A
    /// symbolic link is followed.
    Content { sha256: String },
    /// Lines of authorized_keys: what becomes of the file is known once its text is at hand. `before` is
    /// the digest of what the plan saw.
    Keys { before: Option<String>, changes: Vec<KeyChange> },
    /// Mode and owner of what is there; a symbolic link is followed.
    Attributes,
    /// Nothing is there any more; a symbolic link itself is meant.
    Gone,
    /// A directory, empty for now.
    Directory,
}

/// What is done again after a revert.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// systemctl daemon-reload.
    ReloadSystemd,
    /// The trust store, made of the certificates that are back.
    RefreshTrust(TrustStore),
    /// systemctl reload, where the unit is active.
    ReloadUnit(String),
}

impl Action {
    /// How to take this action back, the last of these first. Every action is listed, so that a new
    /// one has to be sorted in.
    pub fn undo(&self) -> Vec<Undo> {
        let restore = |path: &str, change| Undo::Restore(Touched { path: path.to_owned(), change });
        let never = |why| vec![Undo::Never(why)];
        match self {
            Action::WriteFile { path, after, .. } => {
                vec![restore(path, Change::Content { sha256: crate::secret::digest(after.as_bytes()) })]
            }
            Action::WriteSecretFile { path, after, .. } => {
                vec![restore(path, Change::Content { sha256: after.digest.clone() })]
            }
            Action::CopyFile { path, after, .. } => vec![restore(path, Change::Content { sha256: after.clone() })],
            Action::ChangeKeys { path, before, changes, .. } => {
                vec![restore(path, Change::Keys { before: before.clone(), changes: changes.clone() })]
            }
            // Those below it stay as the host's own policy has them.
            Action::RestoreLabels { path } => vec![restore(path, Change::Attributes)],
            Action::SetAttributes { path, .. } => vec![restore(path, Change::Attributes)],
            Action::RemoveFile { path, digest, backup } => {
                let moved = Change::Content { sha256: digest.clone() };
                vec![restore(backup, moved), restore(path, Change::Gone)]
            }
            Action::CreateDirectory { path, .. } => vec![restore(path, Change::Directory)],
            Action::RefreshTrust { store } => vec![Undo::Repeat(Repeat::RefreshTrust(*store))],
            Action::ReloadSystemd => vec![Undo::Repeat(Repeat::ReloadSystemd)],
            Action::ReloadUnit { unit } => vec![Undo::Repeat(Repeat::ReloadUnit(unit.clone()))],
            Action::RestartUnit { .. } | Action::StopUnit { .. } | Action::StartUnit { .. } => {
                never("what ran is gone once a unit was stopped")
            }
            Action::EnableUnit { .. } | Action::DisableUnit { .. } | Action::MaskUnit { .. } => {
                never("which units start at boot is kept by systemd")
            }
            Action::CreateGroup { .. }
            | Action::CreateUser(_)
            | Action::SetShell { .. }
            | Action::JoinGroups { .. }
            | Action::SetPasswordHash { .. }
            | Action::LockPassword { .. } => never("others change users, groups and passwords too"),
            Action::EnablePamAccess { .. } => never("the host's own tool writes PAM's files"),
            Action::FlushJournal { .. } => never("what the journal has written to the disk stays there"),
            Action::GrowPartition { .. }
            | Action::ResizePhysicalVolume { .. }
            | Action::WipeSignatures { .. }
            | Action::CreateVolumeGroup { .. }
            | Action::ExtendVolumeGroup { .. }
            | Action::ActivateVolume { .. }
            | Action::CreateVolume { .. }
            | Action::ExtendVolume { .. }
            | Action::CreateThinPool(_)
            | Action::RemoveThinPool { .. }
            | Action::RemoveUnfinished { .. }
            | Action::ExtendPoolMetadata { .. }
            | Action::ExtendPoolData { .. }
            | Action::SetPoolZeroing { .. }
            | Action::SetPoolWhenFull { .. }
            | Action::AttachPoolProfile { .. }
            | Action::MonitorPool { .. }
            | Action::MakeFilesystem { .. }
            | Action::GrowFilesystem { .. }
            | Action::Mount { .. }
            | Action::DisableSwap { .. }
            | Action::MakeSwap { .. }
            | Action::EnableSwap { .. } => never("storage is never shrunk or taken away"),
        }
    }
}
