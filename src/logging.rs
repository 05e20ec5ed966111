//! Where log messages go: stderr, or under systemd the journal, with fields that a program can ask for.

use crate::cli::LogLevel;
use std::io::{IsTerminal, Stderr};
use std::os::unix::fs::MetadataExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Before the names of fields in the journal: `ATOMHOST_OUTCOME`.
const PREFIX: &str = "ATOMHOST";

/// Begins to log.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let journal = is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), &std::io::stderr())
        .then(|| tracing_journald::layer().ok())
        .flatten();
    match journal {
        // How each run ended is there to be asked for, however little is logged.
        Some(layer) => {
            let level = level.max(LevelFilter::INFO);
            let layer = layer.with_field_prefix(Some(PREFIX.to_owned())).with_syslog_identifier("atomhost".to_owned());
            tracing_subscriber::registry().with(layer).with(Targets::new().with_default(level)).init();
        }
        None => {
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal())
                .without_time()
                .with_target(false);
            tracing_subscriber::registry().with(layer).with(Targets::new().with_default(level)).init();
        }
    }
}

/// Whether stderr is the stream that systemd connected to the journal (systemd.exec(5), JOURNAL_STREAM): `DEVICE:INODE`.
fn is_journal(stream: Option<&str>, stderr: &Stderr) -> bool {
    let Ok(file) = std::os::fd::AsFd::as_fd(stderr).try_clone_to_owned() else { return false };
    let Ok(found) = std::fs::File::from(file).metadata() else { return false };
    stream == Some(&format!("{}:{}", found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_device_and_inode() {
        let stderr = std::io::stderr();
        assert!(!is_journal(None, &stderr));
        assert!(!is_journal(Some(""), &stderr));
        assert!(!is_journal(Some("0:0"), &stderr));
    }
}
