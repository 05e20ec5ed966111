//! Docker and container storage as they are written.

use super::Shape;
use crate::profile::yaml::At;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Docker's files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Docker")]
pub struct RawDocker {
    /// Variables of /etc/sysconfig/docker-storage-setup.
    pub storage_setup: Option<At<IndexMap<At<String>, At<String>>>>,
    /// Options of dockerd in /etc/sysconfig/docker-network.
    pub network_options: Option<At<Vec<At<String>>>>,
    /// Keys of /etc/docker/daemon.json; others in the file stay.
    pub daemon: Option<At<Map<String, Value>>>,
}

/// What every container engine but Docker reads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Containers")]
pub struct RawContainers {
    /// Keys of the table [storage] in /etc/containers/storage.conf; others in the file stay.
    pub storage: Option<At<Map<String, Value>>>,
}

impl Shape for RawDocker {
    const EXPECTED: &'static str = "a map such as {storage_setup: {ROOT_SIZE: 15G}}";
}
impl Shape for RawContainers {
    const EXPECTED: &'static str = "a map such as {storage: {driver: overlay}}";
}
