//! `atomhost pool reset`: consent, then plan, apply and report like everything else.

use super::apply::{Screen, leftover, print_errors, require_tools, run_actions};
use super::load::load_trusted;
use super::{look, pool, unconfirmed};
use crate::action::Action;
use crate::apply;
use crate::cli::{self, DEFAULT_PROFILE, Format, Global};
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::history;
use crate::host::{Host, lock::Lock};
use crate::observe::{Scope, units};
use crate::output;
use crate::plan::{self, Plan};
use crate::profile::Profile;
use crate::record::{self, Begun, Record};
use crate::render::{self, printable};
use crate::report::{Outcome, Report};
use crate::resources::pool_reset::{self as resource, Afterwards, ENGINES, Reset};
use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

/// What engines record about their pools, and what shows that they do.
const STALE: [(&str, &str); 3] = [
    ("/var/lib/docker", "/var/lib/docker/devicemapper"),
    ("/var/lib/containers/storage", "/var/lib/containers/storage/devicemapper"),
    ("/var/lib/containerd", "/var/lib/containerd/io.containerd.snapshotter.v1.devmapper"),
];

/// The reset of one pool.
struct Resetting {
    host: Host,
    profile: Option<Profile>,
    group: String,
    pool: String,
    units: Vec<String>,
    afterwards: Afterwards,
}

pub async fn reset(arguments: &cli::PoolReset, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    let profile_path = arguments.profile.clone().or_else(default_profile);
    let profile = match &profile_path {
        Some(path) => Some(load_trusted(path, options.color)?.profile),
        None => None,
    };
    let host = Host::this_machine();
    host.reader().require_root()?;
    let _lock = Lock::take(&host, arguments.wait_lock)?;
    unconfirmed::require_confirmed(&host)?;
    let units: Vec<String> = arguments.stop.iter().cloned().chain(ENGINES.map(str::to_owned)).collect();
    let mut facts = observe(&host, profile.as_ref(), &units).await?;
    if let Some(unknown) = arguments.stop.iter().find(|unit| !facts.units.get(*unit).is_some_and(|unit| unit.exists()))
    {
        return Err(Failure::new(Exit::Usage, format!("--stop {unknown}: there is no such unit; nothing was changed")));
    }
    let (group, pool) = pool::full_name(&facts, &arguments.pool)?;
    let afterwards = if arguments.keep_stopped { Afterwards::KeepStopped } else { Afterwards::Start };
    let resetting = Resetting { host, profile, group, pool, units, afterwards };
    let plan = resetting.plan(&facts);
    let started = crate::observe::now();
    let shown = profile_path.map_or_else(|| "no profile".to_owned(), |path| path.display().to_string());
    let mut report = Report::begin(&plan, &shown, started);
    history::turn_page(&resetting.host)?;
    if report.outcome == Outcome::Refused {
        apply::write_report(&resetting.host, &report)?;
        output::print(&look::text(&plan, global));
        return Ok(Exit::Refused);
    }
    resetting.show(&facts, &plan, global)?;
    if plan.actions.iter().any(|planned| planned.action.is_destructive()) {
        consent(&resetting.name(), arguments.yes_destroy.as_deref())?;
    }
    require_tools(&plan, &facts)?;
    unconfirmed::forget_reverted(&resetting.host, &mut facts.record)?;
    let screen = || Screen { options, boot: false, format: Format::Text };
    resetting.carry_out(&facts, &plan, &mut report, screen).await
}

fn default_profile() -> Option<std::path::PathBuf> {
    Some(Path::new(DEFAULT_PROFILE)).filter(|path| path.exists()).map(Path::to_owned)
}

async fn observe(host: &Host, profile: Option<&Profile>, names: &[String]) -> Result<Facts, Failure> {
    let scope = profile.map_or(Scope::Pools, Scope::For);
    let mut facts = look::look(&scope).await?;
    let names: BTreeSet<String> = names.iter().cloned().collect();
    facts.units.extend(units::read(host.reader(), &names)?);
    Ok(facts)
}

/// By the flag, or typed on a terminal: in full, and letter by letter.
///
/// # Errors
/// Exit 3: there is none.
fn consent(name: &str, flag: Option<&str>) -> Result<(), Failure> {
    let refused = |why: String| Err(Failure::new(Exit::Refused, format!("{why}; nothing was changed")));
    match flag {
        Some(given) if given == name => return Ok(()),
        Some(given) => return refused(format!("--yes-destroy says {given}, but the pool is {name}")),
        None if std::io::stdin().is_terminal() => {}
        None => return refused(format!("without a terminal, consent is --yes-destroy {name}")),
    }
    output::print(&format!("Type {} to destroy it: ", printable(name)));
    let mut typed = String::new();
    // What cannot be read is no consent.
    let _ = std::io::stdin().lock().read_line(&mut typed);
    match typed.trim_end_matches(['\n', '\r']) == name {
        true => Ok(()),
        false => refused("that is not its name".to_owned()),
    }
}

impl Resetting {
    fn name(&self) -> String {
        format!("{}/{}", self.group, self.pool)
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let Resetting { group, pool, units, afterwards, .. } = self;
        resource::plan(self.profile.as_ref(), facts, &Reset { group, pool, units, afterwards: *afterwards })
    }

    fn show(&self, facts: &Facts, plan: &Plan, global: &Global) -> Result<(), Failure> {
        let reader = self.host.reader();
        let only = Some((self.group.as_str(), self.pool.as_str()));
        let stale: Vec<&str> =
            STALE.iter().filter(|(_, proof)| reader.exists(proof)).map(|(folder, _)| *folder).collect();
        for pool in pool::of(reader, facts, only)? {
            output::print(&render::pool::loss(&pool, &stale, &output::options(global)));
        }
        output::print(&format!("\n{}", look::text(plan, global)));
        Ok(())
    }

    async fn carry_out(
        &self,
        facts: &Facts,
        plan: &Plan,
        report: &mut Report,
        screen: impl Fn() -> Screen,
    ) -> Result<Exit, Failure> {
        let mut record = facts.record.clone();
        run_actions(&self.host, plan, &mut record, report, screen()).await?;
        let now = match observe(&self.host, self.profile.as_ref(), &self.units).await {
            Ok(now) => now,
            Err(failure) => {
                report.conclude_unseen(&failure.message);
                apply::write_report(&self.host, report)?;
                return Ok(close(report));
            }
        };
        if report.outcome != Outcome::Started {
            return self.give_up(&now, &mut record, report, screen()).await;
        }
        // A start that nobody wants any more is not owed.
        record.begun.retain(|begun| !matches!(begun, Begun::StopUnit { .. }));
        record::write(&self.host, &record)?;
        report.conclude(self.leftover(&now, &record));
        apply::write_report(&self.host, report)?;
        if report.outcome == Outcome::Failed {
            return Ok(close(report));
        }
        output::line(&format!("Done: {} is new and empty, after {:.1} s.", printable(&self.name()), report.seconds));
        Ok(Exit::Success)
    }

    /// What a second look still finds to do.
    fn leftover(&self, facts: &Facts, record: &Record) -> Vec<String> {
        let mut left = Vec::new();
        if facts.volume_group(&self.group).is_none_or(|group| group.thin_pool(&self.pool).is_none()) {
            left.push(format!("{}: is not there", self.name()));
        }
        if let Some(profile) = &self.profile {
            let facts = Facts { record: record.clone(), ..facts.clone() };
            left.extend(leftover(&plan::plan(profile, &facts)));
        }
        left
    }

    /// After a failure: while the pool is still there, what was stopped is started again.
    async fn give_up(
        &self,
        facts: &Facts,
        record: &mut Record,
        report: &mut Report,
        screen: Screen,
    ) -> Result<Exit, Failure> {
        let intact = facts.volume_group(&self.group).is_some_and(|group| group.logical_volume(&self.pool).is_some());
        if intact {
            let facts = Facts { record: record.clone(), ..facts.clone() };
            let mut back = plan::plan(&Profile::default(), &facts);
            back.actions.retain(|planned| matches!(planned.action, Action::StartUnit { .. }));
            // Nothing was removed: there is nothing to finish.
            record.begun.retain(|begun| !matches!(begun, Begun::ResetPool { .. }));
            record::write(&self.host, record)?;
            let mut second = Report::begin(&back, &report.profile, report.started);
            run_actions(&self.host, &back, record, &mut second, screen).await?;
            report.actions.extend(second.actions);
        }
        apply::write_report(&self.host, report)?;
        Ok(close(report))
    }
}

fn close(report: &Report) -> Exit {
    output::line("Failed; run it again once the cause is gone.");
    print_errors(report);
    Exit::Failed
}
