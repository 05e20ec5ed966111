//! What is on a device: the bytes themselves, an exclusive open and, unless there are only zeroes where a
//! signature could be, blkid and wipefs. Neither tool alone proves a device blank: blkid passes over a backup
//! GPT, and says the same of a device that is blank and of one that is not there.

use super::residue::Device;
use super::{ObserveError, superblock};
use crate::background;
use crate::facts::Probe;
use crate::host::command::Output;
use crate::host::{HostError, Query, Reader};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// blkid(8): nothing found, or no such device.
const BLKID_NOTHING: i32 = 2;
/// blkid(8): ambiguous low-level probing result.
const BLKID_AMBIVALENT: i32 = 8;

/// How closely a device is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At what names itself. A new volume may hold old bytes of a removed one.
    Signatures,
    /// At a sample of all its bytes, too.
    Data,
}

/// A probe, and whether somebody holds the device exclusively.
#[derive(Debug, PartialEq, Eq)]
pub struct Probed {
    pub found: Probe,
    pub busy: bool,
}

impl Probed {
    /// What is not known of a device that does not let itself be read.
    pub fn unreadable(why: String) -> Probed {
        Probed { found: Probe { unreadable: Some(why), ..Probe::default() }, busy: false }
    }
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
pub fn probe(reader: &Reader, device: &str, look: Look) -> Result<Probed, ProbeError> {
    let path = reader.path(device);
    if is_suspended(reader, device) {
        return Ok(Probed::unreadable("it is suspended (dmsetup resume ends that)".to_owned()));
    }
    let unreadable = |error: std::io::Error| Probe { unreadable: Some(error.to_string()), ..Probe::default() };
    let opened = Device::open(&path).and_then(|bytes| Ok((bytes.first_at_ends()?, bytes)));
    let (at_ends, bytes) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Probed::unreadable(error.to_string())),
    };
    let busy =
        OpenOptions::new().read(true).custom_flags(nix::libc::O_EXCL | nix::libc::O_CLOEXEC).open(&path).is_err();
    let mut found = if at_ends.is_some() { signatures(reader, device, &path)? } else { Probe::default() };
    if look == Look::Data && found.is_blank() {
        match bytes.residue(at_ends) {
            Ok(residue) => found.residue = residue,
            Err(error) => found = unreadable(error),
        }
    }
    Ok(Probed { found, busy })
}

/// Whoever reads a suspended device of device-mapper waits until it is resumed, and cannot even be killed.
fn is_suspended(reader: &Reader, device: &str) -> bool {
    let name = std::fs::canonicalize(reader.path(device)).ok();
    let Some(name) = name.as_deref().and_then(Path::file_name) else { return false };
    let state = reader.path(&format!("/sys/class/block/{}/dm/suspended", name.to_string_lossy()));
    std::fs::read_to_string(state).is_ok_and(|state| state.trim() == "1")
}

/// What the tools and the superblocks say.
fn signatures(reader: &Reader, device: &str, path: &Path) -> Result<Probe, ProbeError> {
    let (blkid, wipefs) = ask_both(reader, device)?;
    let mut signatures = BTreeSet::new();
    let mut found = Probe::default();
    match blkid.code {
        // It found something, and does not say what.
        Some(0) if blkid.stdout.trim().is_empty() => found.unreadable = Some("blkid: no answer".to_owned()),
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
    match (superblock::read_file_system(path), superblock::read_swap(path)) {
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
    Ok(found)
}

/// What blkid and wipefs say. They only read, and loading each costs more than its work: both at once.
fn ask_both(reader: &Reader, device: &str) -> Result<(Output, Output), HostError> {
    let device = || device.to_owned();
    let (wipefs, blkid) = background::both(
        || reader.query(&Query::Wipefs { device: device() }),
        || reader.query(&Query::Blkid { device: device() }),
    );
    Ok((blkid?, wipefs?))
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
        probe(&reader, &file.path().display().to_string(), Look::Data).expect("the tools are there")
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
    fn data_whose_signatures_were_wiped_is_a_residue_and_no_signature() {
        let disk = device(&[("mke2fs", &["-q", "-t", "ext4"]), ("wipefs", &["--all", "--quiet"])]);
        let found = look(&disk).found;
        assert!(found.is_blank() && !found.is_zeroed(), "{found:?}");
        let reader = Reader::new(Path::new("/"), Arc::new(run));
        let volume = probe(&reader, &disk.path().display().to_string(), Look::Signatures).expect("the tools are there");
        assert_eq!(volume.found, Probe::default(), "a new volume may hold old bytes");
    }

    #[test]
    fn bytes_far_from_both_ends_are_a_residue() {
        let disk = device(&[]);
        assert!(look(&disk).found.is_zeroed());
        disk.as_file().write_all_at(&[1], 160 << 20).expect("written");
        let residue = look(&disk).found.residue.map(|residue| residue.offset);
        assert_eq!(residue, Some(160 << 20));
    }

    #[test]
    fn what_is_not_there_is_not_blank() {
        let reader = Reader::new(Path::new("/"), Arc::new(run));
        let probed = probe(&reader, "/dev/no-such-device", Look::Data).expect("a result");
        assert!(probed.found.unreadable.is_some() && !probed.found.is_blank());
    }
}
