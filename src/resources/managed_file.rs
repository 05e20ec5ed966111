//! A file whose whole text a resource decides: the common part of every resource that writes one.

use super::place;
use crate::accounts::Owner;
use crate::action::{Action, Origin};
use crate::facts::{FileFacts, FileKind};
use crate::observe::files::LARGEST;
use crate::plan::RefusalCode;
use crate::plan::model::{Model, Words};
use crate::profile::Visibility;
use crate::record::Begun;
use crate::secret::{SecretRef, digest};
use crate::words::counted;

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
    /// What another file says: `digest` is that of its content, `size` its bytes.
    Copied {
        source: String,
        digest: String,
        size: u64,
        visibility: Visibility,
    },
    /// Whatever it says now; an empty file where there is none.
    AsFound,
}

/// Mode of a new file that the profile gives none.
const MODE: u32 = 0o644;
/// Bytes of old and new text together: beyond, a plan tells sizes and shows no lines. The lvm.conf that
/// packages ship has 100 KB, nearly all of it comment, and one line of it is ours to show.
const LARGEST_SHOWN: usize = 512 << 10;

/// Plans the file: its text, then mode and owner where those drifted. Returns whether its text will
/// change; `None` where a guard refused.
pub fn plan(wanted: &ManagedFile<'_>, model: &mut Model<'_>) -> Option<bool> {
    plan_owing(wanted, &[], model)
}

/// As [`plan`], where a change of the text asks for more: `owes` is recorded before it.
pub fn plan_owing(wanted: &ManagedFile<'_>, owes: &[Begun], model: &mut Model<'_>) -> Option<bool> {
    let Some(found) = place::found(wanted.path, model) else {
        unseen(wanted.path, model);
        return None;
    };
    if !suitable(wanted.path, &found, &[FileKind::Missing, FileKind::File], model) {
        return None;
    }
    let is_compared = !matches!(wanted.text, Text::AsFound);
    if is_compared && found.kind == FileKind::File && found.text.is_none() && found.sha256.is_none() {
        let size = format!("is larger than {} MiB: too large to compare", LARGEST >> 20);
        refuse(wanted.path, &size, "move it away, or correct the path in the profile", model);
        return None;
    }
    let change = content(wanted, &found);
    let attributes = attributes(wanted.path, &found, wanted.mode, wanted.owner.as_ref(), model);
    if (change.is_some() || attributes.is_some()) && !writable(wanted.path, &found, model) {
        return None;
    }
    if found.kind == FileKind::Missing && !place::make_parents(wanted.path, model) {
        return None;
    }
    let changed = change.is_some();
    let change = change.map(|(action, before, after)| {
        let object = wanted.path.to_owned();
        (action, Words { object, before, after, why: wanted.why.to_owned() }, owes)
    });
    let attributes = attributes.map(|(action, words)| (action, words, [].as_slice()));
    // A secret comes into a file that nobody else can read any more.
    let ordered = if is_secret(&wanted.text) { [attributes, change] } else { [change, attributes] };
    for (action, words, owes) in ordered.into_iter().flatten() {
        model.act_owing(action, words, owes);
    }
    Some(changed)
}

/// Refuses what the facts do not tell of.
pub fn unseen(path: &str, model: &mut Model<'_>) {
    refuse(path, "was not looked at", "gather the facts for this profile again", model);
}

fn is_secret(text: &Text) -> bool {
    matches!(text, Text::Secret(_) | Text::Copied { visibility: Visibility::Secret, .. })
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
            let after = if wanted.what.is_empty() { counted(lines, "line") } else { wanted.what.to_owned() };
            let before = found.text.clone().filter(|_| !is_new);
            let shown = before.as_ref().map_or(0, String::len) + text.len();
            if (before.is_none() && !is_new) || shown > LARGEST_SHOWN {
                let digest = digest(text.as_bytes());
                let origin = Origin::Text(text.clone());
                let before = found.sha256.clone();
                return (before.as_ref() != Some(&digest)).then_some((
                    Action::CopyFile { path, mode, owner, before, after: digest, origin },
                    state,
                    after,
                ));
            }
            let state = if before.is_some() { String::new() } else { state };
            Some((Action::WriteFile { path, mode, owner, before, after: text.clone() }, state, after))
        }
        Text::Secret(secret) if found.sha256.as_ref() != Some(&secret.digest) => {
            let before = found.sha256.clone();
            let after = if wanted.what.is_empty() { "new content (secret)" } else { wanted.what };
            let action = Action::WriteSecretFile { path, mode, owner, before, after: secret.clone() };
            Some((action, state, after.to_owned()))
        }
        Text::Copied { source, digest, size, visibility } if found.sha256.as_ref() != Some(digest) => {
            let after = match visibility {
                Visibility::Shown => format!("{size} bytes of {source}"),
                Visibility::Secret => format!("content of {source} (secret)"),
            };
            let (before, after_digest) = (found.sha256.clone(), digest.clone());
            let origin = Origin::File(source.clone());
            Some((Action::CopyFile { path, mode, owner, before, after: after_digest, origin }, state, after))
        }
        Text::AsFound if is_new => {
            let action = Action::WriteFile { path, mode, owner, before: None, after: String::new() };
            Some((action, state, "empty file".to_owned()))
        }
        Text::Shown(_) | Text::Secret(_) | Text::Copied { .. } | Text::AsFound => None,
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
        before.extend((!place::is_unseen(found)).then(|| format!("mode {:04o}", found.mode)));
        after.push(format!("mode {mode:04o}"));
    }
    if let Some(owner) = owner {
        before.extend((!place::is_unseen(found)).then(|| accounts.owner_name(found.uid, found.gid)));
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
