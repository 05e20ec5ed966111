//! A directory held open. Whoever may write in one of the directories above it can put a link in its
//! place at any moment; what is done through the open one is done where it was meant.

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::io::Result;
use std::path::{Component, Path, PathBuf};

/// An open directory.
pub struct Directory(OwnedFd);

impl Directory {
    /// Opens a directory whose path has no links: [`super::files::follow`] gives such a path.
    ///
    /// # Errors
    /// One of its parts is no directory, or is a link by now.
    pub fn open(path: &Path) -> Result<Directory> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut directory = openat(CWD, "/", flags, Mode::empty())?;
        for part in path.components() {
            if let Component::Normal(name) = part {
                directory = openat(&directory, name, flags, Mode::empty())?;
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
    }
}
