//! Access rules as they are written.

use super::Shape;
use crate::profile::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who may log in from where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Access")]
pub struct RawAccess {
    /// Lines of access.conf(5), in order: `+:root:LOCAL`. The first that matches decides.
    pub rules: Option<At<Vec<At<String>>>>,
    /// Logins that the rules must allow: `root via sshd from 192.0.2.7`, `core via login on tty1`.
    pub must_allow: Option<Vec<At<String>>>,
    /// Whether the PAM stacks of the host load pam_access; as found unless given.
    pub pam: Option<At<RawPam>>,
}

/// What is wanted of the PAM stacks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawPam {
    Enabled,
}

impl Shape for RawAccess {
    const EXPECTED: &'static str = "access rules such as {rules: [\"+:root:LOCAL\", \"-:ALL:ALL\"]}";
}
