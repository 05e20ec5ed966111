//! What is at a path, completely: kind, content, owner, mode and extended attributes, taken down to
//! be put back later.

use super::directory::Directory;
use super::files::{self, Ids, LABEL, LARGEST_VALUE, name, open_itself as open, optional, parent};
use crate::secret::digest;
use rustix::buffer::spare_capacity;
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Attributes that hold access lists. Others of `system.` belong to the file system.
const ACCESS_LISTS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];
/// Sealed by the kernel itself, and not to be set.
const SEAL: &str = "security.evm";
/// Ends the name of what is kept beside a file that is brought back.
const BESIDE: &str = "atomhost-saved";
const MOST_BESIDE: u32 = 1000;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum State {
    Absent,
    File {
        attributes: Attributes,
        /// SHA-256 of the content, where that was asked for.
        sha256: Option<String>,
    },
    Directory {
        attributes: Attributes,
    },
    /// A symbolic link, not followed.
    Link {
        target: String,
        uid: u32,
        gid: u32,
    },
}

/// Who may do what with a file or directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Extended attributes, values in hexadecimal: label, access lists, capabilities and what users set.
    pub extended: BTreeMap<String, String>,
}

/// Takes down what is at `path`, which has no links but for its last part, and that is not followed. With
/// `content`, the content of a file comes too.
///
/// # Errors
/// It cannot be read, or is a device, socket or pipe.
pub fn capture(path: &Path, content: bool) -> Result<(State, Option<Vec<u8>>)> {
    let Some((_directory, path)) = there(path)? else { return Ok((State::Absent, None)) };
    let Some(found) = optional(std::fs::symlink_metadata(&path))? else { return Ok((State::Absent, None)) };
    if found.is_symlink() {
        let target = std::fs::read_link(&path)?.into_os_string().into_string();
        let target = target.map_err(|_| Error::new(ErrorKind::InvalidData, "the link's target is no text"))?;
        return Ok((State::Link { target, uid: found.uid(), gid: found.gid() }, None));
    }
    if !found.is_file() && !found.is_dir() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is a device, socket or pipe"));
    }
    let mut file = open(&path)?;
    // From the descriptor: the name may mean another file by now.
    let found = file.metadata()?;
    let attributes = attributes(&file, &found)?;
    if found.is_dir() {
        return Ok((State::Directory { attributes }, None));
    }
    let bytes = match content {
        true => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Some(bytes)
        }
        false => None,
    };
    Ok((State::File { attributes, sha256: bytes.as_deref().map(digest) }, bytes))
}

/// Brings back what [`capture`] took down. A file without `bytes` keeps its content. Whoever reads
/// meanwhile sees the one or the other; whoever may write in a directory above cannot lead it elsewhere.
///
/// # Errors
/// What is there stays, or has part of its attributes; to do it again is safe. A directory that is to
/// go must be empty.
pub fn restore(path: &Path, state: &State, bytes: Option<&[u8]>) -> Result<()> {
    if *state == State::Absent {
        return match there(path)? {
            Some((directory, path)) => remove(&directory, &path),
            None => Ok(()),
        };
    }
    let directory = Directory::make(parent(path))?;
    let path = &through(&directory, path)?;
    match state {
        State::Absent => {}
        State::File { attributes, .. } => match bytes {
            Some(bytes) => replace(&directory, path, bytes, attributes)?,
            None => set(&open(path)?, attributes)?,
        },
        State::Directory { attributes } => {
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let file = open(path)?;
            if !file.metadata()?.is_dir() {
                return Err(Error::from(ErrorKind::NotADirectory));
            }
            set(&file, attributes)?;
        }
        State::Link { target, uid, gid } => link(path, target, Ids { uid: *uid, gid: *gid })?,
    }
    files::sync(&directory.path())
}

/// Gives what is at `path` a second name beside it, or moves it there, a directory or link; returns
/// that name. None that is there already is taken.
///
/// # Errors
/// It stays as it is.
pub fn keep_beside(path: &Path) -> Result<String> {
    let directory = Directory::open(parent(path))?;
    let path = &through(&directory, path)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "it has no name in UTF-8"))?;
    let free = |count: &u32| {
        let kept = if *count == 0 { format!("{name}.{BESIDE}") } else { format!("{name}.{BESIDE}.{count}") };
        std::fs::symlink_metadata(path.with_file_name(&kept)).is_err().then_some(kept)
    };
    let kept = (0..MOST_BESIDE).find_map(|count| free(&count));
    let kept = kept.ok_or_else(|| Error::other("too many versions of it are kept beside it"))?;
    let beside = path.with_file_name(&kept);
    match std::fs::symlink_metadata(path)?.is_file() {
        // A second name: the first one is replaced in one step afterwards.
        true => std::fs::hard_link(path, beside)?,
        false => std::fs::rename(path, beside)?,
    }
    Ok(kept)
}

/// The open directory that a path is in, and the path through it; `None` when there is none.
fn there(path: &Path) -> Result<Option<(Directory, PathBuf)>> {
    let Some(directory) = optional(Directory::open(parent(path)))? else { return Ok(None) };
    let path = through(&directory, path)?;
    Ok(Some((directory, path)))
}

fn through(directory: &Directory, path: &Path) -> Result<PathBuf> {
    Ok(directory.path().join(name(path)?))
}

fn remove(directory: &Directory, path: &Path) -> Result<()> {
    let Some(found) = optional(std::fs::symlink_metadata(path))? else { return Ok(()) };
    if found.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) }?;
    files::sync(&directory.path())
}

fn replace(directory: &Directory, path: &Path, bytes: &[u8], attributes: &Attributes) -> Result<()> {
    let mut temporary = files::temporary(&directory.path(), path.file_name().unwrap_or_default())?;
    temporary.write_all(bytes)?;
    set(temporary.as_file(), attributes)?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn link(path: &Path, target: &str, owner: Ids) -> Result<()> {
    let made = path.with_file_name(files::temporary_name(path.file_name().unwrap_or_default()));
    files::remove(&made)?;
    std::os::unix::fs::symlink(target, &made)?;
    std::os::unix::fs::lchown(&made, Some(owner.uid), Some(owner.gid))?;
    std::fs::rename(made, path)
}

fn attributes(file: &File, found: &Metadata) -> Result<Attributes> {
    let mut extended = BTreeMap::new();
    for name in names(file)? {
        if let Some(value) = value(file, &name)? {
            extended.insert(name, value.iter().map(|byte| format!("{byte:02x}")).collect());
        }
    }
    Ok(Attributes { mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid(), extended })
}

/// Names of the extended attributes that are ours to bring back.
fn names(file: &File) -> Result<Vec<String>> {
    let mut list = Vec::with_capacity(LARGEST_VALUE);
    match rustix::fs::flistxattr(file, spare_capacity(&mut list)) {
        Ok(_) => {}
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    }
    let names = list.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    let names = names.filter_map(|name| name.to_str().ok());
    let ours = |name: &&str| *name != SEAL && (!name.starts_with("system.") || ACCESS_LISTS.contains(name));
    Ok(names.filter(ours).map(str::to_owned).collect())
}

/// `None`: it went since its name was listed.
fn value(file: &File, name: &str) -> Result<Option<Vec<u8>>> {
    let mut value = Vec::with_capacity(LARGEST_VALUE);
    match rustix::fs::fgetxattr(file, name, spare_capacity(&mut value)) {
        Ok(_) => Ok(Some(value)),
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Owner first: a change of owner clears set-user-id and capabilities. Then mode, then what may
/// say more than the mode does.
fn set(file: &File, wanted: &Attributes) -> Result<()> {
    let Attributes { mode, uid, gid, extended } = wanted;
    files::give(file, Ids { uid: *uid, gid: *gid })?;
    file.set_permissions(Permissions::from_mode(*mode))?;
    for name in names(file)?.iter().filter(|name| !extended.contains_key(*name) && *name != LABEL) {
        rustix::fs::fremovexattr(file, name.as_str())?;
    }
    for (name, value) in extended {
        let value = bytes(value).ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("{name} is damaged")))?;
        rustix::fs::fsetxattr(file, name.as_str(), &value, XattrFlags::empty())?;
    }
    file.sync_all()
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of this mode with an attribute where the file system has them.
    fn file(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).expect("written");
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
        let _ = rustix::fs::setxattr(path, "user.note", b"kept", XattrFlags::empty());
    }

    #[test]
    fn all_kinds_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("thing");
        type Make = fn(&Path);
        let makes: [(&str, Make); 4] = [
            ("absent", |_| {}),
            ("file", |path| file(path, "one", 0o4750)),
            ("directory", |path| DirBuilder::new().mode(0o700).create(path).expect("made")),
            ("link", |path| std::os::unix::fs::symlink("elsewhere", path).expect("linked")),
        ];
        for (before, make) in makes {
            for (after, change) in makes {
                make(&path);
                let (state, bytes) = capture(&path, true).expect("readable");
                restore(&path, &State::Absent, None).expect("removed");
                change(&path);
                // A file never takes a directory's place by itself: the caller moves that away.
                if after == "directory" && !matches!(before, "directory" | "absent") || before == "directory" {
                    restore(&path, &State::Absent, None).expect("removed");
                }
                restore(&path, &state, bytes.as_deref()).unwrap_or_else(|error| panic!("{before}, {after}: {error}"));
                assert_eq!(capture(&path, true).expect("readable"), (state, bytes), "{before}, {after}");
                restore(&path, &State::Absent, None).expect("removed");
                assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0, "{before}, {after}");
            }
        }
    }

    #[test]
    fn attributes_come_back_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        file(&path, "one", 0o640);
        let (state, bytes) = capture(&path, false).expect("readable");
        assert_eq!(bytes, None);
        std::fs::write(&path, "two").expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        let _ = rustix::fs::removexattr(&path, "user.note");
        let _ = rustix::fs::setxattr(&path, "user.other", b"new", XattrFlags::empty());
        restore(&path, &state, None).expect("restored");
        assert_eq!(capture(&path, false).expect("readable").0, state);
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
    }

    #[test]
    fn what_holds_something_is_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("made");
        std::fs::create_dir(&path).expect("made");
        file(&path.join("theirs"), "x", 0o600);
        let error = restore(&path, &State::Absent, None).expect_err("it is not empty");
        assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
        assert!(path.join("theirs").exists());
    }

    /// Its parent was followed a moment ago; by now a link is in its place.
    #[test]
    fn a_link_in_place_of_a_parent_leads_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        for name in ["home", "etc"] {
            std::fs::create_dir(root.join(name)).expect("made");
            file(&root.join(name).join("thing"), name, 0o600);
        }
        let path = root.join("home/thing");
        let (file, bytes) = capture(&path, true).expect("readable");
        let link = State::Link { target: "elsewhere".to_owned(), uid: 0, gid: 0 };
        let directory = match &file {
            State::File { attributes, .. } => State::Directory { attributes: attributes.clone() },
            other => other.clone(),
        };
        std::fs::rename(root.join("home"), root.join("away")).expect("renamed");
        std::os::unix::fs::symlink(root.join("etc"), root.join("home")).expect("linked");
        for state in [&file, &link, &directory] {
            assert!(restore(&path, state, bytes.as_deref()).is_err(), "{state:?}");
            assert!(restore(&path.with_file_name("new"), state, bytes.as_deref()).is_err(), "{state:?}");
        }
        assert!(restore(&path, &file, None).is_err());
        assert!(keep_beside(&path).is_err());
        // Nothing of that name is there, as far as anybody may be led.
        restore(&path, &State::Absent, None).expect("nothing to do");
        assert_eq!(capture(&path, true).expect("nothing there"), (State::Absent, None));
        assert_eq!(std::fs::read(root.join("etc/thing")).expect("readable"), b"etc");
        assert_eq!(std::fs::read_dir(root.join("etc")).expect("readable").count(), 1);
    }

    #[test]
    fn a_second_name_of_another_file_is_not_given_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("log"), folder.path().join("shadow"));
        file(&path, "one", 0o640);
        let (mut state, _) = capture(&path, false).expect("readable");
        if let State::File { attributes, .. } = &mut state {
            attributes.uid += 1;
        }
        std::fs::rename(&path, &other).expect("renamed");
        std::fs::hard_link(&other, &path).expect("linked");
        let error = restore(&path, &state, None).expect_err("it may be a file of the host's");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn damaged_values_are_errors() {
        assert_eq!(bytes("00ff"), Some(vec![0, 255]));
        assert_eq!(bytes("0"), Some(vec![0]));
        assert_eq!(bytes("xy"), None);
        assert_eq!(bytes("é"), None);
    }
}
