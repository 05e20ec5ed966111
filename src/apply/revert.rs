//! Taking unconfirmed changes back: every path as it was, and proof that it is.

use super::perform::{self, StepError};
use super::{safeguard, watchdog, write_report};
use crate::action::{Action, Repeat};
use crate::exit::chain;
use crate::host::command::Command;
use crate::host::files::LABEL;
use crate::host::preserved::State;
use crate::host::{Host, HostError};
use crate::record::{self, Record};
use crate::report::{Outcome, REPORT_PATH, Report, Taken};
use crate::unconfirmed::{FOLDER, Kept, MANIFEST, Manifest};
use std::time::Duration;

/// After a failure the timer tries again so much later, and so often.
pub const AGAIN_AFTER: Duration = Duration::from_secs(60);
const MOST_ATTEMPTS: u32 = 10;

/// Takes everything back that `manifest` names, and tells it in report and record. What does not
/// come back keeps nothing else from coming back; then the manifest stays, and `Taken::failed` says
/// what is missing.
///
/// # Errors
/// Only what concerns atomhost's own files; to do it again is safe.
pub fn revert(host: &Host, manifest: &Manifest, record: &Record, expired: bool) -> Result<Taken, HostError> {
    let mut manifest = manifest.clone();
    manifest.reverting = true;
    manifest.attempts += 1;
    safeguard::write(host, MANIFEST, &manifest)?;
    let now = safeguard::moment(host.reader())?;
    let mut taken = Taken { at: now.time, expired, ..Taken::default() };
    for kept in manifest.paths.iter().rev() {
        match put_back(host, kept, &mut taken.beside) {
            Ok(true) => taken.paths.push(kept.path.clone()),
            Ok(false) => taken.stayed.push(kept.path.clone()),
            Err(reason) => taken.failed.push(format!("{}: {reason}", kept.path)),
        }
    }
    for path in manifest.directories.iter().rev() {
        remove_directory(host, path, &mut taken);
    }
    for repeat in &manifest.repeats {
        if let Err(error) = again(host, repeat) {
            taken.failed.push(chain(&error));
        }
    }
    write_report(host, &told(host, &manifest, &taken)?)?;
    if taken.failed.is_empty() {
        let reverted = record::Reverted { profile_digest: manifest.profile_digest.clone(), at: now.time };
        record::write(host, &Record { reverted: Some(reverted), ..record.clone() })?;
        safeguard::discard(host)?;
    } else if expired && manifest.attempts < MOST_ATTEMPTS {
        watchdog::set_timer(host, AGAIN_AFTER)?;
    }
    Ok(taken)
}

/// Brings one path back and looks at it again. `false`: only its mode and owner are known, and
/// something else is there by now, which is left alone.
fn put_back(host: &Host, kept: &Kept, beside: &mut Vec<String>) -> Result<bool, String> {
    let Kept { path, before, content, planned } = kept;
    let whole = content.is_some() || planned.is_some() || matches!(before, State::Link { .. });
    let said = |error: HostError| chain(&error);
    let bytes = match content {
        Some(name) => Some(host.reader().read_bytes(&format!("{FOLDER}/{name}")).map_err(said)?),
        None => None,
    };
    if let (State::File { sha256: Some(sha256), .. }, Some(bytes)) = (before, &bytes)
        && crate::secret::digest(bytes) != *sha256
    {
        return Err("what was kept of it is damaged: it is left as it is".to_owned());
    }
    let (now, _) = host.reader().capture(path, whole).map_err(said)?;
    if same(before, &now) {
        return Ok(true);
    }
    if !whole && std::mem::discriminant(before) != std::mem::discriminant(&now) {
        return Ok(false);
    }
    if whole && is_foreign(kept, &now) {
        beside.push(host.keep_beside(path).map_err(said)?);
    }
    host.restore(path, before, bytes.as_deref()).map_err(said)?;
    let (now, _) = host.reader().capture(path, whole).map_err(said)?;
    match same(before, &now) {
        true => Ok(true),
        false => Err("is not as it was, although it was brought back".to_owned()),
    }
}

/// Whether what is there now is neither what was there nor what the plan put there.
fn is_foreign(kept: &Kept, now: &State) -> bool {
    match (&kept.before, now) {
        (_, State::Absent) => false,
        (before, State::File { sha256, .. }) => {
            let old = if let State::File { sha256, .. } = before { sha256.as_ref() } else { None };
            sha256.as_ref() != old && sha256.as_ref() != kept.planned.as_ref()
        }
        _ => true,
    }
}

/// The same in all that was taken down. A label that came by itself is no difference.
fn same(before: &State, now: &State) -> bool {
    let mut now = now.clone();
    if let (
        State::File { attributes: before, .. } | State::Directory { attributes: before },
        State::File { attributes: now, .. } | State::Directory { attributes: now },
    ) = (before, &mut now)
        && !before.extended.contains_key(LABEL)
    {
        now.extended.remove(LABEL);
    }
    if let (State::File { sha256: None, .. }, State::File { sha256, .. }) = (before, &mut now) {
        *sha256 = None;
    }
    *before == now
}

/// A directory that somebody uses by now stays.
fn remove_directory(host: &Host, path: &str, taken: &mut Taken) {
    match host.restore(path, &State::Absent, None) {
        Ok(()) => taken.paths.push(path.to_owned()),
        Err(HostError::File { source, .. }) if source.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            taken.stayed.push(path.to_owned());
        }
        Err(error) => taken.failed.push(chain(&error)),
    }
}

/// As the plan did it. A unit that does not run, as early at boot, reads its files when it starts.
fn again(host: &Host, repeat: &Repeat) -> Result<(), StepError> {
    let action = match repeat {
        Repeat::ReloadSystemd => Action::ReloadSystemd,
        Repeat::RefreshTrust(store) => Action::RefreshTrust { store: *store },
        Repeat::ReloadUnit(unit) => {
            let asked = Command::new("systemctl", ["--quiet", "is-active", "--", unit]);
            if host.run(&asked).is_err() {
                return Ok(());
            }
            Action::ReloadUnit { unit: unit.clone() }
        }
    };
    perform::perform(host, &action).1
}

/// The report of the run whose changes these were, with their end.
fn told(host: &Host, manifest: &Manifest, taken: &Taken) -> Result<Report, HostError> {
    let kept = host.reader().read_optional(REPORT_PATH)?;
    let mut report = match kept.as_deref().map(serde_json::from_str::<Report>) {
        Some(Ok(report)) => report,
        _ => Report::empty(&manifest.profile, manifest.armed.time),
    };
    report.outcome = Outcome::Reverted;
    report.reverted = Some(taken.clone());
    Ok(report)
}
