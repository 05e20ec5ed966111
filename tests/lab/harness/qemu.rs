//! The emulator: one process per virtual machine.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::disk::Attached;
use super::qmp::Qmp;
use crate::harness::SYSTEM;

/// Without KVM a whole boot takes about a minute; a busy machine may need several times that.
pub const BOOT: Duration = Duration::from_secs(420);

/// The command that prints the shared file: a connection that the emulator answers itself. By ssh, twelve megabytes take
/// seconds without KVM.
pub const READ_SHARED: &str = "cat </dev/tcp/10.0.2.100/9";

const KERNEL_ARGUMENTS: &str =
    "root=/dev/mapper/atomicos-root ro console=ttyS0 mitigations=off systemd.show_status=error";

/// What makes all machines of one image alike: a snapshot fits only the machine that it was taken of.
#[derive(Clone, Debug)]
pub struct Model {
    /// Kernel and initrd lie here, and where the image needs them more arguments for the kernel.
    pub image: PathBuf,
    /// `tcg` or `kvm`.
    pub accelerator: String,
    /// Memory in MiB.
    pub memory: u32,
    /// Virtual processors.
    pub processors: u32,
    /// Whether cloud-init runs in later boots.
    pub cloud_init: bool,
    /// A file that the machine reads by [`READ_SHARED`].
    pub shared: Option<PathBuf>,
}

/// Where the memory of a machine comes from.
#[derive(Clone, Copy, Debug)]
pub enum Memory<'a> {
    /// Fresh, for a cold boot.
    Empty,
    /// Kept in this file, for a machine whose snapshot will be taken.
    Recorded(&'a Path),
    /// Copied on write from the file of a snapshot: starts at once, and hosts share what they do not change.
    Restored(&'a Path),
}

/// A running machine; dropping it is a power cut.
pub struct Qemu {
    child: Child,
    /// Its monitor.
    pub qmp: Qmp,
    /// Port on 127.0.0.1 that leads to the ssh port of the machine.
    pub ssh_port: u16,
}

impl Model {
    /// The part of the command line that decides whether a snapshot fits.
    pub fn arguments(&self) -> Vec<String> {
        let cpu = if self.accelerator == "kvm" { "host" } else { "qemu64" };
        let accelerator = match self.accelerator.as_str() {
            "kvm" => "kvm",
            _ => "tcg,thread=multi",
        };
        let text = format!(
            "-nodefaults -display none -accel {accelerator} -cpu {cpu} -smp {} -m {}M \
             -device virtio-scsi-pci,id=scsi0 -device virtio-net-pci,netdev=net0,romfile=",
            self.processors, self.memory
        );
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Starts a machine with this system disk (qcow2) and these further disks.
    ///
    /// # Errors
    /// The emulator's own words.
    pub fn start(
        &self,
        directory: &Path,
        system: &Path,
        disks: &[&Attached],
        memory: Memory<'_>,
    ) -> Result<Qemu, String> {
        let errors = directory.join("emulator.log");
        let log = File::create(&errors).map_err(|error| format!("cannot create {}: {error}", errors.display()))?;
        // When the test dies, whatever the way, the emulator goes too.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(self.arguments())
            .args(self.private_arguments(directory, system, disks, memory))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start the emulator: {error}"))?;
        let (stdin, stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let started = Qmp::connect(stdin, stdout).and_then(|mut qmp| Ok((ssh_port(&mut qmp)?, qmp)));
        match started {
            Ok((ssh_port, qmp)) => Ok(Qemu { child, qmp, ssh_port }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let words = std::fs::read_to_string(&errors).unwrap_or_default();
                Err(format!("the emulator did not start: {error}: {}", words.trim()))
            }
        }
    }

    fn private_arguments(
        &self,
        directory: &Path,
        system: &Path,
        disks: &[&Attached],
        memory: Memory<'_>,
    ) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("-kernel", self.image.join("vmlinuz").display().to_string());
        add("-initrd", self.image.join("initrd").display().to_string());
        let arguments_of_image = std::fs::read_to_string(self.image.join("arguments")).unwrap_or_default();
        let cloud_init = if self.cloud_init { "" } else { "cloud-init=disabled" };
        add("-append", format!("{KERNEL_ARGUMENTS} {} {cloud_init}", arguments_of_image.trim()));
        add("-qmp", "stdio".to_owned());
        let console = directory.join("console.log");
        add("-chardev", format!("file,id=console,append=on,path={}", console.display()));
        add("-serial", "chardev:console".to_owned());
        // Port 0: the kernel picks a free one, so two machines never race for it.
        let shared = self.shared.as_ref().map_or(String::new(), |file| {
            format!(",guestfwd=tcp:10.0.2.100:9-cmd:cat {}", quoted(file).replace(',', ",,"))
        });
        add("-netdev", format!("user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22{shared}"));
        let node = json!({
            "driver": "qcow2", "node-name": format!("node-{SYSTEM}"), "discard": "unmap",
            "cache": {"direct": false, "no-flush": true},
            "file": {"driver": "file", "filename": system},
        });
        add("-blockdev", node.to_string());
        add(
            "-device",
            format!("scsi-hd,bus=scsi0.0,id=disk-{SYSTEM},drive=node-{SYSTEM},serial={SYSTEM},scsi-id=0,lun=0"),
        );
        for disk in disks {
            add("-blockdev", disk.node_options().to_string());
            add("-device", disk.device_options().to_string());
        }
        let (file, share) = match memory {
            Memory::Empty => {
                add("-machine", "pc".to_owned());
                return arguments;
            }
            Memory::Recorded(file) => (file, "on"),
            Memory::Restored(file) => (file, "off"),
        };
        let (path, size) = (file.display(), self.memory);
        add("-object", format!("memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}"));
        add("-machine", "pc,memory-backend=ram".to_owned());
        if share == "off" {
            add("-incoming", "defer".to_owned());
        }
        arguments
    }
}

impl Qemu {
    /// Stops the machine and writes all of its state but the memory to `state`.
    ///
    /// # Errors
    /// The emulator's own words.
    pub fn save(&mut self, state: &Path) -> Result<(), String> {
        self.ignore_shared_memory()?;
        self.qmp.execute("migrate", json!({"uri": format!("exec:cat >{}", quoted(state))}))?;
        self.wait_migrated()?;
        // It may be gone before it answers; how it ended counts.
        let _ = self.qmp.execute("quit", json!({}));
        let ended = self.child.wait().map_err(|error| format!("the emulator did not end: {error}"))?;
        if ended.success() { Ok(()) } else { Err(format!("the emulator ended badly: {ended}")) }
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// The emulator's own words.
    pub fn restore(&mut self, state: &Path) -> Result<(), String> {
        self.ignore_shared_memory()?;
        self.qmp.execute("migrate-incoming", json!({"uri": format!("exec:cat {}", quoted(state))}))?;
        self.qmp.wait_event("RESUME", Duration::from_secs(60))
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The memory stays in its file, before and after, so it need not be carried over.
    fn ignore_shared_memory(&mut self) -> Result<(), String> {
        let capabilities = json!([{"capability": "x-ignore-shared", "state": true}]);
        self.qmp.execute("migrate-set-capabilities", json!({"capabilities": capabilities})).map(drop)
    }

    fn wait_migrated(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(120);
        while Instant::now() < end {
            let answer = self.qmp.execute("query-migrate", json!({}))?;
            match answer["status"].as_str().unwrap_or_default() {
                "completed" => return Ok(()),
                "failed" => return Err(format!("the snapshot failed: {answer}")),
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        Err("the snapshot takes too long".to_owned())
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line looks like `TCP[HOST_FORWARD]  12  127.0.0.1 40781  10.0.2.15  22  0  0`.
fn ssh_port(qmp: &mut Qmp) -> Result<u16, String> {
    let table = qmp.human("info usernet")?;
    let line = table.lines().find(|line| line.contains("HOST_FORWARD"));
    let port = line.and_then(|line| line.split_whitespace().nth(3)).and_then(|port| port.parse().ok());
    port.filter(|port| *port != 0).ok_or_else(|| format!("no forwarded port in:\n{table}"))
}

/// For the shell that the emulator's `exec:` starts.
fn quoted(path: &Path) -> String {
    let mut text = String::new();
    let _ = write!(text, "'{}'", path.display());
    text
}
