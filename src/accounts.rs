//! Users and groups as the files of the host name them. NSS is not asked: a static program cannot
//! load its modules, and accounts of a directory service are not ours to change.

use serde::{Deserialize, Serialize};

/// Where users are looked for, first match wins. On hosts deployed by OSTree those of the image are
/// in /usr/lib.
pub const PASSWD_PATHS: [&str; 2] = ["/etc/passwd", "/usr/lib/passwd"];
/// As [`PASSWD_PATHS`], for groups.
pub const GROUP_PATHS: [&str; 2] = ["/etc/group", "/usr/lib/group"];

/// Users and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    /// Names of users that the image has in /usr/lib/passwd, and /etc/passwd has not.
    #[serde(default)]
    pub image_users: Vec<String>,
    /// The same of groups.
    #[serde(default)]
    pub image_groups: Vec<String>,
}

/// A user, as passwd(5) has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// A group, as group(5) has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// A file's owner: names, or numbers in decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    pub user: String,
    pub group: String,
}

impl Owner {
    pub fn root() -> Owner {
        Owner { user: "root".to_owned(), group: "root".to_owned() }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

impl Accounts {
    /// Adds the users of a passwd file; a name that is known already stays as it is. Lines that are
    /// no entries (comments, NIS's `+`) are passed over, as the C library does.
    pub fn add_users(&mut self, text: &str) {
        for user in text.lines().filter_map(user) {
            if self.user(&user.name).is_none() {
                self.users.push(user);
            }
        }
    }

    /// Adds the groups of a group file; a name that is known already stays as it is.
    pub fn add_groups(&mut self, text: &str) {
        for group in text.lines().filter_map(group) {
            if self.group(&group.name).is_none() {
                self.groups.push(group);
            }
        }
    }

    /// Remembers that what was added since these counts came from the image, not from /etc.
    pub fn mark_image(&mut self, users: usize, groups: usize) {
        self.image_users = self.users.iter().skip(users).map(|user| user.name.clone()).collect();
        self.image_groups = self.groups.iter().skip(groups).map(|group| group.name.clone()).collect();
    }

    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The number of a user's name, or of a number.
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.user(name).map(|user| user.uid).or_else(|| name.parse().ok())
    }

    /// The number of a group's name, or of a number.
    pub fn gid(&self, name: &str) -> Option<u32> {
        self.group(name).map(|group| group.gid).or_else(|| name.parse().ok())
    }

    /// `user:group` with names where they are known.
    pub fn owner_name(&self, uid: u32, gid: u32) -> String {
        let user = self.users.iter().find(|user| user.uid == uid).map(|user| user.name.clone());
        let group = self.groups.iter().find(|group| group.gid == gid).map(|group| group.name.clone());
        format!("{}:{}", user.unwrap_or_else(|| uid.to_string()), group.unwrap_or_else(|| gid.to_string()))
    }
}

fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _password, uid, gid, _comment, home, shell] = fields[..] else { return None };
    if name.is_empty() {
        return None;
    }
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.to_owned(),
        shell: shell.to_owned(),
    })
}

fn group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _password, gid, members] = fields[..] else { return None };
    if name.is_empty() {
        return None;
    }
    let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name: name.to_owned(), gid: gid.parse().ok()?, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_of_a_name_counts() {
        let mut accounts = Accounts::default();
        accounts.add_users("root:x:0:0:root:/root:/bin/bash\n# comment\n+::::::\nbroken:x:1\nbin:x:one:1::/:/bin/sh\n");
        accounts.add_users("root:x:7:7::/other:/bin/sh\ncore:x:1000:1000::/home/core:/bin/bash\n");
        accounts.add_groups("root:x:0:\nwheel:x:10:core,ops\n");
        let names: Vec<(&str, u32)> = accounts.users.iter().map(|user| (user.name.as_str(), user.uid)).collect();
        assert_eq!(names, [("root", 0), ("core", 1000)]);
        assert_eq!(accounts.group("wheel").expect("there").members, ["core", "ops"]);
        assert_eq!((accounts.uid("core"), accounts.uid("42"), accounts.uid("nobody")), (Some(1000), Some(42), None));
        assert_eq!(accounts.owner_name(1000, 77), "core:77");
    }
}
