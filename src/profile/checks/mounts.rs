//! Mount points: absolute, not the host's own, and each used once.

use super::Problems;
use crate::profile::raw::{MapOf, RawMount, RawShare, ShareType, WordOr};
use crate::profile::yaml::At;
use crate::profile::{MountWanted, ShareMount};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::ops::Range;

/// Mount points met so far, with what is mounted on each.
#[derive(Default)]
pub struct Points(HashMap<String, String>);

/// Directories that a running host has its own files in: a mount over them hides those.
const HOST_DIRECTORIES: [&str; 10] =
    ["/bin", "/lib", "/lib64", "/sbin", "/usr", "/var", "/var/lib", "/var/lib/atomhost", "/ostree", "/sysroot"];

/// As before, with everything below them.
const HOST_TREES: [&str; 6] = ["/boot", "/dev", "/etc", "/proc", "/run", "/sys"];

/// Where a volume is mounted; `None` when that has a problem.
pub fn of_volume(
    mount: At<WordOr<RawMount>>,
    owner: &str,
    points: &mut Points,
    problems: &mut Problems,
) -> Option<MountWanted> {
    let At { value, span } = mount;
    let (path, options) = match value {
        WordOr::Word(path) => (At { value: path, span }, None),
        WordOr::Map(RawMount { path: Some(path), options }) => (path, options),
        WordOr::Map(RawMount { path: None, .. }) => {
            problems.add(&span, "this mount has no path", "add one, such as `path: /var/srv`");
            return None;
        }
    };
    let options = mount_options(options, "defaults", problems);
    let cure = "leave `mount` out for a volume that the host mounts itself: it grows all the same";
    let path = point(&path, owner, cure, points, problems);
    Some(MountWanted { path: path?, options: options? })
}

/// Network shares.
pub fn shares(
    shares: IndexMap<At<String>, MapOf<RawShare>>,
    points: &mut Points,
    problems: &mut Problems,
) -> Vec<ShareMount> {
    shares.into_iter().filter_map(|(path, MapOf(share))| one_share(&path, share, points, problems)).collect()
}

fn one_share(
    path: &At<String>,
    share: At<RawShare>,
    points: &mut Points,
    problems: &mut Problems,
) -> Option<ShareMount> {
    let At { value: RawShare { source, fstype, options }, .. } = share;
    let options = mount_options(options, "defaults,_netdev", problems);
    let source = match source {
        Some(source) => share_source(source, problems),
        None => {
            problems.add(
                &path.span,
                format!("the share on {} has no source", path.value),
                "add `source: SERVER:/EXPORT`",
            );
            None
        }
    };
    let owner = source.clone().unwrap_or_else(|| "a share".to_owned());
    let path = point(path, &owner, "choose a directory of its own, such as /var/srv", points, problems);
    let fstype = match fstype.map_or(ShareType::Nfs4, |fstype| fstype.value) {
        ShareType::Nfs => "nfs",
        ShareType::Nfs4 => "nfs4",
    };
    Some(ShareMount {
        mount: MountWanted { path: path?, options: options? },
        source: source?,
        fstype: fstype.to_owned(),
    })
}

fn share_source(source: At<String>, problems: &mut Problems) -> Option<String> {
    let At { value, span } = source;
    let is_share = value.find(":/").is_some_and(|at| at > 0);
    if !is_share || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        problems.add(
            &span,
            format!("`{value}` is no network share"),
            "write it as SERVER:/EXPORT, such as nfs.example.com:/export/srv",
        );
        return None;
    }
    Some(value)
}

fn mount_options(options: Option<At<String>>, default: &str, problems: &mut Problems) -> Option<String> {
    let Some(At { value, span }) = options else {
        return Some(default.to_owned());
    };
    let cure = "write options as in fstab: \"rw,noatime\"";
    if value.is_empty() {
        problems.add(&span, "the mount options are empty", "remove `options`, or write some");
        return None;
    }
    if value.split(',').any(str::is_empty) {
        problems.add(&span, format!("`{value}`: an option is empty"), cure);
        return None;
    }
    // fstab separates its fields by white space: the rest would be read as another field.
    if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        problems.add(&span, format!("`{value}`: options hold no white space"), cure);
        return None;
    }
    Some(value)
}

fn point(path: &At<String>, owner: &str, cure: &str, points: &mut Points, problems: &mut Problems) -> Option<String> {
    let normal = normalised(path, problems)?;
    if let Some(reason) = reserved(&normal) {
        problems.add(&path.span, format!("{normal} cannot be a mount point here: {reason}"), cure);
        return None;
    }
    if let Some(other) = points.0.get(&normal) {
        problems.add(
            &path.span,
            format!("{normal} is the mount point of {other} already"),
            "give each its own mount point",
        );
        return None;
    }
    points.0.insert(normal.clone(), owner.to_owned());
    Some(normal)
}

/// One spelling of each path, without following links: those are the host's.
fn normalised(path: &At<String>, problems: &mut Problems) -> Option<String> {
    let At { value, span } = path;
    let refuse = |problems: &mut Problems, span: &Range<usize>, reason: &str| {
        problems.add(
            span,
            format!("`{value}` is no mount point: {reason}"),
            "write an absolute path, such as /var/srv",
        );
    };
    if !value.starts_with('/') {
        refuse(problems, span, "it does not begin with /");
        return None;
    }
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        refuse(problems, span, "it holds white space or a backslash");
        return None;
    }
    let parts: Vec<&str> = value.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| *part == "." || *part == "..") {
        refuse(problems, span, "it holds `.` or `..`");
        return None;
    }
    Some(format!("/{}", parts.join("/")))
}

fn reserved(path: &str) -> Option<&'static str> {
    if path == "/" {
        return Some("root's own mount is managed by the host");
    }
    let is_tree = HOST_TREES
        .iter()
        .any(|tree| path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    (is_tree || HOST_DIRECTORIES.contains(&path)).then_some("it would hide the running host's own files")
}
