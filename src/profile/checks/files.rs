//! Files and directories: what belongs to each state, and no two of them in each other's way.

use super::Problems;
use super::paths::{self, Claims};
use crate::certificate;
use crate::profile::raw::{MapOf, RawFile, RawState};
use crate::profile::yaml::At;
use crate::profile::{Attributes, FileContent, FileState, FileWanted, Mode, Visibility};
use crate::secret::Secret;
use indexmap::IndexMap;
use std::ops::Range;

const SECTION: &str = "files";
/// A secret is its owner's alone unless the profile says otherwise.
const SECRET_MODE: Mode = Mode(0o600);

/// The files, in the profile's order.
pub fn check(
    raw: IndexMap<At<String>, MapOf<RawFile>>,
    claims: &mut Claims,
    problems: &mut Problems,
) -> Vec<FileWanted> {
    let mut files: Vec<(FileWanted, Range<usize>)> = Vec::new();
    for (path, MapOf(file)) in raw {
        let normal = paths::writable(&path, problems);
        let state = state(&path, file, problems);
        let Some((path, state, span)) = normal.zip(state).map(|(normal, state)| (normal, state, path.span)) else {
            continue;
        };
        if claims.claim(&path, SECTION, &span, problems) {
            files.push((FileWanted { path, state }, span));
        }
    }
    for (file, span) in &files {
        let below = |other: &FileWanted| file.path.strip_prefix(&other.path).is_some_and(|rest| rest.starts_with('/'));
        let above = files.iter().find(|(other, _)| below(other) && !matches!(other.state, FileState::Directory(_)));
        if let Some((above, _)) = above {
            problems.add(
                span,
                format!("{} lies below {}, which is to be no directory", file.path, above.path),
                format!("give {} `state: directory`, or remove one of the two", above.path),
            );
        }
    }
    files.into_iter().map(|(file, _)| file).collect()
}

fn state(path: &At<String>, file: At<RawFile>, problems: &mut Problems) -> Option<FileState> {
    let RawFile { state, content, source, mode, owner, group, secret } = file.value;
    let mode = mode.and_then(|At { value, span }| problems.note(&span, Mode::parse(&value)));
    let mut attributes =
        Attributes { mode, user: name(owner, "user", problems), group: name(group, "group", problems) };
    let state = state.map_or(RawState::File, |state| state.value);
    if state == RawState::File {
        let content = file_content(path, content, source, secret.as_ref(), problems)?;
        if is_secret(&content) && attributes.mode.is_none() {
            attributes.mode = Some(SECRET_MODE);
        }
        return Some(FileState::File(content, attributes));
    }
    let word = match state {
        RawState::File | RawState::Absent => "absent",
        RawState::Directory => "directory",
        RawState::Touch => "touch",
    };
    let mut odd: Vec<(&str, Range<usize>)> = Vec::new();
    odd.extend(content.map(|content| ("content", content.span)));
    odd.extend(source.map(|source| ("source", source.span)));
    odd.extend(secret.map(|secret| ("secret", secret.span)));
    if state == RawState::Absent && attributes != Attributes::default() {
        odd.push(("mode, owner or group", path.span.clone()));
    }
    for (key, span) in &odd {
        problems.add(span, format!("{key} stands beside `state: {word}`"), format!("remove {key}, or the state"));
    }
    odd.is_empty().then_some(match state {
        RawState::Directory => FileState::Directory(attributes),
        RawState::Touch => FileState::Touch(attributes),
        RawState::File | RawState::Absent => FileState::Absent,
    })
}

fn is_secret(content: &FileContent) -> bool {
    matches!(content, FileContent::Secret(_) | FileContent::Source { visibility: Visibility::Secret, .. })
}

fn file_content(
    path: &At<String>,
    content: Option<At<String>>,
    source: Option<At<String>>,
    secret: Option<&At<bool>>,
    problems: &mut Problems,
) -> Option<FileContent> {
    let is_secret = secret.is_some_and(|secret| secret.value);
    let span = content.as_ref().map(|content| content.span.clone());
    let cure = "add `content:` or `source:`; `state: touch` leaves open what the file says";
    Some(match one_content(path, content, source, cure, problems)? {
        FileContent::Text(text) if is_secret => FileContent::Secret(Secret::new(text)),
        FileContent::Source { path, .. } if is_secret => FileContent::Source { path, visibility: Visibility::Secret },
        FileContent::Text(text) if certificate::holds_private_key(&text) => {
            let span = span.unwrap_or_else(|| path.span.clone());
            problems.add(&span, "a private key stands here for every plan to show", "add `secret: true`");
            return None;
        }
        content => content,
    })
}

/// Exactly one of content and source.
pub fn one_content(
    path: &At<String>,
    content: Option<At<String>>,
    source: Option<At<String>>,
    cure: &str,
    problems: &mut Problems,
) -> Option<FileContent> {
    match (content, source) {
        (Some(_), Some(source)) => {
            problems.add(&source.span, "source stands beside content", "keep one of the two");
            None
        }
        (Some(content), None) => Some(FileContent::Text(content.value)),
        (None, Some(source)) => {
            let from = paths::normalised(&source, problems)?;
            if crate::fstab::normalise(&path.value) == from {
                problems.add(&source.span, "the file is its own source", "name another file");
                return None;
            }
            Some(FileContent::Source { path: from, visibility: Visibility::Shown })
        }
        (None, None) => {
            problems.add(&path.span, format!("nothing says what {} shall hold", path.value), cure);
            None
        }
    }
}

/// A user's or group's name, or number.
fn name(name: Option<At<String>>, kind: &str, problems: &mut Problems) -> Option<String> {
    let At { value, span } = name?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || ":/,".contains(c);
    if value.is_empty() || value.starts_with('-') || value.chars().any(odd) {
        problems.add(&span, format!("`{value}` is no {kind}'s name or number"), "write one, such as root or 0");
        return None;
    }
    Some(value)
}
