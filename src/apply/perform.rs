//! Steps, carried out: what an action comes to on the host.

mod error;
pub(super) mod keys;
mod unused;

pub use self::error::StepError;
use crate::accounts::Owner;
use crate::action::{Action, Origin};
use crate::host::Host;
use crate::host::files::Ids;
use crate::observe::probe::{self, Look};
use crate::observe::{accounts, block, mounts};
use crate::secret::{self, Secret, SecretRef, SecretSource};
use crate::steps::{Step, steps};
use std::path::Path;

/// Of a new authorized_keys.
const KEYS_MODE: u32 = 0o600;

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
        Step::RequireBlank { device } => require_blank(host, device, Look::Signatures)?,
        Step::RequireZeroes { device } => require_blank(host, device, Look::Data)?,
        Step::RequireSignatures { device, signatures } => {
            let probe = probe::probe(host.reader(), device, Look::Signatures)?;
            if probe.found.signatures != *signatures || probe.found.unreadable.is_some() || probe.busy {
                return Err(StepError::OtherSignatures { device: device.clone(), found: seen(&probe) });
            }
        }
        Step::RequireSize { device, bytes } => {
            if block::size(host.reader(), device)? != Some(*bytes) {
                return Err(StepError::OtherSize { device: device.clone() });
            }
        }
        Step::RequireNotMounted { path } => {
            let real = std::fs::canonicalize(host.reader().path(path)).unwrap_or_else(|_| path.into());
            let mounts = mounts::read(host.reader())?;
            if let Some(mount) = mounts.iter().find(|mount| Path::new(&mount.path) == real) {
                return Err(StepError::Mounted { path: path.clone(), source: mount.source.clone() });
            }
        }
        Step::RequireUnfinished { device } => {
            let probe = probe::probe(host.reader(), device, Look::Signatures)?;
            let unfinished = probe.found.filesystem.as_ref().is_some_and(|filesystem| filesystem.unfinished);
            if !unfinished || probe.busy {
                return Err(not_blank(device, &probe));
            }
        }
    }
    Ok(())
}

/// Nothing is there, as far as `look` goes, and nobody uses it.
fn require_blank(host: &Host, device: &str, look: Look) -> Result<(), StepError> {
    let probe = probe::probe(host.reader(), device, look)?;
    if probe.found.is_zeroed() && !probe.busy { Ok(()) } else { Err(not_blank(device, &probe)) }
}

fn not_blank(device: &str, probe: &probe::Probed) -> StepError {
    StepError::NotBlank { device: device.to_owned(), found: seen(probe) }
}

fn seen(probe: &probe::Probed) -> String {
    let mut found = probe.found.signatures.clone();
    found.extend(probe.found.unreadable.clone());
    if probe.found.ambiguous {
        found.push("contradicting signatures".to_owned());
    }
    found.extend(probe.found.residue.map(|residue| residue.to_string()));
    if probe.busy {
        found.push("busy".to_owned());
    }
    if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::DiskTaken;
    use crate::host::command::{Command, CommandError, Output, run};
    use std::os::unix::fs::FileExt;
    use std::path::Path;
    use std::sync::Arc;

    /// The tools that only look are the real ones.
    fn without_vgextend(command: &Command) -> Result<Output, CommandError> {
        let is_vgextend = command.to_string().starts_with("vgextend ");
        if is_vgextend { run(&Command::new("true", [""; 0])) } else { run(command) }
    }

    /// Data that came between plan and apply, far from where a signature could be.
    #[test]
    fn a_disk_is_looked_at_again_right_before_it_is_taken() {
        let disk = tempfile::NamedTempFile::new().expect("a file");
        disk.as_file().set_len(64 << 20).expect("sized");
        let host = Host::new(Path::new("/"), Arc::new(without_vgextend));
        let take = |consented| {
            let disk = DiskTaken {
                device: disk.path().display().to_string(),
                serials: Vec::new(),
                links: Vec::new(),
                size: 64 << 20,
                selector: String::new(),
                resumed: false,
                consented,
            };
            let (_, taken) =
                perform(&host, &Action::ExtendVolumeGroup { volume_group: "vg".to_owned(), devices: vec![disk] });
            taken.map_err(|error| error.to_string())
        };
        assert_eq!(take(false), Ok(()));
        disk.as_file().write_all_at(&[1], 32 << 20).expect("written");
        let refused = take(false).expect_err("it is not taken");
        assert!(refused.contains("was blank when the plan was made") && refused.contains("at 32M"), "{refused}");
        assert_eq!(take(true), Ok(()), "data of which the profile says that it may go");
        disk.as_file().write_all_at(b"XFSB", 0).expect("written");
        assert!(take(true).is_err(), "a signature that the plan did not name");
    }
}
