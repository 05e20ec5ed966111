//! Groups and users as they are written.

use super::Shape;
use crate::profile::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// A group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Group")]
pub struct RawUserGroup {
    /// Its number; the next free one unless given.
    pub gid: Option<At<u32>>,
}

/// A user.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "User")]
pub struct RawUser {
    /// Its number; the next free one unless given. That of an existing user is never changed.
    pub uid: Option<At<u32>>,
    /// Primary group; one of the user's own name unless given.
    pub group: Option<At<String>>,
    /// Supplementary groups that the user shall be in, beside those that it is in.
    pub groups: Option<Vec<At<String>>>,
    /// Home directory of a new user; that of an existing one is never changed.
    pub home: Option<At<String>>,
    /// Login shell.
    pub shell: Option<At<String>>,
    /// A hash of crypt(5), or `locked`. Never a password.
    pub password_hash: Option<At<String>>,
    /// File on the host that holds the hash; it must be root's alone.
    pub password_hash_file: Option<At<String>>,
    /// Name of the systemd credential that holds the hash.
    pub password_hash_credential: Option<At<String>>,
    /// Lines of ~/.ssh/authorized_keys that shall be there.
    pub authorized_keys: Option<Vec<At<String>>>,
    /// Whether other keys in that file are removed.
    pub exclusive_keys: Option<At<bool>>,
}

impl Shape for RawUserGroup {
    const EXPECTED: &'static str = "a group such as {gid: 10}, or {}";
}
impl Shape for RawUser {
    const EXPECTED: &'static str = "a user such as {groups: [wheel]}, or {}";
}
