//! A directory held open. Whoever may write in one of the directories above it can put a link in its
//! place at any moment; what is done through the open one is done where it was meant.

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io::Result;
use std::path::{Component, Path, PathBuf};

const FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open directory.
pub struct Directory(OwnedFd);

impl Directory {
    /// Opens a directory whose path has no links: [`super::files::follow`] gives such a path.
    ///
    /// # Errors
    /// One of its parts is no directory, or is a link by now.
    pub fn open(path: &Path) -> Result<Directory> {
        Directory::walk(path, |directory, name| openat(directory, name, FLAGS, Mode::empty()))
    }

    /// As [`Directory::open`]; what is missing of the path is made, with mode 0755 and the caller's owner.
    ///
    /// # Errors
    /// As [`Directory::open`], or a part cannot be made.
    pub fn make(path: &Path) -> Result<Directory> {
        Directory::walk(path, |directory, name| match openat(directory, name, FLAGS, Mode::empty()) {
            Err(Errno::NOENT) => {
                match mkdirat(directory, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error),
                }
                openat(directory, name, FLAGS, Mode::empty())
            }
            opened => opened,
        })
    }

    fn walk(path: &Path, step: impl Fn(&OwnedFd, &OsStr) -> rustix::io::Result<OwnedFd>) -> Result<Directory> {
        let mut directory = openat(CWD, "/", FLAGS, Mode::empty())?;
        for part in path.components() {
            if let Component::Normal(name) = part {
                directory = step(&directory, name)?;
            }
        }
        Ok(Directory(directory))
    }

    /// A path to it that no link can lead astray, for as long as this is held.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_that_takes_its_place_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        std::fs::create_dir_all(root.join("home/ssh")).expect("made");
        std::fs::create_dir(root.join("etc")).expect("made");
        let directory = Directory::open(&root.join("home/ssh")).expect("opened");
        std::fs::rename(root.join("home/ssh"), root.join("home/away")).expect("renamed");
        symlink(root.join("etc"), root.join("home/ssh")).expect("linked");
        std::fs::write(directory.path().join("keys"), "x").expect("written");
        assert!(root.join("home/away/keys").exists() && !root.join("etc/keys").exists());
        assert!(Directory::open(&root.join("home/ssh")).is_err());
        assert!(Directory::make(&root.join("home/ssh/cron.d")).is_err() && !root.join("etc/cron.d").exists());
    }

    #[test]
    fn what_is_missing_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        let directory = Directory::make(&root.join("a/b")).expect("made");
        std::fs::write(directory.path().join("file"), "x").expect("written");
        assert!(root.join("a/b/file").exists());
        Directory::make(&root.join("a/b")).expect("there already");
        assert!(Directory::make(&root.join("a/b/file/c")).is_err());
    }
}
