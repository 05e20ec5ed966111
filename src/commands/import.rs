//! `atomhost import`: a profile of what is there already.

use super::load::read_limited;
use super::look;
use crate::cli::{self, Global};
use crate::exit::{Exit, Failure};
use crate::import;
use crate::observe::Scope;
use crate::output;
use crate::plan;
use crate::profile::{self, MAX_PROFILE_BYTES};
use std::path::Path;

pub async fn import(arguments: &cli::Import, global: &Global) -> Result<Exit, Failure> {
    match &arguments.role_variables {
        Some(path) => of_role(path, global),
        None => of_host(arguments.facts.as_deref(), global).await,
    }
}

/// The planner itself says whether the host is in sync with what was imported.
async fn of_host(from: Option<&Path>, global: &Global) -> Result<Exit, Failure> {
    let failed = |reason: String| Failure::new(Exit::Failed, format!("cannot make a profile of this host: {reason}"));
    let facts = match from {
        Some(path) => look::read_facts(path)?,
        None => look::look(&Scope::All(None)).await?,
    };
    if !import::host::has_storage(&facts) {
        return Err(failed("it has no volume group and no network share".to_owned()));
    }
    let imported = import::host::profile(&facts).map_err(failed)?;
    let profile = profile::parse(imported.text.as_bytes(), "the profile of this host")
        .map_err(|error| failed(error.render(output::options(global).color)))?;
    let facts = match from {
        Some(_) => facts,
        None => look::look(&Scope::For(&profile)).await?,
    };
    let plan = plan::plan(&profile, &facts);
    output::print(&imported.text);
    match look::exit(&plan, true) {
        Exit::Success => Ok(Exit::Success),
        exit => {
            let text = look::text(&plan, global);
            Err(Failure::new(exit, format!("the host is not yet in sync with this profile:\n{text}")))
        }
    }
}

fn of_role(path: &Path, global: &Global) -> Result<Exit, Failure> {
    let name = path.display().to_string();
    let unreadable =
        |reason: String| Failure::new(Exit::UnreadableProfile, format!("cannot read the variables {name}: {reason}"));
    let (text, _) = read_limited(path, MAX_PROFILE_BYTES as u64).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| unreadable("this is no text in UTF-8".to_owned()))?;
    let imported = import::role::profile(&text, &name)
        .map_err(|error| Failure::new(Exit::InvalidProfile, error.render(output::options(global).color)))?;
    output::print(&imported.text);
    Ok(Exit::Success)
}
