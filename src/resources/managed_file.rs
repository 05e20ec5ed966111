//! A file whose whole text a resource decides: the common part of every resource that writes one.

use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::{FileFacts, FileKind};
use crate::plan::RefusalCode;
use crate::plan::model::{Model, Words};
use crate::secret::SecretRef;

/// A file as it shall be.
#[derive(Clone, Debug)]
pub struct ManagedFile<'a> {
    /// Absolute; it must be on the profile's [`super::Watch`].
    pub path: &'a str,
    pub text: Text,
    /// `None`: as found, and 0644 for a new file.
    pub mode: Option<u32>,
    /// `None`: as found, and root's for a new file.
    pub owner: Option<Owner>,
    /// For a person: what changes, and why. An empty `what` is filled with the number of lines.
    pub what: &'a str,
    pub why: &'a str,
}

/// What a file shall say.
#[derive(Clone, Debug)]
pub enum Text {
    Shown(String),
    Secret(SecretRef),
    /// Whatever it says now; an empty file where there is none.
    AsFound,
}

/// Mode of a new file that the profile gives none.
const MODE: u32 = 0o644;

/// Plans the file: its text, then mode and owner where those drifted. Returns whether its text will
/// change; `None` where a guard refused.
pub fn plan(wanted: &ManagedFile<'_>, model: &mut Model<'_>) -> Option<bool> {
    let facts = model.facts;
    let Some(found) = facts.files.get(wanted.path) else {
        refuse(wanted.path, "was not looked at", "gather the facts for this profile again", model);
        return None;
    };
    if !suitable(wanted.path, found, &[FileKind::Missing, FileKind::File], model) {
        return None;
    }
    let change = content(wanted, found);
    let attributes = attributes(wanted.path, found, wanted.mode, wanted.owner.as_ref(), model);
    if (change.is_some() || attributes.is_some()) && !writable(wanted.path, found, model) {
        return None;
    }
    let changed = change.is_some();
    if let Some((action, before, after)) = change {
        let object = wanted.path.to_owned();
        model.act(action, Words { object, before, after, why: wanted.why.to_owned() });
    }
    if let Some((action, words)) = attributes {
        model.act(action, words);
    }
    Some(changed)
}

/// The action that brings the file's text about, with the state before and after in words.
fn content(wanted: &ManagedFile<'_>, found: &FileFacts) -> Option<(Action, String, String)> {
    let is_new = found.kind == FileKind::Missing;
    let path = wanted.path.to_owned();
    let mode = wanted.mode.unwrap_or(MODE);
    let owner = wanted.owner.clone().unwrap_or_else(Owner::root);
    let state = if is_new { String::new() } else { format!("{} bytes", found.size) };
    match &wanted.text {
        Text::Shown(text) if found.text.as_ref() != Some(text) => {
            let lines = text.lines().count();
            let counted = format!("{lines} line{}", if lines == 1 { "" } else { "s" });
            let after = if wanted.what.is_empty() { counted } else { wanted.what.to_owned() };
            let before = found.text.clone().filter(|_| !is_new);
            let state = if before.is_some() { String::new() } else { state };
            Some((Action::WriteFile { path, mode, owner, before, after: text.clone() }, state, after))
        }
        Text::Secret(secret) if found.sha256.as_ref() != Some(&secret.digest) => {
            let before = found.sha256.clone();
            let after = if wanted.what.is_empty() { "new content (secret)" } else { wanted.what };
            let action = Action::WriteSecretFile { path, mode, owner, before, after: secret.clone() };
            Some((action, state, after.to_owned()))
        }
        Text::AsFound if is_new => {
            let action = Action::WriteFile { path, mode, owner, before: None, after: String::new() };
            Some((action, state, "empty file".to_owned()))
        }
        Text::Shown(_) | Text::Secret(_) | Text::AsFound => None,
    }
}

/// The action that mends mode and owner of what is there.
pub fn attributes(
    path: &str,
    found: &FileFacts,
    mode: Option<u32>,
    owner: Option<&Owner>,
    model: &Model<'_>,
) -> Option<(Action, Words)> {
    if found.kind == FileKind::Missing {
        return None;
    }
    let accounts = &model.facts.accounts;
    let mode = mode.filter(|mode| *mode != found.mode);
    let owner = owner.filter(|owner| {
        // A user that the plan makes owns nothing yet.
        (accounts.uid(&owner.user), accounts.gid(&owner.group)) != (Some(found.uid), Some(found.gid))
    });
    if mode.is_none() && owner.is_none() {
        return None;
    }
    let mut before = Vec::new();
    let mut after = Vec::new();
    if let Some(mode) = mode {
        before.push(format!("mode {:04o}", found.mode));
        after.push(format!("mode {mode:04o}"));
    }
    if let Some(owner) = owner {
        before.push(accounts.owner_name(found.uid, found.gid));
        after.push(owner.to_string());
    }
    let words = Words {
        object: path.to_owned(),
        before: before.join(", "),
        after: after.join(", "),
        why: "mode and owner are as the profile says".to_owned(),
    };
    Some((Action::SetAttributes { path: path.to_owned(), mode, owner: owner.cloned() }, words))
}

/// Whether what is at the path can be dealt with at all.
pub fn suitable(path: &str, found: &FileFacts, kinds: &[FileKind], model: &mut Model<'_>) -> bool {
    if let Some(reason) = &found.unreadable {
        refuse(path, &format!("cannot be read: {reason}"), "look at it with ls -ld and stat", model);
        return false;
    }
    if !kinds.contains(&found.kind) {
        let what = match found.kind {
            FileKind::Missing => "is not there",
            FileKind::File => "is a file",
            FileKind::Directory => "is a directory",
            FileKind::Special => "is a device, socket or pipe",
        };
        refuse(path, what, "move it away, or correct the path in the profile", model);
        return false;
    }
    true
}

/// Whether the file could be written: found out before the first write, not halfway.
pub fn writable(path: &str, found: &FileFacts, model: &mut Model<'_>) -> bool {
    if found.immutable && found.kind == FileKind::Missing {
        // As the top of a root that OSTree deploys.
        refuse(path, "cannot be made: its directory is immutable", "choose a path in /etc or /var", model);
        return false;
    }
    if found.immutable {
        refuse(path, "is immutable", &format!("chattr -i {path}"), model);
        return false;
    }
    if found.read_only {
        refuse(
            path,
            "is on a file system that is mounted read-only",
            "mount it read-write, or choose another path",
            model,
        );
        return false;
    }
    true
}

fn refuse(path: &str, found: &str, cure: &str, model: &mut Model<'_>) {
    model.refuse(RefusalCode::FileUnsuitable, path, found, cure);
}
