//! Disks: which device an entry of the profile means, and whether it may be taken.

use crate::facts::index::Index;
use crate::facts::{BlockDevice, BlockKind, Facts, PhysicalVolume, Probe, VolumeGroup};
use crate::plan::RefusalCode;
use crate::profile::{DiskSelector, DiskWanted, OnSignature};
use crate::record::Begun;
use crate::size::human;
use std::collections::HashSet;

/// What an entry of the profile comes to.
#[derive(Debug)]
pub enum Resolution<'a> {
    /// A physical volume of the group already.
    Member { pv: &'a PhysicalVolume, device: Option<&'a BlockDevice> },
    /// A device that is to be taken.
    Candidate(&'a BlockDevice),
}

/// A guard's no about a disk.
#[derive(Debug)]
pub struct DiskRefusal {
    pub code: RefusalCode,
    pub found: String,
    pub cure: String,
}

fn no(code: RefusalCode, found: impl Into<String>, cure: impl Into<String>) -> DiskRefusal {
    DiskRefusal { code, found: found.into(), cure: cure.into() }
}

/// The key under which the record remembers an entry.
pub fn record_key(group: &str, selector: &DiskSelector) -> String {
    format!("{group}/{selector}")
}

/// The group's physical volumes that an earlier run recorded for this entry; a disk keeps its
/// identity when kernel names move.
fn recorded<'a>(facts: &'a Facts, group: &'a VolumeGroup, selector: &DiskSelector) -> Vec<&'a PhysicalVolume> {
    let key = record_key(&group.name, selector);
    let Some(uuids) = facts.record.disks.get(&key) else { return Vec::new() };
    group.physical_volumes.iter().filter(|pv| uuids.contains(&pv.uuid)).collect()
}

/// Resolves one entry to devices. `spoken_for` are `major:minor` numbers of disks that other
/// entries mean.
///
/// # Errors
/// No device, too many, or not the number wanted.
pub fn resolve<'a>(
    index: &Index<'a>,
    group: Option<&'a VolumeGroup>,
    group_name: &str,
    wanted: &DiskWanted,
    spoken_for: &HashSet<String>,
) -> Result<Vec<Resolution<'a>>, DiskRefusal> {
    if let Some(group) = group {
        let members = recorded(index.facts, group, &wanted.selector);
        if members.len() as u64 >= wanted_count(&wanted.selector) {
            return Ok(members
                .into_iter()
                .map(|pv| Resolution::Member { pv, device: index.device_at(&pv.device) })
                .collect());
        }
    }
    match &wanted.selector {
        DiskSelector::Path(path) => match index.device_at(path) {
            Some(device) => Ok(vec![membership(index, group, device)]),
            None => Err(missing(path)),
        },
        DiskSelector::Serial(serial) => match index.disks_with_serial(serial) {
            [] => Err(missing(&format!("serial {serial}"))),
            [device] => Ok(vec![membership(index, group, device)]),
            several => Err(no(
                RefusalCode::DiskAmbiguous,
                format!("{} devices have this serial: {}", several.len(), names(several)),
                "name the multipath device or one by-path link",
            )),
        },
        DiskSelector::Match { min, max, count } => matching(index, group, group_name, (*min, *max), *count, spoken_for),
    }
}

fn wanted_count(selector: &DiskSelector) -> u64 {
    match selector {
        DiskSelector::Match { count, .. } => u64::from(*count),
        DiskSelector::Path(_) | DiskSelector::Serial(_) => 1,
    }
}

fn missing(name: &str) -> DiskRefusal {
    let hint =
        if name.starts_with("serial") { "; on VMware set disk.EnableUUID, or name the disk by-path" } else { "" };
    no(
        RefusalCode::DiskMissing,
        "no such disk on this host",
        format!(
            "attach it, correct the profile (lsblk -o NAME,SIZE,SERIAL lists disks), or wait for it with --wait-disks{hint}"
        ),
    )
}

fn names(devices: &[&BlockDevice]) -> String {
    devices.iter().map(|device| format!("{} ({})", device.path(), human(device.size))).collect::<Vec<_>>().join(", ")
}

fn membership<'a>(index: &Index<'a>, group: Option<&'a VolumeGroup>, device: &'a BlockDevice) -> Resolution<'a> {
    match group.and_then(|group| pv_on(index, group, device)) {
        Some(pv) => Resolution::Member { pv, device: Some(device) },
        None => Resolution::Candidate(device),
    }
}

fn pv_on<'a>(index: &Index<'a>, group: &VolumeGroup, device: &BlockDevice) -> Option<&'a PhysicalVolume> {
    index
        .physical_volumes(device)
        .iter()
        .find(|(of, _)| of.uuid == group.uuid && of.name == group.name)
        .map(|(_, pv)| *pv)
}

/// A selector counts fitting whole disks that the group already has, then takes blank ones; it
/// never has a choice.
fn matching<'a>(
    index: &Index<'a>,
    group: Option<&'a VolumeGroup>,
    group_name: &str,
    (min, max): (Option<u64>, Option<u64>),
    count: u32,
    spoken_for: &HashSet<String>,
) -> Result<Vec<Resolution<'a>>, DiskRefusal> {
    let fits = |device: &BlockDevice| {
        device.kind == BlockKind::Disk
            && min.is_none_or(|min| device.size >= min)
            && max.is_none_or(|max| device.size <= max)
            && !spoken_for.contains(&device.number)
    };
    let fitting: Vec<&BlockDevice> = index.facts.block_devices.iter().filter(|device| fits(device)).collect();
    let mut chosen = Vec::new();
    for device in &fitting {
        if let Some(pv) = group.and_then(|group| pv_on(index, group, device)) {
            chosen.push(Resolution::Member { pv, device: Some(device) });
        }
    }
    let open = (count as usize).saturating_sub(chosen.len());
    if open == 0 {
        return Ok(chosen);
    }
    let (mut free, mut held) = (Vec::new(), String::new());
    for device in fitting {
        match may_take(index, device, OnSignature::Refuse, group_name) {
            Ok(_) => free.push(device),
            // Nothing else that a person looks at shows that this one is not blank.
            Err(no) if no.code == RefusalCode::DiskHasData => held += &format!("; {} {}", device.path(), no.found),
            Err(_) => {}
        }
    }
    if free.len() == open {
        chosen.extend(free.into_iter().map(Resolution::Candidate));
        return Ok(chosen);
    }
    if free.len() < open {
        return Err(no(
            RefusalCode::DiskMissing,
            format!("{open} wanted, {} blank disk(s) fit{held}", free.len()),
            "attach the missing disk, or correct size or count in the profile",
        ));
    }
    Err(no(
        RefusalCode::SelectorMismatch,
        format!("{open} wanted, {} fit: {}", free.len(), names(&free)),
        "narrow the size, raise count, or name the disks by serial",
    ))
}

/// How a device may be taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Taking {
    Blank,
    /// An orphan physical volume that an interrupted run of ours left.
    Resumed,
    /// These signatures are wiped first; the profile consents. `found` is what is lost, in words.
    Wiped {
        signatures: Vec<String>,
        found: String,
    },
}

/// Whether `device` may become a physical volume of `group`.
///
/// # Errors
/// Anything that is, or may be, in use or of value on it.
pub fn may_take(
    index: &Index<'_>,
    device: &BlockDevice,
    on_signature: OnSignature,
    group: &str,
) -> Result<Taking, DiskRefusal> {
    in_use(index, device)?;
    if device.read_only {
        return Err(no(RefusalCode::DiskReadOnly, "is read-only", "make it writable, or name another disk"));
    }
    let Some(probe) = &device.probe else {
        return Err(no(RefusalCode::DiskUnreadable, "was not examined", "gather the facts for this profile again"));
    };
    if let Some(reason) = &probe.unreadable {
        return Err(no(
            RefusalCode::DiskUnreadable,
            format!("cannot be read: {reason}"),
            "replace the disk, or name another",
        ));
    }
    if is_half_made(index, device, probe) && begun(index.facts, device, group) {
        return Ok(Taking::Resumed);
    }
    if probe.is_zeroed() {
        return Ok(Taking::Blank);
    }
    match on_signature {
        OnSignature::Wipe => {
            let found = probe.residue.map_or_else(|| probe.signatures.join(", "), |residue| residue.to_string());
            Ok(Taking::Wiped { signatures: probe.signatures.clone(), found })
        }
        OnSignature::Refuse => Err(holds_something(device, probe)),
    }
}

/// An empty physical volume, or one of which the metadata is there and the label is not: two writes, and a cut between.
fn is_half_made(index: &Index<'_>, device: &BlockDevice, probe: &Probe) -> bool {
    let is_labelled = index.is_orphan(device) && probe.signatures.iter().all(|signature| signature == "LVM2_member");
    is_labelled || probe.is_blank() && probe.residue.is_some_and(|residue| residue.lvm_metadata)
}

fn holds_something(device: &BlockDevice, probe: &Probe) -> DiskRefusal {
    let path = device.path();
    let consent = "if nothing on it is wanted, set wipe: true for this disk";
    if let Some(residue) = probe.residue {
        return no(
            RefusalCode::DiskHasData,
            format!("holds {residue}: it is not overwritten"),
            format!("look at it with hexdump -C -s {} -n 512 {path}; {consent}", residue.offset),
        );
    }
    let signatures = probe.signatures.join(", ");
    let cure = format!("look at it with wipefs {path}; {consent}");
    if probe.ambiguous {
        let found = format!("carries contradicting signatures ({signatures}): it is not overwritten");
        return no(RefusalCode::DiskAmbiguous, found, cure);
    }
    no(RefusalCode::DiskHasSignature, format!("carries {signatures}: it is not overwritten"), cure)
}

fn begun(facts: &Facts, device: &BlockDevice, group: &str) -> bool {
    facts.record.begun.iter().any(|begun| match begun {
        Begun::TakeDisk { volume_group, serials, links, size } => {
            let same = |ours: &[String], theirs: &[String]| ours.iter().any(|one| theirs.contains(one));
            let identified =
                if serials.is_empty() { same(&device.links, links) } else { same(&device.serials, serials) };
            volume_group == group && *size == device.size && identified
        }
        _ => false,
    })
}

/// # Errors
/// Mounted, swapped on, held, opened exclusively, or part of another volume group; partitions count
/// for their disk.
fn in_use(index: &Index<'_>, device: &BlockDevice) -> Result<(), DiskRefusal> {
    let parts = index.partitions(device).iter().copied();
    for part in std::iter::once(device).chain(parts) {
        let path = part.path();
        if let Some(mount) = index.mount_of(&part.number) {
            return Err(no(
                RefusalCode::DiskInUse,
                format!("in use: {path} is mounted on {}", mount.path),
                "name another disk; what is in use is never taken",
            ));
        }
        if index.swap_on(&part.number).is_some() {
            return Err(no(RefusalCode::DiskInUse, format!("in use: {path} is active swap"), "name another disk"));
        }
        if let Some((group, _)) = index.physical_volumes(part).first() {
            return Err(no(
                RefusalCode::DiskInOtherGroup,
                format!("{path} is a physical volume of volume group {}", group.name),
                "name another disk, or move it by hand (pvmove, vgreduce) if that group can spare it",
            ));
        }
        if !part.holders.is_empty() {
            return Err(no(
                RefusalCode::DiskInUse,
                format!("in use: {path} is held by {}", part.holders.join(", ")),
                "name another disk; what is in use is never taken",
            ));
        }
    }
    if device.busy {
        return Err(no(
            RefusalCode::DiskInUse,
            "in use: an exclusive open says it is busy",
            "find its user with lsof or fuser; what is in use is never taken",
        ));
    }
    Ok(())
}
