//! A virtual host and all that a case does to it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tempfile::TempDir;

use super::SYSTEM;
use super::disk::{Attached, Disk, bytes};
use super::golden;
use super::image::{Image, ImageKind, console_tail, overlay};
use super::oracle::Oracle;
use super::qemu::{BOOT, Memory, Model, Qemu, READ_SHARED};
use super::ssh::{Address, Background, Output, Ssh};

/// Long enough for the longest single run of atomhost on a busy machine without KVM.
const COMMAND: Duration = Duration::from_secs(240);
/// From the snapshot to a login.
const RESTORE: Duration = Duration::from_secs(90);
/// What a host in trouble may take to tell its journal.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Describes a host before it starts.
#[must_use]
pub struct Builder {
    name: String,
    kind: ImageKind,
    disks: Vec<Disk>,
    agent: Option<PathBuf>,
    cloud_init: bool,
    golden: Option<golden::Changes>,
}

/// A virtual host. Dropping it ends it and removes its disks; in a failing test it says its last words first.
pub struct Host {
    name: String,
    directory: TempDir,
    sockets: TempDir,
    image: &'static Image,
    model: Model,
    disks: Vec<Attached>,
    next_target: usize,
    // In this order: the connection goes before the machine.
    ssh: Option<Ssh>,
    qemu: Option<Qemu>,
}

impl Builder {
    /// Starts from another stock host than Debian 12.
    pub fn image(mut self, kind: ImageKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds a disk. They become /dev/sdb, /dev/sdc … in this order, until the host boots anew.
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disks.push(disk);
        self
    }

    /// Leaves atomhost out of the host.
    pub fn without_agent(mut self) -> Self {
        self.agent = None;
        self
    }

    /// Has the host come up without cloud-init, which takes a good part of a boot, whenever it boots anew: for cases that
    /// are about something else.
    pub fn without_cloud_init(mut self) -> Self {
        self.cloud_init = false;
        self
    }

    /// Boots for the very first time, with all disks in place, from a disk on whose root `build` has put
    /// what an image builder would. atomhost is on it as /usr/local/bin/atomhost.
    pub fn first_boot(mut self, build: impl Fn(&Path) + 'static) -> Self {
        self.golden = Some(Box::new(build));
        self
    }

    /// Starts the host from the snapshot, plugs its disks in, and installs atomhost as /usr/local/bin/atomhost.
    #[must_use]
    pub fn start(self) -> Host {
        let Self { name, kind, disks, agent, cloud_init, golden } = self;
        let image = Image::get(kind);
        let model = Model { cloud_init, shared: agent.clone(), ..image.model.clone() };
        let directory = tempfile::Builder::new().prefix(&format!("{name}.")).tempdir_in(&image.runs);
        let directory = directory.unwrap_or_else(|error| panic!("{name}: no directory to run in: {error}"));
        // The cache may lie so deep that a socket's path would be too long there.
        let sockets = tempfile::Builder::new().prefix("lab.").tempdir().expect("a temporary directory");
        let mut host =
            Host { name, directory, sockets, image, model, disks: Vec::new(), next_target: 1, ssh: None, qemu: None };
        if let Some(build) = golden {
            host.boot_golden(disks, agent.as_deref(), &build);
            return host;
        }
        host.restore();
        for disk in disks {
            host.add_disk(disk);
        }
        if let Some(agent) = agent {
            let size = std::fs::metadata(&agent).unwrap_or_else(|error| panic!("{}: {error}", agent.display())).len();
            let file = "/usr/local/bin/atomhost";
            host.ok(&format!("{READ_SHARED} >{file} && chmod 755 {file} && [ $(stat -c %s {file}) = {size} ]"));
        }
        host
    }
}

impl Host {
    /// Begins to describe a host; `name` appears in messages.
    pub fn builder(name: &str) -> Builder {
        let agent = Some(PathBuf::from(env!("CARGO_BIN_EXE_atomhost")));
        Builder {
            name: name.to_owned(),
            kind: ImageKind::default(),
            disks: Vec::new(),
            agent,
            cloud_init: true,
            golden: None,
        }
    }

    /// Runs a shell command as root. The test fails when it does not end within four minutes.
    #[track_caller]
    pub fn run(&self, command: &str) -> Output {
        self.run_within(COMMAND, command)
    }

    /// Runs a shell command as root, with a limit of its own.
    #[track_caller]
    pub fn run_within(&self, limit: Duration, command: &str) -> Output {
        self.must(self.ssh().run(command, b"", limit))
    }

    /// Runs a shell command as root that must succeed, and gives its standard output.
    #[track_caller]
    pub fn ok(&self, command: &str) -> String {
        let Output { code, stdout, stderr } = self.run(command);
        assert!(code == 0, "{}: `{command}` ended with {code}\nstdout:\n{stdout}\nstderr:\n{stderr}", self.name);
        stdout
    }

    /// Starts a shell command as root and goes on; see [`Background`].
    #[track_caller]
    pub fn spawn(&self, command: &str) -> Background {
        self.must(self.ssh().start(command, b""))
    }

    /// Logs in afresh, through all of PAM, and runs a command; code 255 means that the login was refused.
    #[track_caller]
    pub fn login(&self, user: &str, command: &str) -> Output {
        self.must(self.ssh().login(user, command, COMMAND))
    }

    /// Where and with which key programs of the testing machine log in as root.
    pub fn address(&self) -> Address {
        let port = self.qemu.as_ref().map_or(0, |qemu| qemu.ssh_port);
        Address { port, key: self.image.key() }
    }

    /// Writes a file, making its directories.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let directory = Path::new(path).parent().unwrap_or(Path::new("/")).display();
        let command = format!("[ -d '{directory}' ] || mkdir -p '{directory}' && cat >'{path}'");
        let output = self.must(self.ssh().run(&command, content.as_ref(), COMMAND));
        assert!(output.code == 0, "{}: cannot write {path}: {}", self.name, output.stderr);
    }

    /// Reads a text file.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.ok(&format!("cat '{path}'"))
    }

    /// Plugs a disk in and waits until the host knows it.
    #[track_caller]
    pub fn add_disk(&mut self, disk: Disk) {
        self.add_disks(vec![disk]);
    }

    /// Plugs several disks in, which costs little more than one; any of them may get any kernel name.
    #[track_caller]
    pub fn add_disks(&mut self, disks: Vec<Disk>) {
        const COUNT: &str = "set -- /sys/block/sd*; echo $#";
        let before: usize = self.ok(COUNT).trim().parse().expect("a number");
        let after = before + disks.len();
        for disk in disks {
            let disk = Attached::create(disk, self.directory.path(), self.next_target);
            self.next_target += 1;
            self.execute("blockdev-add", disk.node_options());
            self.execute("device_add", disk.device_options());
            self.disks.push(disk);
        }
        self.wait_for("the disks to appear", &format!("[ $({COUNT}) = {after} ] && udevadm settle"));
    }

    /// Pulls a disk out; its content is gone.
    #[track_caller]
    pub fn remove_disk(&mut self, serial: &str) {
        let at = self.disks.iter().position(|disk| disk.name == serial);
        let at = at.unwrap_or_else(|| panic!("{}: no disk {serial}", self.name));
        let disk = self.disks.remove(at);
        self.qemu().qmp.forget_events();
        self.execute("device_del", json!({"id": disk.device()}));
        let limit = Duration::from_secs(60);
        let deleted = self.qemu().qmp.wait_event("DEVICE_DELETED", limit);
        self.must(deleted);
        self.execute("blockdev-del", json!({"node-name": disk.node()}));
        let _ = std::fs::remove_file(&disk.file);
        self.ok("udevadm settle");
    }

    /// Makes a disk larger under the running host and has the kernel look at it again.
    #[track_caller]
    pub fn grow_disk(&mut self, serial: &str, size: &str) {
        self.resize(&format!("node-{serial}"), size);
    }

    /// As [`Host::grow_disk`], for the disk that holds the system.
    #[track_caller]
    pub fn grow_system_disk(&mut self, size: &str) {
        self.resize(&format!("node-{SYSTEM}"), size);
    }

    /// Ends the host without warning. What it had not written is lost.
    pub fn power_cut(&mut self) {
        self.ssh = None;
        self.qemu = None;
    }

    /// Boots from the disks after a [`Host::power_cut`]. Their kernel names may come in another order.
    #[track_caller]
    pub fn boot(&mut self) {
        assert!(self.qemu.is_none(), "{}: boot() needs a power_cut() before", self.name);
        let system = self.system();
        let disks: Vec<&Attached> = self.disks.iter().collect();
        let qemu = self.model.start(self.directory.path(), &system, &disks, Memory::Empty);
        let qemu = self.must(qemu);
        self.qemu = Some(qemu);
        self.wait_booted();
    }

    /// Asks the host to boot anew, and waits until it has.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.qemu().qmp.forget_events();
        let _ = self.ssh().run("systemctl reboot", b"", Duration::from_secs(20));
        self.ssh = None;
        let reset = self.qemu().qmp.wait_event("RESET", Duration::from_secs(180));
        self.must(reset);
        self.wait_booted();
    }

    /// SHA-256 of a disk's content, all that the host wrote included. Zeros count like what was never written.
    #[track_caller]
    pub fn disk_digest(&self, serial: &str) -> String {
        if self.qemu.is_some() {
            self.ok("sync");
        }
        let disk = self.disks.iter().find(|disk| disk.name == serial);
        disk.unwrap_or_else(|| panic!("{}: no disk {serial}", self.name)).digest()
    }

    /// The state that a no-op must leave alone.
    #[track_caller]
    pub fn oracle(&self) -> Oracle {
        Oracle::parse(&self.ok(Oracle::script()))
    }

    /// What the host has written to its serial console.
    pub fn console(&self) -> String {
        let text = std::fs::read(self.directory.path().join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn boot_golden(&mut self, disks: Vec<Disk>, agent: Option<&Path>, build: &golden::Changes) {
        let golden = golden::build(&self.image.directory, self.directory.path(), &|root| {
            if let Some(agent) = agent {
                // The copy keeps the mode.
                let copied = std::fs::copy(agent, root.join("usr/local/bin/atomhost"));
                copied.unwrap_or_else(|error| panic!("cannot install {}: {error}", agent.display()));
            }
            build(root);
        });
        let golden = self.must(golden);
        let prepared = overlay(&golden, "raw", &self.system());
        self.must(prepared);
        for disk in disks {
            self.disks.push(Attached::create(disk, self.directory.path(), self.next_target));
            self.next_target += 1;
        }
        self.boot();
    }

    fn restore(&mut self) {
        let image = self.image;
        let system = self.system();
        let prepared = overlay(&image.booted_disk(), "qcow2", &system);
        self.must(prepared);
        let memory = image.memory();
        let qemu = self.model.start(self.directory.path(), &system, &[], Memory::Restored(&memory));
        let mut qemu = self.must(qemu);
        let restored = qemu.restore(&image.state());
        self.qemu = Some(qemu);
        self.must(restored);
        self.connect(RESTORE);
        // The host still believes in the time of its snapshot.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.ok(&format!("date -s @{now}"));
    }

    fn resize(&mut self, node: &str, size: &str) {
        self.execute("block_resize", json!({"node-name": node, "size": bytes(size)}));
        self.ok("for disk in /sys/block/sd*; do echo 1 >\"$disk/device/rescan\"; done; udevadm settle");
    }

    #[track_caller]
    fn wait_booted(&mut self) {
        self.connect(BOOT);
        // Degraded is for the case to judge; running jobs would disturb it.
        self.run_within(BOOT, "systemctl is-system-running --wait");
    }

    #[track_caller]
    fn connect(&mut self, limit: Duration) {
        let address = Address { port: self.qemu().ssh_port, key: self.image.key() };
        let ssh = Ssh::connect(address, self.sockets.path(), limit);
        self.ssh = Some(self.must(ssh));
    }

    #[track_caller]
    fn wait_for(&self, what: &str, condition: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.run(condition).code != 0 {
            assert!(Instant::now() < end, "{}: waited too long for {what}", self.name);
        }
    }

    #[track_caller]
    fn execute(&mut self, command: &str, arguments: serde_json::Value) {
        let answer = self.qemu().qmp.execute(command, arguments);
        self.must(answer);
    }

    #[track_caller]
    fn must<T>(&self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    #[track_caller]
    fn ssh(&self) -> &Ssh {
        self.ssh.as_ref().expect("the host is off")
    }

    #[track_caller]
    fn qemu(&mut self) -> &mut Qemu {
        self.qemu.as_mut().expect("the host is off")
    }

    fn system(&self) -> PathBuf {
        self.directory.path().join("system.qcow2")
    }

    fn last_words(&self) {
        let directory: &Path = self.directory.path();
        eprintln!("──── {}: end of the console ────\n{}", self.name, console_tail(directory));
        let Some(ssh) = &self.ssh else { return };
        let journal = ssh.run("journalctl -b -o short-monotonic --no-hostname -n 200", b"", LAST_WORDS);
        match journal {
            Ok(output) => eprintln!("──── {}: end of the journal ────\n{}", self.name, output.stdout),
            Err(error) => eprintln!("──── {}: no journal: {error}", self.name),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.last_words();
        }
        self.power_cut();
    }
}
