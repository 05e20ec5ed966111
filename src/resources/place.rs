//! Places in the tree of files: what is there when the plan comes to it, and the directories above.

use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::{FileFacts, FileKind};
use crate::plan::model::{Model, MountedContent, Words};
use crate::plan::{RefusalCode, WarningCode};

/// Mode of a directory that is made because something lies in it.
pub const DIRECTORY_MODE: u32 = 0o755;
/// Stands for a mode or owner that is not known before the plan runs.
const UNKNOWN: u32 = u32::MAX;

/// The directory above, unless that is the root directory, which is always there.
pub fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent).filter(|parent| !parent.is_empty())
}

/// Whether `path` is `tree` or lies in it.
pub fn is_within(path: &str, tree: &str) -> bool {
    path.strip_prefix(tree.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What will be at a path once the mounts of the plan are made; `None` when nobody looked.
///
/// Facts tell what is beneath such a mount. On a file system that the plan makes there is nothing; on
/// one that was there before nobody has looked: nothing is expected, and apply, which replaces only
/// what the plan has seen, makes what is missing and stops at anything else.
pub fn found(path: &str, model: &mut Model<'_>) -> Option<FileFacts> {
    let resolved = model.facts.resolved(path);
    let mounts = model.mounting.iter().filter(|mounting| is_within(resolved, &mounting.path));
    let Some(mounting) = mounts.max_by_key(|mounting| mounting.path.len()).cloned() else {
        return model.facts.files.get(path).cloned();
    };
    let known = mounting.content == MountedContent::Empty;
    if !known {
        model.warn(
            WarningCode::TakesTwoRuns,
            &mounting.path,
            "what is on it shows once it is mounted: this run makes what is missing there and stops at what \
             differs, the next one then plans that",
        );
    }
    if resolved != mounting.path {
        return Some(FileFacts::default());
    }
    let (mode, id) = if known { (DIRECTORY_MODE, 0) } else { (UNKNOWN, UNKNOWN) };
    Some(FileFacts { kind: FileKind::Directory, mode, uid: id, gid: id, ..FileFacts::default() })
}

/// Whether mode and owner are not known before the plan runs.
pub fn is_unseen(found: &FileFacts) -> bool {
    found.mode == UNKNOWN
}

/// Plans the directories above a path that will be made, mode 0755 and root's. False where a guard
/// refused.
pub fn make_parents(path: &str, model: &mut Model<'_>) -> bool {
    let Some(parent) = parent(path) else { return true };
    let makes = |action: &Action| matches!(action, Action::CreateDirectory { path, .. } if is_within(path, parent));
    if model.actions().any(makes) {
        return true;
    }
    let Some(found) = found(parent, model) else { return true };
    match found.kind {
        FileKind::Directory => true,
        FileKind::Missing => {
            if !super::managed_file::writable(parent, &found, model) {
                return false;
            }
            model.act(
                Action::CreateDirectory { path: parent.to_owned(), mode: DIRECTORY_MODE, owner: Owner::root() },
                Words {
                    object: parent.to_owned(),
                    before: String::new(),
                    after: format!("directory, mode {DIRECTORY_MODE:04o}"),
                    why: format!("{path} lies in it"),
                },
            );
            true
        }
        FileKind::File | FileKind::Special => {
            model.refuse(
                RefusalCode::FileUnsuitable,
                path,
                format!("{parent} is no directory"),
                "move it away, or correct the path in the profile",
            );
            false
        }
    }
}

/// Whether the host has, or the plan makes, a user and a group of these names; refuses otherwise.
pub fn is_known(path: &str, owner: &Owner, model: &mut Model<'_>) -> bool {
    let accounts = &model.facts.accounts;
    let user = accounts.uid(&owner.user).is_some() || model.new_users.contains(&owner.user);
    // useradd makes a group of the user's name.
    let made = model.new_groups.contains(&owner.group) || model.new_users.contains(&owner.group);
    let group = accounts.gid(&owner.group).is_some() || made;
    for (known, kind, name) in [(user, "user", &owner.user), (group, "group", &owner.group)] {
        if !known {
            model.refuse(
                RefusalCode::FileUnsuitable,
                path,
                format!("its {kind} {name} is not on this host"),
                format!("add {name} to the profile's {kind}s, or correct the name"),
            );
        }
    }
    user && group
}
