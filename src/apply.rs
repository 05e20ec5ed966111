//! Apply: the only interpreter of actions, and the only module that is given a writing host.

#[cfg(test)]
mod faults;
mod perform;
pub mod revert;
pub mod safeguard;
pub mod watchdog;

use crate::exit::chain;
use crate::host::files::Ids;
use crate::host::{Host, HostError};
use crate::plan::{Plan, PlannedAction};
use crate::record::{self, Record};
use crate::report::{ActionState, Outcome, REPORT_PATH, Report};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a person sees of a run while it goes on.
pub trait Progress {
    /// An action starts: its place (from 1) among how many.
    fn starts(&mut self, at: usize, of: usize, planned: &PlannedAction);
    /// It ended, after so long.
    fn ended(&mut self, at: usize, of: usize, planned: &PlannedAction, took: Duration, success: bool);
}

/// Carries out the actions of `plan` in order, up to the first failure or until `stop` is set, which
/// is looked at between actions only. The report is kept on disk as the run goes on; its outcome stays
/// [`Outcome::Started`] when all actions succeeded, until the caller has looked again.
///
/// `record` is what is remembered so far; intents are added before an action that a crash could
/// leave half-done or that leaves something owed, and removed after the action that fulfils them.
///
/// # Errors
/// Only a report or record that cannot be written; a failing action is told in the report.
pub fn apply(
    plan: &Plan,
    host: &Host,
    record: &mut Record,
    report: &mut Report,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<(), HostError> {
    let started = Instant::now();
    let of = plan.actions.len();
    for (at, planned) in plan.actions.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            report.outcome = Outcome::Stopped;
            break;
        }
        report.actions[at].state = ActionState::Started;
        report.seconds = started.elapsed().as_secs_f64();
        write_report(host, report)?;
        let mut news = planned.begins();
        news.retain(|begun| !record.begun.contains(begun));
        if !news.is_empty() {
            record.begun.extend(news);
            record::write(host, record)?;
        }
        progress.starts(at + 1, of, planned);
        let action_started = Instant::now();
        let (commands, result) = perform::perform(host, &planned.action);
        let took = action_started.elapsed();
        progress.ended(at + 1, of, planned, took, result.is_ok());
        let done = &mut report.actions[at];
        done.seconds = took.as_secs_f64();
        done.commands = commands;
        if let Err(error) = result {
            done.state = ActionState::Failed;
            report.outcome = Outcome::Failed;
            report.error = Some(format!("{}: {}", planned.object, chain(&error)));
            break;
        }
        done.state = ActionState::Done;
        if record.begun.iter().any(|begun| planned.action.fulfils(begun)) {
            record.begun.retain(|begun| !planned.action.fulfils(begun));
            record::write(host, record)?;
        }
    }
    report.seconds = started.elapsed().as_secs_f64();
    // Where all went well the outcome is still open: whether the host is as it shall be takes another look.
    write_report(host, report)
}

/// Keeps the report where `status` finds it.
///
/// # Errors
/// The file cannot be written.
pub fn write_report(host: &Host, report: &Report) -> Result<(), HostError> {
    host.replace_json(REPORT_PATH, report, Ids::ROOT)
}
