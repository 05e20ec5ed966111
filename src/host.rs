//! The only door to the machine.
//!
//! Looking and changing are two types: a [`Reader`] reads files and runs the commands of [`Query`],
//! which only look; a [`Host`] also runs any command and replaces files, and only
//! [`crate::apply`] is given one. A dry-run therefore cannot write.

pub mod command;
pub mod cores;
mod directory;
pub mod files;
pub mod lock;
pub mod namespaces;
pub mod preserved;
mod query;

use crate::exit::{Exit, Failure, chain};
use crate::secret::{self, Secret, Secrets};
use command::{Command, CommandError, Output};
use files::Ids;
use preserved::State;
pub use query::Query;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Bytes; no file that atomhost reads whole is nearly as large.
const LARGEST_FILE: u64 = 64 << 20;

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
    /// Another program is changing users or passwords.
    AccountsLocked {
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
            HostError::AccountsLocked { holder } => write!(
                f,
                "another program ({holder}) is changing users or passwords (/etc/.pwd.lock): nothing was changed; \
                 try again when it is done, or wait with --wait-lock"
            ),
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
            HostError::NeedsRoot | HostError::Locked { .. } | HostError::AccountsLocked { .. } => None,
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
            HostError::Locked { .. } | HostError::AccountsLocked { .. } => Exit::Busy,
            HostError::Command(_) | HostError::File { .. } => Exit::Failed,
        };
        Failure::new(exit, chain(&error))
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
        if self.root != Path::new("/") || nix::unistd::geteuid().is_root() { Ok(()) } else { Err(HostError::NeedsRoot) }
    }

    /// Runs a command that only looks. Its exit code is for the caller to judge.
    ///
    /// # Errors
    /// It could not be started, or overran its deadline.
    pub fn query(&self, query: &Query) -> Result<Output, HostError> {
        let command = query.command();
        self.start(&command, &command)
    }

    /// The text of a file; `None` when there is none.
    ///
    /// # Errors
    /// It is there, but cannot be read, or is no text.
    pub fn read_optional(&self, path: &str) -> Result<Option<String>, HostError> {
        let no_text = |_| failed("read", path)(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no UTF-8"));
        let bytes = self.bytes_optional(path)?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(no_text)).transpose()
    }

    /// The digest of a file's content, for a file that is a secret; `None` when there is none.
    ///
    /// # Errors
    /// It is there, but cannot be read.
    pub fn digest_optional(&self, path: &str) -> Result<Option<String>, HostError> {
        Ok(self.bytes_optional(path)?.map(|bytes| secret::digest(&bytes)))
    }

    /// A file's content, text or not; `None` when there is none.
    ///
    /// # Errors
    /// It is there, but cannot be read.
    pub fn bytes_optional(&self, path: &str) -> Result<Option<Vec<u8>>, HostError> {
        files::optional(read(&self.path(path))).map_err(failed("read", path))
    }

    /// Whether anything is at a path, be it a link that leads nowhere.
    pub fn exists(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// The path with its links followed, see [`files::follow`]; the last part need not be there.
    ///
    /// # Errors
    /// A link leads where it must not, or to what has no name in UTF-8.
    pub fn follow(&self, path: &str) -> Result<String, HostError> {
        let unnamed = || std::io::Error::new(std::io::ErrorKind::InvalidData, "its path is no UTF-8");
        let outside = || std::io::Error::other("a link leads out of it");
        let followed = files::follow(&self.path(path)).and_then(|found| {
            let inside = found.strip_prefix(&self.root).map_err(|_| outside())?;
            inside.to_str().map(|inside| format!("/{inside}")).ok_or_else(unnamed)
        });
        followed.map_err(failed("follow", path))
    }

    /// What is at a path, completely; see [`preserved::capture`]. Its last part is not followed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn capture(&self, path: &str, content: bool) -> Result<(State, Option<Vec<u8>>), HostError> {
        self.place(path).and_then(|place| preserved::capture(&place, content)).map_err(failed("read", path))
    }

    /// Where the path lies: links in its directories are followed, see [`files::follow`].
    fn place(&self, path: &str) -> std::io::Result<PathBuf> {
        let path = self.path(path);
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(files::follow(parent)?.join(name)),
            _ => Ok(path),
        }
    }

    /// A file's content, text or not.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, HostError> {
        read(&self.path(path)).map_err(failed("read", path))
    }

    /// Where a systemd credential lies: one given to this unit, or one given to the system.
    pub fn credential(&self, name: &str) -> Option<PathBuf> {
        let own = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute());
        let places = own.into_iter().chain([self.path("/run/credentials/@system")]);
        places.map(|place| place.join(name)).find(|path| path.is_file())
    }

    /// The command lines started so far, in order.
    pub fn started(&self) -> Vec<String> {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// Starts `command`; logs and errors show it as `shown`, which holds no secret.
    fn start(&self, command: &Command, shown: &Command) -> Result<Output, HostError> {
        if let Ok(mut log) = self.log.lock() {
            log.push(shown.to_string());
        }
        let started = std::time::Instant::now();
        let result = (self.runner)(command);
        tracing::debug!("{shown} ({:.3} s)", started.elapsed().as_secs_f64());
        result.map_err(|error| HostError::Command(error.shown_as(&shown.to_string())))
    }
}

/// The whole machine, to be changed.
#[derive(Clone)]
pub struct Host {
    reader: Reader,
    secrets: Arc<Secrets>,
}

impl Host {
    /// This machine, for real.
    pub fn this_machine() -> Host {
        Host { reader: Reader::this_machine(), secrets: Arc::default() }
    }

    /// Files below `root`, commands by `runner`: for tests.
    pub fn new(root: &Path, runner: Runner) -> Host {
        Host { reader: Reader::new(root, runner), secrets: Arc::default() }
    }

    /// With the secrets of a profile at hand.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Host {
        Host { secrets: Arc::new(secrets), ..self }
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// A secret of the profile, by its digest.
    pub fn secret(&self, digest: &str) -> Option<&Secret> {
        self.secrets.find(digest)
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// It could not be started, overran its deadline, or ended with another code than 0.
    pub fn run(&self, command: &Command) -> Result<Output, HostError> {
        let output = self.reader.start(command, command)?;
        succeeded(command, output)
    }

    /// As [`Host::run`], with a standard input that no log, report or message shows.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub fn run_with_secret(&self, command: &Command, input: Vec<u8>) -> Result<Output, HostError> {
        // A crash of the command must not write the secret to the disk.
        let _no_cores = cores::Forbidden::for_children();
        let output = self.reader.start(&command.clone().stdin(input), command)?;
        succeeded(command, output)
    }

    /// Replaces a file atomically, keeping owner, mode and label of an old one; `mode` and `owner` are
    /// for a new one.
    ///
    /// # Errors
    /// The old file stays as it is.
    pub fn replace(&self, path: &str, bytes: &[u8], mode: u32, owner: Ids) -> Result<(), HostError> {
        files::replace(&self.reader.path(path), bytes, mode, owner).map_err(failed("write", path))
    }

    /// As [`Host::replace`], with a value's JSON form, for root's eyes alone.
    ///
    /// # Errors
    /// The old file stays as it is.
    pub fn replace_json(&self, path: &str, value: &impl serde::Serialize, owner: Ids) -> Result<(), HostError> {
        let mut json = serde_json::to_string_pretty(value).unwrap_or_default();
        json.push('\n');
        self.replace(path, json.as_bytes(), 0o600, owner)
    }

    /// Makes a directory with `mode` and `owner`, and its parents, mode 0755; one that is there is fine.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create_directory(&self, path: &str, mode: u32, owner: Ids) -> Result<(), HostError> {
        files::create_directory(&self.reader.path(path), mode, owner).map_err(failed("make the directory", path))
    }

    /// Sets mode and owner of what is there.
    ///
    /// # Errors
    /// They cannot be set.
    pub fn set_attributes(&self, path: &str, mode: Option<u32>, owner: Option<Ids>) -> Result<(), HostError> {
        files::set_attributes(&self.reader.path(path), mode, owner).map_err(failed("set mode and owner of", path))
    }

    /// Who owns the host's files: root, and in a test's folder whoever runs the test.
    pub fn owner(&self) -> Ids {
        std::fs::metadata(&self.reader.root).map_or(Ids::ROOT, |root| Ids { uid: root.uid(), gid: root.gid() })
    }

    /// Brings back what [`Reader::capture`] took down; see [`preserved::restore`].
    ///
    /// # Errors
    /// It could not; to do it again is safe.
    pub fn restore(&self, path: &str, state: &State, bytes: Option<&[u8]>) -> Result<(), HostError> {
        let done = self.reader.place(path).and_then(|place| preserved::restore(&place, state, bytes));
        done.map_err(failed("bring back", path))
    }

    /// Keeps what is at a path under another name beside it; returns that name.
    ///
    /// # Errors
    /// It stays where it is.
    pub fn keep_beside(&self, path: &str) -> Result<String, HostError> {
        let kept = self.reader.place(path).and_then(|place| preserved::keep_beside(&place));
        let name = kept.map_err(failed("keep what is at", path))?;
        Ok(Path::new(path).with_file_name(name).display().to_string())
    }

    /// Removes a file; it need not be there.
    ///
    /// # Errors
    /// It is there, and stays.
    pub fn remove_file(&self, path: &str) -> Result<(), HostError> {
        files::remove(&self.reader.path(path)).map_err(failed("remove", path))
    }

    /// Removes a folder of atomhost's own with all that is in it; it need not be there.
    ///
    /// # Errors
    /// Part of it stays.
    pub fn remove_folder(&self, path: &str) -> Result<(), HostError> {
        match std::fs::remove_dir_all(self.reader.path(path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// Renames a file within its directory.
    ///
    /// # Errors
    /// It stays where it is.
    pub fn rename(&self, path: &str, to: &str) -> Result<(), HostError> {
        files::rename(&self.reader.path(path), &self.reader.path(to)).map_err(failed("move away", path))
    }
}

/// A user may have put anything at a path in a directory of his since it was looked at: a pipe, /dev/zero by a link,
/// a file of all sizes, somebody else's.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(bytes)
}

fn failed(doing: &'static str, path: &str) -> impl Fn(std::io::Error) -> HostError {
    move |source| HostError::File { doing, path: path.to_owned(), source }
}

fn succeeded(command: &Command, output: Output) -> Result<Output, HostError> {
    if output.code == Some(0) {
        return Ok(output);
    }
    let (ended, stderr) = (output.ended(), output.stderr_end());
    Err(CommandError::Failed { command: command.to_string(), ended, stderr }.into())
}
