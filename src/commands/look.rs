//! Commands that look and change nothing: plan, facts.

use super::load::{Loaded, load, load_trusted};
use crate::cli::{self, Global, PlanFormat};
use crate::exit::{Exit, Failure};
use crate::facts::{FACTS_VERSION, Facts};
use crate::host::Reader;
use crate::host::files::{self, Ids};
use crate::observe::{Scope, observe};
use crate::output;
use crate::plan::{self, Plan};
use crate::profile::Profile;
use crate::profile::remote::is_address;
use crate::render;
use crate::saved::SavedPlan;
use crate::steps::{Step, steps};
use std::path::Path;

pub async fn plan(arguments: &cli::Plan, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    // A plan for another host carries nothing out here.
    let load = if arguments.facts.is_some() { load } else { load_trusted };
    let Loaded { profile, text: profile_text, .. } = load(&arguments.profile, options.color)?;
    let plan = match &arguments.facts {
        Some(path) => plan::plan(&profile, &read_facts(path)?),
        None => plan_here(&profile).await?,
    };
    match arguments.format {
        PlanFormat::Text => output::print(&text(&plan, global)),
        PlanFormat::Html => output::line(&render::html::plan(&plan, &commands(&plan))),
        PlanFormat::Json => {
            output::print(&render::json::plan(&plan).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?)
        }
    }
    let exit = exit(&plan, arguments.detailed_exitcode);
    if let Some(path) = &arguments.out {
        save(path, &arguments.profile, &profile_text, plan)?;
    }
    Ok(exit)
}

/// Everything that any plan may need is looked at, and what the profile names is looked at closely.
pub async fn facts(arguments: &cli::Facts, global: &Global) -> Result<Exit, Failure> {
    let profile = match &arguments.profile {
        Some(path) => Some(load_trusted(path, output::options(global).color)?.profile),
        None if Path::new(cli::DEFAULT_PROFILE).exists() => {
            Some(load_trusted(Path::new(cli::DEFAULT_PROFILE), output::options(global).color)?.profile)
        }
        None => None,
    };
    let facts = look(&Scope::All(profile.as_ref())).await?;
    let json = serde_json::to_string_pretty(&facts).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    output::line(&json);
    Ok(Exit::Success)
}

/// Plans for this host.
pub async fn plan_here(profile: &Profile) -> Result<Plan, Failure> {
    Ok(plan::plan(profile, &look(&Scope::For(profile)).await?))
}

/// Observes this host.
pub async fn look(scope: &Scope<'_>) -> Result<Facts, Failure> {
    observe(&Reader::this_machine(), scope).await.map_err(|error| error.into())
}

/// The plan as text, with the commands behind each action.
pub fn text(plan: &Plan, global: &Global) -> String {
    render::text::plan(plan, &commands(plan), &output::options(global))
}

/// The commands behind each action.
fn commands(plan: &Plan) -> Vec<Vec<String>> {
    plan.actions.iter().map(|planned| steps(&planned.action).iter().filter_map(command_line).collect()).collect()
}

fn command_line(step: &Step) -> Option<String> {
    match step {
        Step::Run(command) | Step::RunSecret { command, .. } => Some(command.to_string()),
        Step::Replace { .. }
        | Step::ReplaceSecret { .. }
        | Step::Copy { .. }
        | Step::ChangeKeys { .. }
        | Step::SetAttributes { .. }
        | Step::MoveAway { .. }
        | Step::CreateDirectory { .. }
        | Step::RequireUnused { .. }
        | Step::RequireBlank { .. }
        | Step::RequireSignatures { .. }
        | Step::RequireSize { .. }
        | Step::RequireZeroes { .. }
        | Step::RequireNotMounted { .. }
        | Step::RequireUnfinished { .. } => None,
    }
}

/// The exit code that a plan asks for.
pub fn exit(plan: &Plan, detailed: bool) -> Exit {
    if plan.only_waits() {
        Exit::Busy
    } else if !plan.refusals.is_empty() {
        Exit::Refused
    } else if detailed && !plan.actions.is_empty() {
        Exit::Pending
    } else {
        Exit::Success
    }
}

pub(super) fn read_facts(path: &Path) -> Result<Facts, Failure> {
    let name = path.display();
    let json = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::UnreadableProfile, format!("cannot read the facts {name}: {error}")))?;
    let facts: Facts = serde_json::from_str(&json).map_err(|error| {
        Failure::new(Exit::InvalidProfile, format!("{name} holds no facts of this version of atomhost: {error}"))
    })?;
    if facts.version != FACTS_VERSION {
        return Err(Failure::new(
            Exit::InvalidProfile,
            format!("{name} holds facts of version {}, this atomhost reads version {FACTS_VERSION}", facts.version),
        ));
    }
    Ok(facts)
}

fn save(path: &Path, profile_path: &Path, profile_text: &[u8], plan: Plan) -> Result<(), Failure> {
    // The plan may be run from another directory.
    let profile_path = match is_address(profile_path) {
        true => profile_path.to_owned(),
        false => std::path::absolute(profile_path).unwrap_or_else(|_| profile_path.to_owned()),
    };
    let saved = SavedPlan::new(&profile_path.display().to_string(), profile_text, plan);
    let json = serde_json::to_string_pretty(&saved).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    write(path, (json + "\n").as_bytes(), 0o600)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write the plan {}: {error}", path.display())))
}

/// Where a link of somebody else's does not lead. A plan is for its owner alone, as it tells what is in files of the host.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        // A pipe, a terminal.
        return std::fs::write(path, bytes);
    }
    let path = std::path::absolute(path)?;
    // No directory is made for it.
    std::fs::metadata(path.parent().unwrap_or(Path::new("/")))?;
    let me = Ids { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() };
    files::replace(&path, bytes, mode, me)
}
