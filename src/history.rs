//! The runs before the last one: what was done to this host, when, and how it ended.
//!
//! Kept as /var/lib/atomhost/history.json, oldest first. A run enters it when the next one begins, whatever became of
//! it: so one that was cut off is in it too, and no run has two files to close.

use crate::host::files::Ids;
use crate::host::{Host, HostError, Reader};
use crate::report::{Outcome, REPORT_PATH, Report};
use serde::{Deserialize, Serialize};

/// Where it lies.
pub const HISTORY_PATH: &str = "/var/lib/atomhost/history.json";
/// Name and version of its JSON form.
pub const HISTORY_SCHEMA: &str = "atomhost.history/1";
/// Runs that are kept; a report has some kilobytes.
const KEPT: usize = 30;

/// Runs that did something, or would have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// [`HISTORY_SCHEMA`].
    pub schema: String,
    /// The oldest first; the last run's own report is the last.
    pub runs: Vec<Report>,
}

impl History {
    fn empty() -> History {
        History { schema: HISTORY_SCHEMA.to_owned(), runs: Vec::new() }
    }

    /// Adds a run that is over. Nothing was to do in it: then there is nothing to tell. Gives whether it is news.
    fn push(&mut self, report: Report) -> bool {
        let known = self.runs.iter_mut().find(|run| run.started == report.started && run.profile == report.profile);
        match known {
            // It was taken back since, say.
            Some(run) if *run != report => *run = report,
            Some(_) => return false,
            None if report.outcome == Outcome::InSync => return false,
            None => self.runs.push(report),
        }
        self.runs.drain(..self.runs.len().saturating_sub(KEPT));
        true
    }
}

/// All runs, the last one included.
///
/// # Errors
/// A file is there, but cannot be read.
pub fn read(reader: &Reader) -> Result<History, HostError> {
    let mut history = kept(reader)?;
    if let Some(report) = last(reader)? {
        history.push(report);
    }
    Ok(history)
}

/// The report of the last run.
///
/// # Errors
/// It is there, but cannot be read.
pub fn last(reader: &Reader) -> Result<Option<Report>, HostError> {
    Ok(reader.read_optional(REPORT_PATH)?.and_then(|text| parsed(REPORT_PATH, &text)))
}

/// Takes the last run's report over, before another takes its place.
///
/// # Errors
/// The file cannot be written.
pub fn turn_page(host: &Host) -> Result<(), HostError> {
    let Some(report) = last(host.reader())? else { return Ok(()) };
    let mut history = kept(host.reader())?;
    match history.push(report) {
        true => host.replace_json(HISTORY_PATH, &history, Ids::ROOT),
        false => Ok(()),
    }
}

fn kept(reader: &Reader) -> Result<History, HostError> {
    let text = reader.read_optional(HISTORY_PATH)?;
    Ok(text.and_then(|text| parsed(HISTORY_PATH, &text)).unwrap_or_else(History::empty))
}

/// What another version wrote, or nobody, is no reason to stop a run: it is told, and forgotten.
fn parsed<T: serde::de::DeserializeOwned>(path: &str, text: &str) -> Option<T> {
    serde_json::from_str(text).inspect_err(|error| tracing::warn!("{path} cannot be read: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(started: u64, outcome: Outcome) -> Report {
        Report { outcome, ..Report::empty("profile.yaml", started) }
    }

    #[test]
    fn runs_that_did_something_are_kept_and_no_more_than_some() {
        let mut history = History::empty();
        assert!(!history.push(run(1, Outcome::InSync)), "nothing to tell");
        assert!(history.push(run(2, Outcome::Done)));
        assert!(!history.push(run(2, Outcome::Done)), "the same run again");
        assert!(history.push(run(2, Outcome::Reverted)), "it was taken back since");
        assert_eq!(history.runs.len(), 1);
        for started in 3..100 {
            assert!(history.push(run(started, Outcome::Failed)));
        }
        assert_eq!(history.runs.len(), KEPT);
        assert_eq!(history.runs.last().map(|run| run.started), Some(99));
    }

    #[test]
    fn the_page_is_turned_once_and_rubbish_stops_nothing() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("var/lib/atomhost")).expect("made");
        let host = Host::new(root.path(), std::sync::Arc::new(|_| unreachable!("no command is run")));
        turn_page(&host).expect("there is none");
        host.replace_json(REPORT_PATH, &run(7, Outcome::Started), Ids::ROOT).expect("written");
        turn_page(&host).expect("turned");
        turn_page(&host).expect("turned");
        let history = read(host.reader()).expect("readable");
        assert_eq!(history.runs.iter().map(|run| run.started).collect::<Vec<_>>(), [7]);
        std::fs::write(root.path().join("var/lib/atomhost/history.json"), "{").expect("written");
        assert_eq!(read(host.reader()).expect("told, not refused").runs.len(), 1);
    }
}
