//! `apply --confirm-within`: what is there is kept before the first change, until somebody confirms.

use super::perform::{StepError, keys};
use super::watchdog;
use crate::action::Change;
use crate::host::preserved::State;
use crate::host::{Host, HostError, Reader};
use crate::observe;
use crate::secret::digest;
use crate::unconfirmed::{FOLDER, Kept, MANIFEST, MANIFEST_SCHEMA, Manifest, Moment, Undoing};
use std::path::Path;

/// Where backups are gathered before they count.
const GATHERED: &str = "/var/lib/atomhost/unconfirmed.new";
/// Where they go before they are deleted.
const DISCARDED: &str = "/var/lib/atomhost/unconfirmed.old";

/// Why there is no safeguard.
#[derive(Debug)]
pub enum SafeguardError {
    Host(HostError),
    /// What the plan would make of a file cannot be told.
    Step(StepError),
    /// The manifest is there, but is none.
    Manifest(String),
    /// systemd could not start the program from where it is.
    Program(String),
}

impl std::fmt::Display for SafeguardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SafeguardError::Host(error) => error.fmt(f),
            SafeguardError::Step(error) => error.fmt(f),
            SafeguardError::Manifest(reason) => write!(
                f,
                "{MANIFEST} cannot be read: {reason}: look at what is kept in {FOLDER}, put it back by hand, and remove that folder"
            ),
            SafeguardError::Program(path) => write!(
                f,
                "systemd cannot start {path}, which must be able to take the changes back: install it as /usr/local/bin/atomhost"
            ),
        }
    }
}

impl std::error::Error for SafeguardError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SafeguardError::Host(error) => error.source(),
            SafeguardError::Step(error) => error.source(),
            SafeguardError::Manifest(_) | SafeguardError::Program(_) => None,
        }
    }
}

impl From<HostError> for SafeguardError {
    fn from(error: HostError) -> Self {
        SafeguardError::Host(error)
    }
}

impl From<StepError> for SafeguardError {
    fn from(error: StepError) -> Self {
        SafeguardError::Step(error)
    }
}

/// What is unconfirmed on this host, if anything is.
///
/// # Errors
/// It cannot be told.
pub fn read(reader: &Reader) -> Result<Option<Manifest>, SafeguardError> {
    let Some(text) = reader.read_optional(MANIFEST)? else { return Ok(None) };
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| SafeguardError::Manifest(error.to_string()))?;
    match manifest.schema == MANIFEST_SCHEMA {
        true => Ok(Some(manifest)),
        false => Err(SafeguardError::Manifest(format!("it is of the version {}", manifest.schema))),
    }
}

/// Now, by the host's clocks.
///
/// # Errors
/// /proc does not tell.
pub fn moment(reader: &Reader) -> Result<Moment, HostError> {
    let time = observe::now();
    let boot_id = reader.read_optional("/proc/sys/kernel/random/boot_id")?.unwrap_or_default().trim().to_owned();
    let uptime = reader.read_optional("/proc/uptime")?.unwrap_or_default();
    let seconds: f64 = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    Ok(Moment { time, boot_id, uptime: (seconds * 1000.0) as u64 })
}

/// Keeps all that the plan changes and arms its return. When this has succeeded, the changes may
/// begin; when it fails, nothing is kept or armed.
///
/// # Errors
/// Something cannot be kept, or systemd cannot be counted on.
pub fn set_up(
    host: &Host,
    undoing: &Undoing,
    profile: (&str, &str),
    within: u64,
    program: &str,
) -> Result<(), SafeguardError> {
    if !watchdog::is_plain(program) {
        return Err(SafeguardError::Program(program.to_owned()));
    }
    let done = keep(host, undoing, profile, within).and_then(|()| {
        watchdog::install(host, program)?;
        // From here on there is something to take back, and a boot would do so.
        host.rename(GATHERED, FOLDER)?;
        Ok(watchdog::arm(host)?)
    });
    if done.is_err() {
        // The first error is the one to tell; what is left over is taken away by the next run.
        let _ = discard(host);
        let _ = host.remove_folder(GATHERED);
    }
    done
}

/// Forgets what is kept: the changes stay. The folder counts no more from the first step on.
///
/// # Errors
/// Remains are left; to do it again takes them away.
pub fn discard(host: &Host) -> Result<(), HostError> {
    host.remove_folder(DISCARDED)?;
    if host.reader().exists(FOLDER) {
        host.rename(FOLDER, DISCARDED)?;
    }
    watchdog::remove(host)?;
    host.remove_folder(DISCARDED)
}

/// Writes the manifest anew.
///
/// # Errors
/// The old one stays.
pub fn write(host: &Host, path: &str, manifest: &Manifest) -> Result<(), HostError> {
    host.replace_json(path, manifest, host.owner())
}

fn keep(
    host: &Host,
    undoing: &Undoing,
    (profile, profile_digest): (&str, &str),
    within: u64,
) -> Result<(), SafeguardError> {
    let reader = host.reader();
    host.remove_folder(GATHERED)?;
    host.create_directory(GATHERED, 0o700, host.owner())?;
    let mut manifest = Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        profile: profile.to_owned(),
        profile_digest: profile_digest.to_owned(),
        armed: moment(reader)?,
        within,
        reverting: false,
        attempts: 0,
        paths: Vec::new(),
        directories: Vec::new(),
        repeats: undoing.repeats.clone(),
    };
    for touched in &undoing.touched {
        let path = match touched.change {
            Change::Gone => touched.path.clone(),
            _ => reader.follow(&touched.path)?,
        };
        let (is_content, planned) = match &touched.change {
            Change::Content { sha256 } => (true, Some(sha256.clone())),
            Change::Keys { before, changes } => {
                let text = keys::changed(host, &touched.path, before.as_ref(), changes)?;
                (true, Some(digest(&text)))
            }
            Change::Gone => (true, None),
            Change::Attributes | Change::Directory => (false, None),
        };
        let (before, bytes) = reader.capture(&path, is_content)?;
        if before == State::Absent {
            missing_parents(reader, &path, &mut manifest.directories);
        }
        if touched.change == Change::Directory {
            if before == State::Absent && !manifest.directories.contains(&path) {
                manifest.directories.push(path);
            }
            continue;
        }
        let content = bytes.as_ref().map(|_| manifest.paths.len().to_string());
        if let (Some(name), Some(bytes)) = (&content, bytes) {
            host.replace(&format!("{GATHERED}/{name}"), &bytes, 0o600, host.owner())?;
        }
        manifest.paths.push(Kept { path, before, content, planned });
    }
    // A directory that an earlier path needs may be named by a later one.
    manifest.directories.sort_by_key(|path| Path::new(path).components().count());
    Ok(write(host, &format!("{GATHERED}/manifest.json"), &manifest)?)
}

fn missing_parents(reader: &Reader, path: &str, directories: &mut Vec<String>) {
    let missing = Path::new(path).ancestors().skip(1).map(|parent| parent.display().to_string());
    let missing: Vec<String> = missing.take_while(|parent| !reader.exists(parent)).collect();
    for parent in missing.into_iter().rev() {
        if !directories.contains(&parent) {
            directories.push(parent);
        }
    }
}
