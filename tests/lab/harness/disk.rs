//! Disks of virtual hosts: sparse files, hot-plugged or present at boot.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Granularity of [`Attached::digest`]: what ext4 and XFS hosts commonly use as the smallest hole, times 16.
const BLOCK: u64 = 64 * 1024;

/// A disk to give to a host.
#[derive(Clone, Debug)]
pub struct Disk {
    size: u64,
    name: String,
    shows_serial: bool,
}

impl Disk {
    /// An empty disk; `size` is a number with `K`, `M`, `G` or `T` (binary units).
    #[must_use]
    pub fn blank(size: &str) -> Self {
        Self { size: bytes(size), name: String::new(), shows_serial: false }
    }

    /// Sets the serial number, by which the other functions name this disk too.
    #[must_use]
    pub fn serial(mut self, serial: &str) -> Self {
        self.name = serial.to_owned();
        self.shows_serial = true;
        self
    }

    /// Names the disk for the test alone: the host sees no serial number, as under VMware without disk.EnableUUID.
    #[must_use]
    pub fn without_serial(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self.shows_serial = false;
        self
    }
}

/// A disk that belongs to a host, plugged in or not.
#[derive(Debug)]
pub struct Attached {
    /// The serial, or the test's own name for a disk without one.
    pub name: String,
    /// The backing file: raw, sparse, exactly what the host sees.
    pub file: PathBuf,
    shows_serial: bool,
    /// Fixed at creation, so that by-path links stay the same over reboots.
    target: usize,
}

impl Attached {
    /// Creates the backing file in `directory`.
    pub fn create(disk: Disk, directory: &Path, target: usize) -> Self {
        let Disk { size, name, shows_serial } = disk;
        assert!(!name.is_empty(), "a disk needs .serial(…) or .without_serial(…)");
        let file = directory.join(format!("{name}.raw"));
        let created = File::create_new(&file).and_then(|created| created.set_len(size));
        created.unwrap_or_else(|error| panic!("cannot create {}: {error}", file.display()));
        Self { name, file, shows_serial, target }
    }

    /// The emulator's name for the backing file.
    pub fn node(&self) -> String {
        format!("node-{}", self.name)
    }

    /// The emulator's name for the device.
    pub fn device(&self) -> String {
        format!("disk-{}", self.name)
    }

    /// What describes the backing file to the emulator, on its command line and over QMP alike.
    pub fn node_options(&self) -> Value {
        json!({
            "driver": "raw",
            "node-name": self.node(),
            "discard": "unmap",
            // A lab disk must outlive the emulator's process, not a power failure of the machine below it.
            "cache": {"direct": false, "no-flush": true},
            "file": {"driver": "file", "filename": self.file, "locking": "off"},
        })
    }

    /// What describes the device to the emulator.
    pub fn device_options(&self) -> Value {
        let mut options = json!({
            "driver": "scsi-hd", "bus": "scsi0.0", "id": self.device(), "drive": self.node(),
            "scsi-id": self.target, "lun": 0,
        });
        if self.shows_serial {
            options["serial"] = json!(self.name);
        }
        options
    }

    /// SHA-256 of the content. Runs of zeros count the same whether they were written or never touched.
    pub fn digest(&self) -> String {
        digest_file(&self.file).unwrap_or_else(|error| panic!("cannot read {}: {error}", self.file.display()))
    }
}

/// Bytes of a size like `40G`.
pub fn bytes(size: &str) -> u64 {
    let (number, unit) = size.split_at(size.len() - 1);
    let factor: u64 = match unit {
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => panic!("a disk size needs a unit K, M, G or T: {size}"),
    };
    number.parse::<u64>().unwrap_or_else(|_| panic!("not a disk size: {size}")) * factor
}

fn digest_file(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    let mut block = vec![0; BLOCK as usize];
    let mut at = 0;
    // Reading 40 GiB of holes would take longer than the case.
    while let Some(data) = next_data(&file, at)? {
        at = data / BLOCK * BLOCK;
        let length = BLOCK.min(size - at) as usize;
        file.read_exact_at(&mut block[..length], at)?;
        if block[..length].iter().any(|byte| *byte != 0) {
            hash.update(at.to_le_bytes());
            hash.update(&block[..length]);
        }
        at += BLOCK;
    }
    Ok(hex(&hash.finalize()))
}

fn next_data(file: &File, at: u64) -> std::io::Result<Option<u64>> {
    match lseek(file, at as i64, Whence::SeekData) {
        Ok(found) => Ok(Some(found as u64)),
        Err(Errno::ENXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
