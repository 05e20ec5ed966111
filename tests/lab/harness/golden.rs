//! The disk of the stock host as it is before its very first boot, with what an image builder puts on it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the root volume begins on the disk, and how long it is: see disk.sh.
const ROOT_OFFSET: u64 = 302 << 20;
const ROOT_SIZE: u64 = 3 << 30;

/// Changes the root that is mounted at the path.
pub type Changes = Box<dyn Fn(&Path)>;

/// Copies the image's disk into `directory`, and has `build` change its root, which is mounted meanwhile.
///
/// # Errors
/// The words of the program that failed.
pub fn build(image: &Path, directory: &Path, build: &dyn Fn(&Path)) -> Result<PathBuf, String> {
    let disk = directory.join("golden.raw");
    run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(image.join("disk.raw")).arg(&disk))?;
    let root = directory.join("root");
    std::fs::create_dir(&root).map_err(|error| format!("cannot create {}: {error}", root.display()))?;
    // Another lab may have a file system of the same image mounted.
    let options = format!("loop,offset={ROOT_OFFSET},sizelimit={ROOT_SIZE},nouuid");
    run(Command::new("mount").args(["-t", "xfs", "-o", &options]).arg(&disk).arg(&root))?;
    let mounted = Mounted(&root);
    build(mounted.0);
    mounted.unmount()?;
    Ok(disk)
}

/// Unmounts also when the builder panics.
struct Mounted<'a>(&'a Path);

impl Mounted<'_> {
    fn unmount(self) -> Result<(), String> {
        let unmounted = run(Command::new("umount").arg(self.0));
        std::mem::forget(self);
        unmounted
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg(self.0));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
