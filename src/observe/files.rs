//! Files that the profile manages or asks about: what they are, whose, and what they say.

use crate::certificate;
use crate::facts::{FileFacts, FileKind};
use crate::host::{Reader, files};
use crate::resources::Watch;
use crate::secret;
use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Bytes. Larger files are known by what they are, not by what they say.
pub const LARGEST: u64 = 4 << 20;

/// How much of a file to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
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
    depths.into_iter().map(|(path, depth)| (path.clone(), look(&reader.path(path), depth))).collect()
}

fn look(path: &Path, depth: Depth) -> FileFacts {
    let link = std::fs::read_link(path).ok().map(|target| target.to_string_lossy().into_owned());
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return FileFacts { link, read_only: read_only(path), ..FileFacts::default() };
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
        read_only: read_only(path),
        unreadable: stranger,
        ..FileFacts::default()
    };
    if depth != Depth::Attributes && facts.kind == FileKind::File && metadata.size() <= LARGEST {
        match content(path) {
            Ok(bytes) => {
                facts.sha256 = Some(secret::digest(&bytes));
                let text = String::from_utf8(bytes).ok().filter(|_| depth == Depth::Text);
                facts.text = text.filter(|text| !certificate::holds_private_key(text));
            }
            Err(error) => facts.unreadable = Some(error.to_string()),
        }
    }
    facts
}

fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
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
fn immutable(path: &Path) -> bool {
    let attributes = statx(CWD, path, AtFlags::empty(), StatxFlags::empty()).map(|found| found.stx_attributes);
    attributes.is_ok_and(|attributes| attributes.contains(StatxAttributes::IMMUTABLE))
}

/// Whether the file system that holds the path, or its nearest parent that exists, is mounted read-only.
fn read_only(path: &Path) -> bool {
    let existing = path.ancestors().find(|path| path.exists());
    let found = existing.and_then(|path| rustix::fs::statvfs(path).ok());
    found.is_some_and(|found| found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
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
        let reader = Reader::new(root.path(), Arc::new(crate::host::command::run));
        let watch = Watch {
            texts: ["/etc", "/etc/motd", "/etc/key.pem", "/etc/binary", "/etc/link", "/etc/none"]
                .map(str::to_owned)
                .into(),
            secrets: ["/etc/key".to_owned()].into(),
            attributes: ["/etc/motd", "/etc/fstab"].map(str::to_owned).into(),
            ..Watch::default()
        };
        let facts = read(&reader, &watch);
        let text = |path: &str| facts[path].text.as_deref();
        assert_eq!((facts["/etc"].kind, facts["/etc/none"].kind), (FileKind::Directory, FileKind::Missing));
        assert_eq!((text("/etc/motd"), text("/etc/binary"), text("/etc/key")), (Some("hello\n"), None, None));
        assert_eq!(facts["/etc/key"].sha256.as_deref(), Some(secret::digest(b"secret").as_str()));
        assert_eq!((text("/etc/link"), facts["/etc/link"].link.as_deref()), (Some("hello\n"), Some("motd")));
        assert!(!format!("{:?}", facts["/etc/key"]).contains("\"secret\""));
        assert_eq!((text("/etc/key.pem"), facts["/etc/key.pem"].sha256.is_some()), (None, true));
        assert_eq!(facts["/etc/fstab"].kind, FileKind::Missing);
    }
}
