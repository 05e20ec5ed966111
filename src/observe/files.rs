//! Files that the profile manages or asks about: what they are, whose, and what they say.

use super::mounts;
use crate::certificate;
use crate::facts::{FileFacts, FileKind};
use crate::host::{Reader, files};
use crate::resources::{Folder, Watch};
use crate::secret;
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes. Larger files are known by what they are, not by what they say.
pub const LARGEST: u64 = 4 << 20;

/// Names in /etc that hold password hashes: whatever leads there, no fact tells their text.
const HASHES: [&str; 4] = ["shadow", "shadow-", "gshadow", "gshadow-"];

/// How much of a file to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// What it is, and whose.
    Attributes,
    /// And its digest.
    Digest,
    /// And its text.
    Text,
}

/// Looks at every path of `watch`. What cannot be read is a fact, not an error.
pub fn read(reader: &Reader, watch: &Watch) -> BTreeMap<String, FileFacts> {
    let attributes = watch.attributes.iter().map(|path| (path, Depth::Attributes));
    let texts = watch.texts.iter().map(|path| (path, Depth::Text));
    let secrets = watch.secrets.iter().map(|path| (path, Depth::Digest));
    // The last counts: what is a secret to anybody is one.
    let depths: BTreeMap<&String, Depth> = attributes.chain(texts).chain(secrets).collect();
    let mut found: BTreeMap<String, FileFacts> =
        depths.into_iter().map(|(path, depth)| (path.clone(), look(reader, path, depth))).collect();
    for folder in &watch.folders {
        for path in members(reader, folder) {
            let facts = look(reader, &path, Depth::Text);
            found.entry(path).or_insert(facts);
        }
    }
    found
}

/// The files of a folder; none where there is no such folder.
fn members(reader: &Reader, folder: &Folder) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(reader.path(&folder.path)) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| folder.means(name)).map(|name| format!("{}/{name}", folder.path)).collect()
}

/// What is at a path.
pub(super) fn look(reader: &Reader, path: &str, depth: Depth) -> FileFacts {
    let path = &reader.path(path);
    let link = std::fs::read_link(path).ok().map(|target| target.to_string_lossy().into_owned());
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            let parent = path.ancestors().find(|parent| parent.exists());
            let immutable = parent.is_some_and(immutable);
            let read_only = read_only(reader, path);
            return FileFacts { link, immutable, read_only, ..FileFacts::default() };
        }
        Err(error) => return FileFacts { link, unreadable: Some(error.to_string()), ..FileFacts::default() },
    };
    // What apply would not follow is better said now.
    let stranger = link.as_ref().and_then(|_| files::follow(path).err()).map(|error| error.to_string());
    let mut facts = FileFacts {
        kind: kind(&metadata),
        link,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.size(),
        immutable: immutable(path),
        read_only: read_only(reader, path),
        unreadable: stranger,
        ..FileFacts::default()
    };
    if depth != Depth::Attributes && facts.kind == FileKind::File && metadata.size() <= LARGEST {
        match content(path) {
            Ok((bytes, place)) => {
                facts.sha256 = Some(secret::digest(&bytes));
                let text = String::from_utf8(bytes).ok().filter(|_| depth == Depth::Text);
                facts.text = text.filter(|text| !certificate::holds_private_key(text) && !holds_hashes(&place));
            }
            Err(error) => facts.unreadable = Some(error.to_string()),
        }
    }
    facts
}

/// Whether the path, its links followed, is one of the files of password hashes.
fn holds_hashes(path: &Path) -> bool {
    let is_in_etc = path.parent().is_some_and(|parent| parent.ends_with("etc"));
    is_in_etc && path.file_name().is_some_and(|name| HASHES.iter().any(|hashes| name == *hashes))
}

/// A file's content, and where the path's links have led.
fn content(path: &Path) -> std::io::Result<(Vec<u8>, PathBuf)> {
    let place = files::follow(path)?;
    let mut bytes = Vec::new();
    files::open(&place)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok((bytes, place))
}

fn kind(metadata: &Metadata) -> FileKind {
    let kind = metadata.file_type();
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_block_device() || kind.is_char_device() || kind.is_fifo() || kind.is_socket() {
        FileKind::Special
    } else {
        FileKind::Missing
    }
}

/// chattr +i: not even root can write it.
pub fn immutable(path: &Path) -> bool {
    let attributes = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()).map(|found| found.stx_attributes);
    attributes.is_ok_and(|attributes| attributes.contains(StatxAttributes::IMMUTABLE))
}

/// Whether the file system that holds the path, or its nearest parent that exists, is read-only for the host.
pub fn read_only(reader: &Reader, path: &Path) -> bool {
    let Some(existing) = path.ancestors().find(|path| path.exists()) else { return false };
    let found = rustix::fs::statvfs(existing);
    if !found.is_ok_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY)) {
        return false;
    }
    let real = std::fs::canonicalize(existing).unwrap_or_else(|_| existing.to_owned());
    !mounts::is_writable_for_host(reader, &real.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    #[test]
    fn what_is_there_and_what_is_not() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("etc")).expect("made");
        std::fs::write(root.path().join("etc/motd"), "hello\n").expect("written");
        std::fs::write(root.path().join("etc/key"), "secret").expect("written");
        std::fs::write(root.path().join("etc/key.pem"), "-----BEGIN PRIVATE KEY-----\nAA\n").expect("written");
        std::fs::write(root.path().join("etc/binary"), b"\xff\x00").expect("written");
        symlink("motd", root.path().join("etc/link")).expect("linked");
        std::fs::write(root.path().join("etc/shadow"), "root:$6$:1::::::\n").expect("written");
        symlink("shadow", root.path().join("etc/to-shadow")).expect("linked");
        let reader = Reader::new(root.path(), Arc::new(crate::host::command::run));
        let watch = Watch {
            texts: ["/etc", "/etc/motd", "/etc/key.pem", "/etc/binary", "/etc/link", "/etc/none", "/etc/to-shadow"]
                .map(str::to_owned)
                .into(),
            secrets: ["/etc/key".to_owned()].into(),
            attributes: ["/etc/motd", "/etc/fstab"].map(str::to_owned).into(),
            folders: [Folder::new("/etc", "mo", "d"), Folder::new("/none", "", "")].into(),
            ..Watch::default()
        };
        let facts = read(&reader, &watch);
        assert_eq!(facts.keys().filter(|path| path.starts_with("/etc/m")).collect::<Vec<_>>(), ["/etc/motd"]);
        let text = |path: &str| facts[path].text.as_deref();
        assert_eq!((facts["/etc"].kind, facts["/etc/none"].kind), (FileKind::Directory, FileKind::Missing));
        assert_eq!((text("/etc/motd"), text("/etc/binary"), text("/etc/key")), (Some("hello\n"), None, None));
        assert_eq!(facts["/etc/key"].sha256.as_deref(), Some(secret::digest(b"secret").as_str()));
        assert_eq!((text("/etc/link"), facts["/etc/link"].link.as_deref()), (Some("hello\n"), Some("motd")));
        assert!(!format!("{:?}", facts["/etc/key"]).contains("\"secret\""));
        assert_eq!((text("/etc/key.pem"), facts["/etc/key.pem"].sha256.is_some()), (None, true));
        assert_eq!((text("/etc/to-shadow"), facts["/etc/to-shadow"].sha256.is_some()), (None, true));
        assert_eq!(facts["/etc/fstab"].kind, FileKind::Missing);
    }
}
