//! Commands that look and change nothing: plan, check, facts.

use super::{Loaded, load, load_trusted};
use crate::cli::{self, Format, Global};
use crate::exit::{Exit, Failure};
use crate::facts::{FACTS_VERSION, Facts};
use crate::host::Reader;
use crate::observe::{Scope, observe};
use crate::output;
use crate::plan::{self, Plan};
use crate::profile::Profile;
use crate::render;
use crate::saved::SavedPlan;
use crate::steps::{Step, steps};
use std::path::Path;

pub async fn plan(arguments: &cli::Plan, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    // A plan for another host carries nothing out here.
    let load = if arguments.facts.is_some() { load } else { load_trusted };
    let Loaded { profile, text: profile_text } = load(&arguments.profile, options.color)?;
    let plan = match &arguments.facts {
        Some(path) => plan::plan(&profile, &read_facts(path)?),
        None => plan_here(&profile).await?,
    };
    match arguments.format {
        Format::Text => output::print(&text(&plan, global)),
        Format::Json => {
            output::print(&render::json::plan(&plan).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?)
        }
    }
    let exit = exit(&plan, arguments.detailed_exitcode);
    if let Some(path) = &arguments.out {
        save(path, &arguments.profile, &profile_text, plan)?;
    }
    Ok(exit)
}

pub async fn check(arguments: &cli::Check, global: &Global) -> Result<Exit, Failure> {
    let profile = load_trusted(&arguments.profile, output::options(global).color)?.profile;
    let plan = plan_here(&profile).await?;
    if global.verbose > 0 || !plan.refusals.is_empty() {
        output::print(&text(&plan, global));
    } else if plan.is_in_sync() {
        output::line(&format!("{}: in sync", plan.hostname));
    } else {
        output::line(&format!("{}: {} changes pending", plan.hostname, plan.actions.len()));
    }
    Ok(exit(&plan, true))
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
    let commands: Vec<Vec<String>> =
        plan.actions.iter().map(|planned| steps(&planned.action).iter().filter_map(command_line).collect()).collect();
    render::text::plan(plan, &commands, &output::options(global))
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

fn read_facts(path: &Path) -> Result<Facts, Failure> {
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
    let profile_path = std::path::absolute(profile_path).unwrap_or_else(|_| profile_path.to_owned());
    let saved = SavedPlan::new(&profile_path.display().to_string(), profile_text, plan);
    let json = serde_json::to_string_pretty(&saved).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    std::fs::write(path, json + "\n")
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write the plan {}: {error}", path.display())))
}
