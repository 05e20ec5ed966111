//! The host as the plan so far would leave it, and the plan under construction.

use super::ledger::{Ledger, LedgerDisk, LedgerRow};
use super::{Note, Plan, PlannedAction, Refusal, RefusalCode, ResolvedDisk, WarningCode};
use crate::action::Action;
use crate::facts::index::Index;
use crate::facts::{Facts, LogicalVolume};
use crate::record::Begun;
use std::collections::HashSet;

/// Extent size of a volume group that atomhost creates: LVM's default.
pub const NEW_EXTENT_SIZE: u64 = 4 << 20;
/// Where the first extent of a new physical volume starts: LVM's default, given explicitly to pvcreate.
pub const NEW_EXTENTS_START: u64 = 1 << 20;

/// What planning reads and writes.
pub struct Model<'a> {
    pub facts: &'a Facts,
    pub index: Index<'a>,
    /// Volume groups of the profile, in its order; those that were refused are absent.
    pub groups: Vec<Group>,
    /// `major:minor` of devices that the plan has taken, so that none is taken twice.
    pub taken: HashSet<String>,
    /// Mounts that the plan makes: what the facts say of paths there is not what will be seen.
    pub mounting: Vec<Mounting>,
    /// Users that actions of the plan make, by name.
    pub new_users: Vec<String>,
    /// Groups that actions of the plan make, by name.
    pub new_groups: Vec<String>,
    /// Volumes that the plan removes first: neither the facts nor the index have them.
    pub unfinished: Vec<Unfinished>,
    plan: Plan,
}

/// A mount that the plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounting {
    /// With links followed.
    pub path: String,
    pub content: MountedContent,
}

/// What is known of a file system before it is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountedContent {
    /// The plan makes it: its root directory is root's, mode 0755, and holds nothing.
    Empty,
    /// It was there before: nobody has looked inside.
    Unseen,
}

/// A volume that an interrupted run left when it made a thin pool, and that goes before the pool is made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    pub volume_group: String,
    /// What was to become a pool.
    pub pool: String,
    pub volume: LogicalVolume,
}

/// A volume group as it will be.
pub struct Group {
    pub name: String,
    /// Bytes.
    pub extent_size: u64,
    pub extents_before: u64,
    pub extents: u64,
    /// What these extents are on.
    pub disks: Vec<LedgerDisk>,
    /// Plain volumes as they will be, in the profile's order; filled by the volumes' planning, empty where it refused.
    pub volumes: Vec<PlannedVolume>,
    /// `None` until the volumes are sized, and where a guard kept them from it.
    pub rows: Option<Vec<LedgerRow>>,
}

/// A volume of the profile as it will be.
#[derive(Clone)]
pub struct PlannedVolume {
    pub name: String,
    /// /dev/mapper path.
    pub device: String,
    /// Bytes.
    pub size: u64,
    /// As observed; `None` for a volume that the plan creates.
    pub observed: Option<LogicalVolume>,
    /// The file system that the plan makes on it or found on it, not yet mounted: its type and bytes.
    pub unmounted: Option<(String, u64, u64)>,
}

/// The words around an action.
pub struct Words {
    pub object: String,
    pub before: String,
    pub after: String,
    pub why: String,
}

impl<'a> Model<'a> {
    pub fn new(facts: &'a Facts) -> Self {
        Model {
            facts,
            index: Index::new(facts),
            groups: Vec::new(),
            taken: HashSet::new(),
            mounting: Vec::new(),
            new_users: Vec::new(),
            new_groups: Vec::new(),
            unfinished: Vec::new(),
            plan: Plan::empty(&facts.hostname),
        }
    }

    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The volume at this place among those that the profile wants in the group.
    pub fn volume(&self, group: &str, at: usize) -> Option<&PlannedVolume> {
        self.group(group)?.volumes.get(at)
    }

    pub fn group_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.name == name)
    }

    pub fn act(&mut self, action: Action, words: Words) {
        self.act_owing(action, words, &[]);
    }

    /// As [`Model::act`], for an action after which more must follow; see [`PlannedAction::owes`].
    pub fn act_owing(&mut self, action: Action, words: Words, owes: &[Begun]) {
        let Words { object, before, after, why } = words;
        self.plan.actions.push(PlannedAction { object, before, after, why, owes: owes.to_vec(), action });
    }

    /// The actions so far.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.plan.actions.iter().map(|planned| &planned.action)
    }

    /// The write of this file leaves something owed, if the plan has one.
    pub fn owe(&mut self, path: &str, owed: Begun) {
        let is_write = |action: &Action| matches!(action, Action::WriteFile { path: written, .. } if written == path);
        if let Some(planned) = self.plan.actions.iter_mut().rfind(|planned| is_write(&planned.action)) {
            planned.owes.push(owed);
        }
    }

    pub fn refuse(
        &mut self,
        code: RefusalCode,
        object: impl Into<String>,
        found: impl Into<String>,
        cure: impl Into<String>,
    ) {
        let refusal = Refusal { code, object: object.into(), found: found.into(), cure: cure.into() };
        if !self.plan.refusals.contains(&refusal) {
            self.plan.refusals.push(refusal);
        }
    }

    pub fn warn(&mut self, code: WarningCode, object: impl Into<String>, text: impl Into<String>) {
        let note = Note { code: Some(code), object: object.into(), text: text.into() };
        if !self.plan.warnings.contains(&note) {
            self.plan.warnings.push(note);
        }
    }

    pub fn defer(&mut self, object: impl Into<String>, text: impl Into<String>) {
        self.plan.deferred.push(Note { code: None, object: object.into(), text: text.into() });
    }

    pub fn note(&mut self, object: impl Into<String>, text: impl Into<String>) {
        self.plan.notes.push(Note { code: None, object: object.into(), text: text.into() });
    }

    pub fn resolved(&mut self, disk: ResolvedDisk) {
        self.plan.disks.push(disk);
    }

    /// Closes the books.
    pub fn finish(mut self) -> Plan {
        for group in self.groups {
            let Some(rows) = group.rows else { continue };
            self.plan.ledgers.push(Ledger {
                volume_group: group.name,
                extent_size: group.extent_size,
                total_before: group.extents_before,
                total_after: group.extents,
                disks: group.disks,
                rows,
            });
        }
        self.plan
    }
}
