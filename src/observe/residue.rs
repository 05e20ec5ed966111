//! Bytes other than zero on a device: where a signature could be, and in a sample of all the rest. A disk whose
//! partition table was lost, or whose signatures were wiped, still holds its data; no tool says so.

use crate::facts::Residue;
use std::fs::File;
use std::io::{ErrorKind, Result, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes at the start and at the end of a device in which every signature lies that the tools know: the last
/// at the start is LUKS2's second header, at 4 MiB, and the first at the end is a label of ZFS.
const START: u64 = 8 << 20;
const END: u64 = 2 << 20;
/// Bytes read at a time.
const CHUNK: usize = 256 << 10;
/// Evenly spaced places that are looked at between start and end, and the bytes looked at there.
const PLACES: u64 = 128;
const SAMPLE: usize = 4 << 10;
/// Where what lies on a device usually begins: with itself, or with its first partition, of today or of old.
const ORIGINS: [u64; 3] = [0, 63 << 9, 1 << 20];
/// Bytes from there at which file systems keep what they write at once, however empty they are: Btrfs its second
/// superblock, ext4 its backups (groups 1, 3, 5, 7 and 9), NTFS its table of files.
const COPIES: [u64; 7] = [64 << 20, 128 << 20, 384 << 20, 640 << 20, 896 << 20, 1152 << 20, 3 << 30];
/// Offsets are told by sectors.
const SECTOR: u64 = 512;
/// Where a physical volume's metadata begins, and what stands there after a checksum.
const LVM_METADATA: u64 = 4096;
const LVM_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";

/// A device opened for reading.
#[derive(Debug)]
pub struct Device {
    file: File,
    size: u64,
}

impl Device {
    /// # Errors
    /// It cannot be opened, or does not tell its size.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }

    /// The sector of the first byte other than zero where a signature could be. Without any, there is nothing to
    /// ask the tools: a new volume and most new disks are so.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn first_at_ends(&self) -> Result<Option<u64>> {
        // The end first: a device that cannot be read to its end is told as such, whatever its start holds.
        let end = self.first_in(self.end_from(), self.size)?;
        Ok(self.first_in(0, self.size.min(START))?.or(end))
    }

    /// The first byte other than zero that is seen anywhere: `at_ends`, or in a sample of what lies between.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn residue(&self, at_ends: Option<u64>) -> Result<Option<Residue>> {
        let first = match at_ends {
            Some(offset) if offset < START => Some(offset),
            end => self.first_sampled()?.or(end),
        };
        let Some(offset) = first else { return Ok(None) };
        Ok(Some(Residue { offset, lvm_metadata: offset == LVM_METADATA && self.has_lvm_metadata()? }))
    }

    fn end_from(&self) -> u64 {
        self.size.saturating_sub(END)
    }

    fn first_sampled(&self) -> Result<Option<u64>> {
        for place in places(self.size) {
            if let Some(offset) = self.first_in(place, self.size.min(place + SAMPLE as u64))? {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }

    fn first_in(&self, from: u64, to: u64) -> Result<Option<u64>> {
        // Compared as a whole, which is many times faster than byte by byte.
        let longest = CHUNK.min(usize::try_from(to.saturating_sub(from)).unwrap_or(CHUNK));
        let zeroes = vec![0; longest];
        let mut buffer = vec![0; longest];
        let mut at = from;
        while at < to {
            let wanted = longest.min(usize::try_from(to - at).unwrap_or(longest));
            let count = match self.file.read_at(&mut buffer[..wanted], at) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer[..count] != zeroes[..count] {
                let first = buffer[..count].iter().position(|byte| *byte != 0).unwrap_or_default();
                return Ok(Some((at + first as u64) / SECTOR * SECTOR));
            }
            at += count as u64;
        }
        Ok(None)
    }

    fn has_lvm_metadata(&self) -> Result<bool> {
        let mut magic = vec![0; LVM_MAGIC.len()];
        // Behind the checksum.
        self.file.read_exact_at(&mut magic, LVM_METADATA + 4)?;
        Ok(magic == LVM_MAGIC)
    }
}

/// Where samples of a device of this size begin, in order: those between its start and its end. The same device is
/// looked at in the same places every time.
fn places(size: u64) -> Vec<u64> {
    // A multiplication of the size itself could overflow only beyond 2^57 bytes.
    let even = (0..PLACES).map(|at| size / PLACES * at / SAMPLE as u64 * SAMPLE as u64);
    let copies = ORIGINS.iter().flat_map(|origin| COPIES.iter().map(move |copy| origin + copy));
    let mut places: Vec<u64> = even.chain(copies).collect();
    places.retain(|place| (START..size.saturating_sub(END)).contains(place));
    places.sort_unstable();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::{Command, run};

    const GIB: u64 = 1 << 30;

    fn disk(size: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(size).expect("sized");
        file
    }

    fn offset(file: &tempfile::NamedTempFile) -> Option<u64> {
        let device = Device::open(file.path()).expect("opens");
        let ends = device.first_at_ends().expect("reads");
        device.residue(ends).expect("reads").map(|residue| residue.offset)
    }

    #[test]
    fn bytes_are_seen_where_they_are_looked_for() {
        let size = 4 * GIB;
        let rows = [
            ("nothing", None, None),
            ("the first byte", Some(0), Some(0)),
            ("a sector's last byte", Some(1023), Some(512)),
            ("the first partition of old", Some(63 * 512), Some(63 * 512)),
            ("the first partition", Some(1 << 20), Some(1 << 20)),
            ("the last byte of the start", Some(START - 1), Some(START - 512)),
            ("an evenly spaced place", Some(size / 2 + 5), Some(size / 2)),
            ("the end of a sample", Some(size / 128 + 4095), Some(size / 128 + 3584)),
            (
                "a copy of an old partition's superblock",
                Some((63 << 9) + (128 << 20) + 1),
                Some((63 << 9) + (128 << 20)),
            ),
            ("the first byte of the end", Some(size - END), Some(size - END)),
            ("the last byte", Some(size - 1), Some(size - 512)),
            // What is promised is a sample; this is the price.
            ("between two samples", Some(size / 2 + 5000), None),
        ];
        for (name, byte, expected) in rows {
            let file = disk(size);
            if let Some(at) = byte {
                file.as_file().write_all_at(&[0xff], at).expect("written");
            }
            assert_eq!(offset(&file), expected, "{name}");
        }
    }

    #[test]
    fn the_first_of_several_is_told() {
        let file = disk(4 * GIB);
        for at in [4 * GIB - 1, 3 * GIB, 2 * GIB] {
            file.as_file().write_all_at(&[1], at).expect("written");
            assert_eq!(offset(&file), Some(at / SECTOR * SECTOR));
        }
    }

    #[test]
    fn samples_lie_on_the_device_and_cost_little() {
        for size in [0, 1, 512, START, START + END, START + END + 1, 300 << 20, 40 * GIB, 1 << 50, u64::MAX] {
            let places = places(size);
            assert!(places.len() <= 150, "{size}: {}", places.len());
            assert!(places.iter().all(|place| (START..size - END).contains(place)), "{size}");
        }
        assert_eq!(offset(&disk(100)), None);
        assert_eq!(places(64 * GIB)[..3], [64 << 20, (64 << 20) + (63 << 9), 65 << 20]);
    }

    /// Empty, so that all there is to find is what mke2fs writes.
    #[test]
    fn an_empty_file_system_is_seen_when_all_tables_are_lost() {
        for origin in ORIGINS {
            let file = disk(40 * GIB);
            let (offset_option, path) = (format!("offset={origin}"), file.path().display().to_string());
            let blocks = ((40 * GIB - (2 << 20)) >> 12).to_string();
            let args = ["-q", "-F", "-t", "ext4", "-b", "4096", "-E", &offset_option, &path, &blocks];
            let output = run(&Command::new("mke2fs", args)).expect("runs");
            assert_eq!(output.code, Some(0), "{}", output.stderr);
            file.as_file().write_all_at(&vec![0; START as usize], 0).expect("wiped");
            assert_eq!(offset(&file).map(|found| found > START), Some(true), "at {origin}");
        }
    }

    #[test]
    fn metadata_of_a_removed_physical_volume_has_a_name() {
        for (magic, expected) in [(LVM_MAGIC, true), (b"something else!!".as_slice(), false)] {
            let file = disk(GIB);
            file.as_file().write_all_at(&[1, 2, 3, 4], LVM_METADATA).expect("written");
            file.as_file().write_all_at(magic, LVM_METADATA + 4).expect("written");
            let device = Device::open(file.path()).expect("opens");
            let residue = device.residue(device.first_at_ends().expect("reads")).expect("reads");
            assert_eq!(residue, Some(Residue { offset: LVM_METADATA, lvm_metadata: expected }));
        }
    }
}
