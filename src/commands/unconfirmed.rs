//! `atomhost confirm` and `atomhost revert`, and what `apply` and `status` have to do with them.

use crate::apply::revert as take_back;
use crate::apply::safeguard::{self, SafeguardError};
use crate::apply::watchdog;
use crate::cli;
use crate::exit::{Exit, Failure, chain};
use crate::host::lock::Lock;
use crate::host::{Host, Reader};
use crate::observe;
use crate::output;
use crate::plan::Plan;
use crate::record::{self, Record};
use crate::render::printable;
use crate::report::Taken;
use crate::unconfirmed::{Irrevertible, Manifest, time_left, undoing};
use crate::words::counted;
use std::time::Duration;

/// A revert that nobody waits for may wait for a run that is under way, however long that takes.
const PATIENCE: Duration = Duration::from_secs(25 * 60);

impl From<SafeguardError> for Failure {
    fn from(error: SafeguardError) -> Failure {
        match error {
            SafeguardError::Host(error) => error.into(),
            other => Failure::new(Exit::Failed, chain(&other)),
        }
    }
}

/// `atomhost confirm`: the changes stay.
pub fn confirm() -> Result<Exit, Failure> {
    let host = Host::this_machine();
    host.reader().require_root()?;
    let _lock = Lock::take(&host, Duration::ZERO)?;
    let manifest = safeguard::read(host.reader())?;
    if let Some(manifest) = &manifest
        && manifest.reverting
    {
        return Err(Failure::new(
            Exit::Refused,
            "too late: the changes are being taken back; atomhost revert finishes that, then apply them anew",
        ));
    }
    safeguard::discard(&host)?;
    match manifest {
        Some(manifest) => {
            let count = manifest.paths.len() + manifest.directories.len();
            output::line(&format!(
                "Confirmed: the changes of {} stay ({}).",
                printable(&manifest.profile),
                counted(count, "path")
            ));
            Ok(Exit::Success)
        }
        None if observe::read_record(host.reader())?.reverted.is_some() => Err(Failure::new(
            Exit::Refused,
            "too late: the changes were taken back already (atomhost status tells when); apply them anew",
        )),
        None => {
            output::line("Nothing is unconfirmed.");
            Ok(Exit::Success)
        }
    }
}

/// `atomhost revert`: the changes are taken back, now or when their time is over.
pub fn revert(arguments: &cli::Revert) -> Result<Exit, Failure> {
    let host = Host::this_machine();
    host.reader().require_root()?;
    if arguments.expired
        && let Some(manifest) = safeguard::read(host.reader())?
        && let Some(left) = left(&manifest, host.reader())?
    {
        // Without the lock: a run that arms it holds that.
        watchdog::set_timer(&host, left)?;
        output::line(&format!("Not yet: {} are left to confirm the changes.", human(left)));
        return Ok(Exit::Success);
    }
    let lock = Lock::take(&host, if arguments.expired { PATIENCE } else { Duration::ZERO });
    if lock.is_err() && arguments.expired {
        // There is nobody else to try again.
        watchdog::set_timer(&host, take_back::AGAIN_AFTER)?;
    }
    let _lock = lock?;
    // Somebody may have confirmed meanwhile.
    let Some(manifest) = safeguard::read(host.reader())? else {
        safeguard::discard(&host)?;
        output::line("Nothing is unconfirmed: nothing to take back.");
        return Ok(Exit::Success);
    };
    let record = observe::read_record(host.reader())?;
    let taken = take_back::revert(&host, &manifest, &record, arguments.expired)?;
    Ok(tell(&manifest, &taken))
}

fn tell(manifest: &Manifest, taken: &Taken) -> Exit {
    let Taken { at: _, expired, paths, beside, stayed, failed } = taken;
    let why = if *expired { "Nobody confirmed in time: " } else { "" };
    let done = if failed.is_empty() { "reverted" } else { "reverted in part" };
    let profile = printable(&manifest.profile);
    output::line(&format!("{why}{done} the changes of {profile} ({} as before).", counted(paths.len(), "path")));
    for path in beside {
        output::line(&format!("kept:      {}, which somebody else had written meanwhile", printable(path)));
    }
    for path in stayed {
        output::line(&format!("left:      {} is in use by now, or was removed by somebody else", printable(path)));
    }
    for reason in failed {
        output::error_line(&format!("error: {}", printable(reason)));
    }
    if failed.is_empty() {
        return Exit::Success;
    }
    output::error_line("error: see to these, then run atomhost revert again");
    Exit::Failed
}

/// Refuses to change anything while earlier changes may still be taken back.
///
/// # Errors
/// Exit 75 with what to do.
pub fn require_confirmed(host: &Host) -> Result<(), Failure> {
    let Some(manifest) = safeguard::read(host.reader())? else { return Ok(()) };
    let state = match (manifest.reverting, left(&manifest, host.reader())?) {
        (true, _) => "are being taken back: atomhost revert finishes that".to_owned(),
        (false, Some(left)) => {
            format!(
                "wait for confirmation, {} left: atomhost confirm keeps them, atomhost revert takes them back",
                human(left)
            )
        }
        (false, None) => "were not confirmed in time: atomhost revert takes them back".to_owned(),
    };
    Err(Failure::new(Exit::Busy, format!("earlier changes {state}; nothing was changed")))
}

/// What was reverted is not applied again by a boot: whoever lost access would lose it once more.
///
/// # Errors
/// Exit 3 with what to do.
pub fn require_not_reverted(record: &Record, profile_digest: &str) -> Result<(), Failure> {
    match &record.reverted {
        Some(reverted) if reverted.profile_digest == profile_digest => Err(Failure::new(
            Exit::Refused,
            "the changes of this profile were taken back because nobody confirmed them: it is not applied unattended; \
             run atomhost apply --confirm-within 10m, or change the profile; nothing was changed",
        )),
        _ => Ok(()),
    }
}

/// A profile is applied: what was reverted before is history.
///
/// # Errors
/// The record cannot be written.
pub fn forget_reverted(host: &Host, record: &mut Record) -> Result<(), Failure> {
    if record.reverted.take().is_some() {
        record::write(host, record)?;
    }
    Ok(())
}

/// Keeps what the plan changes, and arms its return.
///
/// # Errors
/// Exit 3 when part of the plan cannot be taken back; else what went wrong. Nothing was changed.
pub fn set_up(host: &Host, plan: &Plan, profile: (&str, &str), within: Duration) -> Result<(), Failure> {
    let undoing = undoing(plan).map_err(|never| refused(&never))?;
    // A relative path means nothing at the next boot.
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot tell which program this is: {error}; nothing was changed"))
    })?;
    safeguard::set_up(host, &undoing, profile, within.as_secs(), &program.display().to_string()).map_err(|error| {
        let Failure { exit, message } = error.into();
        Failure::new(
            exit,
            format!("cannot make sure that the changes can be taken back: {message}; nothing was changed"),
        )
    })
}

fn refused(never: &[Irrevertible]) -> Failure {
    let mut text =
        "the plan has what cannot be taken back, and --confirm-within promises that; nothing was changed".to_owned();
    for Irrevertible { object, after, why } in never {
        text.push_str(&format!("\n  {}: {} ({why})", printable(object), printable(after)));
    }
    text.push_str("\n  cure: apply those first without --confirm-within, with the rest left out of the profile");
    Failure::new(Exit::Refused, text)
}

/// The closing line of a run whose changes may be taken back.
pub fn remind(reader: &Reader) {
    if let Ok(Some(state)) = state(reader) {
        output::line(&format!("Unconfirmed: {state}"));
    }
}

/// In words, what waits for confirmation; `None` when nothing does.
///
/// # Errors
/// It cannot be told.
pub fn state(reader: &Reader) -> Result<Option<String>, Failure> {
    let Some(manifest) = safeguard::read(reader)? else { return Ok(None) };
    let count = counted(manifest.paths.len() + manifest.directories.len(), "path");
    let profile = printable(&manifest.profile).into_owned();
    Ok(Some(match (manifest.reverting, left(&manifest, reader)?) {
        (true, _) => format!("{count} of {profile} being taken back: atomhost revert finishes that"),
        (false, Some(left)) => format!(
            "{count} of {profile} will be taken back in {} unless atomhost confirm comes (log in afresh first)",
            human(left)
        ),
        (false, None) => format!("{count} of {profile} not confirmed in time: atomhost revert takes them back"),
    }))
}

fn left(manifest: &Manifest, reader: &Reader) -> Result<Option<Duration>, Failure> {
    match manifest.reverting {
        true => Ok(None),
        false => Ok(time_left(manifest, &safeguard::moment(reader)?)),
    }
}

fn human(time: Duration) -> String {
    humantime::format_duration(Duration::from_secs(time.as_secs().max(1))).to_string()
}
