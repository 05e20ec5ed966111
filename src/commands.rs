//! What each command of the command line does.

mod apply;
mod documents;
mod look;
mod pool;
mod pool_reset;
mod status;
mod trust;
mod unconfirmed;

use crate::cli::{self, Cli, Command, PoolCommand};
use crate::exit::{Exit, Failure};
use crate::host::Reader;
use crate::profile::{self, MAX_PROFILE_BYTES, Profile};
use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// The failure that ends it, with exit code and text.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Validate(arguments) => documents::validate(&arguments, &global),
        Command::Plan(arguments) => look::plan(&arguments, &global).await,
        Command::Apply(arguments) => apply::apply(&arguments, &global).await,
        Command::Check(arguments) => look::check(&arguments, &global).await,
        Command::Facts(arguments) => look::facts(&arguments, &global).await,
        Command::Status => status::status(&global).await,
        Command::Confirm => unconfirmed::confirm(),
        Command::Revert(arguments) => unconfirmed::revert(&arguments),
        Command::Pool(cli::Pool { command: PoolCommand::Status(arguments) }) => pool::status(&arguments, &global).await,
        Command::Pool(cli::Pool { command: PoolCommand::Reset(arguments) }) => {
            pool_reset::reset(&arguments, &global).await
        }
        Command::Schema(arguments) => documents::schema(&arguments),
        Command::Completions(arguments) => documents::completions(&arguments),
        Command::Man(arguments) => documents::man(&arguments),
    }
}

/// A profile, and the text it was read from.
struct Loaded {
    profile: Profile,
    text: Vec<u8>,
}

/// As [`load`], of a profile that root is about to act on.
///
/// # Errors
/// Also exit 65 when others than root could have written it, or could read the secrets in it.
fn load_trusted(path: &Path, color: bool) -> Result<Loaded, Failure> {
    let (loaded, metadata) = load_with_metadata(path, color)?;
    let holds = if loaded.profile.holds_secrets() { trust::Holds::Secrets } else { trust::Holds::Orders };
    check_trust(path, &metadata, holds)?;
    Ok(loaded)
}

/// Without root nothing is done to a host, and nothing is to be judged.
///
/// # Errors
/// Exit 65 when root must not act on the file.
fn check_trust(path: &Path, metadata: &Metadata, holds: trust::Holds) -> Result<(), Failure> {
    if Reader::this_machine().require_root().is_err() {
        return Ok(());
    }
    trust::check(path, metadata, holds).map_err(|reason| Failure::new(Exit::InvalidProfile, reason))
}

/// Reads and checks a profile.
///
/// # Errors
/// Exit 66 when the file cannot be read, 65 when it is no good profile.
fn load(path: &Path, color: bool) -> Result<Loaded, Failure> {
    load_with_metadata(path, color).map(|(loaded, _)| loaded)
}

fn load_with_metadata(path: &Path, color: bool) -> Result<(Loaded, Metadata), Failure> {
    let (text, metadata) = read_limited(path).map_err(|error| {
        Failure::new(Exit::UnreadableProfile, format!("cannot read the profile {}: {error}", path.display()))
    })?;
    let profile = profile::parse(&text, &path.display().to_string())
        .map_err(|error| Failure::new(Exit::InvalidProfile, error.render(color)))?;
    Ok((Loaded { profile, text }, metadata))
}

/// One byte more than a profile may have, at most: its parser says what is wrong with that.
fn read_limited(path: &Path) -> std::io::Result<(Vec<u8>, Metadata)> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a directory; name the file in it"));
    }
    let mut text = Vec::new();
    file.take(MAX_PROFILE_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok((text, metadata))
}
