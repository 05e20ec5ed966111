//! Secrets: password hashes, keys and files that nobody but their owner may read.
//!
//! Plans, facts and reports know a secret by its digest alone. Its text is in the profile or in a
//! file on the host, and only [`crate::apply`] takes it from there, when an action needs it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A text that must not be shown. It has no `Display`, and `Debug` shows its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself: for a command's standard input or a file, never for an argument or a message.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// See [`digest`].
    pub fn digest(&self) -> String {
        digest(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.digest())
    }
}

/// SHA-256 in hexadecimal. Tells whether two texts are the same without telling either.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret as a plan names it: what it is, and where apply finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// [`digest`] of its text: apply refuses to use another.
    pub digest: String,
    pub source: SecretSource,
}

/// Where a secret's text is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// In the profile itself.
    Profile,
    /// In a file on the host that only root can read.
    File(String),
    /// In the systemd credential of this name.
    Credential(String),
}

/// The secrets that a profile holds itself, by digest.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    pub fn add(&mut self, secret: &Secret) {
        self.0.insert(secret.digest(), secret.clone());
    }

    pub fn find(&self, digest: &str) -> Option<&Secret> {
        self.0.get(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("$6$salt$hash");
        let shown = format!("{secret:?} {:?}", {
            let mut secrets = Secrets::default();
            secrets.add(&secret);
            secrets
        });
        assert!(!shown.contains("salt") && shown.contains(&secret.digest()), "{shown}");
    }
}
