//! What each command of the command line does.

mod apply;
mod check;
mod documents;
mod history;
mod import;
mod load;
mod look;
pub(crate) mod pool;
mod pool_reset;
mod remote;
mod render;
mod status;
mod summarize;
mod trust;
mod unconfirmed;

use crate::cli::{self, Cli, Command, PoolCommand};
use crate::exit::{Exit, Failure};

/// Runs the command.
///
/// # Errors
/// The failure that ends it, with exit code and text.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Validate(arguments) => documents::validate(&arguments, &global),
        Command::Render(arguments) => render::render(&arguments, &global),
        Command::Plan(arguments) => look::plan(&arguments, &global).await,
        Command::Apply(arguments) => apply::apply(&arguments, &global).await,
        Command::Check(arguments) => check::check(&arguments, &global).await,
        Command::Facts(arguments) => look::facts(&arguments, &global).await,
        Command::Import(arguments) => import::import(&arguments, &global).await,
        Command::Status => status::status(&global).await,
        Command::History(arguments) => history::history(&arguments, &global),
        Command::Summarize(arguments) => summarize::summarize(&arguments, &global),
        Command::Confirm => unconfirmed::confirm(),
        Command::Revert(arguments) => unconfirmed::revert(&arguments),
        Command::Pool(cli::Pool { command: PoolCommand::Status(arguments) }) => pool::status(&arguments, &global).await,
        Command::Pool(cli::Pool { command: PoolCommand::Reset(arguments) }) => {
            pool_reset::reset(&arguments, &global).await
        }
        Command::Explain(arguments) => documents::explain(&arguments, &global),
        Command::Schema(arguments) => documents::schema(&arguments),
        Command::Completions(arguments) => documents::completions(&arguments),
        Command::Man(arguments) => documents::man(&arguments),
    }
}
