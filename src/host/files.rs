//! Files are replaced atomically: a temporary file beside the old one, synced, then renamed over it.

use std::fs::{File, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Replaces the file at `path`, or makes it with `mode`. Symbolic links are followed to the file
/// they mean; owner and mode of an old file are kept.
///
/// # Errors
/// Whatever happens, the old file is whole.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let target = follow(path)?;
    let directory = target.parent().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "it has no directory"))?;
    std::fs::create_dir_all(directory)?;
    let mut temporary = tempfile::Builder::new().prefix(".atomhost-").tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    match std::fs::metadata(&target) {
        Ok(old) if !old.is_file() => return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")),
        Ok(old) => {
            fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()))?;
            temporary.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        Err(error) => return Err(error),
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// The file that a path means: links are followed, also one whose target is not there yet.
fn follow(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(Error::other("too many symbolic links"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn replaces_and_keeps_mode_and_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("fstab");
        replace(&file, b"one", 0o640).expect("made");
        assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o7777, 0o640);
        let link = folder.path().join("link");
        symlink("fstab", &link).expect("linked");
        replace(&link, b"two", 0o600).expect("replaced");
        assert_eq!(std::fs::read(&file).expect("readable"), b"two");
        assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o7777, 0o640);
        assert!(std::fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 2, "no temporary file stays");
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = replace(folder.path(), b"x", 0o644).expect_err("a directory");
        assert_eq!(error.to_string(), "it is no regular file");
    }
}
