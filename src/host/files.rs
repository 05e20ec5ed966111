//! Files are replaced atomically: a temporary file beside the old one, synced, then renamed over it.

use super::directory::Directory;
use rustix::fs::XattrFlags;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Component, Path, PathBuf};
use tempfile::NamedTempFile;

/// The extended attribute that holds a file's SELinux label; the kernel gives one to every file of a host that has
/// SELinux.
pub const LABEL: &str = "security.selinux";
/// The extended attributes that say who may use a file: its SELinux label, and its access list, without
/// which the mode's group bits would mean another group.
const KEPT: [&str; 2] = [LABEL, "system.posix_acl_access"];
/// The largest value of an extended attribute that the kernel takes (XATTR_SIZE_MAX).
pub(super) const LARGEST_VALUE: usize = 64 << 10;
/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// Who a file belongs to, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

impl Ids {
    pub const ROOT: Ids = Ids { uid: 0, gid: 0 };
}

/// Replaces the file at `path`, or makes it with `mode` and `owner`. Symbolic links are followed to
/// the file they mean, see [`follow`]; owner, mode, label and access list of an old file are
/// kept.
///
/// # Errors
/// Whatever happens, the old file is whole.
pub fn replace(path: &Path, bytes: &[u8], mode: u32, owner: Ids) -> Result<()> {
    let target = follow(path)?;
    let directory = Directory::make(parent(&target))?;
    let mut temporary = temporary(&directory.path(), name(&target)?)?;
    let target = directory.path().join(name(&target)?);
    temporary.write_all(bytes)?;
    match std::fs::symlink_metadata(&target) {
        Ok(old) if !old.is_file() => return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")),
        Ok(old) => {
            own(temporary.as_file(), Ids { uid: old.uid(), gid: old.gid() })?;
            temporary.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
            keep_attributes(&target, temporary.as_file())?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            own(temporary.as_file(), owner)?;
            temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        Err(error) => return Err(error),
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    sync(&directory.path())
}

/// Makes a directory with its parents; what is there already stays as it is.
///
/// # Errors
/// Something else is there, or it cannot be made.
pub fn create_directory(path: &Path, mode: u32, owner: Ids) -> Result<()> {
    let target = follow(path)?;
    if target.is_dir() {
        return Ok(());
    }
    let parent = Directory::make(parent(&target))?;
    let target = parent.path().join(name(&target)?);
    DirBuilder::new().mode(mode).create(&target)?;
    let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
    let directory = OpenOptions::new().read(true).custom_flags(flags).open(&target)?;
    own(&directory, owner)?;
    // The umask took from the mode.
    directory.set_permissions(Permissions::from_mode(mode))?;
    sync(&parent.path())
}

/// Sets mode and owner of a file or directory that is there.
///
/// # Errors
/// There is none, or they cannot be set.
pub fn set_attributes(path: &Path, mode: Option<u32>, owner: Option<Ids>) -> Result<()> {
    let target = follow(path)?;
    let directory = Directory::open(parent(&target))?;
    let file = open_itself(&directory.path().join(name(&target)?))?;
    if let Some(owner) = owner {
        give(&file, owner)?;
    }
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

/// Renames a file within its directory; a link is renamed itself.
///
/// # Errors
/// Nothing has changed.
pub fn rename(path: &Path, to: &Path) -> Result<()> {
    let directory = Directory::open(&follow(parent(path))?)?;
    std::fs::rename(directory.path().join(name(path)?), directory.path().join(name(to)?))?;
    sync(&directory.path())
}

/// Opens the file that a path means, see [`follow`], for reading.
///
/// # Errors
/// It is no regular file, or a link leads where it must not.
pub fn open(path: &Path) -> Result<File> {
    let target = follow(path)?;
    let directory = Directory::open(parent(&target))?;
    let file = open_itself(&directory.path().join(name(&target)?))?;
    match file.metadata()? {
        found if found.is_file() => Ok(file),
        found if found.is_dir() => Err(Error::from(ErrorKind::IsADirectory)),
        _ => Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Neither waiting for a pipe's other end nor following a link that took the file's place.
pub(super) fn open_itself(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW).open(path)
}

/// Gives a file to another owner, unless its user may have made it a second name of somebody else's.
pub(super) fn give(file: &File, owner: Ids) -> Result<()> {
    let found = file.metadata()?;
    if found.is_file() && found.nlink() > 1 && (found.uid(), found.gid()) != (owner.uid, owner.gid) {
        let reason = format!("it has {} names: under another it may be a file of the host's", found.nlink());
        return Err(Error::new(ErrorKind::PermissionDenied, reason));
    }
    own(file, owner)
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

pub(super) fn name(path: &Path) -> Result<&OsStr> {
    path.file_name().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "it has no name"))
}

/// `None` for what is not there.
pub(super) fn optional<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        found => found.map(Some),
    }
}

/// The file that takes the place of the one of this name. It has one name of its own: what a killed run left is
/// removed by the next one, which writes the same file. Where somebody keeps that name taken, with a directory or by
/// being quicker, another that cannot be foreseen does.
///
/// # Errors
/// It cannot be made.
pub(super) fn temporary(directory: &Path, name: &OsStr) -> Result<NamedTempFile> {
    let beside = temporary_name(name);
    let foreseen = remove(&directory.join(&beside))
        .and_then(|()| tempfile::Builder::new().prefix(&beside).rand_bytes(0).tempfile_in(directory));
    match foreseen {
        Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::AlreadyExists) => {
            tempfile::Builder::new().prefix(&beside).tempfile_in(directory)
        }
        made => made,
    }
}

/// No longer than the file system allows, since the file's own name may be as long as that.
pub(super) fn temporary_name(name: &OsStr) -> String {
    const LONGEST: usize = 60;
    let name: String = name.to_string_lossy().chars().take(LONGEST).collect();
    format!(".atomhost-{name}")
}

/// Removes a file or link; none need be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn sync(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()
}

/// Only root can give files away, and only where there is something to give.
fn own(file: &File, owner: Ids) -> Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (owner.uid, owner.gid) {
        return Ok(());
    }
    fchown(file, Some(owner.uid), Some(owner.gid))
}

/// A new file must not be open to others than the old one was.
fn keep_attributes(old: &Path, new: &File) -> Result<()> {
    for name in KEPT {
        let mut value = vec![0_u8; LARGEST_VALUE];
        // An error: none there, or a file system or kernel without them.
        if let Ok(length) = rustix::fs::lgetxattr(old, name, &mut value) {
            rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty())?;
        }
    }
    Ok(())
}

/// The file that a path means: links are followed, also one whose target is not there yet.
///
/// # Errors
/// A link that is not root's leads to what does not belong to the link's owner: whoever may write
/// in one directory must not choose which other file root changes.
pub fn follow(path: &Path) -> Result<PathBuf> {
    let mut pending: Vec<PathBuf> = parts(path);
    let mut resolved = PathBuf::from("/");
    let mut strangers: Vec<u32> = Vec::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        if part == Path::new("..") {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        match std::fs::symlink_metadata(&next) {
            Ok(found) if found.is_symlink() => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Error::other("too many symbolic links"));
                }
                if found.uid() != 0 {
                    strangers.push(found.uid());
                }
                let target = std::fs::read_link(&next)?;
                if target.is_absolute() {
                    resolved = PathBuf::from("/");
                }
                pending.extend(parts(&target));
            }
            _ => resolved = next,
        }
    }
    let owner = nearest(&resolved)?.uid();
    match strangers.into_iter().find(|stranger| *stranger != owner) {
        None => Ok(resolved),
        Some(stranger) => Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("a symbolic link of user {stranger} leads to what belongs to user {owner}"),
        )),
    }
}

/// What is there, or the nearest directory that is.
fn nearest(path: &Path) -> Result<Metadata> {
    let mut last = Err(Error::from(ErrorKind::NotFound));
    for path in path.ancestors() {
        last = std::fs::symlink_metadata(path);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The components of a path, last first.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    path.components()
        .rev()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn ids_of(path: &Path) -> Ids {
        let found = std::fs::metadata(path).expect("there");
        Ids { uid: found.uid(), gid: found.gid() }
    }

    #[test]
    fn replaces_and_keeps_mode_and_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("fstab");
        replace(&file, b"one", 0o640, ids_of(folder.path())).expect("made");
        assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o7777, 0o640);
        let link = folder.path().join("link");
        symlink("fstab", &link).expect("linked");
        replace(&link, b"two", 0o600, ids_of(folder.path())).expect("replaced");
        assert_eq!(std::fs::read(&file).expect("readable"), b"two");
        assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o7777, 0o640);
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 2, "no temporary file stays");
    }

    #[test]
    fn what_a_killed_run_left_goes_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = "x".repeat(255);
        for name in ["fstab", &long] {
            let left = folder.path().join(temporary_name(OsStr::new(name)));
            std::fs::write(&left, "half").expect("written");
            replace(&folder.path().join(name), b"whole", 0o644, ids_of(folder.path())).expect("replaced");
            assert!(!left.exists(), "{name}");
        }
        // Nobody has it write elsewhere.
        let other = folder.path().join("other");
        std::fs::write(&other, "other").expect("written");
        symlink("other", folder.path().join(".atomhost-fstab")).expect("linked");
        replace(&folder.path().join("fstab"), b"new", 0o644, ids_of(folder.path())).expect("replaced");
        assert_eq!(std::fs::read(&other).expect("readable"), b"other");
        // Nor keeps it from being written.
        std::fs::create_dir(folder.path().join(".atomhost-fstab")).expect("made");
        replace(&folder.path().join("fstab"), b"newer", 0o644, ids_of(folder.path())).expect("replaced");
        assert_eq!(std::fs::read(folder.path().join("fstab")).expect("readable"), b"newer");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 4, "no temporary file stays");
    }

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").expect("written");
        symlink("file", at("link")).expect("linked");
        symlink("/dev/zero", at("zero")).expect("linked");
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        let kind = |name: &str| open(&at(name)).err().map(|error| error.kind());
        let rows = [
            ("file", None),
            ("link", None),
            ("none", Some(ErrorKind::NotFound)),
            ("none/below", Some(ErrorKind::NotFound)),
            ("file/below", Some(ErrorKind::NotADirectory)),
            (".", Some(ErrorKind::IsADirectory)),
            ("pipe", Some(ErrorKind::InvalidInput)),
        ];
        for (name, expected) in rows {
            assert_eq!(kind(name), expected, "{name}");
        }
        // As another than root it is the link's owner that is refused already.
        assert!(matches!(kind("zero"), Some(ErrorKind::InvalidInput | ErrorKind::PermissionDenied)));
    }

    #[test]
    fn a_file_moves_within_the_directory_that_was_meant() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        for name in ["home", "etc"] {
            std::fs::create_dir(root.join(name)).expect("made");
            std::fs::write(root.join(name).join("passwd"), name).expect("written");
        }
        rename(&root.join("home/passwd"), &root.join("home/passwd.bak")).expect("renamed");
        assert!(root.join("home/passwd.bak").exists() && root.join("etc/passwd").exists());
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = replace(folder.path(), b"x", 0o644, ids_of(folder.path())).expect_err("a directory");
        assert_eq!(error.to_string(), "it is no regular file");
    }
}
