//! Commands on the host, over one ssh connection that all of them share.
//!
//! A key exchange costs the emulated host over a second, a further session in the same connection next to nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Bytes of a socket's path: sockaddr_un has 108, and ssh makes it with a suffix of 17 first.
const LONGEST_SOCKET: usize = 90;

/// How a command on the host ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Exit status; 128 + N when signal N ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Where and as whom to log in.
#[derive(Clone, Debug)]
pub struct Address {
    /// Port on 127.0.0.1 that leads to the host's ssh.
    pub port: u16,
    /// Private key of root.
    pub key: PathBuf,
}

impl Address {
    /// The line of an inventory that leads Ansible there.
    pub fn inventory(&self, name: &str) -> String {
        format!(
            "{name} ansible_host=127.0.0.1 ansible_port={} ansible_user=root ansible_ssh_private_key_file={} \
             ansible_python_interpreter=/usr/bin/python3\n",
            self.port,
            self.key.display()
        )
    }
}

/// A connection; dropping it ends it.
pub struct Ssh {
    address: Address,
    control: PathBuf,
    master: Child,
    /// Where the socket is, if not in the directory that was asked for.
    short_directory: Option<TempDir>,
}

impl Ssh {
    /// Connects, trying again until `limit` is over, because a host that boots refuses at first.
    ///
    /// # Errors
    /// The client's last words when the time is over.
    pub fn connect(address: Address, directory: &Path, limit: Duration) -> Result<Self, String> {
        let end = Instant::now() + limit;
        let (control, mut short_directory) = socket(directory)?;
        loop {
            let master = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "ssh"])
                .args(options(&address))
                .args(["-o", "ControlMaster=yes", "-N", "-S"])
                .arg(&control)
                .arg("root@127.0.0.1")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| format!("cannot start ssh: {error}"))?;
            let mut ssh = Self { address: address.clone(), control: control.clone(), master, short_directory: None };
            let error = match ssh.wait_ready(end) {
                Ok(()) => {
                    ssh.short_directory = short_directory.take();
                    return Ok(ssh);
                }
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(format!("no ssh after {} s: {error}", limit.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Runs a shell command, with `input` as its standard input.
    ///
    /// # Errors
    /// When it does not end within `limit`, or the connection is lost.
    pub fn run(&self, command: &str, input: &[u8], limit: Duration) -> Result<Output, String> {
        self.start(command, input)?.wait(limit)
    }

    /// Starts a shell command and returns at once.
    ///
    /// # Errors
    /// When the ssh client cannot be started.
    pub fn start(&self, command: &str, input: &[u8]) -> Result<Background, String> {
        let mut arguments = options(&self.address);
        arguments.extend(["-S".to_owned(), self.control.display().to_string()]);
        spawn(arguments, command, input)
    }

    /// Runs a shell command over a connection of its own, as `user`: a real login, through PAM.
    ///
    /// # Errors
    /// As [`Ssh::run`]; a refused login is one with code 255.
    pub fn login(&self, user: &str, command: &str, limit: Duration) -> Result<Output, String> {
        let mut arguments = options(&self.address);
        arguments.extend(["-S", "none", "-l", user].map(str::to_owned));
        spawn(arguments, command, &[])?.wait_any(limit)
    }

    fn wait_ready(&mut self, end: Instant) -> Result<(), String> {
        loop {
            // The client makes its socket when it has logged in.
            if self.control.exists() {
                return Ok(());
            }
            if let Ok(Some(_)) = self.master.try_wait() {
                let mut words = String::new();
                if let Some(mut stderr) = self.master.stderr.take() {
                    let _ = std::io::Read::read_to_string(&mut stderr, &mut words);
                }
                return Err(words.trim().to_owned());
            }
            if Instant::now() > end {
                return Err("the login takes too long".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        let _ = self.master.kill();
        let _ = self.master.wait();
        let _ = std::fs::remove_file(&self.control);
    }
}

/// The path of the connection's socket. A directory may lie so deep that the kernel takes no such path; ssh would
/// then go on without a socket, and nobody would ever see it log in.
fn socket(directory: &Path) -> Result<(PathBuf, Option<TempDir>), String> {
    let path = directory.join("ssh");
    if path.as_os_str().len() <= LONGEST_SOCKET {
        return Ok((path, None));
    }
    let short = tempfile::Builder::new().prefix("lab.").tempdir();
    let short = short.map_err(|error| format!("no directory for ssh's socket: {error}"))?;
    let path = short.path().join("ssh");
    match path.as_os_str().len() <= LONGEST_SOCKET {
        true => Ok((path, Some(short))),
        false => Err(format!("{}: too long for a socket, set TMPDIR to a shorter one", path.display())),
    }
}

/// A command that runs on the host while the test goes on.
pub struct Background {
    command: String,
    handle: duct::Handle,
}

impl Background {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `limit`, or the connection is lost.
    pub fn wait(self, limit: Duration) -> Result<Output, String> {
        let command = self.command.clone();
        let output = self.wait_any(limit)?;
        if output.code == 255 {
            return Err(format!("lost the connection during `{command}`: {}", output.stderr.trim()));
        }
        Ok(output)
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        matches!(self.handle.try_wait(), Ok(None))
    }

    fn wait_any(self, limit: Duration) -> Result<Output, String> {
        let Self { command, handle } = self;
        let ended = handle.wait_timeout(limit).map_err(|error| format!("ssh failed: {error}"))?;
        let Some(output) = ended else {
            let _ = handle.kill();
            return Err(format!("no end after {} s: `{command}`", limit.as_secs()));
        };
        Ok(Output {
            code: output.status.code().unwrap_or(255),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

fn spawn(mut arguments: Vec<String>, command: &str, input: &[u8]) -> Result<Background, String> {
    arguments.extend(["root@127.0.0.1", command].map(str::to_owned));
    let handle = duct::cmd("ssh", arguments)
        .stdin_bytes(input)
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .start()
        .map_err(|error| format!("cannot start ssh: {error}"))?;
    Ok(Background { command: command.to_owned(), handle })
}

/// The user's own configuration must not matter, and nothing may ask or wait without end.
fn options(address: &Address) -> Vec<String> {
    let mut arguments: Vec<String> = ["-F", "/dev/null", "-i"].map(str::to_owned).into();
    arguments.push(address.key.display().to_string());
    arguments.extend(["-p".to_owned(), address.port.to_string()]);
    for option in [
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "GlobalKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "ConnectTimeout=30",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=8",
    ] {
        arguments.extend(["-o".to_owned(), option.to_owned()]);
    }
    arguments
}
