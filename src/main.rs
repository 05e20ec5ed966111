//! The command `atomhost`: arguments, logging to stderr, the runtime, the exit code.

use atomhost::cli::{Cli, LogLevel};
use atomhost::commands;
use atomhost::exit::Exit;
use clap::Parser;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail differently.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    log_to_stderr(cli.global.log_level);
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

fn log_to_stderr(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false);
    tracing_subscriber::registry().with(layer).with(Targets::new().with_default(level)).init();
}
