//! PAM stacks: which services load pam_access, and how. Text in, facts out.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where PAM looks for the stack of a service, first match wins.
pub const STACK_FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
/// Includes that are followed: deeper ones are a circle.
const DEEPEST: usize = 16;

/// PAM on this host, as far as pam_access is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PamFacts {
    /// Every service with a stack of its own, and how that loads pam_access; empty where it does not.
    pub services: BTreeMap<String, Vec<PamAccess>>,
    /// Text of /etc/security/access.d/*.conf by path, which is their order too.
    pub more_rules: BTreeMap<String, String>,
    pub manager: PamManager,
}

/// A line of a stack that loads pam_access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PamAccess {
    /// `account`, `auth`, `session` or `password`.
    pub group: String,
    /// `required`, `requisite` and so on, or `[…]`.
    pub control: String,
    pub arguments: Vec<String>,
}

/// Who looks after the stacks that all services share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PamManager {
    /// authselect, with a profile in use (Fedora, RHEL 8 and later).
    Authselect,
    /// authconfig (RHEL 7 and earlier).
    Authconfig,
    /// pam-auth-update, which keeps local lines in /etc/pam.d/common-account (Debian).
    PamAuthUpdate,
    #[default]
    Unknown,
}

impl PamAccess {
    /// pam_access as every manager loads it.
    pub fn plain() -> PamAccess {
        PamAccess { group: "account".to_owned(), control: "required".to_owned(), arguments: Vec::new() }
    }

    /// Whether its denial keeps somebody out.
    pub fn is_enforced(&self) -> bool {
        !matches!(self.control.to_ascii_lowercase().as_str(), "optional" | "sufficient")
    }

    /// The file of rules, where it is not access.conf.
    pub fn other_file(&self) -> Option<&str> {
        self.arguments.iter().rev().find_map(|argument| argument.strip_prefix("accessfile="))
    }
}

impl PamFacts {
    /// Whether a service has a stack of its own that obeys access.conf.
    pub fn obeys(&self, service: &str) -> bool {
        self.uses(service).next().is_some()
    }

    /// How a service's stack obeys access.conf.
    pub fn uses(&self, service: &str) -> impl Iterator<Item = &PamAccess> {
        let uses = self.services.get(service).map(Vec::as_slice).unwrap_or_default();
        uses.iter().filter(|found| found.is_enforced() && found.other_file().is_none())
    }
}

/// Finds the services and their lines of pam_access. `files`: text of every stack by name.
pub fn services(files: &BTreeMap<String, String>) -> BTreeMap<String, Vec<PamAccess>> {
    let parsed: BTreeMap<&str, Vec<Entry>> = files.iter().map(|(name, text)| (name.as_str(), entries(text))).collect();
    let included: BTreeSet<&str> =
        parsed.values().flatten().filter_map(|entry| entry.included()).map(stack_name).collect();
    parsed
        .keys()
        .filter(|name| !included.contains(*name))
        .map(|name| {
            let mut found = Vec::new();
            collect(name, None, &parsed, DEEPEST, &mut found);
            ((*name).to_owned(), found)
        })
        .collect()
}

/// A line of a stack.
enum Entry {
    /// `@include FILE`: all of its lines.
    IncludeAll(String),
    /// `GROUP include FILE` or `GROUP substack FILE`: its lines of the group.
    Include {
        group: String,
        file: String,
    },
    Module {
        group: String,
        control: String,
        module: String,
        arguments: Vec<String>,
    },
}

impl Entry {
    fn included(&self) -> Option<&str> {
        match self {
            Entry::IncludeAll(file) | Entry::Include { file, .. } => Some(file),
            Entry::Module { .. } => None,
        }
    }
}

fn stack_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

fn collect(
    name: &str,
    only: Option<&str>,
    stacks: &BTreeMap<&str, Vec<Entry>>,
    depth: usize,
    found: &mut Vec<PamAccess>,
) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for entry in stacks.get(name).map(Vec::as_slice).unwrap_or_default() {
        match entry {
            Entry::IncludeAll(file) => collect(stack_name(file), only, stacks, depth, found),
            Entry::Include { group, file } if only.is_none_or(|only| only == group) => {
                collect(stack_name(file), Some(group), stacks, depth, found);
            }
            Entry::Module { group, control, module, arguments }
                if only.is_none_or(|only| only == group)
                    && stack_name(module).trim_end_matches(".so") == "pam_access" =>
            {
                let found_here =
                    PamAccess { group: group.clone(), control: control.clone(), arguments: arguments.clone() };
                if !found.contains(&found_here) {
                    found.push(found_here);
                }
            }
            Entry::Include { .. } | Entry::Module { .. } => {}
        }
    }
}

/// The lines of a stack's text; what is none is passed over, as PAM would fail on it.
fn entries(text: &str) -> Vec<Entry> {
    let joined = text.replace("\\\n", " ");
    joined.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = words(line).into_iter();
    let group = words.next()?;
    if group == "@include" {
        return words.next().map(Entry::IncludeAll);
    }
    let group = group.trim_start_matches('-').to_ascii_lowercase();
    let control = words.next()?;
    let module = words.next()?;
    if matches!(control.to_ascii_lowercase().as_str(), "include" | "substack") {
        return Some(Entry::Include { group, file: module });
    }
    Some(Entry::Module { group, control, module, arguments: words.collect() })
}

/// White space separates words, except within brackets; those around an argument are not part of it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']').map_or(rest.len(), |at| at + 2),
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let word = &rest[..end];
        // The second word is the control, whose brackets say what it is.
        let is_argument = words.len() > 2;
        let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).filter(|_| is_argument);
        words.push(bare.unwrap_or(word).to_owned());
        rest = rest[end..].trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> BTreeMap<String, Vec<PamAccess>> {
        services(&files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn includes_are_followed_by_group() {
        let services = found(&[
            (
                "sshd",
                "auth substack password-auth\n-account  include password-auth\nsession required pam_loginuid.so\n",
            ),
            (
                "password-auth",
                "auth required pam_env.so\naccount required /usr/lib64/security/pam_access.so nodefgroup\n",
            ),
            ("crond", "account\trequired\\\n pam_access.so\n"),
            ("cron", "@include common-account\n"),
            ("common-account", "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"),
            ("login", "# account required pam_access.so\nauth include loop\n"),
            ("loop", "auth include loop\n@include loop\n"),
            ("only-auth", "auth include password-auth\n"),
            (
                "odd",
                "account optional pam_access.so\naccount required pam_access.so accessfile=/etc/odd [listsep=, ;]\n",
            ),
        ]);
        let names: Vec<&str> = services.keys().map(String::as_str).collect();
        assert_eq!(names, ["cron", "crond", "login", "odd", "only-auth", "sshd"]);
        let nodefgroup = PamAccess { arguments: vec!["nodefgroup".into()], ..PamAccess::plain() };
        assert_eq!(services["sshd"], [nodefgroup]);
        assert_eq!(services["crond"], [PamAccess::plain()]);
        for empty in ["cron", "login", "only-auth"] {
            assert_eq!(services[empty], [], "{empty}");
        }
        assert_eq!(services["odd"][1].other_file(), Some("/etc/odd"));
        assert_eq!(services["odd"][1].arguments[1], "listsep=, ;");
        let pam = PamFacts { services, ..PamFacts::default() };
        assert!(pam.obeys("sshd") && !pam.obeys("cron") && !pam.obeys("odd") && !pam.obeys("nothing"));
    }
}
