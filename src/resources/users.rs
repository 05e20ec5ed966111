//! Groups and users, and what lets them in.

mod lock_out;
mod passwords;

use super::{UserWatch, Watch, authorized_keys, managed_file};
use crate::accounts::{Owner, User as Account};
use crate::action::{Action, KeyChange, NewUser};
use crate::facts::{Facts, FileKind, LoginFacts};
use crate::plan::RefusalCode;
use crate::plan::model::{Model, Words};
use crate::profile::{Group, Password, Profile, User};
use crate::record::Begun;
use crate::secret::SecretSource;

/// Of a home that useradd did not get to.
const HOME_MODE: u32 = 0o700;
const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const GROUP: &str = "/etc/group";
const GSHADOW: &str = "/etc/gshadow";
/// What the tools leave beside a file while they change it.
const LOCKS: [&str; 4] = ["/etc/passwd.lock", "/etc/shadow.lock", "/etc/group.lock", "/etc/gshadow.lock"];

/// What to look at.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    if profile.users.is_empty() && profile.groups.is_empty() {
        return;
    }
    watch.texts.insert(GROUP.to_owned());
    watch.secrets.extend([PASSWD, SHADOW, GSHADOW].into_iter().chain(LOCKS).map(str::to_owned));
    for user in &profile.users {
        let hash = match &user.password {
            Some(Password::File(path)) => Some(SecretSource::File(path.clone())),
            Some(Password::Credential(name)) => Some(SecretSource::Credential(name.clone())),
            Some(Password::Hash { .. } | Password::Locked) | None => None,
        };
        let entry = UserWatch { home: user.home.clone(), shell: user.shell.clone(), hash };
        watch.users.insert(user.name.clone(), entry);
    }
    // Whether somebody still gets in depends on root, named or not.
    watch.users.entry("root".to_owned()).or_default();
}

/// Plans groups, then users, then what lets them in.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    profile.groups.iter().for_each(|group| plan_group(group, model));
    adopt_groups(profile, model);
    let mut entries = Vec::new();
    for user in &profile.users {
        let Some(login) = model.facts.logins.get(&user.name) else {
            let cure = "gather the facts for this profile again";
            model.refuse(RefusalCode::AccountConflict, object(user), "was not looked at", cure);
            continue;
        };
        entries.push((user, login));
    }
    for (user, login) in &entries {
        match model.facts.accounts.user(&user.name) {
            None => create(user, login, profile, model),
            Some(account) => mend(user, account, login, profile, model),
        }
    }
    let mut ways: Vec<lock_out::Way> = Vec::new();
    for (user, login) in entries {
        let password = passwords::plan(user, login, model);
        let changes = keys(user, login, model).unwrap_or_default();
        ways.push(lock_out::way(user, login, password, &changes, model.facts));
    }
    lock_out::refuse(ways, model);
}

fn object(user: &User) -> String {
    format!("user {}", user.name)
}

fn plan_group(group: &Group, model: &mut Model<'_>) {
    let object = format!("group {}", group.name);
    let accounts = &model.facts.accounts;
    let holder =
        group.gid.and_then(|gid| accounts.groups.iter().find(|other| other.gid == gid)).map(|other| other.name.clone());
    match (accounts.group(&group.name), group.gid) {
        (Some(found), Some(gid)) if found.gid != gid => {
            let found = format!("has gid {}, not {gid}: files would change hands with it", found.gid);
            model.refuse(
                RefusalCode::AccountConflict,
                object,
                found,
                "correct the gid in the profile, or groupmod --gid by hand",
            );
        }
        (Some(_), _) => {}
        (None, _) if holder.as_ref().is_some_and(|holder| *holder != group.name) => {
            let found = format!(
                "gid {} belongs to group {} already",
                group.gid.unwrap_or_default(),
                holder.unwrap_or_default()
            );
            model.refuse(RefusalCode::AccountConflict, object, found, "choose another gid in the profile");
        }
        (None, gid) => {
            let after = gid.map_or("new group".to_owned(), |gid| format!("new group, gid {gid}"));
            let action = Action::CreateGroup { group: group.name.clone(), gid };
            act(action, object, "", after, "the profile names it", &[GROUP, GSHADOW], model);
            model.new_groups.push(group.name.clone());
        }
    }
}

/// usermod passes over groups that only the image has: their lines are copied to /etc/group first.
fn adopt_groups(profile: &Profile, model: &mut Model<'_>) {
    let facts = model.facts;
    let needs = |name: &&String| {
        facts.accounts.image_groups.contains(name)
            && profile.users.iter().any(|user| user.groups.contains(name) && !is_member(facts, &user.name, name))
    };
    let names: Vec<&String> = facts.accounts.image_groups.iter().filter(needs).collect();
    if names.is_empty() {
        return;
    }
    let mut text = facts.files.get(GROUP).and_then(|file| file.text.clone()).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for group in names.iter().filter_map(|name| facts.accounts.group(name)) {
        text.push_str(&format!("{}:x:{}:{}\n", group.name, group.gid, group.members.join(",")));
    }
    let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let file = managed_file::ManagedFile {
        path: GROUP,
        text: managed_file::Text::Shown(text),
        mode: None,
        owner: None,
        what: &format!("{names} copied from the image"),
        why: "usermod changes groups of /etc/group only",
    };
    managed_file::plan(&file, model);
}

fn is_member(facts: &Facts, user: &str, group: &str) -> bool {
    let Some(found) = facts.accounts.group(group) else { return false };
    let primary = facts.accounts.user(user).is_some_and(|user| user.gid == found.gid);
    primary || found.members.iter().any(|member| member == user)
}

/// Whether the group is there once the plan's groups and users are made.
fn group_will_be(name: &str, profile: &Profile, facts: &Facts) -> bool {
    facts.accounts.group(name).is_some()
        || profile.groups.iter().any(|group| group.name == name)
        || profile
            .users
            .iter()
            .any(|user| user.name == name && user.group.is_none() && facts.accounts.user(name).is_none())
}

/// Groups and shell that the profile names are, or will be, there.
fn requirements_met(user: &User, login: &LoginFacts, profile: &Profile, model: &mut Model<'_>) -> bool {
    let mut met = true;
    for group in user.group.iter().chain(&user.groups).filter(|group| !group_will_be(group, profile, model.facts)) {
        let found = format!("there is no group {group} for it to be in");
        model.refuse(RefusalCode::AccountConflict, object(user), found, format!("add `{group}: {{}}` to `groups:`"));
        met = false;
    }
    if let Some(shell) = user.shell.as_ref().filter(|_| login.shell_missing) {
        let found = format!("its shell {shell} is not there: it could not log in");
        model.refuse(RefusalCode::AccountConflict, object(user), found, "name a shell of /etc/shells on this host");
        met = false;
    }
    met
}

fn create(user: &User, login: &LoginFacts, profile: &Profile, model: &mut Model<'_>) {
    let facts = model.facts;
    if !requirements_met(user, login, profile, model) {
        return;
    }
    if let Some(other) = user.uid.and_then(|uid| facts.accounts.users.iter().find(|other| other.uid == uid)) {
        let found = format!("uid {} belongs to user {} already", other.uid, other.name);
        model.refuse(RefusalCode::AccountConflict, object(user), found, "choose another uid in the profile");
        return;
    }
    let home = &login.home_directory;
    if home.kind != FileKind::Missing && user.uid != Some(home.uid) {
        let found = format!("its home {} is there already and belongs to uid {}", login.home, home.uid);
        let cure = format!("move {} away, or give the user `uid: {}` if it is its own", login.home, home.uid);
        model.refuse(RefusalCode::AccountConflict, object(user), found, cure);
        return;
    }
    // useradd makes a group of the user's name, and fails where there is one.
    let own = facts.accounts.group(&user.name).is_some() || profile.groups.iter().any(|group| group.name == user.name);
    let group = user.group.clone().or_else(|| own.then(|| user.name.clone()));
    let mut after = vec!["new user".to_owned()];
    after.extend(user.uid.map(|uid| format!("uid {uid}")));
    after.push(login.home.clone());
    after.extend(user.shell.clone());
    if !user.groups.is_empty() {
        after.push(format!("in {}", user.groups.join(", ")));
    }
    let action = Action::CreateUser(NewUser {
        user: user.name.clone(),
        uid: user.uid,
        group,
        groups: user.groups.clone(),
        home: login.home.clone(),
        shell: user.shell.clone(),
    });
    let files = [PASSWD, SHADOW, GROUP, GSHADOW];
    act(action, object(user), "", after.join(", "), "the profile names it", &files, model);
    model.new_users.push(user.name.clone());
}

/// An existing user: number, primary group and home are left to people, shell and groups follow.
fn mend(user: &User, account: &Account, login: &LoginFacts, profile: &Profile, model: &mut Model<'_>) {
    let facts = model.facts;
    if !requirements_met(user, login, profile, model) || !is_same(user, account, model) {
        return;
    }
    finish(user, account, login, model);
    let mut actions = Vec::new();
    if let Some(shell) = user.shell.as_ref().filter(|shell| **shell != account.shell) {
        let (from, to) = (account.shell.clone(), shell.clone());
        let action = Action::SetShell { user: user.name.clone(), from: from.clone(), to: to.clone() };
        actions.push((action, format!("shell {from}"), to, [PASSWD].as_slice()));
    }
    let missing: Vec<String> =
        user.groups.iter().filter(|group| !is_member(facts, &user.name, group)).cloned().collect();
    if !missing.is_empty() {
        let after = format!("in {} too", missing.join(", "));
        let action = Action::JoinGroups { user: user.name.clone(), groups: missing };
        actions.push((action, String::new(), after, &[GROUP, GSHADOW]));
    }
    let is_fixed = facts.accounts.image_users.contains(&user.name);
    // Group membership is in /etc/group, whatever file has the user.
    if is_fixed && actions.iter().any(|(action, ..)| matches!(action, Action::SetShell { .. })) {
        refuse_image_user(user, model);
        return;
    }
    for (action, before, after, files) in actions {
        act(action, object(user), before, after, "as the profile says", files, model);
    }
}

/// What useradd makes after the user itself, where a crash kept it from that; and a home that keys need.
fn finish(user: &User, account: &Account, login: &LoginFacts, model: &mut Model<'_>) {
    let facts = model.facts;
    let was_cut_off = facts.record.begun.contains(&Begun::CreateUser { user: user.name.clone() });
    let has_group = facts.accounts.groups.iter().any(|group| group.gid == account.gid);
    if was_cut_off && !has_group {
        let action = Action::CreateGroup { group: user.name.clone(), gid: Some(account.gid) };
        let after = format!("new group, gid {}", account.gid);
        act(action, format!("group {}", user.name), "", after, "an earlier run was cut off", &[GROUP, GSHADOW], model);
    }
    let needs_home = was_cut_off || user.keys.as_ref().is_some_and(|keys| !keys.keys.is_empty());
    let home = &login.home_directory;
    let owner = owner(user, model.facts);
    let words = |before: &str| Words {
        object: login.home.clone(),
        before: before.to_owned(),
        after: format!("directory, mode {HOME_MODE:04o}, {owner}"),
        why: "a user needs its home".to_owned(),
    };
    let is_unfinished = was_cut_off && home.kind == FileKind::Directory && home.uid == 0 && home.mode & 0o777 == 0;
    if home.kind == FileKind::Missing && needs_home && !authorized_keys::is_no_home(&login.home) {
        if managed_file::writable(&login.home, home, model) {
            let action = Action::CreateDirectory { path: login.home.clone(), mode: HOME_MODE, owner: owner.clone() };
            model.act(action, words(""));
        }
    } else if is_unfinished {
        let (path, owner) = (login.home.clone(), Some(owner.clone()));
        model.act(Action::SetAttributes { path, mode: Some(HOME_MODE), owner }, words("mode 0000, root:root"));
    }
}

fn owner(user: &User, facts: &Facts) -> Owner {
    let group = match facts.accounts.user(&user.name) {
        Some(account) => {
            let group = facts.accounts.groups.iter().find(|group| group.gid == account.gid);
            group.map_or_else(|| account.gid.to_string(), |group| group.name.clone())
        }
        None => user.group.clone().unwrap_or_else(|| user.name.clone()),
    };
    Owner { user: user.name.clone(), group }
}

fn is_same(user: &User, account: &Account, model: &mut Model<'_>) -> bool {
    let facts = model.facts;
    let group = user.group.as_ref().filter(|group| facts.accounts.gid(group) != Some(account.gid));
    let home =
        user.home.as_ref().filter(|home| facts.resolved(home) != facts.resolved(account.home.trim_end_matches('/')));
    let differences = [
        user.uid
            .filter(|uid| *uid != account.uid)
            .map(|uid| format!("has uid {}, not {uid}: files would change hands with it", account.uid)),
        group.map(|group| format!("its primary group has gid {}, which is not {group}", account.gid)),
        home.map(|home| format!("its home is {}, not {home}: nothing is moved", account.home)),
    ];
    for found in differences.iter().flatten() {
        model.refuse(
            RefusalCode::AccountConflict,
            object(user),
            found,
            "correct the profile, or usermod by hand while nobody uses the account",
        );
    }
    differences.iter().all(Option::is_none)
}

fn refuse_image_user(user: &User, model: &mut Model<'_>) {
    let found = "is in /usr/lib/passwd only, which nothing can change on this host";
    let cure = format!("grep ^{}: /usr/lib/passwd >>/etc/passwd, then run again", user.name);
    model.refuse(RefusalCode::AccountConflict, object(user), found, cure);
}

fn keys(user: &User, login: &LoginFacts, model: &mut Model<'_>) -> Option<Vec<KeyChange>> {
    let facts = model.facts;
    let wanted = user.keys.as_ref()?;
    let (owner, is_new) = (owner(user, facts), facts.accounts.user(&user.name).is_none());
    let account = authorized_keys::Account { name: &user.name, owner, is_new };
    authorized_keys::plan(&account, wanted, login, model)
}

/// Plans an action on files of accounts, unless one of them cannot be written.
fn act(
    action: Action,
    object: String,
    before: impl Into<String>,
    after: impl Into<String>,
    why: &str,
    files: &[&str],
    model: &mut Model<'_>,
) {
    let facts = model.facts;
    let found = files.iter().filter_map(|path| facts.files.get(*path).map(|file| (*path, file)));
    let unwritable = found.filter(|(path, file)| !managed_file::writable(path, file, model)).count();
    // A live lock holds the number of its process.
    let is_dead =
        |path: &&str| facts.files.get(*path).is_some_and(|lock| lock.kind == FileKind::File && lock.size == 0);
    let dead = LOCKS.iter().find(|path| is_dead(path));
    if let Some(lock) = dead {
        let found = "is empty: a power cut left it there, and the tools would wait for its end in vain";
        model.refuse(RefusalCode::FileUnsuitable, *lock, found, format!("rm {lock}"));
    }
    if unwritable == 0 && dead.is_none() {
        model.act(action, Words { object, before: before.into(), after: after.into(), why: why.to_owned() });
    }
}
