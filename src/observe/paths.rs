//! Paths: device numbers, links and directories, without ever touching a network mount.

use crate::facts::Mount;
use crate::fstab;
use crate::host::Reader;
use crate::profile::Profile;
use crate::resources::Watch;
use nix::sys::stat::{SFlag, major, minor, stat};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the paths that a profile and fstab name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Paths that resolve elsewhere.
    pub links: BTreeMap<String, String>,
    /// Mount points of the profile that exist, resolved.
    pub directories: Vec<String>,
    /// Those of them that hold something, and on which nothing is mounted.
    pub occupied: Vec<String>,
}

/// The `major:minor` of a block device's path.
pub fn device_number(reader: &Reader, path: &str) -> Option<String> {
    let stat = stat(&reader.path(path)).ok()?;
    let is_block = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFBLK;
    is_block.then(|| format!("{}:{}", major(stat.st_rdev), minor(stat.st_rdev)))
}

/// Looks at the mount points of the profile and of fstab.
pub fn look(
    reader: &Reader,
    profile: Option<&Profile>,
    watch: &Watch,
    fstab_text: Option<&str>,
    mounts: &[Mount],
) -> Paths {
    let mut wanted = BTreeSet::new();
    if let Some(profile) = profile {
        let volumes =
            profile.volume_groups.iter().flat_map(|group| &group.volumes).filter_map(|volume| volume.mount.as_ref());
        wanted.extend(volumes.chain(profile.mounts.iter().map(|share| &share.mount)).map(|mount| mount.path.clone()));
    }
    let in_fstab = fstab_text.map(fstab::parse).unwrap_or_default().into_iter().map(|entry| entry.path);
    let mut paths = Paths::default();
    let named = wanted.iter().chain(watch.paths()).cloned().chain(in_fstab);
    let all: BTreeSet<String> = named.filter(|path| path.starts_with('/')).collect();
    for path in all {
        let resolved = resolve(reader, &path, mounts);
        if wanted.contains(&path) && !on_network(&resolved, mounts) {
            inspect(reader, &resolved, mounts, &mut paths);
        } else if wanted.contains(&path) {
            // What is mounted there answers for the directory beneath.
            paths.directories.push(resolved.clone());
        }
        if resolved != path {
            paths.links.insert(path, resolved);
        }
    }
    paths
}

fn inspect(reader: &Reader, resolved: &str, mounts: &[Mount], paths: &mut Paths) {
    let Ok(mut entries) = std::fs::read_dir(reader.path(resolved)) else { return };
    paths.directories.push(resolved.to_owned());
    if entries.next().is_some() && !mounts.iter().any(|mount| mount.path == resolved) {
        paths.occupied.push(resolved.to_owned());
    }
}

/// Whether looking at a path could wait for a server.
fn on_network(path: &str, mounts: &[Mount]) -> bool {
    const NETWORK: [&str; 9] =
        ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "autofs"];
    let below =
        |mount: &Mount| path == mount.path || path.starts_with(&format!("{}/", mount.path.trim_end_matches('/')));
    let innermost = mounts.iter().filter(|mount| below(mount)).max_by_key(|mount| (mount.path.len(), mount.id));
    innermost.is_some_and(|mount| NETWORK.contains(&mount.fstype.as_str()))
}

/// Follows links component by component; stops where a network mount begins. A part that does not
/// exist is taken as it is written.
fn resolve(reader: &Reader, path: &str, mounts: &[Mount]) -> String {
    let mut pending: Vec<String> = parts(path);
    let mut resolved = String::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        if part == ".." {
            resolved.truncate(resolved.rfind('/').unwrap_or(0));
            continue;
        }
        let next = format!("{resolved}/{part}");
        if on_network(&next, mounts) || links > 40 {
            resolved = next;
            continue;
        }
        match std::fs::read_link(reader.path(&next)) {
            Ok(target) => {
                links += 1;
                let target = target.to_string_lossy();
                if target.starts_with('/') {
                    resolved.clear();
                }
                pending.extend(parts(&target));
            }
            Err(_) => resolved = next,
        }
    }
    if resolved.is_empty() { "/".to_owned() } else { resolved }
}

/// The components of a path, last first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").rev().map(str::to_owned).collect()
}

/// The device numbers of fstab's first fields that mean devices.
pub fn fstab_devices(reader: &Reader, text: &str) -> BTreeMap<String, String> {
    let mut devices = BTreeMap::new();
    for entry in fstab::parse(text) {
        if let Some(number) = device_path(&entry.source).and_then(|path| device_number(reader, &path)) {
            devices.insert(entry.source, number);
        }
    }
    devices
}

/// The path behind `UUID=…` and the like; udev keeps a link for each.
fn device_path(source: &str) -> Option<String> {
    if source.starts_with("/dev/") {
        return Some(source.to_owned());
    }
    let (tag, value) = source.split_once('=')?;
    let value = value.trim_matches('"');
    let folder = match tag {
        "UUID" => "by-uuid",
        "LABEL" => "by-label",
        "PARTUUID" => "by-partuuid",
        "PARTLABEL" => "by-partlabel",
        "ID" => "by-id",
        _ => return None,
    };
    Some(format!("/dev/disk/{folder}/{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::Arc;

    fn reader(root: &Path) -> Reader {
        Reader::new(root, Arc::new(crate::host::command::run))
    }

    #[test]
    fn links_are_followed_inside_the_root() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("var/srv/data")).expect("made");
        symlink("var/srv", root.path().join("srv")).expect("linked");
        symlink("/srv", root.path().join("data")).expect("linked");
        symlink("loop", root.path().join("loop")).expect("linked");
        let reader = reader(root.path());
        let rows = [
            ("/srv", "/var/srv"),
            ("/srv/data", "/var/srv/data"),
            ("/data", "/var/srv"),
            ("/new/dir", "/new/dir"),
            ("/", "/"),
        ];
        for (path, expected) in rows {
            assert_eq!(resolve(&reader, path, &[]), expected, "{path}");
        }
        assert!(resolve(&reader, "/loop", &[]).starts_with("/loop"));
    }

    #[test]
    fn network_mounts_are_not_entered() {
        let mount = |path: &str, fstype: &str| Mount { path: path.into(), fstype: fstype.into(), ..Mount::default() };
        let mounts = [mount("/", "xfs"), mount("/var/srv", "nfs4"), mount("/var/srv/local", "xfs")];
        let rows =
            [("/var/srv", true), ("/var/srv/x", true), ("/var/srvx", false), ("/var/srv/local", false), ("/", false)];
        for (path, expected) in rows {
            assert_eq!(on_network(path, &mounts), expected, "{path}");
        }
    }

    #[test]
    fn first_fields_that_are_devices() {
        let rows = [
            ("UUID=12-ab", Some("/dev/disk/by-uuid/12-ab")),
            ("LABEL=\"root\"", Some("/dev/disk/by-label/root")),
            ("/dev/sda1", Some("/dev/sda1")),
            ("server:/export", None),
            ("tmpfs", None),
        ];
        for (source, expected) in rows {
            assert_eq!(device_path(source).as_deref(), expected, "{source}");
        }
    }
}
