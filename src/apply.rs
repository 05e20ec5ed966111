//! Apply: the only interpreter of actions, and the only module that is given a writing host.

use crate::action::Action;
use crate::host::{Host, HostError};
use crate::observe::probe;
use crate::plan::{Plan, PlannedAction};
use crate::record::{self, Record};
use crate::report::{ActionState, Outcome, REPORT_PATH, Report};
use crate::steps::{Step, steps};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a person sees of a run while it goes on.
pub trait Progress {
    /// An action starts: its place (from 1) among how many.
    fn starts(&mut self, at: usize, of: usize, planned: &PlannedAction);
    /// It ended, after so long.
    fn ended(&mut self, at: usize, of: usize, planned: &PlannedAction, took: Duration, success: bool);
}

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
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StepError::Host(error) => error.source(),
            StepError::NotBlank { .. } | StepError::Changed { .. } => None,
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

/// Carries out the actions of `plan` in order, up to the first failure or until `stop` is set, which
/// is looked at between actions only. The report is kept on disk as the run goes on.
///
/// `record` is what is remembered so far; intents are added before an action that a crash could
/// leave half-done, and removed after it.
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
        let begins = planned.action.begins();
        if !begins.is_empty() {
            record
                .begun
                .extend(begins.iter().filter(|begun| !record.begun.contains(begun)).cloned().collect::<Vec<_>>());
            record::write(host, record)?;
        }
        progress.starts(at + 1, of, planned);
        let action_started = Instant::now();
        let (commands, result) = perform(host, &planned.action);
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
        if !begins.is_empty() {
            record.begun.retain(|begun| !begins.contains(begun));
            record::write(host, record)?;
        }
    }
    if report.outcome == Outcome::Started {
        report.outcome = Outcome::Done;
    }
    report.seconds = started.elapsed().as_secs_f64();
    write_report(host, report)
}

/// Keeps the report where `status` finds it.
///
/// # Errors
/// The file cannot be written.
pub fn write_report(host: &Host, report: &Report) -> Result<(), HostError> {
    let mut json = serde_json::to_string_pretty(report).unwrap_or_default();
    json.push('\n');
    host.replace(REPORT_PATH, json.as_bytes(), 0o600)
}

/// An error with its sources, one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Performs an action's steps; returns the command lines that were started.
fn perform(host: &Host, action: &Action) -> (Vec<String>, Result<(), StepError>) {
    let mut commands = Vec::new();
    for step in steps(action) {
        if let Step::Run(command) = &step {
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
        Step::Replace { path, mode, expected, text } => {
            let found = host.reader().read_optional(path)?;
            // An interrupted run may have written it already.
            if found.as_deref() == Some(text) {
                return Ok(());
            }
            if found != *expected {
                return Err(StepError::Changed { path: path.clone() });
            }
            host.replace(path, text.as_bytes(), *mode)?;
        }
        Step::CreateDirectory { path } => host.create_directory(path)?,
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
