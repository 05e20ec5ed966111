//! The only door to the machine.
//!
//! Looking and changing are two types: a [`Reader`] reads files and runs the commands of [`Query`],
//! which only look; a [`Host`] also runs any command and replaces files, and only
//! [`crate::apply`] is given one. A dry-run therefore cannot write.

pub mod command;
pub mod files;
pub mod lock;

use crate::exit::{Exit, Failure};
use command::{Command, CommandError, Output};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How commands are run: for real, or by a test's fake.
pub type Runner = Arc<dyn Fn(&Command) -> Result<Output, CommandError> + Send + Sync>;

/// Something the machine did not do.
#[derive(Debug)]
pub enum HostError {
    Command(CommandError),
    /// `failed to {doing} {path}`, with the reason.
    File {
        doing: &'static str,
        path: String,
        source: std::io::Error,
    },
    NeedsRoot,
    Locked {
        holder: String,
    },
}

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostError::Command(error) => error.fmt(f),
            HostError::File { doing, path, .. } => write!(f, "failed to {doing} {path}"),
            HostError::NeedsRoot => {
                f.write_str("root is needed: disks and LVM show themselves to nobody else; run it with sudo")
            }
            HostError::Locked { holder } => {
                write!(f, "another atomhost ({holder}) is at work: try again when it is done, or wait with --wait-lock")
            }
        }
    }
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HostError::Command(error) => error.source(),
            HostError::File { source, .. } => Some(source),
            HostError::NeedsRoot | HostError::Locked { .. } => None,
        }
    }
}

impl From<CommandError> for HostError {
    fn from(error: CommandError) -> Self {
        HostError::Command(error)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Failure {
        let exit = match &error {
            HostError::Command(CommandError::Missing { .. }) => Exit::ToolMissing,
            HostError::NeedsRoot => Exit::NeedsRoot,
            HostError::Locked { .. } => Exit::Busy,
            HostError::Command(_) | HostError::File { .. } => Exit::Failed,
        };
        Failure::new(exit, crate::apply::chain(&error))
    }
}

/// The commands that only look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every volume group with all its parts, and physical volumes of no group, in one call.
    LvmReport,
    /// Low-level probing of a device.
    Blkid { device: String },
    /// Every signature, with those at the end of a device.
    Wipefs { device: String },
}

impl Query {
    /// The command behind it.
    pub fn command(&self) -> Command {
        const MACHINE: [&str; 5] = ["--reportformat", "json", "--units", "b", "--nosuffix"];
        let deadline = Duration::from_secs(120);
        match self {
            Query::LvmReport => Command::new("lvm", ["fullreport", "--all"].into_iter().chain(MACHINE)),
            Query::Blkid { device } => Command::new("blkid", ["--probe", "--output", "export", device]),
            Query::Wipefs { device } => {
                Command::new("wipefs", ["--no-act", "--noheadings", "--output", "TYPE", device])
            }
        }
        .deadline(deadline)
    }
}

/// The half of the machine that looks.
#[derive(Clone)]
pub struct Reader {
    root: PathBuf,
    runner: Runner,
    log: Arc<Mutex<Vec<String>>>,
}

impl Reader {
    /// This machine, for real.
    pub fn this_machine() -> Reader {
        Reader::new(Path::new("/"), Arc::new(command::run))
    }

    /// Files below `root`, commands by `runner`: for tests.
    pub fn new(root: &Path, runner: Runner) -> Reader {
        Reader { root: root.to_owned(), runner, log: Arc::default() }
    }

    /// Where an absolute path of the host lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// # Errors
    /// The effective user is not root. A test's folder needs none.
    pub fn require_root(&self) -> Result<(), HostError> {
        // The owner of /proc/self is the effective user.
        let user = std::fs::metadata("/proc/self").map(|metadata| metadata.uid());
        match user {
            _ if self.root != Path::new("/") => Ok(()),
            Ok(0) => Ok(()),
            _ => Err(HostError::NeedsRoot),
        }
    }

    /// Runs a command that only looks. Its exit code is for the caller to judge.
    ///
    /// # Errors
    /// It could not be started, or overran its deadline.
    pub fn query(&self, query: &Query) -> Result<Output, HostError> {
        self.start(&query.command())
    }

    /// The text of a file; `None` when there is none.
    ///
    /// # Errors
    /// It is there, but cannot be read, or is no text.
    pub fn read_optional(&self, path: &str) -> Result<Option<String>, HostError> {
        match std::fs::read_to_string(self.path(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(HostError::File { doing: "read", path: path.to_owned(), source }),
        }
    }

    /// The command lines started so far, in order.
    pub fn started(&self) -> Vec<String> {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    fn start(&self, command: &Command) -> Result<Output, HostError> {
        if let Ok(mut log) = self.log.lock() {
            log.push(command.to_string());
        }
        let started = std::time::Instant::now();
        let result = (self.runner)(command);
        tracing::debug!("{command} ({:.3} s)", started.elapsed().as_secs_f64());
        Ok(result?)
    }
}

/// The whole machine, to be changed.
#[derive(Clone)]
pub struct Host {
    reader: Reader,
}

impl Host {
    /// This machine, for real.
    pub fn this_machine() -> Host {
        Host { reader: Reader::this_machine() }
    }

    /// Files below `root`, commands by `runner`: for tests.
    pub fn new(root: &Path, runner: Runner) -> Host {
        Host { reader: Reader::new(root, runner) }
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// It could not be started, overran its deadline, or ended with another code than 0.
    pub fn run(&self, command: &Command) -> Result<Output, HostError> {
        let output = self.reader.start(command)?;
        if output.code == Some(0) {
            return Ok(output);
        }
        Err(CommandError::Failed { command: command.to_string(), ended: output.ended(), stderr: output.stderr_end() }
            .into())
    }

    /// Replaces a file atomically, keeping owner, mode and label of an old one; `mode` is for a new one.
    ///
    /// # Errors
    /// The old file stays as it is.
    pub fn replace(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), HostError> {
        files::replace(&self.reader.path(path), bytes, mode).map_err(|source| HostError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Makes a directory, mode 0755, with its parents; one that is there is fine.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create_directory(&self, path: &str) -> Result<(), HostError> {
        std::fs::create_dir_all(self.reader.path(path)).map_err(|source| HostError::File {
            doing: "make the directory",
            path: path.to_owned(),
            source,
        })
    }
}
