//! authorized_keys as a plan's changes leave it.

use super::StepError;
use crate::action::KeyChange;
use crate::authorized_keys;
use crate::host::Host;
use crate::secret;
use std::collections::BTreeMap;

/// The file's text after `changes`. What a change adds is in the profile, and known by its digest.
///
/// # Errors
/// The file, or the profile, is not what the plan was made with; `expected` is the file's digest then.
pub fn changed(
    host: &Host,
    path: &str,
    expected: Option<&String>,
    changes: &[KeyChange],
) -> Result<Vec<u8>, StepError> {
    // Read once: a second look might find a file that the user has put in its place, such as shadow(5) by a link.
    let bytes = host.reader().bytes_optional(path)?;
    if bytes.as_deref().map(secret::digest).as_ref() != expected {
        return Err(StepError::Changed { path: path.to_owned() });
    }
    let mut new = BTreeMap::new();
    for change in changes {
        if let KeyChange::Add { line, .. } | KeyChange::Replace { line, .. } = change
            && let Some(secret) = host.secret(line)
        {
            new.insert(line.clone(), secret.reveal().to_owned());
        }
    }
    authorized_keys::change(&bytes.unwrap_or_default(), changes, &new).map_err(|_| StepError::Secret {
        reason: format!("{path}: the keys are others than the plan was made with: run again"),
    })
}
