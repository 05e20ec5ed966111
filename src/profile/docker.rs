//! The files of Docker and of container storage, checked.

use serde_json::{Map, Value};

/// What the profile sets of Docker; each part is `None` or empty where it sets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerWanted {
    /// Variables of /etc/sysconfig/docker-storage-setup, in order.
    pub storage_setup: Vec<(String, String)>,
    /// DOCKER_NETWORK_OPTIONS of /etc/sysconfig/docker-network.
    pub network_options: Option<Vec<String>>,
    /// Keys of /etc/docker/daemon.json; other keys there stay.
    pub daemon: Map<String, Value>,
}

impl DockerWanted {
    /// The addresses that the network options have dockerd listen on, as they are written.
    pub fn addresses(&self) -> Vec<&str> {
        let mut words = self.network_options.iter().flatten().flat_map(|option| option.split_whitespace());
        let mut addresses = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "-H" | "--host" => addresses.extend(words.next()),
                _ => addresses.extend(word.strip_prefix("--host=").or_else(|| word.strip_prefix("-H="))),
            }
        }
        addresses
    }

    /// Whether whoever connects must show a certificate.
    pub fn verifies_clients(&self) -> bool {
        let words = self.network_options.iter().flatten().flat_map(|option| option.split_whitespace());
        let by_option = words.clone().any(|word| matches!(word, "--tlsverify" | "--tlsverify=true" | "--tlsverify=1"));
        by_option || self.daemon.get("tlsverify") == Some(&Value::Bool(true))
    }
}
