//! `atomhost status`: the last run, and how full the thin pools are.

use super::{look, unconfirmed};
use crate::cli::Global;
use crate::exit::{Exit, Failure};
use crate::facts::VolumeGroup;
use crate::host::Reader;
use crate::observe::Scope;
use crate::output;
use crate::plan::ledger::Ledger;
use crate::record::Begun;
use crate::render::{ledger, printable};
use crate::report::{ActionState, Outcome, REPORT_PATH, Report};
use crate::size::human;
use crate::words::counted;
use std::time::{Duration, UNIX_EPOCH};

pub async fn status(global: &Global) -> Result<Exit, Failure> {
    let reader = Reader::this_machine();
    let report = reader.read_optional(REPORT_PATH).map_err(Failure::from)?;
    match report.as_deref().map(serde_json::from_str::<Report>) {
        None => output::line("last run:  none on this host"),
        Some(Err(error)) => output::line(&format!("last run:  {REPORT_PATH} cannot be read: {error}")),
        Some(Ok(report)) => print_report(&report, global),
    }
    reader.require_root()?;
    if let Some(state) = unconfirmed::state(&reader)? {
        output::line(&format!("unconfirmed: {state}"));
    }
    let facts = look::look(&Scope::Pools).await?;
    for begun in &facts.record.begun {
        if let Begun::AwaitReboot { unit, boot_id } = begun
            && *boot_id == facts.boot_id
        {
            output::line(&format!(
                "deferred:  {}: its new configuration counts from the next boot on",
                printable(unit)
            ));
        }
    }
    for group in &facts.volume_groups {
        print_group(group, global);
    }
    Ok(Exit::Success)
}

/// Figures of a group and its pools, and a picture of where its space is.
fn print_group(group: &VolumeGroup, global: &Global) {
    let size = |extents: u64| human(extents.saturating_mul(group.extent_size));
    output::line(&format!(
        "group:     {}  {} in all, {} free",
        printable(&group.name),
        size(group.extents),
        size(group.free_extents)
    ));
    for (lv, pool) in group.logical_volumes.iter().filter_map(|lv| lv.pool.as_ref().map(|pool| (lv, pool))) {
        let used =
            |used: Option<u32>| used.map_or("unknown".to_owned(), |used| format!("{}.{:02} %", used / 100, used % 100));
        output::line(&format!(
            "pool:      {}/{}  data {} of {}, metadata {} of {}{}",
            printable(&group.name),
            printable(&lv.name),
            used(pool.data_used),
            size(pool.data_extents),
            used(pool.metadata_used),
            size(pool.metadata_extents),
            if pool.monitor == "monitored" { ", monitored" } else { ", not monitored" }
        ));
    }
    output::print(&format!("\n{}", ledger::ledger(&Ledger::observed(group), &output::options(global))));
}

pub(super) fn print_report(report: &Report, global: &Global) {
    let outcome = match report.outcome {
        Outcome::Started => "cut off while under way",
        Outcome::InSync => "in sync, nothing to do",
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Stopped => "stopped by a signal",
        Outcome::Refused => "refused",
        Outcome::Reverted => "reverted",
    };
    output::line(&format!(
        "last run:  {outcome} ({} of {} actions, {:.1} s) with {}",
        report.count(ActionState::Done),
        report.actions.len(),
        report.seconds,
        printable(&report.profile)
    ));
    if let Some(taken) = &report.reverted {
        let why = if taken.expired { "nobody confirmed in time" } else { "somebody asked for it" };
        let when = UNIX_EPOCH + Duration::from_secs(taken.at);
        output::line(&format!(
            "reverted:  at {}, {why}; {} as before",
            humantime::format_rfc3339_seconds(when),
            counted(taken.paths.len(), "path")
        ));
        for path in &taken.beside {
            output::line(&format!("kept:      {}", printable(path)));
        }
        for reason in &taken.failed {
            output::line(&format!("not back:  {}", printable(reason)));
        }
    }
    if let Some(error) = &report.error {
        output::line(&format!("error:     {}", printable(error)));
    }
    for refusal in &report.refusals {
        output::line(&format!("refused:   {}: {}", printable(&refusal.object), printable(&refusal.found)));
    }
    for leftover in &report.leftover {
        output::line(&format!("leftover:  {}", printable(leftover)));
    }
    if global.verbose > 0 {
        for done in &report.actions {
            let state = match done.state {
                ActionState::NotRun => "not run",
                ActionState::Started => "cut off",
                ActionState::Done => "done",
                ActionState::Failed => "failed",
            };
            output::line(&format!(
                "  {state:<8} {}: {} ({:.1} s)",
                printable(&done.object),
                printable(&done.after),
                done.seconds
            ));
        }
    }
}
