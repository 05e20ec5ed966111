//! `atomhost history`: the runs that did something, or would have.

use super::status::print_report;
use crate::cli::{self, Format, Global};
use crate::exit::{Exit, Failure};
use crate::history;
use crate::host::Reader;
use crate::output;
use crate::render::printable;
use crate::report::{ActionState, Report};
use std::time::{Duration, UNIX_EPOCH};

pub fn history(arguments: &cli::History, global: &Global) -> Result<Exit, Failure> {
    let reader = Reader::this_machine();
    reader.require_root()?;
    let history = history::read(&reader)?;
    if arguments.format == Format::Json {
        let json = serde_json::to_string_pretty(&history);
        output::line(&json.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?);
        return Ok(Exit::Success);
    }
    let newest_first = || history.runs.iter().rev();
    if let Some(number) = arguments.run {
        let run = number.checked_sub(1).and_then(|at| newest_first().nth(at)).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("there is no run {number}: {} are kept, 1 is the last", history.runs.len()),
            )
        })?;
        output::line(&format!("started:   {}", when(run)));
        print_report(run, &Global { verbose: 1, ..*global });
        return Ok(Exit::Success);
    }
    if history.runs.is_empty() {
        output::line("no run on this host has done anything yet");
    }
    for (at, run) in newest_first().enumerate() {
        let done = format!("{}/{}", run.count(ActionState::Done), run.actions.len());
        let error = run.error.as_deref().map(|error| format!("  {}", printable(error))).unwrap_or_default();
        output::line(&format!(
            "{:>3}  {}  {:<10} {done:>7}  {:>7.1} s  {}{error}",
            at + 1,
            when(run),
            run.outcome.word(),
            run.seconds,
            printable(&run.profile)
        ));
    }
    Ok(Exit::Success)
}

fn when(run: &Report) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(run.started)).to_string()
}
