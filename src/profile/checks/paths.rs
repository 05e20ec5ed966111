//! Paths that a profile writes: absolute, nobody else's, and each written by one resource.

use super::Problems;
use crate::profile::yaml::At;
use std::collections::HashMap;
use std::ops::Range;

/// Paths that the profile writes, with the resource that does.
#[derive(Default)]
pub struct Claims(HashMap<String, String>);

/// Trees that no file belongs into.
const TREES: [(&str, &str); 4] = [
    ("/proc", "the kernel makes it"),
    ("/sys", "the kernel makes it"),
    ("/dev", "udev makes it anew at each boot"),
    ("/var/lib/atomhost", "atomhost remembers its runs there"),
];

/// Files that are changed with care for what else is in them, and by what.
const MANAGED: [(&str, &str); 12] = [
    ("/etc/fstab", "mounts and swap of `lvm` and `mounts` change single lines of it"),
    ("/etc/passwd", "useradd and its kin change it: name accounts under `users`"),
    ("/etc/passwd-", "it is the backup of another"),
    ("/etc/shadow", "useradd and its kin change it: name accounts under `users`"),
    ("/etc/shadow-", "it is the backup of another"),
    ("/etc/group", "groupadd and its kin change it: name groups under `groups`"),
    ("/etc/group-", "it is the backup of another"),
    ("/etc/gshadow", "groupadd and its kin change it: name groups under `groups`"),
    ("/etc/gshadow-", "it is the backup of another"),
    ("/etc/security/access.conf", "a wrong line locks everybody out: name its rules under `access`"),
    ("/etc/atomhost/profile.yaml", "a profile does not write itself"),
    ("/run/atomhost.lock", "it is atomhost's own"),
];

impl Claims {
    /// Enters a path for `owner`, such as `files`; false, with a problem, when another has it.
    pub fn claim(&mut self, path: &str, owner: &str, span: &Range<usize>, problems: &mut Problems) -> bool {
        if let Some(other) = self.0.get(path) {
            let message = match other == owner {
                true => format!("{path} is written twice under `{owner}`"),
                false => format!("{path} is written by `{other}` already"),
            };
            problems.add(span, message, "keep one of the two: which one counts would be a guess");
            return false;
        }
        self.0.insert(path.to_owned(), owner.to_owned());
        true
    }
}

/// A path that may be written, in its one spelling.
pub fn writable(path: &At<String>, problems: &mut Problems) -> Option<String> {
    let normal = normalised(path, problems)?;
    if let Some(reason) = reserved(&normal) {
        problems.add(&path.span, format!("{normal} is no file for a profile to write: {reason}"), "remove it here");
        return None;
    }
    Some(normal)
}

/// One spelling of each path, without following links: those are the host's.
pub fn normalised(path: &At<String>, problems: &mut Problems) -> Option<String> {
    let At { value, span } = path;
    let reason = if !value.starts_with('/') {
        "it does not begin with /"
    } else if value.chars().any(char::is_control) {
        "it holds a control character"
    } else if value.split('/').any(|part| part == "." || part == "..") {
        "it holds `.` or `..`"
    } else if value.trim_matches('/').is_empty() {
        "it is the root directory"
    } else {
        return Some(crate::fstab::normalise(value));
    };
    problems.add(
        span,
        format!("`{value}` is no path of a file: {reason}"),
        "write an absolute path, such as /etc/motd",
    );
    None
}

/// Why no profile writes this path; the path may be one that a link of the host leads to.
pub fn reserved(path: &str) -> Option<String> {
    let below = |tree: &str| path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let known = TREES.iter().filter(|(tree, _)| below(tree)).chain(MANAGED.iter().filter(|(file, _)| path == *file));
    if let Some((_, reason)) = known.into_iter().next() {
        return Some((*reason).to_owned());
    }
    if path.ends_with("/.ssh/authorized_keys") {
        return Some("it decides who may log in: name keys under `users`".to_owned());
    }
    let profile = path.strip_prefix("/etc/lvm/profile/").and_then(|name| name.strip_suffix(".profile"));
    profile.map(|_| "thin pools keep their settings there: give `autoextend` to the pool".to_owned())
}
