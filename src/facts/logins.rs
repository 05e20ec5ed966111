//! What lets users in, without the secrets themselves.

use super::FileFacts;
use crate::authorized_keys::KeyLine;
use crate::crypt::Scheme;
use serde::{Deserialize, Serialize};

/// What lets one user in. Of a user that is not there yet: what is where its files will be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFacts {
    /// As passwd(5) has it; of a new user where useradd will make it.
    pub home: String,
    pub home_directory: FileFacts,
    pub password: PasswordFacts,
    /// The hash that the profile keeps in a file or credential.
    pub hash: Option<HashFacts>,
    /// Whether the shell that the profile names is not there.
    pub shell_missing: bool,
    /// ~/.ssh.
    pub ssh_directory: FileFacts,
    /// ~/.ssh/authorized_keys, known by its digest.
    pub keys_file: FileFacts,
    /// Its lines, blank ones and comments left out.
    pub keys: Vec<KeyLine>,
    /// Why a symbolic link on the way to it must not be followed.
    pub bad_link: Option<String>,
    /// ~/.ssh/authorized_keys2, which sshd reads too by default, is there.
    pub second_file: bool,
    /// restorecon would change labels in ~/.ssh.
    pub labels_drifted: bool,
}

/// The password field of shadow(5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordFacts {
    pub state: PasswordState,
    /// SHA-256 of the field in hexadecimal; `None` where there is no such line.
    pub digest: Option<String>,
}

/// What a password field means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordState {
    /// The user has no line.
    #[default]
    Missing,
    /// Nothing is asked for.
    Empty,
    /// No password fits.
    Locked,
    Set,
}

/// A hash outside the profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HashFacts {
    /// SHA-256 of the hash in hexadecimal.
    Good {
        digest: String,
        scheme: Scheme,
    },
    Missing,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// Others than root can read or write it.
    Exposed {
        mode: u32,
        uid: u32,
    },
    /// Its text is no hash, for this reason.
    NoHash(String),
}

/// A setting of sshd that decides where keys are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysSetting {
    /// The file that says so.
    pub file: String,
    /// The words after AuthorizedKeysFile.
    pub paths: Vec<String>,
}
