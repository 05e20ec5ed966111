//! Users, their groups, and what lets them in.

use crate::authorized_keys::KeyName;
use crate::crypt::Scheme;
use crate::secret::Secret;

/// A group that shall exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// `None`: as found, and the next free one for a new group.
    pub gid: Option<u32>,
}

/// A user that shall exist. What is `None` stays as found, and is the host's default for a new user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: Option<u32>,
    /// Primary group; a new user gets one of its own name otherwise.
    pub group: Option<String>,
    /// Supplementary groups. A user is never taken out of one.
    pub groups: Vec<String>,
    /// Absolute and normalised.
    pub home: Option<String>,
    pub shell: Option<String>,
    pub password: Option<Password>,
    /// `None`: the keys are no concern of the profile.
    pub keys: Option<KeysWanted>,
}

/// What a user's password shall be. Never a password itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    Hash {
        hash: Secret,
        scheme: Scheme,
    },
    /// A hash in a file on the host, which is root's alone.
    File(String),
    /// A hash in a systemd credential of this name.
    Credential(String),
    /// No password fits.
    Locked,
}

/// A user's authorized_keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysWanted {
    /// In the order of the profile.
    pub keys: Vec<AuthorizedKey>,
    pub others: OtherKeys,
}

/// A key that shall be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizedKey {
    pub name: KeyName,
    /// The whole line.
    pub line: Secret,
    /// Bits of an RSA key.
    pub rsa_bits: Option<u32>,
}

/// What happens to keys that the profile does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherKeys {
    #[default]
    Keep,
    Remove,
}
