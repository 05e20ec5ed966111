//! File systems: made only on what is provably blank, grown only while mounted.

use crate::action::Action;
use crate::facts::{BlockDevice, Mount, Probe};
use crate::plan::RefusalCode;
use crate::plan::model::{Model, PlannedVolume, Words};
use crate::profile::{Content, FilesystemType, VolumeGroup};
use crate::record::Begun;
use crate::size::human;

/// Plans what the group's volumes hold, but for growth that waits for a mount.
pub fn plan(wanted: &VolumeGroup, model: &mut Model<'_>) {
    for (at, volume) in wanted.volumes.iter().enumerate() {
        let Some(planned) = model.volume(&wanted.name, at).cloned() else { continue };
        let kind = match volume.content {
            Content::Swap => continue,
            Content::AsFound => None,
            Content::Filesystem(kind) => Some(kind),
        };
        let unmounted = content(&wanted.name, kind, &planned, model);
        if let Some(slot) = model.group_mut(&wanted.name).and_then(|group| group.volumes.get_mut(at)) {
            slot.unmounted = unmounted;
        }
    }
}

/// Plans one volume's file system. Returns type, bytes and block size of one that is, or will be,
/// there without being mounted.
fn content(
    group: &str,
    kind: Option<FilesystemType>,
    planned: &PlannedVolume,
    model: &mut Model<'_>,
) -> Option<(String, u64, u64)> {
    let Some(lv) = &planned.observed else {
        return kind.map(|kind| make(group, kind, planned, false, model));
    };
    let object = format!("{group}/{}", planned.name);
    let number = lv.device_number.clone().unwrap_or_default();
    if let Some(mount) = model.index.mount_of(&number) {
        if kind.is_some_and(|kind| kind.as_str() != mount.fstype) {
            mismatch(&object, &mount.fstype, kind, model);
            return None;
        }
        grow_mounted(&object, mount, planned, model);
        return None;
    }
    let Some(device) = model.index.device(&number) else {
        if kind.is_some() {
            model.refuse(
                RefusalCode::NotBlank,
                object,
                "no block device of it was found",
                "gather the facts for this profile again",
            );
        }
        return None;
    };
    unmounted(group, kind, planned, device, model)
}

fn unmounted(
    group: &str,
    kind: Option<FilesystemType>,
    planned: &PlannedVolume,
    device: &BlockDevice,
    model: &mut Model<'_>,
) -> Option<(String, u64, u64)> {
    let object = format!("{group}/{}", planned.name);
    if kind.is_some() && (!device.holders.is_empty() || device.busy || is_swap(model, &device.number)) {
        model.refuse(
            RefusalCode::FilesystemMismatch,
            object,
            "is in use, but not mounted",
            "find its user with lsblk and swapon --show",
        );
        return None;
    }
    let Some(probe) = &device.probe else {
        if kind.is_some() {
            model.refuse(RefusalCode::NotBlank, object, "was not examined", "gather the facts for this profile again");
        }
        return None;
    };
    if kind.is_some() && !probe.is_blank() && was_cut_off(group, &planned.name, model) {
        model.refuse(
            RefusalCode::NotBlank,
            object,
            format!(
                "a run did not finish making it: it may show what the disk held there before ({})",
                probe.signatures.join(", ")
            ),
            format!("if it is wanted, mount it; if not: wipefs --all {}", planned.device),
        );
        return None;
    }
    match (kind, &probe.filesystem) {
        (Some(kind), Some(found)) if found.fstype == kind.as_str() && !found.unfinished => {
            Some((found.fstype.clone(), found.size.unwrap_or(planned.size), found.block_size))
        }
        (Some(kind), Some(found)) if found.unfinished && found.fstype == kind.as_str() => {
            let volume_group = group.to_owned();
            let ours = Begun::MakeFilesystem { volume_group, volume: planned.name.clone() };
            if model.facts.record.begun.contains(&ours) {
                return Some(make(group, kind, planned, true, model));
            }
            model.refuse(
                RefusalCode::NotBlank,
                object,
                "carries an XFS whose making was never finished, and atomhost did not begin it",
                format!("if nothing on it is wanted: wipefs --all {}", planned.device),
            );
            None
        }
        (Some(kind), None) if probe.is_blank() => Some(make(group, kind, planned, false, model)),
        (Some(_), _) => {
            not_blank(&object, kind, probe, &planned.device, model);
            None
        }
        (None, found) => {
            if let Some(found) = found
                && found.size.is_some_and(|size| short(size, found.block_size, &found.fstype, planned.size))
            {
                model.note(
                    object,
                    format!("its {} is smaller than the volume; it grows once it is mounted", found.fstype),
                );
            }
            None
        }
    }
}

/// Whether a run was cut off while lvcreate made the volume, and no later one went on to its file system.
fn was_cut_off(group: &str, volume: &str, model: &Model<'_>) -> bool {
    let (volume_group, volume) = (group.to_owned(), volume.to_owned());
    let begun = &model.facts.record.begun;
    begun.contains(&Begun::CreateVolume { volume_group: volume_group.clone(), volume: volume.clone() })
        && !begun.contains(&Begun::MakeFilesystem { volume_group, volume })
}

fn is_swap(model: &Model<'_>, number: &str) -> bool {
    model.index.swap_on(number).is_some()
}

fn mismatch(object: &str, found: &str, kind: Option<FilesystemType>, model: &mut Model<'_>) {
    model.refuse(
        RefusalCode::FilesystemMismatch,
        object,
        format!("carries {found}, the profile wants {}", kind.map_or("another", FilesystemType::as_str)),
        "correct the profile; a file system is never replaced",
    );
}

fn not_blank(object: &str, kind: Option<FilesystemType>, probe: &Probe, device: &str, model: &mut Model<'_>) {
    if let Some(reason) = &probe.unreadable {
        model.refuse(
            RefusalCode::NotBlank,
            object,
            format!("cannot be read: {reason}"),
            "repair the disk beneath; what cannot be read is not taken for blank",
        );
    } else if probe.ambiguous {
        model.refuse(
            RefusalCode::NotBlank,
            object,
            format!("carries contradicting signatures ({})", probe.signatures.join(", ")),
            format!("look at it with wipefs {device}"),
        );
    } else {
        mismatch(object, &probe.signatures.join(", "), kind, model);
    }
}

fn make(
    group: &str,
    fstype: FilesystemType,
    planned: &PlannedVolume,
    unfinished: bool,
    model: &mut Model<'_>,
) -> (String, u64, u64) {
    let why = match (unfinished, &planned.observed) {
        (true, _) => "an earlier run was cut off while making it",
        (false, None) => "the volume is new",
        (false, Some(_)) => "the volume is provably blank",
    };
    let before = if unfinished { format!("unfinished {}", fstype.as_str()) } else { String::new() };
    model.act(
        Action::MakeFilesystem {
            volume_group: group.to_owned(),
            volume: planned.name.clone(),
            device: planned.device.clone(),
            fstype,
            unfinished,
        },
        Words {
            object: planned.device.clone(),
            before,
            after: format!("{} file system of {}", fstype.as_str(), human(planned.size)),
            why: why.to_owned(),
        },
    );
    (fstype.as_str().to_owned(), planned.size, 4096)
}

/// Whether a file system leaves so much of its device unused that growing it does something. XFS
/// calls up to 64 blocks short "full size"; ext4 may leave a last, too small block group unused.
fn short(size: u64, block_size: u64, fstype: &str, device: u64) -> bool {
    let slack = if fstype == "xfs" { 64 } else { 1024 } * block_size.max(512);
    size.saturating_add(slack) < device
}

fn grow_mounted(object: &str, mount: &Mount, planned: &PlannedVolume, model: &mut Model<'_>) {
    let Some(size) = mount.size else { return };
    if mount.is_read_only() && short(size, mount.block_size, &mount.fstype, planned.size) {
        model.refuse(
            RefusalCode::FilesystemMismatch,
            object,
            format!("its {} cannot grow: {} is mounted read-only", mount.fstype, mount.path),
            format!("mount -o remount,rw {}", mount.path),
        );
        return;
    }
    grow(object, &mount.path, &mount.fstype, (size, mount.block_size), planned, model);
}

/// Plans growth to the volume's size at a path where the file system is (or will be) mounted.
pub fn grow(
    object: &str,
    path: &str,
    fstype: &str,
    (size, block_size): (u64, u64),
    planned: &PlannedVolume,
    model: &mut Model<'_>,
) {
    let kind = match fstype {
        "xfs" => FilesystemType::Xfs,
        "ext4" => FilesystemType::Ext4,
        _ => return,
    };
    if size > planned.size {
        model.refuse(
            RefusalCode::FilesystemMismatch,
            object,
            format!("its {fstype} covers {}, the volume has only {}", human(size), human(planned.size)),
            "the volume was cut short: restore its size before anything else",
        );
        return;
    }
    if !short(size, block_size, fstype, planned.size) {
        return;
    }
    model.act(
        Action::GrowFilesystem {
            path: path.to_owned(),
            device: planned.device.clone(),
            fstype: kind,
            from: size,
            to: planned.size,
        },
        Words {
            object: path.to_owned(),
            before: format!("{fstype} of {}", human(size)),
            after: format!("{fstype} of {}", human(planned.size)),
            why: format!("the file system is smaller than {object}"),
        },
    );
}
