//! Running commands: data, never shell; fixed directories, a deadline, output kept.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Where programs are looked for: never in the caller's PATH.
const DIRECTORIES: [&str; 6] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
/// A killed process is gone at once, unless it waits in the kernel for a device that does not answer.
const KILL_DEADLINE: Duration = Duration::from_secs(20);
/// Bytes of output that are read; an lvm report of 10,000 volumes has some 30 MB.
const LARGEST_OUTPUT: u64 = 256 << 20;
/// Lines at the end of stderr that an error shows.
const SHOWN_LINES: usize = 8;

/// A command as data. Nothing secret belongs in `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub program: &'static str,
    pub args: Vec<String>,
    /// After which the command and its children are killed.
    pub deadline: Duration,
    /// `None`: stdin is /dev/null.
    pub stdin: Option<Vec<u8>>,
}

impl Command {
    pub fn new<I, S>(program: &'static str, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Command {
            program,
            args: args.into_iter().map(Into::into).collect(),
            deadline: Duration::from_secs(60),
            stdin: None,
        }
    }

    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Command {
        Command { deadline, ..self }
    }

    #[must_use]
    pub fn stdin(self, bytes: Vec<u8>) -> Command {
        Command { stdin: Some(bytes), ..self }
    }
}

/// A line that a person can paste into a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stdin) = &self.stdin {
            write!(f, "printf %s {} | ", quote(&String::from_utf8_lossy(stdin)))?;
        }
        f.write_str(self.program)?;
        self.args.iter().try_for_each(|argument| write!(f, " {}", quote(argument)))
    }
}

fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    if argument.contains('\n') {
        return format!("$'{}'", argument.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"));
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// What a command left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// How it ended, in words.
    pub fn ended(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => "ended abnormally".to_owned(),
        }
    }

    /// The last lines of stderr.
    pub fn stderr_end(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

/// Why a command gave no result.
#[derive(Debug)]
pub enum CommandError {
    /// The program is not installed.
    Missing { program: &'static str },
    /// It could not be started or waited for.
    Io { command: String, source: std::io::Error },
    /// It overran its deadline and was killed.
    Deadline { command: String, seconds: u64 },
    /// It overran its deadline and cannot be killed: it waits in the kernel, for a device most likely.
    Stuck { command: String, seconds: u64, pids: Vec<u32> },
    /// It ended with an error.
    Failed { command: String, ended: String, stderr: String },
}

impl CommandError {
    /// The same error of a command that is shown as `line`: what was started may hold a secret.
    #[must_use]
    pub fn shown_as(self, line: &str) -> CommandError {
        let command = line.to_owned();
        match self {
            CommandError::Missing { program } => CommandError::Missing { program },
            CommandError::Io { source, .. } => CommandError::Io { command, source },
            CommandError::Deadline { seconds, .. } => CommandError::Deadline { command, seconds },
            CommandError::Stuck { seconds, pids, .. } => CommandError::Stuck { command, seconds, pids },
            CommandError::Failed { ended, stderr, .. } => CommandError::Failed { command, ended, stderr },
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Missing { program } => {
                write!(f, "{program} is not installed: install the package {}", package(program))
            }
            CommandError::Io { command, .. } => write!(f, "cannot run: {command}"),
            CommandError::Deadline { command, seconds } => {
                write!(f, "killed after {seconds} s without an end: {command}")
            }
            CommandError::Stuck { command, seconds, pids } => write!(
                f,
                "without an end after {seconds} s, and cannot be killed: {command} (process {}): what it has done, or \
                 will yet do, is not known; look at its device (dmesg, dmsetup info) before the next run",
                pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
            ),
            CommandError::Failed { command, ended, stderr } if stderr.is_empty() => write!(f, "{command}: {ended}"),
            CommandError::Failed { command, ended, stderr } => write!(f, "{command}: {ended}: {stderr}"),
        }
    }
}

impl std::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CommandError::Io { source, .. } => Some(source),
            CommandError::Missing { .. }
            | CommandError::Deadline { .. }
            | CommandError::Stuck { .. }
            | CommandError::Failed { .. } => None,
        }
    }
}

/// The package that brings a program, the same on Debian and Fedora but for one name.
pub fn package(program: &str) -> &'static str {
    match program {
        "mkfs.xfs" | "xfs_growfs" => "xfsprogs",
        "mkfs.ext4" | "resize2fs" => "e2fsprogs",
        "sfdisk" => "fdisk (util-linux on Fedora)",
        "mount.nfs" => "nfs-common (nfs-utils on Fedora)",
        "thin_check" => "thin-provisioning-tools (device-mapper-persistent-data on Fedora)",
        "blkid" | "wipefs" | "mkswap" | "swapon" | "swapoff" | "partx" | "mount" => "util-linux",
        "authconfig" => "authconfig",
        "authselect" => "authselect",
        "systemctl" => "systemd",
        "update-ca-certificates" | "update-ca-trust" => "ca-certificates",
        "groupadd" | "useradd" | "usermod" | "chpasswd" => "passwd (shadow-utils on Fedora)",
        "curl" => "curl",
        "restorecon" => "policycoreutils",
        _ => "lvm2",
    }
}

/// The path of an installed program.
pub fn find(program: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|directory| PathBuf::from(directory).join(program)).find(|path| path.is_file())
}

/// Runs a command and waits for it, at most until its deadline.
///
/// Output goes to memory files, not pipes: a daemon that a command leaves behind (dmeventd) may keep
/// a pipe open for ever, and the child's end is what counts.
///
/// # Errors
/// Missing, not to be started, or killed at the deadline. A failing exit code is the caller's to judge.
pub fn run(command: &Command) -> Result<Output, CommandError> {
    let program = find(command.program).ok_or(CommandError::Missing { program: command.program })?;
    let io = |source| CommandError::Io { command: command.to_string(), source };
    let (mut stdout, mut stderr) = (memory_file().map_err(io)?, memory_file().map_err(io)?);
    let expression = duct::cmd(program, &command.args)
        .stdout_file(stdout.try_clone().map_err(io)?)
        .stderr_file(stderr.try_clone().map_err(io)?)
        .env("LC_ALL", "C")
        .env_remove("LANGUAGE")
        .env("PATH", DIRECTORIES.join(":"))
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .unchecked()
        // A group of its own: the deadline must reach its children, a terminal's ^C must not.
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        });
    let expression = match &command.stdin {
        Some(bytes) => expression.stdin_bytes(bytes.clone()),
        None => expression.stdin_null(),
    };
    let handle = expression.start().map_err(io)?;
    let status = match handle.wait_timeout(command.deadline).map_err(io)? {
        Some(output) => output.status,
        None => return Err(end(&handle, command)),
    };
    collect(status, &mut stdout, &mut stderr).map_err(io)
}

/// Kills a command that is past its deadline, with its children, and says whether it is gone.
fn end(handle: &duct::Handle, command: &Command) -> CommandError {
    let pids = handle.pids();
    for pid in pids.iter().filter_map(|pid| i32::try_from(*pid).ok()) {
        // It may have ended just now: then there is nothing to kill.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
    let (shown, seconds) = (command.to_string(), command.deadline.as_secs());
    match handle.wait_timeout(KILL_DEADLINE) {
        Ok(None) => CommandError::Stuck { command: shown, seconds, pids },
        Ok(Some(_)) | Err(_) => CommandError::Deadline { command: shown, seconds },
    }
}

fn collect(status: ExitStatus, stdout: &mut File, stderr: &mut File) -> std::io::Result<Output> {
    Ok(Output { code: status.code(), signal: status.signal(), stdout: text(stdout)?, stderr: text(stderr)? })
}

fn text(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(LARGEST_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file in memory: works with a full /tmp too.
fn memory_file() -> std::io::Result<File> {
    let flags = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
    nix::sys::memfd::memfd_create("output", flags).map(File::from).map_err(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn output_and_exit_code_are_kept() {
        let output =
            run(&Command::new("sh", ["-c", "cat; echo err >&2; exit 3"]).stdin(b"in".to_vec())).expect("it runs");
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(3), "in", "err\n"));
        assert_eq!(output.ended(), "exit code 3");
    }

    #[test]
    fn the_deadline_reaches_grandchildren() {
        let started = Instant::now();
        let error = run(&Command::new("sh", ["-c", "sleep 60 & sleep 60"]).deadline(Duration::from_millis(300)))
            .expect_err("too slow");
        assert!(matches!(error, CommandError::Deadline { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_daemon_left_behind_is_not_waited_for() {
        let started = Instant::now();
        let output = run(&Command::new("sh", ["-c", "echo done; sleep 30 &"])).expect("it runs");
        assert_eq!(output.stdout, "done\n");
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = run(&Command::new("no-such-program", ["x"])).expect_err("missing");
        assert!(error.to_string().starts_with("no-such-program is not installed"), "{error}");
        assert_eq!(package("mkfs.xfs"), "xfsprogs");
    }

    #[test]
    fn lines_can_be_pasted() {
        let rows = [
            (Command::new("lvs", ["--units", "b"]), "lvs --units b"),
            (Command::new("echo", ["a b", "it's", ""]), r"echo 'a b' 'it'\''s' ''"),
            (Command::new("sfdisk", ["-N", "2"]).stdin(b",10\n".to_vec()), "printf %s $',10\\n' | sfdisk -N 2"),
        ];
        for (command, expected) in rows {
            assert_eq!(command.to_string(), expected);
        }
    }
}
