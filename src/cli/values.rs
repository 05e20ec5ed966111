//! What options take: words and times.

use clap::ValueEnum;
use std::time::Duration;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Least severity that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Form of a plan on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
    Html,
}

/// Form of what is printed on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// What a JSON schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Profile,
    Plan,
    Facts,
    Report,
    Summary,
    History,
    Events,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it as 60s or 10m"))
}

/// A look costs the host a process or two.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(10);
    match duration(text)? {
        time if time >= SHORTEST => Ok(time),
        _ => Err("at least 10s".to_owned()),
    }
}

/// Long enough to log in once more, and not so long that nobody remembers.
pub(super) fn confirm_time(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
    let time = duration(text)?;
    match (SHORTEST..=LONGEST).contains(&time) {
        true => Ok(time),
        false => Err("at least 5s and at most 7days".to_owned()),
    }
}
