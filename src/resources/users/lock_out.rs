//! Nobody is shut out of the host for good: some administrator keeps a key or a password.

use super::is_member;
use crate::action::KeyChange;
use crate::facts::{Facts, LoginFacts, PasswordState};
use crate::plan::model::Model;
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::User;

/// Groups whose members administer a host by sudo's or polkit's usual rules.
const ADMINISTRATORS: [&str; 3] = ["wheel", "sudo", "admin"];

/// How one user gets in, before and after.
pub struct Way {
    user: String,
    is_administrator: bool,
    before: bool,
    after: bool,
    /// Its last key goes, its password stays.
    loses_keys: bool,
}

pub fn way(user: &User, login: &LoginFacts, password: PasswordState, changes: &[KeyChange], facts: &Facts) -> Way {
    let removed = changes.iter().filter(|change| matches!(change, KeyChange::Remove { was: Some(_), .. })).count();
    let added = changes.iter().filter(|change| matches!(change, KeyChange::Add { .. })).count();
    let keys = login.keys.iter().filter(|line| line.key.is_some()).count();
    let in_group = |group: &&str| user.groups.iter().any(|name| name == group) || is_member(facts, &user.name, group);
    Way {
        user: user.name.clone(),
        is_administrator: user.name == "root" || ADMINISTRATORS.iter().any(in_group),
        before: keys > 0 || login.password.state == PasswordState::Set,
        after: keys + added > removed || password == PasswordState::Set,
        loses_keys: keys > 0 && keys + added <= removed && password == PasswordState::Set,
    }
}

/// Somebody who administers the host must still get in, with a key or a password.
pub fn refuse(mut ways: Vec<Way>, model: &mut Model<'_>) {
    let root = model.facts.logins.get("root").filter(|_| !ways.iter().any(|way| way.user == "root"));
    if let Some(root) = root {
        let gets_in = root.password.state == PasswordState::Set || root.keys.iter().any(|line| line.key.is_some());
        ways.push(Way {
            user: "root".to_owned(),
            is_administrator: true,
            before: gets_in,
            after: gets_in,
            loses_keys: false,
        });
    }
    ways.retain(|way| way.is_administrator);
    if ways.iter().any(|way| way.loses_keys && way.user == "root") {
        let text = "gets in with its password alone from then on: sshd takes none of root's unless PermitRootLogin says \
                    yes, which leaves the console";
        model.warn(WarningCode::RootWithoutKeys, "user root", text);
    }
    if ways.iter().any(|way| way.after) {
        return;
    }
    for way in ways.iter().filter(|way| way.before) {
        model.refuse(
            RefusalCode::LockOut,
            format!("user {}", way.user),
            "would have neither a key nor a password left, and nor would any other administrator of the profile",
            "list a key of yours, set a password_hash, or name another user in wheel or sudo with a key",
        );
    }
}
