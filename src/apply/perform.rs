//! Steps, carried out: what an action comes to on the host.

pub(super) mod keys;
mod unused;

use crate::accounts::Owner;
use crate::action::{Action, Origin};
use crate::host::files::Ids;
use crate::host::{Host, HostError};
use crate::observe::{accounts, probe};
use crate::secret::{self, Secret, SecretRef, SecretSource};
use crate::steps::{Step, steps};

/// Of a new authorized_keys.
const KEYS_MODE: u32 = 0o600;

/// Why an action failed.
#[derive(Debug)]
pub enum StepError {
    Host(HostError),
    /// The device that the plan saw blank is not blank any more.
    NotBlank {
        device: String,
        found: String,
    },
    /// A file changed between plan and apply.
    Changed {
        path: String,
    },
    /// A file to be copied changed between plan and apply.
    SourceChanged {
        path: String,
    },
    /// Apply cannot find a secret that the plan names, or finds another.
    Secret {
        reason: String,
    },
    /// A pool is in use, or not what the plan saw.
    PoolInUse {
        reason: String,
    },
    /// No such user or group on this host.
    NoOwner {
        owner: Owner,
    },
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StepError::Host(error) => error.fmt(f),
            StepError::NotBlank { device, found } => {
                write!(f, "{device} was blank when the plan was made, now it is not ({found}): it is not overwritten")
            }
            StepError::Changed { path } => {
                write!(f, "{path} changed since the plan was made: it is not overwritten; run again")
            }
            StepError::SourceChanged { path } => {
                write!(f, "{path} changed since the plan was made: it is not copied; run again")
            }
            StepError::Secret { reason } | StepError::PoolInUse { reason } => f.write_str(reason),
            StepError::NoOwner { owner } => write!(f, "there is no user or group for the owner {owner}"),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StepError::Host(error) => error.source(),
            StepError::NotBlank { .. }
            | StepError::Changed { .. }
            | StepError::SourceChanged { .. }
            | StepError::Secret { .. }
            | StepError::PoolInUse { .. }
            | StepError::NoOwner { .. } => None,
        }
    }
}

impl From<probe::ProbeError> for StepError {
    fn from(error: probe::ProbeError) -> Self {
        StepError::Host(error.0)
    }
}

impl From<HostError> for StepError {
    fn from(error: HostError) -> Self {
        StepError::Host(error)
    }
}

/// Performs an action's steps; returns the command lines that were started.
pub fn perform(host: &Host, action: &Action) -> (Vec<String>, Result<(), StepError>) {
    let mut commands = Vec::new();
    for step in steps(action) {
        if let Step::Run(command) | Step::RunSecret { command, .. } = &step {
            commands.push(command.to_string());
        }
        if let Err(error) = take(host, &step) {
            return (commands, Err(error));
        }
    }
    (commands, Ok(()))
}

fn take(host: &Host, step: &Step) -> Result<(), StepError> {
    match step {
        Step::Run(command) => {
            host.run(command)?;
        }
        Step::Replace { path, mode, owner, expected, text } => {
            let found = host.reader().read_optional(path)?;
            // An interrupted run may have written it already.
            if found.as_deref() == Some(text) {
                return Ok(());
            }
            if found != *expected {
                return Err(StepError::Changed { path: path.clone() });
            }
            host.replace(path, text.as_bytes(), *mode, new_owner(host, owner)?)?;
        }
        Step::ReplaceSecret { path, mode, owner, expected, secret } => {
            let found = host.reader().digest_optional(path)?;
            if found.as_ref() == Some(&secret.digest) {
                return Ok(());
            }
            if found != *expected {
                return Err(StepError::Changed { path: path.clone() });
            }
            let secret = reveal(host, secret)?;
            host.replace(path, secret.reveal().as_bytes(), *mode, new_owner(host, owner)?)?;
        }
        Step::Copy { path, mode, owner, expected, digest, origin } => {
            let found = host.reader().digest_optional(path)?;
            if found.as_ref() == Some(digest) {
                return Ok(());
            }
            if found != *expected {
                return Err(StepError::Changed { path: path.clone() });
            }
            let bytes = match origin {
                Origin::File(source) => host.reader().read_bytes(source)?,
                Origin::Text(text) => text.clone().into_bytes(),
            };
            if secret::digest(&bytes) != *digest {
                let path = if let Origin::File(source) = origin { source } else { path };
                return Err(StepError::SourceChanged { path: path.clone() });
            }
            host.replace(path, &bytes, *mode, new_owner(host, owner)?)?;
        }
        Step::RunSecret { command, before, secret } => {
            let input = format!("{before}{}\n", reveal(host, secret)?.reveal());
            host.run_with_secret(command, input.into_bytes())?;
        }
        Step::ChangeKeys { path, owner, expected, changes } => {
            let text = keys::changed(host, path, expected.as_ref(), changes)?;
            host.replace(path, &text, KEYS_MODE, new_owner(host, owner)?)?;
        }
        Step::CreateDirectory { path, mode, owner } => host.create_directory(path, *mode, new_owner(host, owner)?)?,
        Step::SetAttributes { path, mode, owner } => {
            let owner = owner.as_ref().map(|owner| new_owner(host, owner)).transpose()?;
            host.set_attributes(path, *mode, owner)?;
        }
        Step::MoveAway { path, digest, to } => match host.reader().digest_optional(path)? {
            None => {}
            Some(found) if found == *digest => host.rename(path, to)?,
            Some(_) => return Err(StepError::Changed { path: path.clone() }),
        },
        Step::RequireUnused { volume_group, pool, thin_volumes } => {
            unused::require(host.reader(), volume_group, pool, thin_volumes)?;
        }
        Step::RequireBlank { device } => {
            let probe = probe::probe(host.reader(), device)?;
            if !probe.found.is_blank() || probe.busy {
                return Err(not_blank(device, &probe));
            }
        }
        Step::RequireUnfinished { device } => {
            let probe = probe::probe(host.reader(), device)?;
            let unfinished = probe.found.filesystem.as_ref().is_some_and(|filesystem| filesystem.unfinished);
            if !unfinished || probe.busy {
                return Err(not_blank(device, &probe));
            }
        }
    }
    Ok(())
}

fn not_blank(device: &str, probe: &probe::Probed) -> StepError {
    let mut found = probe.found.signatures.clone();
    found.extend(probe.found.unreadable.clone());
    if probe.busy {
        found.push("busy".to_owned());
    }
    StepError::NotBlank { device: device.to_owned(), found: found.join(", ") }
}

/// The numbers of an owner, as the host's files have them now: the plan may have made the user.
fn new_owner(host: &Host, owner: &Owner) -> Result<Ids, StepError> {
    if *owner == Owner::root() {
        return Ok(Ids { uid: 0, gid: 0 });
    }
    let accounts = accounts::of_host(host.reader())?;
    match (accounts.uid(&owner.user), accounts.gid(&owner.group)) {
        (Some(uid), Some(gid)) => Ok(Ids { uid, gid }),
        _ => Err(StepError::NoOwner { owner: owner.clone() }),
    }
}

/// The text of a secret that the plan names by its digest.
fn reveal(host: &Host, wanted: &SecretRef) -> Result<Secret, StepError> {
    let changed = |place: &str| StepError::Secret {
        reason: format!("the secret in {place} is another than the plan was made with: run again"),
    };
    match &wanted.source {
        SecretSource::Profile => host.secret(&wanted.digest).cloned().ok_or_else(|| changed("the profile")),
        SecretSource::File(path) => {
            let text = host.reader().read_optional(path)?.unwrap_or_default();
            let secret = Secret::new(text.trim_end_matches('\n'));
            if secret.digest() == wanted.digest { Ok(secret) } else { Err(changed(path)) }
        }
        SecretSource::Credential(name) => {
            let place = format!("the credential {name}");
            let path = host.reader().credential(name).ok_or_else(|| changed(&place))?;
            let text = std::fs::read_to_string(path).map_err(|_| changed(&place))?;
            let secret = Secret::new(text.trim_end_matches('\n'));
            if secret.digest() == wanted.digest { Ok(secret) } else { Err(changed(&place)) }
        }
    }
}
