//! The profile as it is written: one type for each map of the YAML, and its JSON schema.
//!
//! What can be said by types is said here; everything else is in [`super::checks`].

pub mod access;
pub mod cloud_init;
mod docker;
mod files;
pub mod journald;
mod shape;
pub mod storage;
pub mod users;

pub use access::*;
pub use cloud_init::*;
pub use docker::{RawContainers, RawDocker};
pub use files::{RawCertificate, RawFile, RawState};
pub use journald::*;
pub use shape::{MapOf, Shape, WordOr};
pub use storage::*;
pub use users::*;

use super::Profile;
use super::checks;
use super::compose::EXTENDS;
use super::error::{Problem, ProfileError};
use super::yaml::{self, At};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// Larger profiles are refused unread: the largest sensible one has a few kilobytes.
pub const MAX_PROFILE_BYTES: usize = 1 << 20;

/// The versions of the profile's form that this program reads.
pub const VERSIONS: [u64; 1] = [1];

/// Reads and checks a profile. `file_name` serves the messages only.
///
/// # Errors
/// Everything that is wrong with it: the first error of form, or else all errors of meaning.
pub fn parse(text: &[u8], file_name: &str) -> Result<Profile, ProfileError> {
    let source = readable(text).map_err(|problem| ProfileError::new(file_name, "", vec![problem]))?;
    read(source).map_err(|problems| ProfileError::new(file_name, source, problems))
}

/// The JSON schema of a profile, for editors.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(RawProfile).to_value();
    let name = serde_json::json!({"type": "string", "minLength": 1});
    // It is dealt with before the profile is read as one.
    schema["properties"][EXTENDS] = serde_json::json!({
        "description": "Profiles that this one is based on, relative to its own place, or addresses with a digest: what it says itself counts.",
        "anyOf": [name, {"type": "array", "items": name}],
    });
    // What it is based on says it, perhaps.
    schema["anyOf"] = serde_json::json!([{"required": ["version"]}, {"required": [EXTENDS]}]);
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|key| key != "version");
    }
    schema
}

/// Text that YAML can be looked for in.
pub(super) fn readable(text: &[u8]) -> Result<&str, Problem> {
    if text.len() > MAX_PROFILE_BYTES {
        return Err(Problem::of_file(
            format!("the profile is larger than {MAX_PROFILE_BYTES} bytes"),
            "is this the right file? a profile has a few kilobytes",
        ));
    }
    let source = str::from_utf8(text).map_err(|error| {
        Problem::of_file(
            format!("this is no text: byte {} is not UTF-8", error.valid_up_to() + 1),
            "is this the right file? a profile is YAML in UTF-8",
        )
    })?;
    // Editors of other systems leave a byte order mark; positions are counted without it.
    Ok(source.strip_prefix('\u{feff}').unwrap_or(source))
}

/// Whether there is nothing but comments.
pub(super) fn is_empty(source: &str) -> bool {
    source.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    })
}

/// Reads and checks a profile's text.
///
/// # Errors
/// Everything that is wrong with it.
pub(super) fn read(source: &str) -> Result<Profile, Vec<Problem>> {
    if is_empty(source) {
        return Err(vec![Problem::of_file("the profile is empty", "begin it with `version: 1`")]);
    }
    // A later version's keys are unknown here: the version is the one thing to complain about then.
    let VersionOnly { version } = yaml::read(source).map_err(|problem| vec![problem])?;
    checks::version(version.as_ref())?;
    let raw: RawProfile = yaml::read(source).map_err(|problem| vec![problem])?;
    checks::check(raw)
}

#[derive(Deserialize)]
struct VersionOnly {
    version: Option<At<String>>,
}

/// What operations people want of a host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Profile")]
pub struct RawProfile {
    /// Version of this form: 1.
    #[serde(rename = "version")]
    #[schemars(range(min = 1, max = 1))]
    pub _version: u64,
    /// Volume groups and what is in them.
    pub lvm: Option<At<RawLvm>>,
    /// Network shares to mount, by mount point.
    pub mounts: Option<IndexMap<At<String>, MapOf<RawShare>>>,
    /// Files and directories, by absolute path.
    pub files: Option<IndexMap<At<String>, MapOf<RawFile>>>,
    /// Certificate files, by absolute path.
    pub ca_certificates: Option<IndexMap<At<String>, MapOf<RawCertificate>>>,
    /// Docker's configuration.
    pub docker: Option<MapOf<RawDocker>>,
    /// Configuration of the other container engines.
    pub containers: Option<MapOf<RawContainers>>,
    /// Groups that shall exist, by name.
    pub groups: Option<IndexMap<At<String>, MapOf<RawUserGroup>>>,
    /// Users that shall exist, by name.
    pub users: Option<IndexMap<At<String>, MapOf<RawUser>>>,
    /// Who may log in from where.
    pub access: Option<MapOf<RawAccess>>,
    /// Options of the journal.
    pub journald: Option<At<RawJournald>>,
    /// `disabled`: cloud-init is retired once it has done its work.
    pub cloud_init: Option<RawCloudInit>,
}
