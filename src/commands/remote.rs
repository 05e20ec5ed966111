//! Fetching a profile from afar, and keeping it for a time without the network.
//!
//! What an address means never changes, since its digest is part of it: once it is here it is not fetched again.

use crate::exit::{Exit, Failure};
use crate::host::command::{self, Command, CommandError, Output};
use crate::host::files::Ids;
use crate::host::{Host, HostError, Reader};
use crate::profile::MAX_PROFILE_BYTES;
use crate::profile::remote::Remote;
use crate::secret::digest;
use std::time::Duration;

/// Where profiles from afar are kept, each under its digest.
pub const FOLDER: &str = "/var/lib/atomhost/profiles";
/// Of them the last ones stay: a change back needs no network either.
const KEPT: usize = 8;
/// Seconds.
const CONNECT_DEADLINE: &str = "10";
const DEADLINE: &str = "60";

/// What is at an address: from here where it is kept, else from there. Nothing is written.
///
/// # Errors
/// Exit 75 when the server cannot be reached, 66 when it has no such file, 65 when it has another one.
pub fn read(remote: &Remote) -> Result<Vec<u8>, Failure> {
    let kept = Reader::this_machine().bytes_optional(&path(remote));
    // Damaged or not to be read: then it is fetched.
    if let Ok(Some(bytes)) = kept
        && digest(&bytes) == remote.sha256
    {
        return Ok(bytes);
    }
    let output = fetch(remote)?;
    let found = digest(output.stdout.as_bytes());
    if found != remote.sha256 {
        return Err(Failure::new(
            Exit::InvalidProfile,
            format!(
                "{} is not the profile that was asked for: its SHA-256 is {found}, not {}: look at it, and if it is to be \
                 taken, write that digest",
                remote.url, remote.sha256
            ),
        ));
    }
    Ok(output.stdout.into_bytes())
}

/// Keeps what was read, for runs without the network.
///
/// # Errors
/// It cannot be written.
pub fn keep(host: &Host, remote: &Remote, bytes: &[u8]) -> Result<(), HostError> {
    let path = path(remote);
    if host.reader().bytes_optional(&path).is_ok_and(|kept| kept.is_some_and(|kept| kept == bytes)) {
        return Ok(());
    }
    host.replace(&path, bytes, 0o600, Ids::ROOT)?;
    for old in oldest(host) {
        host.remove_file(&old)?;
    }
    Ok(())
}

fn path(remote: &Remote) -> String {
    format!("{FOLDER}/{}.yaml", remote.sha256)
}

/// All but the last ones.
fn oldest(host: &Host) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(host.reader().path(FOLDER)) else { return Vec::new() };
    let mut found: Vec<(std::time::SystemTime, String)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.file_name().into_string().ok()?)))
        .collect();
    found.sort();
    let many = found.len().saturating_sub(KEPT);
    found.into_iter().take(many).map(|(_, name)| format!("{FOLDER}/{name}")).collect()
}

fn fetch(remote: &Remote) -> Result<Output, Failure> {
    let failed =
        |exit, reason: String| Failure::new(exit, format!("cannot fetch the profile {}: {reason}", remote.url));
    let output = command::run(&curl(remote)).map_err(|error| match error {
        CommandError::Missing { .. } => Failure::new(Exit::ToolMissing, error.to_string()),
        CommandError::Deadline { .. } | CommandError::Stuck { .. } => failed(Exit::Busy, error.to_string()),
        CommandError::Io { .. } | CommandError::Failed { .. } => failed(Exit::Failed, error.to_string()),
    })?;
    let said = output.stderr_end();
    let reason = if said.is_empty() { output.ended() } else { said };
    match output.code {
        Some(0) => Ok(output),
        // curl(1): no name, no connection, too slow, or cut off underway.
        Some(5 | 6 | 7 | 18 | 28 | 35 | 52 | 55 | 56) => Err(failed(Exit::Busy, format!("{reason}: try again"))),
        _ => Err(failed(Exit::UnreadableProfile, reason)),
    }
}

fn curl(remote: &Remote) -> Command {
    let largest = MAX_PROFILE_BYTES.to_string();
    let limits = [
        // First: nothing that lies in somebody's home decides.
        "--disable",
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--proto",
        "=https",
        "--proto-redir",
        "=https",
        "--max-redirs",
        "5",
        "--connect-timeout",
        CONNECT_DEADLINE,
        "--max-time",
        DEADLINE,
        "--max-filesize",
        &largest,
        "--url",
        &remote.url,
    ];
    // curl has a deadline of its own, and better words.
    Command::new("curl", limits).deadline(Duration::from_secs(90))
}
