//! Docker's and container storage's settings: names and values that their files can hold.

use super::Problems;
use super::paths::Claims;
use crate::env_file;
use crate::profile::DockerWanted;
use crate::profile::raw::{MapOf, RawContainers, RawDocker};
use crate::profile::yaml::At;
use crate::resources::{containers, docker};
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::ops::Range;

/// Docker's part of the profile.
pub fn docker(raw: Option<MapOf<RawDocker>>, claims: &mut Claims, problems: &mut Problems) -> DockerWanted {
    let Some(MapOf(At { value: RawDocker { storage_setup, network_options, daemon }, span })) = raw else {
        return DockerWanted::default();
    };
    if storage_setup.is_none() && network_options.is_none() && daemon.is_none() {
        problems.add(&span, "`docker` asks for nothing", "add storage_setup, network_options or daemon");
    }
    let mut wanted = DockerWanted::default();
    if let Some(At { value, span }) = storage_setup {
        claims.claim(docker::STORAGE_SETUP, "docker", &span, problems);
        wanted.storage_setup = variables(value, &span, problems);
    }
    if let Some(At { value, span }) = network_options {
        claims.claim(docker::NETWORK, "docker", &span, problems);
        wanted.network_options = Some(options(value, &span, problems));
    }
    if let Some(At { value, span }) = daemon {
        claims.claim(docker::DAEMON, "docker", &span, problems);
        check_map(&value, &span, "daemon", problems);
        wanted.daemon = value;
        let has_both = wanted.daemon.contains_key("hosts") && !wanted.addresses().is_empty();
        if has_both {
            problems.add(
                &span,
                "`hosts` stands beside a -H of network_options: dockerd does not start with both",
                "name all addresses in one of the two",
            );
        }
    }
    wanted
}

/// Container storage's part.
pub fn containers(
    raw: Option<MapOf<RawContainers>>,
    claims: &mut Claims,
    problems: &mut Problems,
) -> Map<String, Value> {
    let Some(MapOf(At { value: RawContainers { storage }, span })) = raw else { return Map::new() };
    let Some(At { value, span }) = storage else {
        problems.add(&span, "`containers` asks for nothing", "add storage");
        return Map::new();
    };
    claims.claim(containers::PATH, "containers", &span, problems);
    check_map(&value, &span, "storage", problems);
    if value.get("storage").is_some_and(Value::is_object) {
        problems.add(&span, "`storage` stands within `storage`", "write the keys of the table [storage] right here");
    }
    value
}

fn variables(
    raw: IndexMap<At<String>, At<String>>,
    span: &Range<usize>,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    if raw.is_empty() {
        problems.add(span, "`storage_setup` is empty", "name a variable such as ROOT_SIZE, or remove the key");
    }
    let mut variables = Vec::new();
    for (key, value) in raw {
        if !env_file::is_key(&key.value) {
            problems.add(
                &key.span,
                format!("`{}` is no name of a variable", key.value),
                "write letters, digits and _ only",
            );
        }
        if let Err(reason) = env_file::check_value(&value.value) {
            problems.add(&value.span, format!("the value of {} {reason}", key.value), "write it on one line");
        }
        variables.push((key.value, value.value));
    }
    variables
}

fn options(raw: Vec<At<String>>, span: &Range<usize>, problems: &mut Problems) -> Vec<String> {
    if raw.is_empty() {
        problems.add(span, "`network_options` is empty", "name an option, or remove the key");
    }
    for At { value, span } in &raw {
        // The unit splits the variable at blanks and knows no quotes within it.
        let odd = value.chars().find(|c| c.is_control() || matches!(c, '\'' | '"' | '\\' | '$' | '`'));
        if let Some(odd) = odd {
            let odd = if odd.is_control() { odd.escape_default().to_string() } else { odd.to_string() };
            problems.add(span, format!("`{odd}` cannot stand in an option here"), "write options without quotes");
        } else if value.trim().is_empty() {
            problems.add(span, "this option is empty", "remove it");
        }
    }
    raw.into_iter().map(|option| option.value.trim().to_owned()).collect()
}

fn check_map(map: &Map<String, Value>, span: &Range<usize>, name: &str, problems: &mut Problems) {
    if map.is_empty() {
        problems.add(span, format!("`{name}` is empty"), "name a key, or remove it");
    }
    if let Some(key) = null(map) {
        problems.add(span, format!("`{key}` has no value"), "write one, or remove the key");
    }
}

/// The first key without a value, however deep.
fn null(map: &Map<String, Value>) -> Option<String> {
    fn within(value: &Value) -> Option<String> {
        match value {
            Value::Object(map) => null(map),
            Value::Array(values) if values.iter().any(Value::is_null) => Some("- (an entry)".to_owned()),
            Value::Array(values) => values.iter().find_map(within),
            _ => None,
        }
    }
    map.iter().find_map(|(key, value)| if value.is_null() { Some(key.clone()) } else { within(value) })
}
