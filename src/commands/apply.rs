//! `atomhost apply`: lock, plan, guard, run, look again.

use super::load::{self, Loaded, load_trusted};
use super::{look, remote, trust, unconfirmed};
use crate::apply::{self, Progress};
use crate::background;
use crate::cli::{self, Format, Global};
use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::history;
use crate::host::command::{self, Command};
use crate::host::{Host, lock, lock::Lock};
use crate::observe::{self, Scope};
use crate::output;
use crate::plan::{self, Plan, PlannedAction};
use crate::profile::Profile;
use crate::profile::remote::Remote;
use crate::record::{self, Record};
use crate::render::{self, Options, text};
use crate::report::{Outcome, Report};
use crate::saved::{MAX_SAVED_BYTES, SavedPlan};
use crate::secret::digest;
use crate::steps::{Step, steps};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Between two looks for a disk that is not there yet.
const DISK_POLL: Duration = Duration::from_secs(1);

pub async fn apply(arguments: &cli::Apply, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    let Wanted { profile, path: profile_path, digest, saved, afar } = wanted(arguments, &options)?;
    let host = Host::this_machine().with_secrets(profile.secrets());
    host.reader().require_root()?;
    let _lock = Lock::take(&host, arguments.wait_lock)?;
    for (address, bytes) in &afar {
        remote::keep(&host, address, bytes)?;
    }
    if arguments.boot {
        notify(&[sd_notify::NotifyState::Status("looking at the host")]);
    }
    let (mut facts, plan) = look_patiently(&profile, arguments.wait_disks).await?;
    if let Some(saved) = saved {
        saved.require_same(&plan).map_err(|why| stale(&saved, &why))?;
    }
    let started = observe::now();
    let mut report = Report::begin(&plan, &profile_path, started);
    history::turn_page(&host)?;
    let format = arguments.format;
    if format == Format::Json {
        output::line(&Event::planned(&plan).line());
    }
    match report.outcome {
        Outcome::Refused => {
            apply::write_report(&host, &report)?;
            report.log();
            show_ended(format, &report, &plan, global);
            Ok(look::exit(&plan, true))
        }
        Outcome::InSync => {
            unconfirmed::forget_reverted(&host, &mut facts.record)?;
            record::remember(&host, &facts.record, &plan, &facts)?;
            apply::write_report(&host, &report)?;
            show_ended(format, &report, &plan, global);
            if arguments.boot {
                notify(&[sd_notify::NotifyState::Status("in sync, nothing to do")]);
            }
            Ok(Exit::Success)
        }
        _ => {
            require_tools(&plan, &facts)?;
            if plan.actions.iter().any(|planned| planned.action.changes_accounts()) {
                lock::wait_for_accounts(host.reader(), arguments.wait_lock)?;
            }
            unconfirmed::require_confirmed(&host)?;
            if arguments.boot {
                unconfirmed::require_not_reverted(&facts.record, &digest)?;
            }
            unconfirmed::forget_reverted(&host, &mut facts.record)?;
            if let Some(within) = arguments.confirm_within {
                unconfirmed::set_up(&host, &plan, (&profile_path, &digest), within)?;
            }
            let mut run = Run { host, profile, facts, plan, screen: Screen { options, boot: arguments.boot, format } };
            let exit = run.carry_out(&mut report).await;
            if arguments.confirm_within.is_some() {
                unconfirmed::remind(run.host.reader());
            }
            exit
        }
    }
}

/// The end of a run in which nothing was done.
fn show_ended(format: Format, report: &Report, plan: &Plan, global: &Global) {
    match format {
        Format::Text => output::print(&look::text(plan, global)),
        Format::Json => output::line(&Event::finished(report).line()),
    }
}

/// Looks until every disk is there, or for so long.
async fn look_patiently(profile: &Profile, patience: Duration) -> Result<(Facts, Plan), Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let (facts, plan) = look(profile).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !plan.only_waits() || left.is_zero() {
            return Ok((facts, plan));
        }
        let missing: Vec<&str> = plan.refusals.iter().map(|refusal| refusal.object.as_str()).collect();
        tracing::info!("waiting for {}", missing.join(", "));
        tokio::time::sleep(DISK_POLL.min(left)).await;
    }
}

/// A tool that is missing is noticed before the first write, not halfway.
pub(super) fn require_tools(plan: &Plan, facts: &Facts) -> Result<(), Failure> {
    let steps = plan.actions.iter().flat_map(|planned| steps(&planned.action));
    let programs = steps.filter_map(|step| match step {
        Step::Run(command) | Step::RunSecret { command, .. } => Some(command.program),
        _ => None,
    });
    let mut missing: Vec<&str> = programs.filter(|program| command::find(program).is_none()).collect();
    // mount(8) starts this one itself.
    missing.extend(facts.missing_tools.iter().filter(|tool| *tool == "mount.nfs").map(String::as_str));
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = missing.iter().map(|tool| format!("{tool} (package {})", command::package(tool))).collect();
    Err(Failure::new(
        Exit::ToolMissing,
        format!("the plan needs what is not installed: {}; nothing was changed", list.join(", ")),
    ))
}

/// What is to be applied.
struct Wanted {
    profile: Profile,
    path: String,
    /// Of the profile's text.
    digest: String,
    /// The plan that is to be run.
    saved: Option<SavedPlan>,
    /// What of the profile came from afar.
    afar: Vec<(Remote, Vec<u8>)>,
}

fn wanted(arguments: &cli::Apply, options: &Options) -> Result<Wanted, Failure> {
    let Some(path) = &arguments.plan else {
        let Loaded { profile, text, afar } = load_trusted(&arguments.profile, options.color)?;
        let path = arguments.profile.display().to_string();
        return Ok(Wanted { profile, path, digest: digest(&text), saved: None, afar });
    };
    let saved = read_saved(path)?;
    let loaded = load_trusted(Path::new(&saved.profile_path), options.color)?;
    if digest(&loaded.text) != saved.profile_digest {
        return Err(stale(&saved, "the profile was changed since it was made"));
    }
    let (path, digest) = (saved.profile_path.clone(), saved.profile_digest.clone());
    Ok(Wanted { profile: loaded.profile, path, digest, saved: Some(saved), afar: loaded.afar })
}

fn stale(saved: &SavedPlan, why: &str) -> Failure {
    let cure = format!("Make it anew: atomhost plan {} --out FILE", saved.profile_path);
    Failure::new(Exit::Stale, format!("the saved plan is stale: {why}; nothing was changed. {cure}"))
}

fn read_saved(path: &Path) -> Result<SavedPlan, Failure> {
    let (json, metadata) = load::read_limited(path, MAX_SAVED_BYTES).map_err(|error| {
        Failure::new(Exit::UnreadableProfile, format!("cannot read the saved plan {}: {error}", path.display()))
    })?;
    load::check_trust(path, &metadata, trust::Holds::Orders)?;
    let parsed = SavedPlan::parse(&String::from_utf8_lossy(&json));
    parsed.map_err(|error| {
        Failure::new(Exit::Stale, format!("the saved plan {} {error}; nothing was changed", path.display()))
    })
}

async fn look(profile: &Profile) -> Result<(Facts, Plan), Failure> {
    let facts = look::look(&Scope::For(profile)).await?;
    let plan = plan::plan(profile, &facts);
    Ok((facts, plan))
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

struct Run {
    host: Host,
    profile: Profile,
    facts: Facts,
    plan: Plan,
    screen: Screen,
}

impl Run {
    /// Runs the actions, then looks at the host again.
    async fn carry_out(&mut self, report: &mut Report) -> Result<Exit, Failure> {
        let mut record = self.facts.record.clone();
        run_actions(&self.host, &self.plan, &mut record, report, self.screen).await?;
        settle(&self.host);
        let deferred = match look(&self.profile).await {
            Ok((facts, second)) => {
                record::remember(&self.host, &record, &second, &facts)?;
                report.conclude(leftover(&second));
                second.deferred
            }
            Err(failure) => {
                report.conclude_unseen(&failure.message);
                Vec::new()
            }
        };
        apply::write_report(&self.host, report)?;
        report.log();
        let exit = self.close(report);
        if self.screen.format == Format::Json {
            output::line(&Event::finished(report).line());
            return Ok(exit);
        }
        for note in &deferred {
            output::line(&render::printable(&format!("deferred: {}: {}", note.object, note.text)));
        }
        Ok(exit)
    }

    /// The closing lines, and the exit code.
    fn close(&self, report: &Report) -> Exit {
        let done = report.count(crate::report::ActionState::Done);
        let of = report.actions.len();
        if self.screen.boot {
            let word = if report.outcome == Outcome::Done { "in sync after" } else { "not in sync after" };
            notify(&[sd_notify::NotifyState::Status(&format!("{word} {done} of {of} actions"))]);
        }
        let exit = match report.outcome {
            Outcome::Done => {
                self.screen.line(&format!("Done: {done} actions in {:.1} s; the host is in sync.", report.seconds));
                return Exit::Success;
            }
            Outcome::Stopped => {
                self.screen.line(&format!("Stopped by a signal after {done} of {of} actions; run it again to go on."));
                Exit::Failed
            }
            _ => {
                self.screen.line(&format!(
                    "Failed after {done} of {of} actions; what is done stays, run it again once the cause is gone."
                ));
                Exit::Failed
            }
        };
        print_errors(report);
        exit
    }
}

pub(super) fn print_errors(report: &Report) {
    for line in report.leftover.iter().chain(&report.error) {
        output::error_line(&format!("error: {}", render::printable(line)));
    }
}

/// Links of new devices appear when udev has dealt with them: only then is there the whole to look at.
fn settle(host: &Host) {
    let command = Command::new("udevadm", ["settle", "--timeout=30"]);
    if let Err(error) = host.run(&command) {
        tracing::warn!("{error}");
    }
}

/// Runs a plan's actions while signals are listened to.
pub(super) async fn run_actions(
    host: &Host,
    plan: &Plan,
    record: &mut Record,
    report: &mut Report,
    mut screen: Screen,
) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let signals = tokio::spawn(listen(stop.clone()));
    let (host, plan) = (host.clone(), plan.clone());
    let (mut running_record, mut running) = (record.clone(), report.clone());
    let outcome = background::start(move || {
        let result = apply::apply(&plan, &host, &mut running_record, &mut running, &mut screen, &stop);
        (result, running_record, running)
    })
    .await
    .map_err(|error| Failure::new(Exit::Failed, format!("apply ended abnormally: {error}")))?;
    signals.abort();
    let (result, finished_record, finished) = outcome;
    (*record, *report) = (finished_record, finished);
    Ok(result?)
}

pub(super) fn leftover(plan: &Plan) -> Vec<String> {
    let actions = plan.actions.iter().map(|planned| format!("{}: still to do: {}", planned.object, planned.after));
    let refusals = plan.refusals.iter().map(|refusal| format!("{}: {}", refusal.object, refusal.found));
    actions.chain(refusals).collect()
}

/// SIGTERM, SIGINT and SIGHUP ask for an end after the action under way.
async fn listen(stop: Arc<AtomicBool>) {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else { return };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        stop.store(true, Ordering::Relaxed);
        output::error_line("a signal came: finishing the action under way, then stopping");
    }
}

/// Progress on stdout. For people a line per action, and while it runs, on a terminal, the same line unfinished; for
/// programs an event a line.
#[derive(Clone, Copy)]
pub(super) struct Screen {
    pub(super) options: Options,
    pub(super) boot: bool,
    pub(super) format: Format,
}

impl Screen {
    /// A line for people alone.
    fn line(&self, text: &str) {
        if self.format == Format::Text {
            output::line(text);
        }
    }
}

impl Progress for Screen {
    fn starts(&mut self, at: usize, of: usize, planned: &PlannedAction) {
        if self.boot {
            let status = format!("{at}/{of} {}: {}", planned.object, planned.after);
            notify(&[sd_notify::NotifyState::Status(&status)]);
        }
        if self.format == Format::Json {
            output::line(&Event::started(at, of, planned).line());
        } else if output::is_interactive() {
            output::print(&text::progress(at, of, planned, text::Progress::Running, &self.options));
        }
    }

    fn ended(&mut self, at: usize, of: usize, planned: &PlannedAction, took: Duration, success: bool) {
        if self.format == Format::Json {
            return output::line(&Event::ended(at, of, planned, took, success).line());
        }
        let progress = if success { text::Progress::Done(took) } else { text::Progress::Failed(took) };
        let line = text::progress(at, of, planned, progress, &self.options);
        let erase = if output::is_interactive() { "\r\x1b[K" } else { "" };
        output::line(&format!("{erase}{line}"));
    }
}
