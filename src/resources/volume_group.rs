//! Volume groups: their disks, and physical volumes that follow a grown device.

use super::disk::{self, Resolution, Taking};
use super::partition;
use crate::action::{Action, DiskTaken};
use crate::facts::{self, BlockDevice};
use crate::plan::ledger::LedgerDisk;
use crate::plan::model::{Group, Model, NEW_EXTENT_SIZE, NEW_EXTENTS_START, Words};
use crate::plan::{RefusalCode, ResolvedDisk};
use crate::profile::{Grow, VolumeGroup};
use crate::size::human;

/// A disk that the group shall have, and the signatures to wipe from it first.
struct Taken {
    disk: DiskTaken,
    /// Signatures to wipe first, and all that is lost, in words.
    wiped: Option<(Vec<String>, String)>,
}

/// Plans the volume group itself, and enters it into the model unless it is refused.
pub fn plan(wanted: &VolumeGroup, model: &mut Model<'_>) {
    let facts = model.facts;
    let observed = facts.volume_group(&wanted.name);
    if let Some(observed) = observed
        && !usable(observed, model)
    {
        return;
    }
    let Some(taken) = disks(wanted, observed, model) else { return };
    let extent_size = observed.map_or(NEW_EXTENT_SIZE, |group| group.extent_size);
    if observed.is_none() && taken.is_empty() {
        model.refuse(
            RefusalCode::GroupMissing,
            wanted.name.clone(),
            "no such volume group, and the profile names no disk to create it on",
            "name its disks under lvm.disks, or correct volume_group",
        );
        return;
    }
    let mut disks = observed.map(LedgerDisk::observed).unwrap_or_default();
    if let Some(group) = observed {
        grow(wanted, group, &mut disks, model);
    }
    let before = observed.map_or(0, |group| group.extents);
    let grown = disks.iter().map(|disk| disk.after - disk.before).sum::<u64>();
    disks.extend(taken.iter().map(|taken| LedgerDisk {
        device: taken.disk.device.clone(),
        before: 0,
        after: new_extents(taken.disk.size, extent_size),
    }));
    model.groups.push(Group {
        name: wanted.name.clone(),
        extent_size,
        extents_before: before,
        extents: before + disks.iter().map(|disk| disk.after - disk.before).sum::<u64>(),
        disks,
        volumes: Vec::new(),
        rows: None,
    });
    take(wanted, observed.is_some(), before + grown, extent_size, taken, model);
    if let Some(observed) = observed {
        note_foreign(wanted, observed, model);
    }
}

/// Guards of an existing group.
fn usable(observed: &facts::VolumeGroup, model: &mut Model<'_>) -> bool {
    let name = &observed.name;
    let twice = model.facts.volume_groups.iter().filter(|group| group.name == *name).count() > 1;
    let refusal = if twice {
        Some((
            RefusalCode::GroupNotOurs,
            "two volume groups have this name".to_owned(),
            "rename one by its UUID: vgrename UUID NEWNAME",
        ))
    } else if observed.missing_pvs > 0 {
        Some((
            RefusalCode::GroupIncomplete,
            format!("{} physical volume(s) are missing", observed.missing_pvs),
            "attach the missing disk; vgs -o+vg_missing_pv_count and pvs show it",
        ))
    } else if observed.exported {
        Some((RefusalCode::GroupNotOurs, "the volume group is exported".to_owned(), "vgimport it first"))
    } else if observed.shared {
        Some((
            RefusalCode::GroupNotOurs,
            "the volume group is shared or clustered".to_owned(),
            "only local volume groups are managed",
        ))
    } else if !observed.writable {
        Some((
            RefusalCode::GroupNotOurs,
            "the volume group is read-only".to_owned(),
            "vgchange --permission rw if that is wanted",
        ))
    } else {
        observed.physical_volumes.iter().find(|pv| pv.duplicate).map(|pv| {
            (
                RefusalCode::GroupNotOurs,
                format!("physical volume {} is seen on more than one device", pv.uuid),
                "detach the copy, or set up multipath",
            )
        })
    };
    match refusal {
        Some((code, found, cure)) => {
            model.refuse(code, name.clone(), found, cure);
            false
        }
        None => true,
    }
}

/// Extents that a device gives as a physical volume with LVM's default header.
pub fn new_extents(size: u64, extent_size: u64) -> u64 {
    size.saturating_sub(NEW_EXTENTS_START) / extent_size
}

/// Resolves the disks and guards them; `None` when any was refused.
fn disks(wanted: &VolumeGroup, observed: Option<&facts::VolumeGroup>, model: &mut Model<'_>) -> Option<Vec<Taken>> {
    let mut taken = Vec::new();
    let mut refused = false;
    for entry in &wanted.disks {
        let resolved = match disk::resolve(&model.index, observed, &wanted.name, entry, &model.taken) {
            Ok(resolved) => resolved,
            Err(no) => {
                model.refuse(no.code, entry.selector.to_string(), no.found, no.cure);
                refused = true;
                continue;
            }
        };
        for resolution in resolved {
            match resolution {
                Resolution::Member { pv, device } => {
                    model.taken.extend(device.map(|device| device.number.clone()));
                    model.resolved(ResolvedDisk {
                        volume_group: wanted.name.clone(),
                        selector: entry.selector.to_string(),
                        device: device.map_or(pv.device.clone(), BlockDevice::path),
                        serial: device.and_then(|device| device.serials.first().cloned()),
                        pv_uuid: Some(pv.uuid.clone()),
                    });
                }
                Resolution::Candidate(device) => match candidate(wanted, entry, device, model) {
                    Ok(Some(disk)) => taken.push(disk),
                    Ok(None) => {}
                    Err(()) => refused = true,
                },
            }
        }
    }
    (!refused).then_some(taken)
}

/// `Ok(None)`: the same device under another name, already taken.
fn candidate(
    wanted: &VolumeGroup,
    entry: &crate::profile::DiskWanted,
    device: &BlockDevice,
    model: &mut Model<'_>,
) -> Result<Option<Taken>, ()> {
    if model.taken.contains(&device.number) {
        model.note(device.path(), "named more than once in the profile: taken once");
        return Ok(None);
    }
    let taking = disk::may_take(&model.index, device, entry.on_signature, &wanted.name).map_err(|no| {
        let selector = entry.selector.to_string();
        let object = if selector == device.path() { selector } else { format!("{} ({selector})", device.path()) };
        model.refuse(no.code, object, no.found, no.cure);
    })?;
    model.taken.insert(device.number.clone());
    model.resolved(ResolvedDisk {
        volume_group: wanted.name.clone(),
        selector: entry.selector.to_string(),
        device: device.path(),
        serial: device.serials.first().cloned(),
        pv_uuid: None,
    });
    let resumed = taking == Taking::Resumed;
    let wiped = match taking {
        Taking::Wiped { signatures, found } => Some((signatures, found)),
        Taking::Blank | Taking::Resumed => None,
    };
    let disk = DiskTaken {
        device: device.path(),
        serials: device.serials.clone(),
        links: device.links.clone(),
        size: device.size,
        selector: disk::record_key(&wanted.name, &entry.selector),
        resumed,
        consented: wiped.is_some(),
    };
    Ok(Some(Taken { disk, wiped }))
}

/// Emits the actions that grow existing physical volumes, and enters what each gains into `disks`, which are in the
/// same order.
fn grow(wanted: &VolumeGroup, observed: &facts::VolumeGroup, disks: &mut [LedgerDisk], model: &mut Model<'_>) {
    for (pv, disk) in observed.physical_volumes.iter().zip(disks) {
        let Some(device) = model.index.device_at(&pv.device) else { continue };
        let grown = match wanted.grow {
            Grow::Partitions => partition::grown_size(device).unwrap_or(device.size),
            Grow::None | Grow::PhysicalVolumes => device.size,
        };
        let extents = grown.saturating_sub(pv.extents_start) / observed.extent_size;
        if extents <= pv.extents {
            continue;
        }
        let gain = extents - pv.extents;
        if wanted.grow == Grow::None {
            model.note(
                pv.device.clone(),
                format!(
                    "its device could give {gain} more extents ({}); grow: physical-volumes takes them",
                    human(gain * observed.extent_size)
                ),
            );
            continue;
        }
        if grown > device.size {
            grow_partition(device, grown, &observed.name, model);
        }
        model.act(
            Action::ResizePhysicalVolume { device: device.path(), from_extents: pv.extents, to_extents: extents },
            Words {
                object: device.path(),
                before: format!("{} extents", pv.extents),
                after: format!("{extents} extents"),
                why: format!("the device beneath the physical volume of {} has grown", observed.name),
            },
        );
        disk.after = extents;
    }
}

fn grow_partition(device: &BlockDevice, grown: u64, group: &str, model: &mut Model<'_>) {
    let (Some(parent), Some(partition)) = (&device.parent, &device.partition) else { return };
    model.act(
        Action::GrowPartition {
            disk: format!("/dev/{parent}"),
            table: partition.table,
            number: partition.number,
            device: device.path(),
            from: device.size,
            to: grown,
        },
        Words {
            object: device.path(),
            before: human(device.size),
            after: human(grown),
            why: format!("free space behind the partition, whose physical volume belongs to {group}"),
        },
    );
}

/// Emits wipes, then one vgcreate or vgextend for all disks.
fn take(wanted: &VolumeGroup, exists: bool, extents: u64, extent_size: u64, taken: Vec<Taken>, model: &mut Model<'_>) {
    if taken.is_empty() {
        return;
    }
    for Taken { disk, wiped } in &taken {
        let Some((signatures, found)) = wiped else { continue };
        model.act(
            Action::WipeSignatures { device: disk.device.clone(), signatures: signatures.clone() },
            Words {
                object: disk.device.clone(),
                before: found.clone(),
                after: if signatures.is_empty() { "free to be taken" } else { "blank" }.to_owned(),
                why: "the profile says wipe: true for this disk".to_owned(),
            },
        );
    }
    let devices: Vec<DiskTaken> = taken.into_iter().map(|taken| taken.disk).collect();
    let gained: u64 = devices.iter().map(|disk| new_extents(disk.size, extent_size)).sum();
    let after = format!(
        "{} extents ({}) with {}",
        extents + gained,
        human((extents + gained) * extent_size),
        devices.iter().map(|disk| disk.device.as_str()).collect::<Vec<_>>().join(", ")
    );
    let (volume_group, object) = (wanted.name.clone(), wanted.name.clone());
    if exists {
        model.act(
            Action::ExtendVolumeGroup { volume_group, devices },
            Words {
                object,
                before: format!("{extents} extents ({})", human(extents * extent_size)),
                after,
                why: "the profile adds disks to the volume group".to_owned(),
            },
        );
    } else {
        model.act(
            Action::CreateVolumeGroup { volume_group, devices },
            Words { object, before: String::new(), after, why: "no such volume group yet".to_owned() },
        );
    }
}

/// Physical volumes that the profile does not name stay, and are said to.
fn note_foreign(wanted: &VolumeGroup, observed: &facts::VolumeGroup, model: &mut Model<'_>) {
    for pv in &observed.physical_volumes {
        let Some(device) = model.index.device_at(&pv.device) else { continue };
        // The partition that the image came with is nobody's mistake.
        if device.partition.is_some() || model.taken.contains(&device.number) {
            continue;
        }
        model.note(
            pv.device.clone(),
            format!("a physical volume of {} that the profile does not name: it stays", wanted.name),
        );
    }
}
