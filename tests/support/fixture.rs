//! The stock host: 10 GiB sda with a 3 GiB root volume in `atomicos`, and blank disks beside it.

use atomhost::facts::*;

pub const EXTENT: u64 = 4 << 20;
pub const GIB: u64 = 1 << 30;

/// The stock host with blank disks of these sizes (bytes) as sdb, sdc, …, serials DATA1, DATA2, …
pub fn stock_host(disks: &[u64]) -> Facts {
    let sda2_size = 10 * GIB - (301 << 20);
    let extents = (sda2_size - (1 << 20)) / EXTENT;
    let root = 768;
    let mut facts = Facts {
        version: FACTS_VERSION,
        hostname: "host1".into(),
        memory: Memory { available: 800 << 20, total: GIB },
        fstab: Fstab { text: Some("/dev/mapper/atomicos-root / xfs defaults 0 0\n".into()), ..Fstab::default() },
        directories: vec!["/var/srv".into()],
        ..Facts::default()
    };
    facts.block_devices = vec![
        BlockDevice {
            name: "sda".into(),
            number: "8:0".into(),
            size: 10 * GIB,
            serials: vec!["SYSTEM".into()],
            ..BlockDevice::default()
        },
        BlockDevice {
            name: "sda2".into(),
            number: "8:2".into(),
            size: sda2_size,
            kind: BlockKind::Partition,
            parent: Some("sda".into()),
            partition: Some(Partition { table: PartitionTable::Dos, number: 2, start: 301 << 20, room: 0 }),
            holders: vec!["dm-0".into()],
            ..BlockDevice::default()
        },
        mapped("dm-0", "254:0", root * EXTENT, "atomicos-root"),
    ];
    for (at, size) in disks.iter().enumerate() {
        facts.block_devices.push(blank_disk(at, *size));
    }
    facts.volume_groups = vec![VolumeGroup {
        name: "atomicos".into(),
        uuid: "vg-uuid".into(),
        extent_size: EXTENT,
        extents,
        free_extents: extents - root,
        seqno: 2,
        writable: true,
        physical_volumes: vec![PhysicalVolume {
            device: "/dev/sda2".into(),
            uuid: "pv-sda2".into(),
            device_size: sda2_size,
            extents_start: 1 << 20,
            extents,
            allocated_extents: root,
            ..PhysicalVolume::default()
        }],
        logical_volumes: vec![plain("root", "254:0", root)],
        ..VolumeGroup::default()
    }];
    facts.mounts = vec![Mount {
        id: 1,
        source: "/dev/mapper/atomicos-root".into(),
        path: "/".into(),
        fstype: "xfs".into(),
        device_number: "254:0".into(),
        root: "/".into(),
        size: Some(root * EXTENT),
        block_size: 4096,
        ..Mount::default()
    }];
    facts
}

pub fn blank_disk(at: usize, size: u64) -> BlockDevice {
    BlockDevice {
        name: format!("sd{}", char::from(b'b' + at as u8)),
        number: format!("8:{}", 16 * (at + 1)),
        size,
        serials: vec![format!("DATA{}", at + 1)],
        probe: Some(Probe::default()),
        ..BlockDevice::default()
    }
}

pub fn mapped(name: &str, number: &str, size: u64, mapper: &str) -> BlockDevice {
    BlockDevice {
        name: name.into(),
        number: number.into(),
        size,
        kind: BlockKind::Mapped,
        links: vec![format!("/dev/mapper/{mapper}")],
        ..BlockDevice::default()
    }
}

pub fn plain(name: &str, number: &str, extents: u64) -> LogicalVolume {
    LogicalVolume {
        name: name.into(),
        uuid: format!("lv-{name}"),
        extents,
        size: extents * EXTENT,
        active: true,
        device_number: Some(number.into()),
        segment_type: "linear".into(),
        ..LogicalVolume::default()
    }
}
