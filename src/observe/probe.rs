//! What is on a device: the bytes themselves, an exclusive open and, unless there are only zeroes where a
//! signature could be, blkid and wipefs. Neither tool alone proves a device blank: blkid passes over a backup
//! GPT, and says the same of a device that is blank and of one that is not there.

use super::{ObserveError, superblock};
use crate::facts::Probe;
use crate::host::command::Output;
use crate::host::{HostError, Query, Reader};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// blkid(8): nothing found, or no such device.
const BLKID_NOTHING: i32 = 2;
/// blkid(8): ambiguous low-level probing result.
const BLKID_AMBIVALENT: i32 = 8;
/// Bytes at the start and at the end of a device in which every signature lies that the tools know: the last
/// at the start is LUKS2's second header, at 4 MiB, and the first at the end is a label of ZFS.
const START: u64 = 8 << 20;
const END: u64 = 2 << 20;
/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// A probe, and whether somebody holds the device exclusively.
#[derive(Debug, PartialEq, Eq)]
pub struct Probed {
    pub found: Probe,
    pub busy: bool,
}

impl From<HostError> for ProbeError {
    fn from(error: HostError) -> Self {
        ProbeError(error)
    }
}

/// A tool that is missing or hangs.
#[derive(Debug)]
pub struct ProbeError(pub HostError);

impl From<ProbeError> for ObserveError {
    fn from(error: ProbeError) -> Self {
        ObserveError::Host(error.0)
    }
}

/// Probes a device that is thought to be unused. A device that cannot be read is a result, not an
/// error.
///
/// # Errors
/// A tool is missing, or does not end.
pub fn probe(reader: &Reader, device: &str) -> Result<Probed, ProbeError> {
    let path = reader.path(device);
    let unreadable = |reason: String| Probe { unreadable: Some(reason), ..Probe::default() };
    let zeroed = match is_zeroed(&path) {
        Ok(zeroed) => zeroed,
        Err(error) => return Ok(Probed { found: unreadable(error.to_string()), busy: false }),
    };
    let busy =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_EXCL | nix::libc::O_CLOEXEC).open(&path).is_err();
    if zeroed {
        return Ok(Probed { found: Probe::default(), busy });
    }
    let (blkid, wipefs) = ask_both(reader, device)?;
    let mut signatures = BTreeSet::new();
    let mut found = Probe::default();
    match blkid.code {
        Some(0) => signatures.extend(blkid_types(&blkid.stdout)),
        Some(BLKID_NOTHING) => {}
        Some(BLKID_AMBIVALENT) => found.ambiguous = true,
        _ => found.unreadable = Some(format!("blkid: {}: {}", blkid.ended(), blkid.stderr_end())),
    }
    match wipefs.code {
        Some(0) => {
            signatures.extend(wipefs.stdout.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned))
        }
        _ => found.unreadable = Some(format!("wipefs: {}: {}", wipefs.ended(), wipefs.stderr_end())),
    }
    match (superblock::read_file_system(&path), superblock::read_swap(&path)) {
        (Ok(filesystem), Ok(swap)) => {
            if let Some(filesystem) = &filesystem {
                signatures.insert(filesystem.fstype.clone());
            }
            if swap.is_some() {
                signatures.insert("swap".to_owned());
            }
            // Only what is alone on the device is what the device holds.
            let alone = signatures.len() == 1;
            found.filesystem = filesystem.filter(|_| alone);
            found.swap = swap.filter(|_| alone);
        }
        (Err(error), _) | (_, Err(error)) => found.unreadable = Some(error.to_string()),
    }
    found.signatures = signatures.into_iter().collect();
    Ok(Probed { found, busy })
}

/// What blkid and wipefs say. They only read, and loading each costs more than its work: both at once.
fn ask_both(reader: &Reader, device: &str) -> Result<(Output, Output), HostError> {
    let device = || device.to_owned();
    std::thread::scope(|scope| {
        let wipefs = scope.spawn(|| reader.query(&Query::Wipefs { device: device() }));
        let blkid = reader.query(&Query::Blkid { device: device() });
        let wipefs = wipefs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((blkid?, wipefs?))
    })
}

/// Whether there are only zeroes where a signature could be: then there is nothing to ask the tools. A new volume
/// and most new disks are so.
fn is_zeroed(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    // Compared as a whole, which is many times faster than byte by byte.
    let zeroes = vec![0; CHUNK];
    let mut buffer = vec![0; CHUNK];
    // The end first: a device that cannot be read to its end is told as such, whatever its start holds.
    for range in [size.saturating_sub(END)..size, 0..size.min(START)] {
        file.seek(SeekFrom::Start(range.start))?;
        let mut left = (&mut file).take(range.end - range.start);
        loop {
            match left.read(&mut buffer)? {
                0 => break,
                count if buffer[..count] != zeroes[..count] => return Ok(false),
                _ => {}
            }
        }
    }
    Ok(true)
}

/// TYPE and PTTYPE of `blkid --output export`; a hit that names neither is one all the same.
fn blkid_types(text: &str) -> Vec<String> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
    let types: Vec<String> = [value("TYPE"), value("PTTYPE")].into_iter().flatten().collect();
    if types.is_empty() && !text.trim().is_empty() { vec!["unknown".to_owned()] } else { types }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::{Command, run};
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    /// A program and its arguments, the device not among them.
    type Make<'a> = (&'static str, &'a [&'a str]);

    fn device(make: &[Make<'_>]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(320 << 20).expect("sized");
        let path = file.path().display().to_string();
        for (program, args) in make {
            let command = Command::new(program, args.iter().copied().chain([path.as_str()]));
            let command = if *program == "sfdisk" { command.stdin(b",100M\n".to_vec()) } else { command };
            let output = run(&command).expect("runs");
            assert_eq!(output.code, Some(0), "{command}: {}", output.stderr);
        }
        file
    }

    fn look(file: &tempfile::NamedTempFile) -> Probed {
        let reader = Reader::new(Path::new("/"), Arc::new(run));
        probe(&reader, &file.path().display().to_string()).expect("the tools are there")
    }

    #[test]
    fn what_the_real_tools_make_is_found() {
        let rows: [(&[Make<'_>], &[&str]); 5] = [
            (&[], &[]),
            (&[("mkfs.xfs", &["-q"])], &["xfs"]),
            (&[("mkswap", &[])], &["swap"]),
            (&[("sfdisk", &["--quiet", "--label", "gpt"])], &["gpt", "PMBR"]),
            (&[("mke2fs", &["-q", "-t", "ext4"])], &["ext4"]),
        ];
        for (make, expected) in rows {
            let probed = look(&device(make));
            let mut found: Vec<&str> = probed.found.signatures.iter().map(String::as_str).collect();
            let mut expected = expected.to_vec();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
            assert_eq!(probed.found.is_blank(), expected.is_empty());
            assert!(!probed.busy);
        }
    }

    #[test]
    fn a_backup_gpt_alone_is_not_blank() {
        let disk = device(&[("sfdisk", &["--quiet", "--label", "gpt"])]);
        disk.as_file().write_all_at(&vec![0; 4 << 20], 0).expect("wiped");
        let wiped = look(&disk);
        assert!(!wiped.found.is_blank());
    }

    #[test]
    fn what_is_not_there_is_not_blank() {
        let reader = Reader::new(Path::new("/"), Arc::new(run));
        let probed = probe(&reader, "/dev/no-such-device").expect("a result");
        assert!(probed.found.unreadable.is_some() && !probed.found.is_blank());
    }
}
