//! Files and directories that the profile names: content, mode and owner, or their absence.

use super::managed_file::{self, ManagedFile, Text};
use super::{Watch, place};
use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::{FileFacts, FileKind};
use crate::observe::files::LARGEST;
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::checks::paths::reserved;
use crate::profile::{Attributes, FileContent, FileState, FileWanted, Profile, Visibility};
use crate::secret::{SecretRef, SecretSource};
use std::collections::BTreeMap;

/// Trees that are empty after each boot.
const VOLATILE: [&str; 3] = ["/run", "/var/run", "/tmp"];
/// Digits of a content's digest in its backup's name.
const DIGITS: usize = 12;
const WHY: &str = "the profile says what is in it";

/// What to look at for the profile's files.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    for file in &profile.files {
        match &file.state {
            FileState::File(content, _) => watch_content(&file.path, content, watch),
            FileState::Touch(_) | FileState::Directory(_) => watch.attributes(&file.path),
            // Its digest tells whether it is still what the plan removes.
            FileState::Absent => watch.secret(&file.path),
        }
    }
}

/// What to look at for a file with this content.
pub fn watch_content(path: &str, content: &FileContent, watch: &mut Watch) {
    match content {
        FileContent::Text(_) => watch.text(path),
        FileContent::Secret(_) => watch.secret(path),
        FileContent::Source { path: source, visibility: Visibility::Shown } => {
            watch.text(path);
            watch.text(source);
        }
        FileContent::Source { path: source, visibility: Visibility::Secret } => {
            watch.secret(path);
            watch.secret(source);
        }
    }
}

/// Plans the files: directories first, those above before those within, then the rest in the
/// profile's order.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let (mut directories, others): (Vec<&FileWanted>, Vec<&FileWanted>) =
        profile.files.iter().partition(|file| matches!(file.state, FileState::Directory(_)));
    directories.sort_by(|a, b| a.path.cmp(&b.path));
    let mut places: BTreeMap<String, &str> = BTreeMap::new();
    for file in directories.into_iter().chain(others) {
        let resolved = model.facts.resolved(&file.path).to_owned();
        if !is_apart(file, &resolved, &places, model) {
            continue;
        }
        places.insert(resolved, &file.path);
        match &file.state {
            FileState::File(content, attributes) => plan_file(&file.path, content, attributes, model),
            FileState::Touch(attributes) => plan_managed(&file.path, Text::AsFound, attributes, "", model),
            FileState::Directory(attributes) => plan_directory(&file.path, attributes, model),
            FileState::Absent => plan_absent(&file.path, model),
        }
    }
}

/// Links of the host may lead one entry to another's file, or to one that no profile writes.
fn is_apart(file: &FileWanted, resolved: &str, places: &BTreeMap<String, &str>, model: &mut Model<'_>) -> bool {
    let cure = "name the file itself, once, or remove this entry";
    if let Some(other) = places.get(resolved) {
        let found = format!("leads to {resolved}, as {other} does");
        model.refuse(RefusalCode::FileUnsuitable, &file.path, found, cure);
        return false;
    }
    // An absent link is renamed itself: it matters not where it leads.
    if resolved != file.path
        && file.state != FileState::Absent
        && let Some(reason) = reserved(resolved)
    {
        model.refuse(RefusalCode::FileUnsuitable, &file.path, format!("leads to {resolved}: {reason}"), cure);
        return false;
    }
    if VOLATILE.iter().any(|tree| place::is_within(resolved, tree)) {
        model.warn(
            WarningCode::FileNotLasting,
            &file.path,
            "is gone after a reboot, until the next run: a file in /etc/tmpfiles.d would last",
        );
    }
    true
}

fn plan_file(path: &str, content: &FileContent, attributes: &Attributes, model: &mut Model<'_>) {
    if let Some(text) = wanted_text(path, content, model) {
        plan_managed(path, text, attributes, WHY, model);
    }
}

/// What a content comes to on this host; `None` where a guard refused.
pub fn wanted_text(path: &str, content: &FileContent, model: &mut Model<'_>) -> Option<Text> {
    match content {
        FileContent::Text(text) => Some(Text::Shown(text.clone())),
        FileContent::Secret(secret) => {
            Some(Text::Secret(SecretRef { digest: secret.digest(), source: SecretSource::Profile }))
        }
        FileContent::Source { path: source, visibility } => copied(path, source, *visibility, model),
    }
}

fn copied(path: &str, source: &str, visibility: Visibility, model: &mut Model<'_>) -> Option<Text> {
    let Some(found) = place::found(source, model) else {
        managed_file::unseen(source, model);
        return None;
    };
    if found.kind == FileKind::Missing {
        let cure = format!("put it there, or correct the source of {path}");
        model.refuse(RefusalCode::FileUnsuitable, source, "is not there", cure);
        return None;
    }
    if !managed_file::suitable(source, &found, &[FileKind::File], model) {
        return None;
    }
    let Some(digest) = found.sha256 else {
        let found = format!("has {} bytes: too many to copy", found.size);
        let cure = format!("files up to {} MiB are copied: take this one into the image", LARGEST >> 20);
        model.refuse(RefusalCode::FileUnsuitable, source, found, cure);
        return None;
    };
    if visibility == Visibility::Secret && found.mode & 0o077 != 0 {
        model.warn(
            WarningCode::SecretReadable,
            source,
            format!("is a secret, and its mode {:04o} lets others read it: chmod 600", found.mode),
        );
    }
    match found.text {
        Some(text) if visibility == Visibility::Shown => Some(Text::Shown(text)),
        _ => Some(Text::Copied { source: source.to_owned(), digest, size: found.size, visibility }),
    }
}

fn plan_managed(path: &str, text: Text, attributes: &Attributes, why: &str, model: &mut Model<'_>) {
    let Some(owner) = owner(path, attributes, model) else { return };
    let why = if why.is_empty() { "the profile wants it there" } else { why };
    let mode = attributes.mode.map(|mode| mode.0);
    managed_file::plan(&ManagedFile { path, text, mode, owner, what: "", why }, model);
}

/// The owner that the profile names; what it leaves open is as found, and root's for something new.
/// `None` where a guard refused.
fn owner(path: &str, attributes: &Attributes, model: &mut Model<'_>) -> Option<Option<Owner>> {
    let Attributes { user, group, .. } = attributes;
    if user.is_none() && group.is_none() {
        return Some(None);
    }
    let root = Owner::root();
    let now = match place::found(path, model) {
        Some(found) if found.kind != FileKind::Missing && !place::is_unseen(&found) => {
            let name = model.facts.accounts.owner_name(found.uid, found.gid);
            name.split_once(':').map_or(root, |(user, group)| Owner { user: user.to_owned(), group: group.to_owned() })
        }
        _ => root,
    };
    let owner = Owner { user: user.clone().unwrap_or(now.user), group: group.clone().unwrap_or(now.group) };
    place::is_known(path, &owner, model).then_some(Some(owner))
}

fn plan_directory(path: &str, attributes: &Attributes, model: &mut Model<'_>) {
    let Some(found) = place::found(path, model) else { return managed_file::unseen(path, model) };
    if !managed_file::suitable(path, &found, &[FileKind::Missing, FileKind::Directory], model) {
        return;
    }
    let Some(owner) = owner(path, attributes, model) else { return };
    let mode = attributes.mode.map(|mode| mode.0);
    if found.kind == FileKind::Directory {
        let change = managed_file::attributes(path, &found, mode, owner.as_ref(), model);
        if let Some((action, words)) = change
            && managed_file::writable(path, &found, model)
        {
            model.act(action, words);
        }
        return;
    }
    if !managed_file::writable(path, &found, model) || !place::make_parents(path, model) {
        return;
    }
    let mode = mode.unwrap_or(place::DIRECTORY_MODE);
    model.act(
        Action::CreateDirectory { path: path.to_owned(), mode, owner: owner.unwrap_or_else(Owner::root) },
        Words {
            object: path.to_owned(),
            before: String::new(),
            after: format!("directory, mode {mode:04o}"),
            why: "the profile wants it there".to_owned(),
        },
    );
}

fn plan_absent(path: &str, model: &mut Model<'_>) {
    let Some(found) = place::found(path, model) else { return managed_file::unseen(path, model) };
    if found.kind == FileKind::Missing && found.link.is_none() {
        return;
    }
    if found.kind == FileKind::Directory {
        let cure = format!("no run removes a directory: rm -r {path}, if nothing in it is wanted");
        return model.refuse(RefusalCode::FileUnsuitable, path, "is a directory", cure);
    }
    if !managed_file::suitable(path, &found, &[FileKind::File], model) {
        return;
    }
    let Some(digest) = &found.sha256 else {
        let found = format!("has {} bytes: too many to compare before it makes way", found.size);
        return model.refuse(RefusalCode::FileUnsuitable, path, found, format!("mv {path} elsewhere"));
    };
    if !managed_file::writable(path, &found, model) {
        return;
    }
    let backup = backup(path, digest);
    model.act(
        Action::RemoveFile { path: path.to_owned(), digest: digest.clone(), backup: backup.clone() },
        Words {
            object: path.to_owned(),
            before: state(&found),
            after: format!("kept as {backup}"),
            why: "the profile wants it absent".to_owned(),
        },
    );
}

fn state(found: &FileFacts) -> String {
    match &found.link {
        Some(target) => format!("link to {target}"),
        None => format!("{} bytes", found.size),
    }
}

/// Where a file goes that makes way: another content never takes an earlier backup's name, and
/// programs that read every file of a directory pass one by that ends in `.bak`.
fn backup(path: &str, digest: &str) -> String {
    format!("{path}.atomhost-{}.bak", digest.get(..DIGITS).unwrap_or(digest))
}
