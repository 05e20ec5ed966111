//! `atomhost check`: is the host as its profile says? For people, exit codes and monitoring.

use super::load::load_trusted;
use super::{look, pool, unconfirmed};
use crate::cli::{self, Global};
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::history;
use crate::host::Reader;
use crate::metrics::{self, Found};
use crate::observe::{self, Scope};
use crate::output;
use crate::plan::{self, Plan};
use crate::words::counted;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

pub async fn check(arguments: &cli::Check, global: &Global) -> Result<Exit, Failure> {
    let Some(every) = arguments.every else { return once(arguments, global).await };
    let unheard = |error: std::io::Error| Failure::new(Exit::Failed, format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    loop {
        // Whatever was wrong may be right the next time.
        if let Err(failure) = once(arguments, global).await {
            output::error_line(&format!("error: {}", failure.message));
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = terminate.recv() => return Ok(Exit::Success),
            _ = interrupt.recv() => return Ok(Exit::Success),
        }
    }
}

async fn once(arguments: &cli::Check, global: &Global) -> Result<Exit, Failure> {
    let seen = see(arguments, global).await;
    // A host that cannot be looked at is what monitoring must hear of first.
    let written = arguments.metrics.as_deref().map_or(Ok(()), |file| write_metrics(file, seen.as_ref().ok()));
    let (_, plan) = seen?;
    if global.verbose > 0 || !plan.refusals.is_empty() {
        output::print(&look::text(&plan, global));
    } else if plan.is_in_sync() {
        output::line(&format!("{}: in sync", plan.hostname));
    } else {
        output::line(&format!("{}: {} pending", plan.hostname, counted(plan.actions.len(), "change")));
    }
    written.map(|()| look::exit(&plan, true))
}

async fn see(arguments: &cli::Check, global: &Global) -> Result<(Facts, Plan), Failure> {
    let profile = load_trusted(&arguments.profile, output::options(global).color)?.profile;
    let facts = look::look(&Scope::For(&profile)).await?;
    let plan = plan::plan(&profile, &facts);
    Ok((facts, plan))
}

fn write_metrics(file: &Path, seen: Option<&(Facts, Plan)>) -> Result<(), Failure> {
    let reader = Reader::this_machine();
    let told = |failure: Failure| tracing::warn!("{}", failure.message);
    let pools = seen.and_then(|(facts, _)| pool::of(&reader, facts, None).map_err(told).ok());
    let history = history::read(&reader).map_err(Failure::from).map_err(told).ok();
    let last = history::last(&reader).ok().flatten();
    let found = Found {
        now: observe::now(),
        seen: seen.map(|(facts, plan)| (facts, plan)),
        pools: pools.as_deref(),
        history: history.as_ref(),
        last: last.map(|run| (run.outcome, run.started, run.seconds)),
        unconfirmed: unconfirmed::state(&reader).map_err(told).ok().flatten().is_some(),
    };
    let text = metrics::text(&found).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    // node_exporter reads it as a user of its own.
    look::write(file, text.as_bytes(), 0o644)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write the metrics {}: {error}", file.display())))
}
