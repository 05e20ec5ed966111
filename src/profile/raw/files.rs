//! Files and certificates as they are written.

use super::Shape;
use crate::profile::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// A file, a directory, or what shall not be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "File")]
pub struct RawFile {
    /// What shall be at the path; `file` unless given.
    pub state: Option<At<RawState>>,
    /// What the file says.
    pub content: Option<At<String>>,
    /// A file of the host that it is a copy of, in place of content.
    pub source: Option<At<String>>,
    /// Permission bits in octal; as found unless given, and 0644 (a directory 0755, a secret 0600) when new.
    #[schemars(regex(pattern = "^(0o)?[0-7]{3,5}$"))]
    pub mode: Option<At<String>>,
    /// Name or number of the user; as found unless given, and root when new.
    pub owner: Option<At<String>>,
    /// Name or number of the group; as found unless given, and root when new.
    pub group: Option<At<String>>,
    /// Whether no plan, report or log may show what it says.
    pub secret: Option<At<bool>>,
}

/// What shall be at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "FileState")]
pub enum RawState {
    /// A file with this content.
    File,
    Directory,
    /// A file, whatever it says.
    Touch,
    /// Nothing; a file is kept as a backup beside its place.
    Absent,
}

/// A certificate file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Certificate")]
pub struct RawCertificate {
    /// One certificate or several, in PEM.
    pub content: Option<At<String>>,
    /// A file of the host that holds them, in place of content.
    pub source: Option<At<String>>,
    /// Whether the system trusts it too.
    pub trust: Option<At<bool>>,
}

impl Shape for RawFile {
    const EXPECTED: &'static str = "a file such as {content: \"text\\n\", mode: \"0644\"}";
}
impl Shape for RawCertificate {
    const EXPECTED: &'static str = "a certificate such as {source: /etc/atomhost/files/ca.crt, trust: true}";
}
