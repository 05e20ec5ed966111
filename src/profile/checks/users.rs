//! Groups and users: names and numbers, password hashes, keys.

use super::Problems;
use crate::authorized_keys;
use crate::crypt;
use crate::profile::raw::{MapOf, RawUser, RawUserGroup};
use crate::profile::users::{AuthorizedKey, Group, KeysWanted, OtherKeys, Password, User};
use crate::profile::yaml::At;
use crate::secret::Secret;
use indexmap::IndexMap;
use std::collections::HashMap;
use std::ops::Range;

/// useradd's and utmp's limit.
const LONGEST_NAME: usize = 32;
/// What `-1` and its 16-bit form stand for in system calls.
const NO_NUMBERS: [u32; 2] = [u32::MAX, 0xffff];
const NAME_CURE: &str = "begin with a letter a-z or `_`, go on with those, digits, `-` and `.`, at most 32 in all";

/// Groups.
pub fn groups(groups: IndexMap<At<String>, MapOf<RawUserGroup>>, problems: &mut Problems) -> Vec<Group> {
    let mut numbers = HashMap::new();
    let mut checked = Vec::new();
    for (name, MapOf(At { value: RawUserGroup { gid }, .. })) in groups {
        check_name("group", &name, problems);
        let gid = number("group", &name.value, gid, &mut numbers, problems);
        checked.push(Group { name: name.value, gid });
    }
    checked
}

/// Users.
pub fn users(users: IndexMap<At<String>, MapOf<RawUser>>, problems: &mut Problems) -> Vec<User> {
    let mut numbers = HashMap::new();
    users.into_iter().map(|(name, MapOf(user))| one_user(name, user.value, &mut numbers, problems)).collect()
}

fn one_user(name: At<String>, user: RawUser, numbers: &mut HashMap<u32, String>, problems: &mut Problems) -> User {
    let RawUser {
        uid,
        group,
        groups,
        home,
        shell,
        password_hash,
        password_hash_file,
        password_hash_credential,
        authorized_keys,
        exclusive_keys,
    } = user;
    check_name("user", &name, problems);
    if let Some(At { value: 0, span }) = &uid
        && name.value != "root"
    {
        problems.add(span, "uid 0 is root's: a second name for it hides who did what", "choose another uid");
    }
    let uid = number("user", &name.value, uid, numbers, problems);
    for group in group.iter().chain(groups.iter().flatten()) {
        check_name("group", group, problems);
    }
    let password = password(password_hash, password_hash_file, password_hash_credential, problems);
    let keys = keys(authorized_keys, exclusive_keys, problems);
    User {
        name: name.value,
        uid,
        group: group.map(|group| group.value),
        groups: groups.unwrap_or_default().into_iter().map(|group| group.value).collect(),
        home: home.and_then(|home| path("home", home, problems)),
        shell: shell.and_then(|shell| path("shell", shell, problems)),
        password,
        keys,
    }
}

fn check_name(what: &str, name: &At<String>, problems: &mut Problems) {
    let At { value, span } = name;
    let begins = value.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let goes_on = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c));
    if !begins || !goes_on || value.len() > LONGEST_NAME {
        problems.add(span, format!("`{value}` is no name for a {what}"), NAME_CURE);
    }
}

/// A number that no other entry has.
fn number(
    what: &str,
    name: &str,
    number: Option<At<u32>>,
    numbers: &mut HashMap<u32, String>,
    problems: &mut Problems,
) -> Option<u32> {
    let At { value, span } = number?;
    if NO_NUMBERS.contains(&value) {
        problems.add(&span, format!("{value} stands for \"no {what}\" in system calls"), "choose another number");
        return None;
    }
    match numbers.insert(value, name.to_owned()) {
        Some(other) => {
            problems.add(&span, format!("{value} is the number of {what} {other} already"), "give each its own number");
            None
        }
        None => Some(value),
    }
}

/// An absolute path for a field of passwd(5).
fn path(what: &str, path: At<String>, problems: &mut Problems) -> Option<String> {
    let At { value, span } = path;
    let parts: Vec<&str> = value.split('/').filter(|part| !part.is_empty()).collect();
    let is_odd = value.chars().any(|c| c.is_whitespace() || c.is_control() || c == ':');
    if !value.starts_with('/') || is_odd || parts.is_empty() || parts.iter().any(|part| matches!(*part, "." | "..")) {
        let example = if what == "home" { "/var/home/core" } else { "/bin/bash" };
        problems.add(
            &span,
            format!("`{value}` is no path of a {what}"),
            format!("write it absolute, such as {example}"),
        );
        return None;
    }
    Some(format!("/{}", parts.join("/")))
}

fn password(
    hash: Option<At<String>>,
    file: Option<At<String>>,
    credential: Option<At<String>>,
    problems: &mut Problems,
) -> Option<Password> {
    let spans = [&hash, &file, &credential].map(|source| source.as_ref().map(|source| source.span.clone()));
    let given: Vec<&Range<usize>> = spans.iter().flatten().collect();
    if let [_, second, ..] = given[..] {
        problems.add(
            second,
            "the password is given twice",
            "keep one of password_hash, password_hash_file and password_hash_credential",
        );
        return None;
    }
    if let Some(At { value, span }) = hash {
        return password_hash(&value, &span, problems);
    }
    if let Some(At { value, span }) = credential {
        let is_name = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if !is_name || value.starts_with('.') {
            problems.add(&span, "this is no name of a systemd credential", "use letters, digits, `_`, `-` and `.`");
            return None;
        }
        return Some(Password::Credential(value));
    }
    let At { value, span } = file?;
    if !value.starts_with('/') || value.chars().any(char::is_control) {
        problems.add(
            &span,
            "this is no absolute path of a file",
            "write one, such as /etc/atomhost/root-password-hash",
        );
        return None;
    }
    Some(Password::File(value))
}

/// The value is never quoted: it may be a password.
fn password_hash(value: &str, span: &Range<usize>, problems: &mut Problems) -> Option<Password> {
    if value == "locked" {
        return Some(Password::Locked);
    }
    match crypt::scheme(value) {
        Ok(scheme) => Some(Password::Hash { hash: Secret::new(value), scheme }),
        Err(reason) => {
            let cure = match reason {
                crypt::NoHash::Locked => "write `locked` for a password that nothing fits",
                _ => crypt::CURE,
            };
            problems.add(span, format!("this {reason}"), cure);
            None
        }
    }
}

fn keys(keys: Option<Vec<At<String>>>, exclusive: Option<At<bool>>, problems: &mut Problems) -> Option<KeysWanted> {
    let others = match (&keys, &exclusive) {
        (None, Some(At { value: true, span })) => {
            problems.add(
                span,
                "`exclusive_keys` without `authorized_keys` would remove every key",
                "list the keys that shall stay, or write `authorized_keys: []` if none shall",
            );
            return None;
        }
        (_, Some(At { value: true, .. })) => OtherKeys::Remove,
        _ => OtherKeys::Keep,
    };
    let mut checked: Vec<AuthorizedKey> = Vec::new();
    for At { value, span } in keys? {
        let Some(entry) = problems.note(&span, authorized_keys::parse(&value)) else { continue };
        if let Some(other) = checked.iter().find(|other| other.name.is_same_key(&entry.name)) {
            let place =
                if other.name.comment.is_empty() { String::new() } else { format!(" ({})", other.name.comment) };
            problems.add(
                &span,
                format!("this key is listed above already{place}"),
                "keep one of the two: sshd reads the first only",
            );
            continue;
        }
        checked.push(AuthorizedKey { name: entry.name, line: Secret::new(entry.line), rsa_bits: entry.rsa_bits });
    }
    Some(KeysWanted { keys: checked, others })
}
