//! What becomes of cloud-init, as it is written.

use super::{Shape, WordOr};
use crate::profile::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// `disabled`, or a map that says more.
pub type RawCloudInit = At<WordOr<RawCloudInitMap>>;

/// What becomes of cloud-init.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CloudInit")]
pub struct RawCloudInitMap {
    /// Only `disabled` has a meaning.
    #[schemars(required, extend("enum" = ["disabled"]))]
    pub state: Option<At<String>>,
    /// Whether its units are masked as well, where no line of fstab requires one of them.
    pub mask: Option<At<bool>>,
}

impl Shape for RawCloudInitMap {
    const EXPECTED: &'static str = "`disabled`, or {state: disabled, mask: true}";
}
