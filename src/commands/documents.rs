//! Commands that look at no host: validate, explain, schema, completions, man.

use super::load::load;
use crate::cli::{self, Cli, Completions, Global, Man, Schema, SchemaOf};
use crate::exit::{Exit, Failure};
use crate::manual;
use crate::output;
use crate::render;
use clap::CommandFactory;
use std::path::Path;

/// Every profile is looked at; the first failure's code is the command's.
pub fn validate(arguments: &cli::Validate, global: &Global) -> Result<Exit, Failure> {
    let color = output::options(global).color;
    let mut failures = Vec::new();
    for path in &arguments.profiles {
        match load(path, color) {
            Ok(_) if arguments.profiles.len() > 1 || global.verbose > 0 => {
                output::line(&format!("{}: good", path.display()))
            }
            Ok(_) => {}
            Err(failure) => failures.push(failure),
        }
    }
    let Some(exit) = failures.first().map(|failure| failure.exit) else { return Ok(Exit::Success) };
    let messages: Vec<String> = failures.into_iter().map(|failure| failure.message).collect();
    Err(Failure::new(exit, messages.join("\n\n")))
}

pub fn explain(arguments: &cli::Explain, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    output::print(&match arguments.code {
        Some(code) => render::explain::one(code, &options),
        None => render::explain::all(&options),
    });
    Ok(Exit::Success)
}

pub fn schema(arguments: &Schema) -> Result<Exit, Failure> {
    let schema = match arguments.of {
        SchemaOf::Profile => crate::profile::json_schema(),
        SchemaOf::Plan => schemars::schema_for!(crate::plan::Plan).to_value(),
        SchemaOf::Report => schemars::schema_for!(crate::report::Report).to_value(),
        SchemaOf::Summary => schemars::schema_for!(crate::fleet::Summary).to_value(),
        SchemaOf::History => schemars::schema_for!(crate::history::History).to_value(),
        SchemaOf::Events => schemars::schema_for!(crate::events::Event).to_value(),
        SchemaOf::Facts => schemars::schema_for!(crate::facts::Facts).to_value(),
    };
    output::line(&format!("{schema:#}"));
    Ok(Exit::Success)
}

pub fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "atomhost", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}

pub fn man(arguments: &Man) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("cannot write the manual page: {error}"));
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &arguments.out {
        None => output::print(&manual::page(&command).map_err(failed)?),
        Some(directory) => {
            write_page(directory, &command).map_err(failed)?;
            let profile = manual::profile_page(command.get_version().unwrap_or_default());
            std::fs::write(directory.join("atomhost-profile.5"), profile).map_err(failed)?;
            for subcommand in command.get_subcommands() {
                write_page(directory, subcommand).map_err(failed)?;
            }
        }
    }
    Ok(Exit::Success)
}

fn write_page(directory: &Path, command: &clap::Command) -> std::io::Result<()> {
    // `build` has named subcommands `atomhost-plan` and so on for this.
    let name = command.get_display_name().unwrap_or(command.get_name());
    std::fs::write(directory.join(format!("{name}.8")), manual::page(command)?)
}
