//! Mounted file systems, from the first process's mountinfo, with the size that each covers.
//!
//! A sandbox of systemd is a mount namespace: what is mounted or made read-only in it is not the host's.

use super::{ObserveError, superblock};
use crate::facts::Mount;
use crate::fstab::unescape;
use crate::host::Reader;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Reads the mounts in their order; the size only of XFS and ext4.
///
/// # Errors
/// mountinfo cannot be read, or a line of it is not as proc(5) says.
pub fn read(reader: &Reader) -> Result<Vec<Mount>, ObserveError> {
    let mut mounts = parse(&host_table(reader)?)?;
    for mount in &mut mounts {
        let geometry = match mount.fstype.as_str() {
            "xfs" => xfs_geometry(reader, &mount.path),
            // The kernel's cache of the device is what ext4 itself writes through.
            "ext4" => superblock::read_file_system(&reader.path(&format!("/dev/block/{}", mount.device_number)))
                .ok()
                .flatten()
                .and_then(|found| Some((found.size?, found.block_size))),
            _ => None,
        };
        if let Some((size, block_size)) = geometry {
            (mount.size, mount.block_size) = (Some(size), block_size);
        }
    }
    Ok(mounts)
}

/// mountinfo as the host's first process has it; our own where that cannot be read, as in a sandbox
/// without the right to look at other processes.
fn host_table(reader: &Reader) -> Result<String, ObserveError> {
    match reader.read_optional("/proc/1/mountinfo") {
        Ok(Some(text)) => Ok(text),
        Ok(None) | Err(_) => Ok(reader.read_optional("/proc/self/mountinfo")?.unwrap_or_default()),
    }
}

/// Whether the host, whatever a sandbox forbids us, may write in the file system that holds the path.
/// `path` has its links followed.
pub fn is_writable_for_host(reader: &Reader, path: &str) -> bool {
    let text = host_table(reader).unwrap_or_default();
    let holds = |mount: &str| {
        let rest = path.strip_prefix(mount.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let holding = text.lines().filter_map(|text| {
        let found = line(text)?;
        // The last field has the options of the file system, of which a mount may allow less.
        let whole = text.rsplit(' ').next()?;
        let allows = |options: &str| options.split(',').any(|option| option == "rw");
        holds(&found.path).then(|| (found.path.len(), allows(&found.options) && allows(whole)))
    });
    // Of two mounts on one path the later hides the other.
    holding.max_by_key(|(length, _)| *length).is_some_and(|(_, writable)| writable)
}

/// The lines of a mountinfo file.
///
/// # Errors
/// A line without the fields of proc(5).
pub fn parse(text: &str) -> Result<Vec<Mount>, ObserveError> {
    text.lines()
        .map(|text| {
            line(text).ok_or_else(|| ObserveError::Content {
                path: "/proc/self/mountinfo".to_owned(),
                reason: format!("unexpected line `{text}`"),
                cure: "this kernel writes another format than is known".to_owned(),
            })
        })
        .collect()
}

fn line(text: &str) -> Option<Mount> {
    let (left, right) = text.split_once(" - ")?;
    let mut left = left.split(' ');
    let id = left.next()?.parse().ok()?;
    let device_number = left.nth(1)?.to_owned();
    let (root, path, options) = (left.next()?, left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (fstype, source) = (right.next()?, right.next()?);
    Some(Mount {
        id,
        source: unescape(source),
        path: unescape(path),
        fstype: fstype.to_owned(),
        options: options.to_owned(),
        device_number,
        root: unescape(root),
        size: None,
        block_size: 0,
    })
}

/// Bytes of a mounted XFS and of its blocks. statfs leaves the log out, and the superblock on disk
/// may lag behind a growth: only this call is exact.
fn xfs_geometry(reader: &Reader, path: &str) -> Option<(u64, u64)> {
    let file = File::open(reader.path(path)).ok()?;
    let mut geometry = ioctl::Geometry::default();
    // SAFETY: the kernel fills a struct of exactly this layout and size, which the request number
    // encodes; the descriptor is open for the whole call.
    #[allow(unsafe_code, reason = "the one ioctl; see above")]
    unsafe { ioctl::fsgeometry_v1(file.as_raw_fd(), &raw mut geometry) }.ok()?;
    let block_size = u64::from(geometry.block_size);
    Some((geometry.data_blocks * block_size, block_size))
}

/// XFS_IOC_FSGEOMETRY_V1 (xfs_fs.h): in every kernel that has XFS.
mod ioctl {
    #![allow(unsafe_code, reason = "nix declares ioctls as unsafe functions")]

    /// struct xfs_fsop_geom_v1, 112 bytes.
    #[repr(C)]
    #[derive(Default)]
    pub struct Geometry {
        pub block_size: u32,
        /// rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct
        others: [u32; 7],
        pub data_blocks: u64,
        /// rtblocks, rtextents, logstart
        more: [u64; 3],
        uuid: [u8; 16],
        /// sunit, swidth, version, flags, logsectsize, rtsectsize, dirblocksize
        rest: [u32; 7],
        padding: u32,
    }

    nix::ioctl_read!(fsgeometry_v1, b'X', 100, Geometry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_mountinfo() {
        let text = "29 1 254:0 / / rw,relatime shared:1 - xfs /dev/mapper/atomicos-root rw,attr2\n\
                    40 29 0:35 / /var/a\\040b rw - nfs4 server:/export rw,vers=4.2\n\
                    41 29 254:0 /var/lib /mnt rw shared:2 master:3 - xfs /dev/mapper/atomicos-root rw\n";
        let mounts = parse(text).expect("parses");
        let seen: Vec<_> = mounts
            .iter()
            .map(|mount| {
                (
                    mount.id,
                    mount.path.as_str(),
                    mount.fstype.as_str(),
                    mount.source.as_str(),
                    mount.root.as_str(),
                    mount.device_number.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (29, "/", "xfs", "/dev/mapper/atomicos-root", "/", "254:0"),
                (40, "/var/a b", "nfs4", "server:/export", "/", "0:35"),
                (41, "/mnt", "xfs", "/dev/mapper/atomicos-root", "/var/lib", "254:0"),
            ]
        );
        assert!(parse("nonsense\n").is_err());
    }

    #[test]
    fn the_host_may_write_where_a_sandbox_may_not() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(root.path().join("proc/1")).expect("made");
        let table = "29 1 254:0 / / rw,relatime - xfs /dev/mapper/atomicos-root rw\n\
                     30 29 254:0 /usr /usr ro - xfs /dev/mapper/atomicos-root rw\n\
                     31 29 254:1 / /var/srv rw - xfs /dev/mapper/atomicos-srv ro,attr2\n\
                     32 29 254:2 / /var rw - xfs /dev/mapper/atomicos-var rw\n";
        std::fs::write(root.path().join("proc/1/mountinfo"), table).expect("written");
        let reader = Reader::new(root.path(), std::sync::Arc::new(crate::host::command::run));
        let rows =
            [("/etc/motd", true), ("/usr/bin/x", false), ("/usrlocal", true), ("/var/srv/x", false), ("/var", true)];
        for (path, expected) in rows {
            assert_eq!(is_writable_for_host(&reader, path), expected, "{path}");
        }
        assert_eq!(read(&reader).expect("parses").len(), 4);
    }

    #[test]
    fn the_struct_is_as_large_as_the_kernels() {
        assert_eq!(size_of::<ioctl::Geometry>(), 112);
    }
}
