//! What lets the profile's users in: passwords and keys, by digest and fingerprint.

use super::ObserveError;
use super::files::{Depth, look};
use crate::accounts::Accounts;
use crate::authorized_keys;
use crate::crypt;
use crate::facts::{FileKind, HashFacts, KeysSetting, LoginFacts, PasswordFacts, PasswordState};
use crate::host::{Query, Reader, command, files};
use crate::resources::{UserWatch, Watch};
use crate::secret::{SecretSource, digest};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where useradd's defaults are.
const USERADD_DEFAULTS: &str = "/etc/default/useradd";
/// The kernel shows SELinux here, enforcing or permissive.
const SELINUX: &str = "/sys/fs/selinux/enforce";
/// A longer file of hashes or keys is none.
const LARGEST_HASH: u64 = 4 << 10;
const LARGEST_KEYS: u64 = 4 << 20;

/// Whether SELinux is in force, and could put labels right.
pub fn selinux(reader: &Reader) -> bool {
    reader.path(SELINUX).exists() && command::find("restorecon").is_some()
}

/// Looks at every user of `watch`.
///
/// # Errors
/// /etc/shadow is there, but cannot be read.
pub fn read(reader: &Reader, watch: &Watch, accounts: &Accounts) -> Result<BTreeMap<String, LoginFacts>, ObserveError> {
    if watch.users.is_empty() {
        return Ok(BTreeMap::new());
    }
    let shadow = reader.read_optional("/etc/shadow")?.unwrap_or_default();
    let homes = reader.read_optional(USERADD_DEFAULTS)?.and_then(|text| home_base(&text));
    let homes = homes.unwrap_or_else(|| "/home".to_owned());
    let has_selinux = selinux(reader);
    let mut logins = BTreeMap::new();
    for (name, wanted) in &watch.users {
        let home = match (accounts.user(name), &wanted.home) {
            (Some(user), _) => user.home.clone(),
            (None, Some(home)) => home.clone(),
            (None, None) => format!("{homes}/{name}"),
        };
        let mut login = of_user(reader, home, wanted);
        login.password = password(&shadow, name);
        login.labels_drifted = has_selinux && labels_drifted(reader, &login)?;
        logins.insert(name.clone(), login);
    }
    Ok(logins)
}

/// Directories that homes lie in and that are links (`/home` on Atomic hosts): home → where it leads.
pub fn links(reader: &Reader, watch: &Watch, logins: &BTreeMap<String, LoginFacts>) -> BTreeMap<String, String> {
    let homes =
        logins.values().map(|login| &login.home).chain(watch.users.values().filter_map(|user| user.home.as_ref()));
    let leads = |home: &String| {
        let path = reader.path(home);
        let parent = std::fs::canonicalize(path.parent()?).ok()?;
        let led = Path::new("/").join(parent.join(path.file_name()?).strip_prefix(reader.path("/")).ok()?);
        let led = led.to_str()?.to_owned();
        (led != *home).then(|| (home.clone(), led))
    };
    homes.filter_map(leads).collect()
}

fn of_user(reader: &Reader, home: String, wanted: &UserWatch) -> LoginFacts {
    let ssh = format!("{}/.ssh", home.trim_end_matches('/'));
    let file = format!("{ssh}/authorized_keys");
    let bad_link = files::follow(&reader.path(&file)).err().map(|error| error.to_string());
    let keys_file = match bad_link {
        None => look(reader, &file, Depth::Digest),
        Some(_) => Default::default(),
    };
    let keys = match keys_file.kind {
        FileKind::File => read_bytes(&reader.path(&file), LARGEST_KEYS).unwrap_or_default(),
        _ => Vec::new(),
    };
    LoginFacts {
        home_directory: look(reader, &home, Depth::Attributes),
        home,
        hash: wanted.hash.as_ref().map(|source| hash(reader, source)),
        shell_missing: wanted.shell.as_ref().is_some_and(|shell| !reader.path(shell).is_file()),
        ssh_directory: look(reader, &ssh, Depth::Attributes),
        keys_file,
        keys: authorized_keys::lines(&keys),
        bad_link,
        second_file: reader.path(&format!("{file}2")).exists(),
        ..LoginFacts::default()
    }
}

/// `HOME=` of useradd's defaults.
fn home_base(text: &str) -> Option<String> {
    let value = text.lines().filter_map(|line| line.trim().strip_prefix("HOME=")).next_back()?;
    let value = value.trim_matches(['"', '\'']).trim_end_matches('/');
    value.starts_with('/').then(|| value.to_owned())
}

fn password(shadow: &str, user: &str) -> PasswordFacts {
    let mut fields = shadow.lines().map(|line| line.split(':'));
    let field = fields.find_map(|mut fields| (fields.next() == Some(user)).then(|| fields.next()).flatten());
    let Some(field) = field else { return PasswordFacts::default() };
    let state = match field.chars().next() {
        None => PasswordState::Empty,
        Some('!' | '*') => PasswordState::Locked,
        Some(_) => PasswordState::Set,
    };
    PasswordFacts { state, digest: Some(digest(field.as_bytes())) }
}

/// The hash in a file or credential, judged: it must be root's alone.
fn hash(reader: &Reader, source: &SecretSource) -> HashFacts {
    let path = match source {
        SecretSource::File(path) => Some(reader.path(path)),
        SecretSource::Credential(name) => reader.credential(name),
        SecretSource::Profile => None,
    };
    let Some(path) = path else { return HashFacts::Missing };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return HashFacts::Unreadable("it is no regular file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return HashFacts::Missing,
        Err(error) => return HashFacts::Unreadable(error.to_string()),
    };
    if metadata.uid() != 0 || metadata.mode() & 0o077 != 0 {
        return HashFacts::Exposed { mode: metadata.mode() & 0o7777, uid: metadata.uid() };
    }
    let text = match read_text(&path, LARGEST_HASH) {
        Ok(text) => text,
        Err(error) => return HashFacts::Unreadable(error.to_string()),
    };
    let text = text.trim_end_matches('\n');
    match crypt::scheme(text) {
        Ok(scheme) => HashFacts::Good { digest: digest(text.as_bytes()), scheme },
        Err(reason) => HashFacts::NoHash(reason.to_string()),
    }
}

/// The users' own directories may hold anything by now: a pipe must not hold the run up, nor a link lead to another's file.
fn read_bytes(path: &Path, largest: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(path)?.take(largest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_text(path: &Path, largest: u64) -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(path, largest)?).into_owned())
}

fn labels_drifted(reader: &Reader, login: &LoginFacts) -> Result<bool, ObserveError> {
    if login.ssh_directory.kind != FileKind::Directory || login.bad_link.is_some() {
        return Ok(false);
    }
    drifts(reader, &login.home)
}

/// Whether SELinux labels of a home's .ssh are not those of the policy.
///
/// # Errors
/// restorecon is missing, hangs or fails: then nothing is known.
pub(super) fn drifts(reader: &Reader, home: &str) -> Result<bool, ObserveError> {
    let path = format!("{home}/.ssh");
    let output = reader.query(&Query::Labels { path: path.clone() })?;
    // The second is how policycoreutils before 2.7 says it.
    let is_drift = |line: &str| ["Would relabel ", "restorecon reset "].iter().any(|words| line.starts_with(words));
    let mut lines = output.stdout.lines().filter(|line| !line.trim().is_empty()).peekable();
    let drifts = lines.peek().is_some();
    if output.code == Some(0) && lines.all(is_drift) {
        return Ok(drifts);
    }
    Err(ObserveError::Content {
        path,
        reason: format!("its SELinux labels cannot be judged: restorecon: {}: {}", output.ended(), output.stderr_end()),
        cure: "restorecon -n -v -R on it shows why".to_owned(),
    })
}

/// Every AuthorizedKeysFile in sshd's configuration, without asking sshd, which takes seconds and a
/// user to ask for.
pub fn sshd_settings(reader: &Reader) -> Vec<KeysSetting> {
    const MAIN: &str = "/etc/ssh/sshd_config";
    const FOLDER: &str = "/etc/ssh/sshd_config.d";
    let entries = std::fs::read_dir(reader.path(FOLDER)).into_iter().flatten().flatten();
    let mut paths: Vec<String> = entries
        .map(|entry| format!("{FOLDER}/{}", entry.file_name().to_string_lossy()))
        .filter(|path| path.ends_with(".conf"))
        .collect();
    paths.sort();
    paths.push(MAIN.to_owned());
    let mut settings = Vec::new();
    for file in paths {
        let text = read_text(&reader.path(&file), LARGEST_KEYS).unwrap_or_default();
        settings.extend(text.lines().filter_map(keys_file).map(|paths| KeysSetting { file: file.clone(), paths }));
    }
    settings
}

/// `AuthorizedKeysFile a b`, also with `=` and quotes.
fn keys_file(line: &str) -> Option<Vec<String>> {
    let mut words = line.split(|c: char| c.is_whitespace() || c == '=' || c == '"').filter(|word| !word.is_empty());
    let is_it = words.next()?.eq_ignore_ascii_case("AuthorizedKeysFile");
    is_it.then(|| words.take_while(|word| !word.starts_with('#')).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_fields() {
        let shadow = "root:$6$salt$hash:19000:0:99999:7:::\ncore:!$6$a$b:1::::::\nops::1::::::\nbin:*:1\nodd\n";
        let rows = [
            ("root", PasswordState::Set),
            ("core", PasswordState::Locked),
            ("ops", PasswordState::Empty),
            ("bin", PasswordState::Locked),
            ("roo", PasswordState::Missing),
            ("odd", PasswordState::Missing),
        ];
        for (user, expected) in rows {
            assert_eq!(password(shadow, user).state, expected, "{user}");
        }
        assert_eq!(password(shadow, "root").digest, Some(digest(b"$6$salt$hash")));
    }

    #[test]
    fn settings_of_others() {
        assert_eq!(home_base("# HOME=/a\nHOME=/var/home/\nSHELL=/bin/sh\n").as_deref(), Some("/var/home"));
        assert_eq!(home_base("# HOME=/a\n"), None);
        let rows: [(&str, Option<&[&str]>); 5] = [
            ("AuthorizedKeysFile .ssh/authorized_keys", Some(&[".ssh/authorized_keys"])),
            ("  authorizedkeysfile=\"/etc/ssh/keys/%u\" none # why", Some(&["/etc/ssh/keys/%u", "none"])),
            ("#AuthorizedKeysFile x", None),
            ("AuthorizedKeysCommand /bin/x", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(
                keys_file(line),
                expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
                "{line}"
            );
        }
    }
}
