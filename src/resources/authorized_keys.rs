//! authorized_keys: what the profile lists is there, once and as it says; the rest stays, or goes
//! where the list is exclusive.

use super::managed_file::{attributes, suitable, writable};
use crate::accounts::Owner;
use crate::action::{Action, KeyChange};
use crate::facts::{FileFacts, FileKind, LoginFacts};
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{KeysWanted, OtherKeys};
use crate::words::counted;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What group and others need to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Below this many bits newer systems refuse RSA keys.
const GOOD_RSA: u32 = 2048;
/// Homes that say that a user has none.
const NO_HOMES: [&str; 5] = ["/", "/nonexistent", "/dev/null", "/proc", "/sbin"];

/// Whether a home is that of a user who never logs in.
pub fn is_no_home(home: &str) -> bool {
    !home.starts_with('/') || NO_HOMES.contains(&home)
}

/// Whose keys they are.
pub struct Account<'a> {
    pub name: &'a str,
    pub owner: Owner,
    /// useradd makes it in this plan, with its home.
    pub is_new: bool,
}

/// Plans the keys of one user. Returns the changes, `None` where a guard refused.
pub fn plan(
    account: &Account<'_>,
    wanted: &KeysWanted,
    login: &LoginFacts,
    model: &mut Model<'_>,
) -> Option<Vec<KeyChange>> {
    let path = format!("{}/.ssh/authorized_keys", login.home.trim_end_matches('/'));
    if is_no_home(&login.home) {
        let found = format!("its home {} is that of a user who never logs in", login.home);
        let cure = format!("usermod --move-home --home /var/home/{0} {0}, or leave its keys out", account.name);
        model.refuse(RefusalCode::AccountConflict, format!("user {}", account.name), found, cure);
        return None;
    }
    if let Some(reason) = &login.bad_link {
        let cure = format!("look at it with namei -l {path}, and remove the link");
        model.refuse(RefusalCode::FileUnsuitable, &path, format!("is not followed: {reason}"), cure);
        return None;
    }
    let changes = changes(wanted, login);
    let has_file = login.keys_file.kind != FileKind::Missing;
    if changes.is_empty() && !has_file {
        return Some(changes);
    }
    let is_sound = home(account, login, model)? & directory(account, login, model)?;
    file(account, &path, login, &changes, model)?;
    if model.facts.selinux && (login.labels_drifted || !is_sound || (!changes.is_empty() && !has_file)) {
        let before = if login.labels_drifted { "other SELinux labels" } else { "" };
        let words = words(format!("{}/.ssh", login.home), before, "SELinux labels of the policy", "sshd may read it");
        model.act(Action::RestoreLabels { path: words.object.clone() }, words);
    }
    warn(account, wanted, login, &path, model);
    Some(changes)
}

/// Whether the home is there already; otherwise the plan has made it by now.
fn home(account: &Account<'_>, login: &LoginFacts, model: &mut Model<'_>) -> Option<bool> {
    let found = &login.home_directory;
    if account.is_new {
        return Some(true);
    }
    if !suitable(&login.home, found, &[FileKind::Missing, FileKind::Directory], model) {
        return None;
    }
    if found.kind == FileKind::Missing {
        return Some(false);
    }
    let mine = [Some(0), model.facts.accounts.uid(&account.owner.user)].contains(&Some(found.uid));
    if !mine || found.mode & WRITABLE_BY_OTHERS != 0 {
        model.warn(
            WarningCode::KeysPassedOver,
            &login.home,
            "belongs to somebody else, or others may write it: sshd passes over keys below it",
        );
    }
    Some(true)
}

/// Whether ~/.ssh is there already.
fn directory(account: &Account<'_>, login: &LoginFacts, model: &mut Model<'_>) -> Option<bool> {
    let path = format!("{}/.ssh", login.home);
    let found = &login.ssh_directory;
    if !suitable(&path, found, &[FileKind::Missing, FileKind::Directory], model) {
        return None;
    }
    if found.kind == FileKind::Missing {
        make_directory(&path, found, account, model)?;
        return Some(false);
    }
    mend(&path, found, DIRECTORY_MODE, account, model)?;
    Some(true)
}

fn make_directory(path: &str, found: &FileFacts, account: &Account<'_>, model: &mut Model<'_>) -> Option<()> {
    if !writable(path, found, model) {
        return None;
    }
    let owner = account.owner.clone();
    let words = words(path, "", format!("directory, mode {DIRECTORY_MODE:04o}, {owner}"), "sshd reads keys below it");
    model.act(Action::CreateDirectory { path: path.to_owned(), mode: DIRECTORY_MODE, owner }, words);
    Some(())
}

fn file(
    account: &Account<'_>,
    path: &str,
    login: &LoginFacts,
    changes: &[KeyChange],
    model: &mut Model<'_>,
) -> Option<()> {
    let found = &login.keys_file;
    if !suitable(path, found, &[FileKind::Missing, FileKind::File], model) {
        return None;
    }
    mend(path, found, FILE_MODE, account, model)?;
    if changes.is_empty() {
        return Some(());
    }
    if !writable(path, found, model) {
        return None;
    }
    let count = |kind: fn(&KeyChange) -> bool| changes.iter().filter(|change| kind(change)).count();
    let counts = [
        (count(|change| matches!(change, KeyChange::Add { .. })), "added"),
        (count(|change| matches!(change, KeyChange::Replace { .. })), "changed"),
        (count(|change| matches!(change, KeyChange::Remove { .. })), "removed"),
    ];
    let after: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let keys = login.keys.len();
    let before = if found.kind == FileKind::Missing { String::new() } else { counted(keys, "key") };
    let why = match changes.iter().any(|change| matches!(change, KeyChange::Remove { .. })) {
        true => "the profile's keys, and no others",
        false => "the profile's keys are there; others stay",
    };
    let action = Action::ChangeKeys {
        path: path.to_owned(),
        owner: account.owner.clone(),
        before: found.sha256.clone(),
        changes: changes.to_vec(),
    };
    model.act(action, words(path, before, after.join(", "), why));
    Some(())
}

/// Mode and owner. What a link leads to and root owns is somebody's arrangement: it stays.
fn mend(path: &str, found: &FileFacts, mode: u32, account: &Account<'_>, model: &mut Model<'_>) -> Option<()> {
    let uid = model.facts.accounts.uid(&account.owner.user);
    let is_arranged = found.uid == 0 && uid != Some(0) && found.link.is_some();
    if is_arranged {
        return Some(());
    }
    let Some((action, words)) = attributes(path, found, Some(mode), Some(&account.owner), model) else {
        return Some(());
    };
    if !writable(path, found, model) {
        return None;
    }
    let why = "sshd passes over keys that others may write, or that are another's";
    model.act(action, Words { why: why.to_owned(), ..words });
    Some(())
}

/// What it takes until the file has each wanted key in one line, and that line as the profile says.
fn changes(wanted: &KeysWanted, login: &LoginFacts) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    let mut additions = Vec::new();
    let mut ours = Vec::new();
    for key in &wanted.keys {
        let line = key.line.digest();
        let is_it =
            |found: &crate::authorized_keys::KeyLine| found.key.as_ref().is_some_and(|was| was.is_same_key(&key.name));
        let mut found = login.keys.iter().filter(|found| is_it(found));
        match found.next() {
            None => additions.push(KeyChange::Add { key: key.name.clone(), line }),
            Some(first) => {
                ours.push(first.number);
                if let Some(was) = first.key.clone().filter(|_| first.digest != line) {
                    let (number, before) = (first.number, first.digest.clone());
                    changes.push(KeyChange::Replace { number, before, was, key: key.name.clone(), line });
                }
            }
        }
        // sshd takes the first line that fits the client: another one may allow what this one forbids.
        for again in found {
            ours.push(again.number);
            changes.push(remove(again));
        }
    }
    if wanted.others == OtherKeys::Remove {
        changes.extend(login.keys.iter().filter(|found| !ours.contains(&found.number)).map(remove));
    }
    changes.sort_by_key(|change| match change {
        KeyChange::Add { .. } => u32::MAX,
        KeyChange::Replace { number, .. } | KeyChange::Remove { number, .. } => *number,
    });
    changes.extend(additions);
    changes
}

fn remove(found: &crate::authorized_keys::KeyLine) -> KeyChange {
    KeyChange::Remove { number: found.number, before: found.digest.clone(), was: found.key.clone() }
}

fn warn(account: &Account<'_>, wanted: &KeysWanted, login: &LoginFacts, path: &str, model: &mut Model<'_>) {
    let facts = model.facts;
    for key in &wanted.keys {
        if let Some(bits) = key.rsa_bits.filter(|bits| *bits < GOOD_RSA) {
            let found = format!("{} has {bits} bits only: newer systems refuse it", key.name);
            model.warn(WarningCode::WeakKey, format!("user {}", account.name), found);
        }
    }
    // A path that is not absolute starts at the home.
    let is_default = |path: &String| path.trim_start_matches("%h/").trim_start_matches("./") == ".ssh/authorized_keys";
    for setting in &facts.sshd_keys_files {
        if !setting.paths.iter().any(is_default) {
            let text = format!(
                "sshd reads keys from {} ({}): what is written here may have no effect",
                setting.paths.join(" "),
                setting.file
            );
            model.warn(WarningCode::KeysPassedOver, path, text);
        }
    }
    if wanted.others == OtherKeys::Remove && login.second_file && facts.sshd_keys_files.is_empty() {
        model.warn(
            WarningCode::KeysNotExclusive,
            path,
            "the list is not exclusive: sshd reads authorized_keys2 beside it as well",
        );
    }
}

fn words(object: impl Into<String>, before: impl Into<String>, after: impl Into<String>, why: &str) -> Words {
    Words { object: object.into(), before: before.into(), after: after.into(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorized_keys::{change, lines, parse};
    use crate::profile::AuthorizedKey;
    use crate::secret::Secret;
    use base64::Engine;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// One of a few keys, so that files and profiles share some.
    fn key(number: u8) -> String {
        let mut bytes = Vec::new();
        for field in [b"ssh-ed25519".as_slice(), &[number; 32]] {
            bytes.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
            bytes.extend(field);
        }
        format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    fn entry() -> impl Strategy<Value = String> {
        let options = prop_oneof![
            Just(""),
            Just("no-pty "),
            Just("cert-authority "),
            Just("command=\"echo \\\"a, b\\\"\",from=\"10.0.0.0/8,::1\" ")
        ];
        let comment = prop_oneof![Just(""), Just(" ops"), Just(" a  b")];
        (options, 0..5_u8, comment).prop_map(|(options, number, comment)| format!("{options}{}{comment}", key(number)))
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => entry().prop_map(String::into_bytes),
            1 => Just(b"# comment".to_vec()),
            1 => Just(b"  ".to_vec()),
            1 => Just(b"future-thing ssh-new AAAA".to_vec()),
            1 => proptest::collection::vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..20),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the file: each wanted key is there once and as wanted, a second plan is empty, and
        /// every line that is not ours keeps its bytes and its order.
        #[test]
        fn files_converge(
            file in proptest::collection::vec(line(), 0..8),
            ends_whole in any::<bool>(),
            entries in proptest::collection::vec(entry(), 0..5),
            exclusive in any::<bool>(),
        ) {
            let mut wanted = KeysWanted::default();
            for entry in entries {
                let entry = parse(&entry).expect("good");
                if !wanted.keys.iter().any(|other| other.name.is_same_key(&entry.name)) {
                    wanted.keys.push(AuthorizedKey { name: entry.name, line: Secret::new(entry.line), rsa_bits: None });
                }
            }
            wanted.others = if exclusive { OtherKeys::Remove } else { OtherKeys::Keep };
            let mut text = file.join(b"\n".as_slice());
            if ends_whole && !text.is_empty() {
                text.push(b'\n');
            }
            let new: BTreeMap<String, String> =
                wanted.keys.iter().map(|key| (key.line.digest(), key.line.reveal().to_owned())).collect();
            let before = LoginFacts { keys: lines(&text), ..LoginFacts::default() };
            let planned = changes(&wanted, &before);
            let changed = if planned.is_empty() { text.clone() } else { change(&text, &planned, &new).expect("it goes") };
            let after = LoginFacts { keys: lines(&changed), ..LoginFacts::default() };
            prop_assert_eq!(changes(&wanted, &after), Vec::new());
            for key in &wanted.keys {
                let found = after.keys.iter().filter(|line| line.key.as_ref().is_some_and(|found| found.is_same_key(&key.name)));
                prop_assert_eq!(found.map(|line| line.digest.clone()).collect::<Vec<_>>(), vec![key.line.digest()]);
            }
            let is_ours = |line: &crate::authorized_keys::KeyLine| {
                line.key.as_ref().is_some_and(|found| wanted.keys.iter().any(|key| key.name.is_same_key(found)))
            };
            let foreign = |login: &LoginFacts| login.keys.iter().filter(|line| !is_ours(line)).map(|line| line.digest.clone()).collect::<Vec<_>>();
            prop_assert_eq!(foreign(&after), if exclusive { Vec::new() } else { foreign(&before) });
            let count = |text: &[u8]| text.split(|byte| *byte == b'\n').filter(|line| *line == b"# comment").count();
            prop_assert_eq!(count(&text), count(&changed));
        }
    }
}
