//! Users and groups as they will be: the plan may make those whom its own rules name.

use crate::accounts::{Accounts, Group, User};
use crate::action::{Action, NewUser};

/// What useradd gives a user without a word about its shell.
const USUAL_SHELL: &str = "/bin/sh";

/// The accounts of the host after these actions.
pub fn planned<'a>(found: &Accounts, actions: impl Iterator<Item = &'a Action>) -> Accounts {
    let mut accounts = found.clone();
    for action in actions {
        match action {
            Action::CreateGroup { group, gid } => {
                add_group(&mut accounts, group, *gid);
            }
            Action::CreateUser(user) => add_user(&mut accounts, user),
            Action::JoinGroups { user, groups } => join(&mut accounts, user, groups),
            Action::SetShell { user, to, .. } => {
                if let Some(user) = accounts.users.iter_mut().find(|found| found.name == *user) {
                    user.shell.clone_from(to);
                }
            }
            _ => {}
        }
    }
    accounts
}

/// Returns the number. One that groupadd has yet to choose is stood for by one that nobody has: groups of one
/// number are one group.
fn add_group(accounts: &mut Accounts, name: &str, gid: Option<u32>) -> u32 {
    let unchosen = (0..u32::MAX).rev().find(|number| accounts.groups.iter().all(|group| group.gid != *number));
    let gid = gid.or(unchosen).unwrap_or(u32::MAX);
    accounts.groups.push(Group { name: name.to_owned(), gid, members: Vec::new() });
    gid
}

fn add_user(accounts: &mut Accounts, new: &NewUser) {
    let gid = match new.group.as_ref().and_then(|group| accounts.gid(group)) {
        Some(gid) => gid,
        None => add_group(accounts, &new.user, new.uid),
    };
    accounts.users.push(User {
        name: new.user.clone(),
        uid: new.uid.unwrap_or(gid),
        gid,
        home: new.home.clone(),
        shell: new.shell.clone().unwrap_or_else(|| USUAL_SHELL.to_owned()),
    });
    join(accounts, &new.user, &new.groups);
}

fn join(accounts: &mut Accounts, user: &str, groups: &[String]) {
    for group in accounts.groups.iter_mut().filter(|group| groups.contains(&group.name)) {
        if !group.members.iter().any(|member| member == user) {
            group.members.push(user.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::evaluate::is_member;

    #[test]
    fn whom_the_plan_makes_is_there() {
        let mut found = Accounts::default();
        found.add_users("root:x:0:0::/root:/bin/bash\nold:x:1000:1000::/home/old:/usr/sbin/nologin\n");
        found.add_groups("root:x:0:\nold:x:1000:\n");
        let new = |user: &str, group: Option<&str>, groups: &[&str]| {
            Action::CreateUser(NewUser {
                user: user.to_owned(),
                uid: None,
                group: group.map(str::to_owned),
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                home: format!("/home/{user}"),
                shell: None,
            })
        };
        let actions = [
            Action::CreateGroup { group: "wheel".to_owned(), gid: None },
            Action::CreateGroup { group: "ops".to_owned(), gid: Some(990) },
            new("core", None, &["wheel"]),
            new("job", Some("ops"), &[]),
            Action::JoinGroups { user: "old".to_owned(), groups: vec!["wheel".to_owned()] },
            Action::SetShell {
                user: "old".to_owned(),
                from: "/usr/sbin/nologin".to_owned(),
                to: "/bin/bash".to_owned(),
            },
        ];
        let after = planned(&found, actions.iter());
        for (user, group, expected) in [
            ("core", "wheel", true),
            ("core", "core", true),
            ("core", "ops", false),
            ("job", "wheel", false),
            ("job", "ops", true),
            ("job", "job", false),
            ("old", "wheel", true),
        ] {
            assert_eq!(is_member(&after, user, group), expected, "{user}, {group}");
        }
        assert_eq!(after.user("old").map(|user| user.shell.as_str()), Some("/bin/bash"));
    }
}
