//! Docker's files: storage setup, network options, and the daemon's JSON.

use super::Watch;
use super::managed_file::{self, ManagedFile, Text};
use crate::env_file;
use crate::facts::FileFacts;
use crate::plan::model::Model;
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{DockerWanted, Profile};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};

pub const STORAGE_SETUP: &str = "/etc/sysconfig/docker-storage-setup";
pub const NETWORK: &str = "/etc/sysconfig/docker-network";
pub const DAEMON: &str = "/etc/docker/daemon.json";
const NETWORK_OPTIONS: &str = "DOCKER_NETWORK_OPTIONS";
const UNIT: &str = "docker.service";

/// What docker-storage-setup and its successor read; it passes over every other variable.
const STORAGE_VARIABLES: [&str; 24] = [
    "AUTO_EXTEND_POOL",
    "CHUNK_SIZE",
    "CONTAINER_ROOT_LV_MOUNT_PATH",
    "CONTAINER_ROOT_LV_NAME",
    "CONTAINER_ROOT_LV_SIZE",
    "CONTAINER_THINPOOL",
    "DATA_SIZE",
    "DEVICE_WAIT_TIMEOUT",
    "DEVS",
    "DOCKER_ROOT_VOLUME",
    "DOCKER_ROOT_VOLUME_SIZE",
    "EXTRA_DOCKER_STORAGE_OPTIONS",
    "EXTRA_STORAGE_OPTIONS",
    "GROWPART",
    "MIN_DATA_SIZE",
    "POOL_AUTOEXTEND_PERCENT",
    "POOL_AUTOEXTEND_THRESHOLD",
    "POOL_META_SIZE",
    "ROOT_SIZE",
    "SETUP_LVM_THIN_POOL",
    "STORAGE_DRIVER",
    "VG",
    "WIPE_SIGNATURES",
    "DOCKER_STORAGE_OPTIONS",
];

/// What to look at for Docker's files.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    let DockerWanted { storage_setup, network_options, daemon } = &profile.docker;
    let paths = [
        (STORAGE_SETUP, !storage_setup.is_empty()),
        (NETWORK, network_options.is_some()),
        (DAEMON, !daemon.is_empty()),
    ];
    for (path, _) in paths.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        watch.text(path);
        watch.units.insert(UNIT.to_owned());
    }
}

/// Plans the files. Docker is not restarted: that would end its containers.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let wanted = &profile.docker;
    let mut changed = Vec::new();
    if !wanted.storage_setup.is_empty() {
        let variables: Vec<(&str, &str)> =
            wanted.storage_setup.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for (key, _) in variables.iter().filter(|(key, _)| !STORAGE_VARIABLES.contains(key)) {
            model.warn(
                WarningCode::DockerSettingUnknown,
                STORAGE_SETUP,
                format!("{key} is no variable that docker-storage-setup is known to read"),
            );
        }
        let is_changed = variables_in(STORAGE_SETUP, &variables, "storage is set up with it", model);
        changed.extend(is_changed.then_some(STORAGE_SETUP));
    }
    if let Some(options) = &wanted.network_options {
        let options = options.join(" ");
        let is_changed = variables_in(NETWORK, &[(NETWORK_OPTIONS, &options)], "dockerd listens as it says", model);
        changed.extend(is_changed.then_some(NETWORK));
    }
    if !wanted.daemon.is_empty() && daemon(&wanted.daemon, model) {
        changed.push(DAEMON);
    }
    warn_of_open_doors(wanted, model);
    let is_running = model.facts.units.get(UNIT).is_some_and(|unit| unit.is_active());
    if is_running && !changed.is_empty() {
        model.defer(
            UNIT,
            format!(
                "runs with the old {}: systemctl restart docker, when its containers may stop; atomhost restarts no \
                 container engine",
                changed.join(", ")
            ),
        );
    }
}

/// The text of a file that may be changed; `None`, refused, for one that is no text.
fn text(path: &str, model: &mut Model<'_>) -> Option<String> {
    match model.facts.files.get(path) {
        Some(FileFacts { text: None, sha256: Some(_), .. }) => {
            let cure = "move it away, or leave it to its owner";
            model.refuse(RefusalCode::FileUnsuitable, path, "is no text: its lines cannot be kept", cure);
            None
        }
        found => Some(found.and_then(|found| found.text.clone()).unwrap_or_default()),
    }
}

/// Plans single lines of a file of assignments; whether they change.
fn variables_in(path: &str, variables: &[(&str, &str)], why: &str, model: &mut Model<'_>) -> bool {
    let Some(before) = text(path, model) else { return false };
    let mut after = before;
    let mut what = Vec::new();
    for (key, value) in variables {
        let edited = match env_file::set(&after, key, value) {
            Ok(edited) => edited,
            Err(found) => {
                let cure = format!("bash -n {path} shows where: mend that first");
                model.refuse(RefusalCode::FileUnsuitable, path, found, cure);
                return false;
            }
        };
        if edited != after {
            what.push(*key);
        }
        after = edited;
    }
    let what = what.join(", ");
    let file = ManagedFile { path, text: Text::Shown(after), mode: None, owner: None, what: &what, why };
    managed_file::plan(&file, model) == Some(true)
}

/// Plans daemon.json; whether it changes.
fn daemon(wanted: &Map<String, Value>, model: &mut Model<'_>) -> bool {
    let Some(before) = text(DAEMON, model) else { return false };
    let found: Result<Map<String, Value>, _> = match before.trim() {
        "" => Ok(Map::new()),
        json => serde_json::from_str(json),
    };
    let mut merged = match found {
        Ok(found) => found,
        Err(error) => {
            let cure = "correct it, or move it away: what is in it would be lost";
            model.refuse(RefusalCode::FileUnsuitable, DAEMON, format!("is no JSON object: {error}"), cure);
            return false;
        }
    };
    let old = merged.clone();
    merge(&mut merged, wanted);
    let after =
        if merged == old && !before.trim().is_empty() { before } else { pretty(&merged, &indentation(&before)) };
    let what = wanted.keys().filter(|key| old.get(*key) != merged.get(*key)).cloned().collect::<Vec<_>>().join(", ");
    let why = "dockerd reads it at its start";
    let file = ManagedFile { path: DAEMON, text: Text::Shown(after), mode: None, owner: None, what: &what, why };
    managed_file::plan(&file, model) == Some(true)
}

/// Maps are merged key by key; everything else is replaced.
fn merge(into: &mut Map<String, Value>, wanted: &Map<String, Value>) {
    for (key, value) in wanted {
        match (into.get_mut(key), value) {
            (Some(Value::Object(found)), Value::Object(wanted)) => merge(found, wanted),
            (Some(found), _) => *found = value.clone(),
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The blanks before the first key of a JSON text; four spaces for a new one.
fn indentation(text: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with('"'));
    let blanks = line.map(|line| line[..line.len() - line.trim_start().len()].to_owned());
    blanks.filter(|blanks| !blanks.is_empty()).unwrap_or_else(|| "    ".to_owned())
}

fn pretty(map: &Map<String, Value>, indentation: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(indentation.as_bytes());
    // A map of JSON values has a JSON form, and memory takes it.
    let _ = map.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whoever reaches dockerd's socket is root on the host.
fn warn_of_open_doors(wanted: &DockerWanted, model: &mut Model<'_>) {
    let hosts = wanted.daemon.get("hosts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let by_option = wanted.addresses().into_iter().map(|address| (NETWORK, address));
    let by_file = hosts.map(|address| (DAEMON, address));
    if wanted.verifies_clients() {
        return;
    }
    for (path, address) in by_option.chain(by_file).filter(|(_, address)| address.starts_with("tcp://")) {
        let host = address.trim_start_matches("tcp://");
        let reach = match host.rsplit_once(':').map_or(host, |(host, _)| host) {
            "" => "with no address some versions of dockerd listen on every interface",
            "0.0.0.0" | "[::]" => "it listens on every interface",
            _ => "whoever reaches it",
        };
        let text = if reach.starts_with("whoever") {
            format!("{address} without --tlsverify: {reach} is root on this host")
        } else {
            format!("{address} without --tlsverify: {reach}, and whoever reaches it is root on this host")
        };
        model.warn(WarningCode::DockerOpenDoor, path, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn json_is_merged_and_keeps_its_look() {
        let before = "{\n  \"z\": 1,\n  \"log-opts\": {\"max-file\": \"3\"},\n  \"list\": [1]\n}\n";
        let mut merged = map(before);
        merge(&mut merged, &map(r#"{"log-opts": {"max-size": "10m"}, "list": [2], "new": true}"#));
        let expected = "{\n  \"z\": 1,\n  \"log-opts\": {\n    \"max-file\": \"3\",\n    \"max-size\": \"10m\"\n  },\n  \
                        \"list\": [\n    2\n  ],\n  \"new\": true\n}\n";
        assert_eq!(pretty(&merged, &indentation(before)), expected);
        assert_eq!(indentation("{}"), "    ");
        assert_eq!(indentation("{\n\t\"a\": 1}"), "\t");
    }

    #[test]
    fn addresses_in_every_spelling() {
        let rows = [
            (vec!["-H unix:///run/x -H tcp://127.0.0.1:1"], vec!["unix:///run/x", "tcp://127.0.0.1:1"], false),
            (vec!["--host=tcp://", "--tlsverify"], vec!["tcp://"], true),
            (vec!["-H", "tcp://a:1", "--tlsverify=false"], vec!["tcp://a:1"], false),
        ];
        for (options, addresses, verified) in rows {
            let options = options.into_iter().map(str::to_owned).collect();
            let wanted = DockerWanted { network_options: Some(options), ..DockerWanted::default() };
            assert_eq!((wanted.addresses(), wanted.verifies_clients()), (addresses, verified));
        }
    }
}
