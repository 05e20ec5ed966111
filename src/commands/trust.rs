//! Whether root may act on a file: nobody else must be able to write it, or to put another in its place.

use crate::host::files::parts;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const ANY_FOR_OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Anybody may read it.
    Orders,
    /// Only root may.
    Secrets,
}

/// Judges a file that was opened by `path` and has this `metadata`. Pipes and files without a name were
/// handed over by whoever started the program, and are not judged.
///
/// # Errors
/// Why root must not act on it, with the cure.
pub fn check(path: &Path, metadata: &Metadata, holds: Holds) -> Result<(), String> {
    judge(path, metadata, holds, &trusted())
}

/// Root, and who became root by sudo: that person gives the orders anyway.
fn trusted() -> Vec<u32> {
    let sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    std::iter::once(0).chain(sudo).collect()
}

fn judge(path: &Path, metadata: &Metadata, holds: Holds, trusted: &[u32]) -> Result<(), String> {
    if !metadata.is_file() || metadata.nlink() == 0 {
        return Ok(());
    }
    let name = path.display();
    let (mode, uid) = (metadata.mode() & 0o7777, metadata.uid());
    if !trusted.contains(&uid) {
        return Err(format!(
            "{name} belongs to uid {uid}: root must not carry out what others can write: chown root:root {name} && chmod 600 {name}"
        ));
    }
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(format!(
            "{name} can be written by others than root (mode {mode:04o}): root must not carry out what others can write: chmod 600 {name}"
        ));
    }
    if holds == Holds::Secrets && mode & ANY_FOR_OTHERS != 0 {
        return Err(format!(
            "{name} holds secrets and can be read by others than root (mode {mode:04o}): chmod 600 {name}, \
             and choose new passwords if others may have read it"
        ));
    }
    let found = walk(path, trusted)?;
    let same = std::fs::symlink_metadata(&found)
        .is_ok_and(|found| (found.dev(), found.ino()) == (metadata.dev(), metadata.ino()));
    if same { Ok(()) } else { Err(format!("{name} was replaced while it was read: run it again")) }
}

/// Follows a path as the kernel does, looking at every directory and link on the way.
fn walk(path: &Path, trusted: &[u32]) -> Result<PathBuf, String> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut pending = parts(&absolute);
    let mut resolved = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = pending.pop() {
        directory(&resolved, trusted)?;
        if part == Path::new("..") {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        let unreadable = |error: std::io::Error| format!("{}: {error}", next.display());
        let found = std::fs::symlink_metadata(&next).map_err(unreadable)?;
        if !found.is_symlink() {
            resolved = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(format!("{}: too many symbolic links", path.display()));
        }
        if !trusted.contains(&found.uid()) {
            return Err(format!(
                "the link {} belongs to uid {}, who could lead root anywhere: name the file itself",
                next.display(),
                found.uid()
            ));
        }
        let target = std::fs::read_link(&next).map_err(unreadable)?;
        if target.is_absolute() {
            resolved = PathBuf::from("/");
        }
        pending.extend(parts(&target));
    }
    Ok(resolved)
}

/// Who may write in a directory may put another file in the place of any, unless it is sticky.
fn directory(path: &Path, trusted: &[u32]) -> Result<(), String> {
    let name = path.display();
    let found = std::fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    let mode = found.mode() & 0o7777;
    if !trusted.contains(&found.uid()) {
        return Err(format!(
            "the directory {name} belongs to uid {}, who could replace what is in it: keep the file in a directory of root's, such as /etc/atomhost",
            found.uid()
        ));
    }
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Err(format!(
            "others than root can replace what is in the directory {name} (mode {mode:04o}): chmod go-w {name}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn judged(path: &Path, holds: Holds, trusted: &[u32]) -> String {
        let metadata = std::fs::metadata(path).expect("there");
        judge(path, &metadata, holds, trusted).err().unwrap_or_default()
    }

    #[test]
    fn what_root_may_act_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("profile.yaml");
        std::fs::write(&file, "version: 1\n").expect("written");
        let me = std::fs::metadata(&file).expect("there").uid();
        let trusted = [0, me];
        let rows = [
            (0o600, Holds::Secrets, ""),
            (0o400, Holds::Secrets, ""),
            (0o644, Holds::Orders, ""),
            (0o644, Holds::Secrets, "holds secrets and can be read"),
            (0o640, Holds::Secrets, "mode 0640"),
            (0o664, Holds::Orders, "can be written by others"),
            (0o602, Holds::Orders, "chmod 600"),
        ];
        for (mode, holds, expected) in rows {
            set_permissions(&file, Permissions::from_mode(mode)).expect("set");
            let found = judged(&file, holds, &trusted);
            assert!(if expected.is_empty() { found.is_empty() } else { found.contains(expected) }, "{mode:o}: {found}");
        }
        set_permissions(&file, Permissions::from_mode(0o600)).expect("set");
        assert!(judged(&file, Holds::Orders, &[77_777]).contains("belongs to uid"));
        let link = folder.path().join("link");
        symlink("profile.yaml", &link).expect("linked");
        assert_eq!(judged(&link, Holds::Secrets, &trusted), "");
        set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("set");
        assert!(judged(&link, Holds::Orders, &trusted).contains("can replace what is in the directory"));
        set_permissions(folder.path(), Permissions::from_mode(0o1777)).expect("set");
        assert_eq!(judged(&file, Holds::Secrets, &trusted), "");
    }
}
