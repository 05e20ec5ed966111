//! Superblocks, read from a device's own bytes: XFS, ext2/3/4 and swap.

use crate::facts::{FilesystemProbe, SwapProbe};
use std::fs::File;
use std::io::{ErrorKind, Read, Result};
use std::path::Path;

/// Bytes from the start of a device that hold all three.
const HEAD: usize = 4096;

/// The file system on a device, of those that are read here.
///
/// # Errors
/// The device cannot be read.
pub fn read_file_system(path: &Path) -> Result<Option<FilesystemProbe>> {
    let head = head(path)?;
    Ok(xfs(&head).or_else(|| ext(&head)))
}

/// The swap area on a device.
///
/// # Errors
/// The device cannot be read.
pub fn read_swap(path: &Path) -> Result<Option<SwapProbe>> {
    Ok(swap(&head(path)?))
}

fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    match File::open(path)?.read_exact(&mut head) {
        Ok(()) => Ok(head),
        // Smaller than any of them.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(vec![0; HEAD]),
        Err(error) => Err(error),
    }
}

fn bytes<const N: usize>(head: &[u8], at: usize) -> Option<[u8; N]> {
    head.get(at..at + N)?.try_into().ok()
}

/// A label or the like: text up to the first zero byte.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// xfs_format.h, struct xfs_dsb; big-endian.
fn xfs(head: &[u8]) -> Option<FilesystemProbe> {
    if !head.starts_with(b"XFSB") {
        return None;
    }
    let block_size = u64::from(u32::from_be_bytes(bytes(head, 4)?));
    let blocks = u64::from_be_bytes(bytes(head, 8)?);
    Some(FilesystemProbe {
        fstype: "xfs".to_owned(),
        uuid: uuid(bytes(head, 32)?),
        label: text(&bytes::<12>(head, 108)?),
        size: blocks.checked_mul(block_size),
        block_size,
        unfinished: *head.get(126)? != 0,
    })
}

/// ext4.h, struct ext4_super_block, at byte 1024; little-endian.
fn ext(head: &[u8]) -> Option<FilesystemProbe> {
    const JOURNAL: u32 = 0x4;
    /// Extents, 64bit, flex_bg: what ext3 has not.
    const EXT4_ONLY: u32 = 0x40 | 0x80 | 0x200;
    let superblock = head.get(1024..2048)?;
    if u16::from_le_bytes(bytes(superblock, 56)?) != 0xEF53 {
        return None;
    }
    let compatible = u32::from_le_bytes(bytes(superblock, 92)?);
    let incompatible = u32::from_le_bytes(bytes(superblock, 96)?);
    let fstype = match (incompatible & EXT4_ONLY != 0, compatible & JOURNAL != 0) {
        (true, _) => "ext4",
        (false, true) => "ext3",
        (false, false) => "ext2",
    };
    let block_size = 1024u64.checked_shl(u32::from_le_bytes(bytes(superblock, 24)?))?;
    let low = u64::from(u32::from_le_bytes(bytes(superblock, 4)?));
    let high = if incompatible & 0x80 != 0 { u64::from(u32::from_le_bytes(bytes(superblock, 336)?)) } else { 0 };
    Some(FilesystemProbe {
        fstype: fstype.to_owned(),
        uuid: uuid(bytes(superblock, 104)?),
        label: text(&bytes::<16>(superblock, 120)?),
        size: ((high << 32) | low).checked_mul(block_size),
        block_size,
        unfinished: false,
    })
}

/// linux/swap.h, union swap_header, of the page size of this machine (4 KiB).
fn swap(head: &[u8]) -> Option<SwapProbe> {
    if head.get(HEAD - 10..HEAD)? != b"SWAPSPACE2" {
        return None;
    }
    let last_page = u64::from(u32::from_le_bytes(bytes(head, 1028)?));
    Some(SwapProbe { uuid: uuid(bytes(head, 1036)?), size: (last_page + 1) * HEAD as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::{Command, run};

    fn made(program: &'static str, args: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(320 << 20).expect("sized");
        let path = file.path().display().to_string();
        let output = run(&Command::new(program, args.iter().copied().chain([path.as_str()]))).expect("mkfs runs");
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        file
    }

    #[test]
    fn what_the_real_tools_make_is_read() {
        let xfs = read_file_system(made("mkfs.xfs", &["-q", "-L", "label"]).path()).expect("readable").expect("xfs");
        assert_eq!(
            (xfs.fstype.as_str(), xfs.size, xfs.label.as_str(), xfs.unfinished),
            ("xfs", Some(320 << 20), "label", false)
        );
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for fstype in ["ext2", "ext3", "ext4"] {
            let ext = read_file_system(made("mke2fs", &["-q", "-t", fstype, "-U", uuid]).path())
                .expect("readable")
                .expect("ext");
            assert_eq!((ext.fstype.as_str(), ext.size, ext.uuid.as_str()), (fstype, Some(320 << 20), uuid));
        }
        let area = read_swap(made("mkswap", &["-U", uuid]).path()).expect("readable").expect("swap");
        assert_eq!((area.size, area.uuid.as_str()), (320 << 20, uuid));
    }

    #[test]
    fn nothing_is_nothing() {
        let zeros = vec![0; HEAD];
        assert_eq!((xfs(&zeros), ext(&zeros), swap(&zeros)), (None, None, None));
    }

    #[test]
    fn an_unfinished_xfs_is_told() {
        let mut head = vec![0; HEAD];
        head[..4].copy_from_slice(b"XFSB");
        head[126] = 1;
        assert!(xfs(&head).expect("xfs").unfinished);
    }
}
