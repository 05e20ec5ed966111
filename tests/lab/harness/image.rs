//! The images of stock hosts, and the snapshot of each one's boot.
//!
//! Each kind is built when a case first asks for it, and kept in `$ATOMHOST_LAB_CACHE` (or `lab-hosts` in cargo's
//! target directory) under a name that is made of everything that went into it, so that a change builds anew and
//! nothing stale is ever used.
//!
//! The snapshot is the memory in a file of its own, which every host maps copy-on-write, beside the state of the
//! devices and a disk that every host lays its own overlay on. An internal snapshot (`savevm`) would have to be
//! copied for each host, since overlays do not show the snapshots of the disk below.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use super::disk::hex;
use super::qemu::{BOOT, Memory, Model, Qemu};
use super::ssh::{Address, Ssh};

/// What works with the hardware at hand shows itself within this time.
const KVM_PROBE: Duration = Duration::from_secs(15);
/// The emulator itself fails a boot in some hundreds: it ends by itself, or a kernel stumbles over code that another
/// processor is just patching. Nothing of atomhost is on the host yet, so trying again hides none of its faults.
const TRIES: u32 = 3;
/// How often a boot is looked at for a kernel that has stumbled.
const PATIENCE: Duration = Duration::from_secs(30);
/// Leftovers of killed runs, and images that nobody used for so long, are removed.
const RUN_AGE: Duration = Duration::from_secs(3 * 3600);
const IMAGE_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The stock hosts that a case can start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageKind {
    /// Debian 12: systemd 252, LVM 2.03.16, cloud-init 22.4.
    #[default]
    Bookworm,
    /// Debian 13: systemd 257, LVM 2.03.31, cloud-init 25.1.
    Trixie,
    /// The files of [`ImageKind::Bookworm`], deployed by OSTree: /usr read-only, the old root at /sysroot.
    Ostree,
}

impl ImageKind {
    /// Part of the names in the cache.
    const fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Ostree => "ostree",
        }
    }

    /// Debian's release.
    const fn suite(self) -> &'static str {
        match self {
            Self::Bookworm | Self::Ostree => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The script that rearranges the tree once it is on the disk.
    const fn arrangement(self) -> Option<&'static str> {
        match self {
            Self::Bookworm | Self::Trixie => None,
            Self::Ostree => Some("ostree.sh"),
        }
    }
}

/// A built image with its snapshot.
#[derive(Debug)]
pub struct Image {
    /// Everything of the image lies here, read-only from now on.
    pub directory: PathBuf,
    /// Below it each host has a directory of its own while it runs.
    pub runs: PathBuf,
    /// The machine that the snapshot was taken of.
    pub model: Model,
}

impl Image {
    /// The image, which the first caller builds if need be; the others wait.
    pub fn get(kind: ImageKind) -> &'static Self {
        static IMAGES: [OnceLock<Image>; 3] = [const { OnceLock::new() }; 3];
        IMAGES[kind as usize].get_or_init(|| {
            open(kind).unwrap_or_else(|error| panic!("no image of the stock host {}: {error}", kind.name()))
        })
    }

    /// The system disk as it was when the snapshot was taken.
    pub fn booted_disk(&self) -> PathBuf {
        self.directory.join("booted.qcow2")
    }

    /// The memory of the snapshot.
    pub fn memory(&self) -> PathBuf {
        self.directory.join("memory")
    }

    /// The state of the devices of the snapshot.
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// Root's key on every host.
    pub fn key(&self) -> PathBuf {
        self.directory.join("id")
    }
}

/// Lays a qcow2 overlay over a disk image.
///
/// # Errors
/// What qemu-img says.
pub fn overlay(base: &Path, format: &str, file: &Path) -> Result<(), String> {
    run(Command::new("qemu-img").args(["create", "-q", "-f", "qcow2", "-F", format, "-b"]).arg(base).arg(file))
}

fn open(kind: ImageKind) -> Result<Image, String> {
    let cache = std::env::var_os("ATOMHOST_LAB_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("lab-hosts"), PathBuf::from);
    let runs = cache.join("run");
    std::fs::create_dir_all(&runs).map_err(|error| format!("cannot create {}: {error}", runs.display()))?;
    // A lock for each kind: cases of one that is there go on while another is built.
    let _building = lock(&cache, kind.name())?;
    sweep(&runs, RUN_AGE, |_| true);

    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/image");
    let mut model = Model {
        image: PathBuf::new(),
        accelerator: setting("ATOMHOST_LAB_ACCEL", "auto"),
        memory: number("ATOMHOST_LAB_MEMORY", 1024)?,
        // With several the emulator has to keep them in step: that costs more than it brings, as hosts run side by side.
        processors: number("ATOMHOST_LAB_CPUS", 1)?,
        cloud_init: true,
        shared: None,
    };
    let directory = cache.join(format!("{}-{}", kind.name(), key(&scripts, kind, &model)?));
    if !directory.join("state").exists() {
        sweep(&cache, IMAGE_AGE, |name| name.starts_with(&format!("{}-", kind.name())) || name.starts_with("tree-"));
        let building = directory.with_extension("building");
        let mut tried = 1;
        while let Err(error) = make(&cache, &scripts, kind, &building, &mut model) {
            if tried == TRIES {
                return Err(error);
            }
            note(&format!("once more, as the image of {} could not be made: {error}", kind.name()));
            tried += 1;
        }
        std::fs::rename(&building, &directory).map_err(|error| format!("cannot keep the image: {error}"))?;
    }
    // Tells the sweep that the image is in use.
    let _ = File::create(directory.join("used"));
    let accelerator = std::fs::read_to_string(directory.join("accelerator"));
    model.accelerator = accelerator.map_err(|error| format!("the image lacks its accelerator: {error}"))?;
    model.image = directory.clone();
    Ok(Image { directory, runs, model })
}

/// Makes an image in a fresh directory, from the tree to the snapshot.
fn make(cache: &Path, scripts: &Path, kind: ImageKind, directory: &Path, model: &mut Model) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir(directory).map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
    build(cache, scripts, kind, directory)?;
    directory.clone_into(&mut model.image);
    boot_and_save(kind, model)
}

/// Waits for, and holds, the lock of this name until the file is dropped.
fn lock(cache: &Path, name: &str) -> Result<File, String> {
    let path = cache.join(format!("lock-{name}"));
    let file = File::create(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
    file.lock().map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    Ok(file)
}

/// Builds the file tree (kept, since it takes longest and changes least) and puts it on a disk.
fn build(cache: &Path, scripts: &Path, kind: ImageKind, directory: &Path) -> Result<(), String> {
    let suite = kind.suite();
    let recipe = read(&scripts.join("tree.sh"))?;
    let tree = cache.join(format!("tree-{suite}-{}.tar", digest(&[&recipe])));
    // Two kinds may be made of one tree.
    let held = lock(cache, &format!("tree-{suite}"))?;
    if !tree.exists() {
        let started = Instant::now();
        note(&format!("building the file tree of {suite} (a minute or two)"));
        let building = tree.with_extension("building");
        run(Command::new("bash").arg(scripts.join("tree.sh")).arg(suite).arg(&building))?;
        std::fs::rename(&building, &tree).map_err(|error| format!("cannot keep the tree: {error}"))?;
        note(&format!("file tree of {suite} built in {} s", started.elapsed().as_secs()));
    }
    drop(held);
    let started = Instant::now();
    let arrangement = kind.arrangement().map(|script| scripts.join(script));
    run(Command::new("bash").arg(scripts.join("disk.sh")).arg(&tree).arg(directory).args(arrangement))?;
    note(&format!("disk of {} made in {} s", kind.name(), started.elapsed().as_secs()));
    Ok(())
}

/// Boots the disk for the first time, as cloud-init sees it too, and takes the snapshot when all is quiet.
fn boot_and_save(kind: ImageKind, model: &mut Model) -> Result<(), String> {
    let started = Instant::now();
    let directory = model.image.clone();
    let system = directory.join("booted.qcow2");
    overlay(Path::new("disk.raw"), "raw", &system)?;
    if model.accelerator == "auto" {
        static KVM: OnceLock<bool> = OnceLock::new();
        let works = *KVM.get_or_init(|| kvm_works(model, &system));
        model.accelerator = if works { "kvm" } else { "tcg" }.to_owned();
    }
    note(&format!("first boot of {} with {} (a minute or two)", kind.name(), model.accelerator));
    let memory = directory.join("memory");
    let mut qemu = model.start(&directory, &system, &[], Memory::Recorded(&memory))?;
    quiesce(&directory, &mut qemu).map_err(|error| format!("{error}\n{}", console_tail(&directory)))?;
    qemu.save(&directory.join("state.new"))?;
    std::fs::write(directory.join("accelerator"), &model.accelerator)
        .and_then(|()| std::fs::rename(directory.join("state.new"), directory.join("state")))
        .map_err(|error| format!("cannot keep the snapshot: {error}"))?;
    note(&format!("first boot and snapshot of {} took {} s", kind.name(), started.elapsed().as_secs()));
    Ok(())
}

fn quiesce(directory: &Path, qemu: &mut Qemu) -> Result<(), String> {
    let address = Address { port: qemu.ssh_port, key: directory.join("id") };
    let ssh = first_login(&address, directory, qemu)?;
    let booted = ssh.run("cloud-init status --wait && systemctl is-system-running --wait", b"", BOOT)?;
    if booted.code != 0 {
        let failed = ssh.run("systemctl --failed; journalctl -b -p warning -o short", b"", BOOT)?;
        return Err(format!("the first boot went wrong: {}{}\n{}", booted.stdout, booted.stderr, failed.stdout));
    }
    // What every case calls is worth having in memory.
    let warm = "lvm fullreport; blkid -p /dev/sda2; lsblk; udevadm settle; wipefs -n /dev/sda2; mkfs.xfs -V; \
                thin_check -V; swapon; journalctl -n1; systemctl show -p Version; sha256sum /etc/fstab; \
                find /etc | xargs cat; modprobe dm_thin_pool; sync";
    ssh.run(&format!("({warm}) >/dev/null 2>&1"), b"", BOOT)?;
    // The session that ends here must not be part of the snapshot.
    drop(ssh);
    std::thread::sleep(Duration::from_secs(3));
    Ok(())
}

/// Connects as soon as the host can be logged in to; a kernel that has stumbled is not waited for.
fn first_login(address: &Address, directory: &Path, qemu: &mut Qemu) -> Result<Ssh, String> {
    let end = Instant::now() + BOOT;
    loop {
        let error = match Ssh::connect(address.clone(), directory, PATIENCE) {
            Ok(ssh) => return Ok(ssh),
            Err(error) => error,
        };
        let console = console_tail(directory);
        if let Some(line) = console.lines().find(|line| line.contains("Oops: ") || line.contains("Kernel panic")) {
            return Err(format!("the kernel stumbled: {line}"));
        }
        if !qemu.is_running() || Instant::now() > end {
            return Err(error);
        }
    }
}

/// /dev/kvm may exist and yet hang every kernel: only one that speaks proves it.
fn kvm_works(model: &Model, system: &Path) -> bool {
    if File::options().read(true).write(true).open("/dev/kvm").is_err() {
        return false;
    }
    note("trying KVM");
    let trial = Model { accelerator: "kvm".to_owned(), ..model.clone() };
    let Ok(_running) = trial.start(&model.image, system, &[], Memory::Empty) else {
        return false;
    };
    let end = Instant::now() + KVM_PROBE;
    while Instant::now() < end {
        // Late enough that a kernel that got here will get further, too early to have written to the disk.
        if console_tail(&model.image).contains("Freeing unused kernel image") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

/// The last lines of the serial console.
pub fn console_tail(directory: &Path) -> String {
    let text = std::fs::read(directory.join("console.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(150)..].join("\n")
}

/// A name that changes with everything a snapshot depends on.
fn key(scripts: &Path, kind: ImageKind, model: &Model) -> Result<String, String> {
    let output = Command::new("qemu-system-x86_64").arg("--version").output();
    let version = output.map_err(|error| format!("cannot start qemu-system-x86_64: {error}"))?.stdout;
    let (tree, disk) = (read(&scripts.join("tree.sh"))?, read(&scripts.join("disk.sh"))?);
    let arrangement = kind.arrangement().map_or(Ok(Vec::new()), |script| read(&scripts.join(script)))?;
    // How the first boot is brought to rest counts as well, and this file says it.
    let parts = [
        kind.suite().as_bytes(),
        &tree,
        &disk,
        &arrangement,
        &version,
        include_bytes!("image.rs"),
        include_bytes!("qemu.rs"),
    ];
    let settings = format!("{}{:?}", model.accelerator, model.arguments());
    Ok(digest(&[&parts.concat(), settings.as_bytes()]))
}

fn digest(parts: &[&[u8]]) -> String {
    hex(&Sha256::digest(parts.concat()))[..12].to_owned()
}

fn sweep(directory: &Path, age: Duration, ours: impl Fn(&str) -> bool) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let used = std::fs::metadata(path.join("used")).or_else(|_| entry.metadata());
        let old = used
            .and_then(|used| used.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|elapsed| elapsed > age));
        if old && ours(&entry.file_name().to_string_lossy()) {
            let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}:\n{}", output.status, words.trim()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn number(name: &str, default: u32) -> Result<u32, String> {
    setting(name, &default.to_string()).parse().map_err(|_| format!("{name} is not a number"))
}

/// Straight to standard error: the test runner would hold back what a passing test prints.
fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "lab: {text}");
}
