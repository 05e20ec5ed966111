//! What each action does to a host, as facts to facts. The lab holds this model against real hosts.

use super::fixture::{mapped, plain};
use atomhost::action::{Action, DiskTaken, NewThinPool};
use atomhost::facts::*;
use atomhost::profile::WhenFull;

/// Applies one action. Panics when the action could not succeed on a real host.
pub fn apply(facts: &mut Facts, action: &Action) {
    match action {
        Action::GrowPartition { device, to, .. } => {
            let device = device_mut(facts, device);
            assert!(*to > device.size, "a partition only grows");
            device.size = *to;
            if let Some(partition) = &mut device.partition {
                partition.room = 0;
            }
        }
        Action::ResizePhysicalVolume { device, from_extents, to_extents } => {
            let group = facts
                .volume_groups
                .iter_mut()
                .find(|group| group.physical_volumes.iter().any(|pv| pv.device == *device))
                .expect("the PV's group");
            let gain = to_extents.checked_sub(*from_extents).expect("a PV only grows");
            group.extents += gain;
            group.free_extents += gain;
            group.physical_volumes.iter_mut().filter(|pv| pv.device == *device).for_each(|pv| pv.extents = *to_extents);
        }
        // What the signatures named is still there.
        Action::WipeSignatures { device, .. } => {
            device_mut(facts, device).probe = Some(Probe { residue: Some(Residue::default()), ..Probe::default() });
        }
        Action::CreateVolumeGroup { volume_group, devices } => {
            assert!(facts.volume_group(volume_group).is_none(), "the group is new");
            let group = VolumeGroup {
                name: volume_group.clone(),
                extent_size: 4 << 20,
                writable: true,
                ..VolumeGroup::default()
            };
            facts.volume_groups.push(group);
            devices.iter().for_each(|disk| take(facts, volume_group, disk));
        }
        Action::ExtendVolumeGroup { volume_group, devices } => {
            devices.iter().for_each(|disk| take(facts, volume_group, disk))
        }
        Action::CreateVolume { volume_group, volume, extents } => {
            let minor = facts.block_devices.len() + 100;
            let number = format!("254:{minor}");
            let size = *extents * group_mut(facts, volume_group).extent_size;
            allocate(facts, volume_group, *extents);
            group_mut(facts, volume_group).logical_volumes.push(plain(volume, &number, *extents));
            let mapper = atomhost::resources::volumes::mapper_path(volume_group, volume);
            let mut device = mapped(&format!("dm-{minor}"), &number, size, mapper.trim_start_matches("/dev/mapper/"));
            device.probe = Some(Probe::default());
            facts.block_devices.push(device);
        }
        Action::ExtendVolume { volume_group, volume, from_extents, to_extents } => {
            allocate(facts, volume_group, to_extents.checked_sub(*from_extents).expect("a volume only grows"));
            let lv = lv_mut(facts, volume_group, volume);
            assert_eq!(lv.extents, *from_extents);
            lv.extents = *to_extents;
        }
        Action::ActivateVolume { volume_group, volume } => lv_mut(facts, volume_group, volume).active = true,
        Action::MakeFilesystem { device, fstype, .. } => {
            let device = device_mut(facts, device);
            assert!(device.probe.as_ref().is_some_and(Probe::is_blank), "mkfs only on what is blank");
            let filesystem = FilesystemProbe {
                fstype: fstype.as_str().into(),
                size: Some(device.size),
                block_size: 4096,
                ..FilesystemProbe::default()
            };
            device.probe = Some(Probe {
                signatures: vec![fstype.as_str().into()],
                filesystem: Some(filesystem),
                ..Probe::default()
            });
        }
        Action::GrowFilesystem { path, to, from, .. } => {
            assert!(to > from, "a file system only grows");
            facts.mounts.iter_mut().filter(|mount| mount.path == *path).for_each(|mount| mount.size = Some(*to));
        }
        Action::CreateDirectory { path, .. } => facts.directories.push(path.clone()),
        Action::WriteFile { path, before, after, .. } => write_file(facts, path, before.as_ref(), after),
        Action::ReloadSystemd => {}
        Action::Mount { path } => mount(facts, path),
        Action::DisableSwap { device } => {
            let number = device_mut(facts, device).number.clone();
            facts.swaps.retain(|swap| swap.device_number.as_ref() != Some(&number));
        }
        Action::MakeSwap { device, size, .. } => {
            let probe = SwapProbe { uuid: "swap".into(), size: *size };
            device_mut(facts, device).probe =
                Some(Probe { signatures: vec!["swap".into()], swap: Some(probe), ..Probe::default() });
        }
        Action::EnableSwap { device } => {
            let device = device_mut(facts, device);
            let size = device.probe.as_ref().and_then(|probe| probe.swap.as_ref()).expect("a swap area").size;
            let number = Some(device.number.clone());
            facts.swaps.push(Swap {
                source: "/dev/dm-9".into(),
                device_number: number,
                size: size - 4096,
                ..Swap::default()
            });
        }
        pool => apply_pool(facts, pool),
    }
}

fn apply_pool(facts: &mut Facts, action: &Action) {
    match action {
        Action::CreateThinPool(NewThinPool {
            volume_group,
            pool,
            data_extents,
            metadata_extents,
            chunk,
            zero,
            when_full,
            profile,
            ..
        }) => {
            let spare = missing_spare(facts, volume_group, *metadata_extents);
            allocate(facts, volume_group, data_extents + metadata_extents + spare);
            let settings = Pool {
                data_extents: *data_extents,
                metadata_extents: *metadata_extents,
                chunk: *chunk,
                zero: *zero,
                when_full: when_full.as_str().into(),
                monitor: "monitored".into(),
                profile: profile.clone().unwrap_or_default(),
                data_used: Some(0),
                metadata_used: Some(100),
                needs_check: false,
            };
            let group = group_mut(facts, volume_group);
            let lv = |name: String, role, extents, pool| LogicalVolume {
                name,
                role,
                extents,
                pool,
                active: true,
                ..LogicalVolume::default()
            };
            group.logical_volumes.push(lv(pool.clone(), Role::ThinPool, 0, Some(settings)));
            let part = |name: String, role, extents| LogicalVolume {
                segment_type: "linear".into(),
                ..lv(name, role, extents, None)
            };
            group.logical_volumes.push(part(format!("{pool}_tdata"), Role::ThinPoolData, *data_extents));
            group.logical_volumes.push(part(format!("{pool}_tmeta"), Role::ThinPoolMetadata, *metadata_extents));
            grow_spare(facts, volume_group, spare);
        }
        Action::RemoveThinPool { volume_group, pool, thin_volumes, .. } => {
            let group = group_mut(facts, volume_group);
            let found: Vec<String> = group.thin_volumes(pool).map(|lv| lv.name.clone()).collect();
            assert_eq!(*thin_volumes, found, "what goes was named");
            let parts = [pool.clone(), format!("{pool}_tdata"), format!("{pool}_tmeta")];
            group.logical_volumes.retain(|lv| !parts.contains(&lv.name) && !found.contains(&lv.name));
            if !group.logical_volumes.iter().any(|lv| lv.role == Role::ThinPoolMetadata) {
                group.logical_volumes.retain(|lv| lv.role != Role::MetadataSpare);
            }
            group.free_extents = group.extents - group.logical_volumes.iter().map(|lv| lv.extents).sum::<u64>();
        }
        Action::RemoveUnfinished { volume_group, volume, uuid } => {
            let group = group_mut(facts, volume_group);
            let at = group.logical_volumes.iter().position(|lv| lv.name == *volume && lv.uuid == *uuid);
            let gone = group.logical_volumes.remove(at.expect("it is there"));
            assert!(gone.role == Role::Plain && !gone.open, "{gone:?}");
            group.free_extents += gone.extents;
        }
        Action::StopUnit { unit } => facts.units.get_mut(unit).expect("a unit").active_state = "inactive".into(),
        Action::StartUnit { unit } => facts.units.get_mut(unit).expect("a unit").active_state = "active".into(),
        Action::ExtendPoolMetadata { volume_group, pool, from_extents, to_extents, .. } => {
            let spare = missing_spare(facts, volume_group, *to_extents);
            allocate(facts, volume_group, to_extents.checked_sub(*from_extents).expect("metadata only grows") + spare);
            lv_mut(facts, volume_group, &format!("{pool}_tmeta")).extents = *to_extents;
            pool_mut(facts, volume_group, pool).metadata_extents = *to_extents;
            grow_spare(facts, volume_group, spare);
        }
        Action::ExtendPoolData { volume_group, pool, from_extents, to_extents } => {
            allocate(facts, volume_group, to_extents.checked_sub(*from_extents).expect("data only grows"));
            lv_mut(facts, volume_group, &format!("{pool}_tdata")).extents = *to_extents;
            pool_mut(facts, volume_group, pool).data_extents = *to_extents;
        }
        Action::SetPoolZeroing { volume_group, pool, zero } => pool_mut(facts, volume_group, pool).zero = *zero,
        Action::SetPoolWhenFull { volume_group, pool, when_full } => {
            let (WhenFull::Error | WhenFull::Queue) = when_full;
            pool_mut(facts, volume_group, pool).when_full = when_full.as_str().into();
        }
        Action::AttachPoolProfile { volume_group, pool, profile } => {
            pool_mut(facts, volume_group, pool).profile = profile.clone()
        }
        Action::MonitorPool { volume_group, pool } => pool_mut(facts, volume_group, pool).monitor = "monitored".into(),
        other => unreachable!("{other:?} is handled by its caller"),
    }
}

/// What lvcreate has written when it is cut off while it makes a pool: a volume that is to become the spare, or, once
/// there is a spare, one of the pool's name that is to become its metadata.
pub fn cut_pool(facts: &mut Facts, action: &Action, at_metadata: bool) {
    let Action::CreateThinPool(NewThinPool { volume_group, pool, metadata_extents, .. }) = action else {
        unreachable!("{action:?} makes no pool")
    };
    let missing = missing_spare(facts, volume_group, *metadata_extents);
    let first_spare = spare(facts, volume_group) == 0;
    let name = match at_metadata || !first_spare {
        true => {
            allocate(facts, volume_group, missing);
            grow_spare(facts, volume_group, missing);
            pool.clone()
        }
        false => "lvol0".to_owned(),
    };
    allocate(facts, volume_group, *metadata_extents);
    group_mut(facts, volume_group).logical_volumes.push(LogicalVolume {
        name,
        uuid: "half-made".into(),
        extents: *metadata_extents,
        segment_type: "linear".into(),
        ..LogicalVolume::default()
    });
}

fn group_mut<'a>(facts: &'a mut Facts, name: &str) -> &'a mut VolumeGroup {
    facts.volume_groups.iter_mut().find(|group| group.name == name).expect("the group")
}

fn lv_mut<'a>(facts: &'a mut Facts, group: &str, name: &str) -> &'a mut LogicalVolume {
    group_mut(facts, group).logical_volumes.iter_mut().find(|lv| lv.name == name).expect("the volume")
}

fn pool_mut<'a>(facts: &'a mut Facts, group: &str, name: &str) -> &'a mut Pool {
    lv_mut(facts, group, name).pool.as_mut().expect("a pool")
}

fn device_mut<'a>(facts: &'a mut Facts, path: &str) -> &'a mut BlockDevice {
    let number = facts.device_at(path).unwrap_or_else(|| panic!("the device {path}")).number.clone();
    facts.block_devices.iter_mut().find(|device| device.number == number).expect("the device")
}

fn allocate(facts: &mut Facts, group: &str, extents: u64) {
    let group = group_mut(facts, group);
    group.free_extents = group.free_extents.checked_sub(extents).expect("enough free extents");
}

fn spare(facts: &Facts, group: &str) -> u64 {
    let group = facts.volume_group(group).expect("the group");
    group.logical_volumes.iter().filter(|lv| lv.role == Role::MetadataSpare).map(|lv| lv.extents).sum()
}

/// Extents that the spare lacks for metadata of this size.
fn missing_spare(facts: &Facts, group: &str, metadata: u64) -> u64 {
    metadata.saturating_sub(spare(facts, group))
}

fn grow_spare(facts: &mut Facts, group: &str, by: u64) {
    let group = group_mut(facts, group);
    match group.logical_volumes.iter_mut().find(|lv| lv.role == Role::MetadataSpare) {
        Some(lv) => lv.extents += by,
        None => group.logical_volumes.push(LogicalVolume {
            name: "lvol0_pmspare".into(),
            role: Role::MetadataSpare,
            extents: by,
            ..LogicalVolume::default()
        }),
    }
}

fn take(facts: &mut Facts, group: &str, disk: &DiskTaken) {
    let device = device_mut(facts, &disk.device);
    let may_hold_data = |probe: &Probe| if disk.consented { probe.is_blank() } else { probe.is_zeroed() };
    assert!(device.probe.as_ref().is_some_and(may_hold_data) || disk.resumed, "only blank disks are taken");
    device.probe = None;
    let group = group_mut(facts, group);
    let extents = (disk.size - (1 << 20)) / group.extent_size;
    group.extents += extents;
    group.free_extents += extents;
    group.physical_volumes.push(PhysicalVolume {
        device: disk.device.clone(),
        uuid: format!("pv-{}", disk.device),
        device_size: disk.size,
        extents_start: 1 << 20,
        extents,
        ..PhysicalVolume::default()
    });
}

fn write_file(facts: &mut Facts, path: &str, before: Option<&String>, after: &str) {
    if path == "/etc/fstab" {
        assert_eq!(facts.fstab.text.as_ref(), before, "fstab is as the plan saw it");
        facts.fstab.text = Some(after.to_owned());
    } else if let Some(name) = path.strip_prefix("/etc/lvm/profile/").and_then(|name| name.strip_suffix(".profile")) {
        facts.lvm_profiles.insert(name.to_owned(), after.to_owned());
    } else {
        unreachable!("{path} is no file of a storage plan");
    }
}

fn mount(facts: &mut Facts, path: &str) {
    let text = facts.fstab.text.clone().unwrap_or_default();
    let entry = atomhost::fstab::parse(&text)
        .into_iter()
        .find(|entry| facts.resolved(&entry.path) == path)
        .expect("mount(8) finds the path in fstab");
    assert!(facts.directories.iter().any(|directory| directory == path), "the mount point exists");
    let device = facts.device_at(&entry.source);
    let size = device.and_then(|device| device.probe.as_ref()?.filesystem.as_ref()?.size);
    let device_number = device.map_or_else(|| "0:50".to_owned(), |device| device.number.clone());
    facts.mounts.push(Mount {
        id: 100,
        source: entry.source,
        path: path.to_owned(),
        fstype: entry.fstype,
        device_number,
        root: "/".into(),
        size,
        block_size: 4096,
        ..Mount::default()
    });
}
