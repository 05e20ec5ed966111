//! The command `atomhost`: arguments, logging, the runtime, the exit code.

use atomhost::cli::Cli;
use atomhost::exit::Exit;
use atomhost::{commands, logging};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail differently.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    logging::start(cli.global.log_level);
    if cli.global.enter_host
        && let Err(error) = atomhost::host::namespaces::enter_host()
    {
        return fail(Exit::Failed, &format!("cannot enter the host of this container: {error}"));
    }
    if let Err(error) = atomhost::host::cores::forbid() {
        return fail(Exit::Failed, &format!("cannot keep secrets out of core dumps: {error}"));
    }
    // Modes are the plan's to choose, also those of files that a tool makes: not the caller's.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Exit::Failed, &format!("cannot start: {error}")),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(exit) => exit.into(),
        Err(failure) => fail(failure.exit, &failure.message),
    }
}

fn fail(exit: Exit, message: &str) -> ExitCode {
    // Profile errors bring their own `error:` and picture, in colour at times.
    let is_picture = anstream::adapter::strip_str(message).to_string().starts_with("error");
    let prefix = if is_picture { "" } else { "error: " };
    let _ = writeln!(std::io::stderr(), "{prefix}{message}");
    exit.into()
}
