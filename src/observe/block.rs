//! Block devices, from /sys/class/block and udev's database.

use super::ObserveError;
use crate::facts::{BlockDevice, BlockKind, Partition, PartitionTable};
use crate::host::{HostError, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// sysfs counts in sectors of 512 bytes, whatever the device's own are.
const SECTOR: u64 = 512;
/// Partitions end on this boundary when they grow.
const ALIGNMENT: u64 = 1 << 20;

/// Every block device with a size, by kernel name.
///
/// # Errors
/// /sys/class/block cannot be read.
pub fn read(reader: &Reader) -> Result<Vec<BlockDevice>, ObserveError> {
    const CLASS: &str = "/sys/class/block";
    let entries = std::fs::read_dir(reader.path(CLASS)).map_err(|source| HostError::File {
        doing: "read",
        path: CLASS.to_owned(),
        source,
    })?;
    let links = links(reader);
    let mut devices: Vec<BlockDevice> =
        entries.flatten().filter_map(|entry| device(reader, &entry.path(), &links)).collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    let rooms: Vec<Option<u64>> = devices.iter().map(|device| room(device, &devices)).collect();
    for (device, room) in devices.iter_mut().zip(rooms) {
        if let (Some(partition), Some(room)) = (&mut device.partition, room) {
            partition.room = room;
        }
    }
    Ok(devices)
}

/// A file of sysfs, trimmed; empty when there is none.
fn attribute(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn figure(folder: &Path, name: &str) -> u64 {
    attribute(folder, name).parse().unwrap_or(0)
}

/// The size in bytes that the kernel knows a device with now; `None` when there is no such device.
///
/// # Errors
/// It cannot be read.
pub fn size(reader: &Reader, path: &str) -> Result<Option<u64>, HostError> {
    // In sysfs the name of /dev/cciss/c0d0p1 is cciss!c0d0p1.
    let name = path.trim_start_matches("/dev/").replace('/', "!");
    let text = reader.read_optional(&format!("/sys/class/block/{name}/size"))?;
    Ok(text.and_then(|text| text.trim().parse::<u64>().ok()).map(|sectors| sectors * SECTOR))
}

/// `None` for a device without a size: an empty loop device, a drive without a medium.
fn device(reader: &Reader, folder: &Path, links: &BTreeMap<String, Vec<String>>) -> Option<BlockDevice> {
    let size = figure(folder, "size") * SECTOR;
    if size == 0 {
        return None;
    }
    let entry = folder.file_name()?.to_string_lossy();
    let name = entry.replace('!', "/");
    let number = attribute(folder, "dev");
    let udev = udev(reader, &number);
    // The class's entry links to …/block/sda/sda2.
    let link = std::fs::read_link(folder).unwrap_or_default();
    let parent = link.parent().and_then(Path::file_name).filter(|_| folder.join("partition").exists());
    let partition = parent.map(|_| Partition {
        table: table(udev.value("ID_PART_ENTRY_SCHEME")),
        number: attribute(folder, "partition").parse().unwrap_or(0),
        start: figure(folder, "start") * SECTOR,
        room: 0,
    });
    let mapper = if name.starts_with("dm-") { attribute(folder, "dm/name") } else { String::new() };
    let mut all_links: BTreeSet<String> = links.get(&name).cloned().unwrap_or_default().into_iter().collect();
    all_links.extend(udev.links.iter().map(|link| format!("/dev/{link}")));
    if !mapper.is_empty() {
        all_links.insert(format!("/dev/mapper/{mapper}"));
    }
    let kind = kind(&name, partition.is_some());
    Some(BlockDevice {
        size,
        read_only: attribute(folder, "ro") == "1",
        holders: names_in(&folder.join("holders")),
        serials: if kind == BlockKind::Disk { serials(folder, &udev) } else { Vec::new() },
        links: all_links.into_iter().collect(),
        number,
        parent: parent.map(|parent| parent.to_string_lossy().into_owned()),
        partition,
        busy: false,
        probe: None,
        kind,
        name,
    })
}

fn kind(name: &str, is_partition: bool) -> BlockKind {
    const OTHER: [&str; 8] = ["loop", "ram", "sr", "fd", "md", "zram", "nbd", "mtdblock"];
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if OTHER.contains(&family) {
        BlockKind::Other
    } else if is_partition {
        BlockKind::Partition
    } else if family == "dm-" {
        BlockKind::Mapped
    } else {
        BlockKind::Disk
    }
}

fn table(scheme: Option<&str>) -> PartitionTable {
    match scheme {
        Some("gpt") => PartitionTable::Gpt,
        Some("dos") => PartitionTable::Dos,
        _ => PartitionTable::Unknown,
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// udev's record of a device: links below /dev, and properties.
#[derive(Default)]
struct Udev {
    links: Vec<String>,
    properties: BTreeMap<String, String>,
}

impl Udev {
    fn value(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }
}

fn udev(reader: &Reader, number: &str) -> Udev {
    // No record is no error: udev may not run, or not have seen the device yet.
    let text = reader.read_optional(&format!("/run/udev/data/b{number}")).ok().flatten().unwrap_or_default();
    parse_udev(&text)
}

fn parse_udev(text: &str) -> Udev {
    let mut udev = Udev::default();
    for line in text.lines() {
        if let Some(link) = line.strip_prefix("S:") {
            udev.links.push(link.to_owned());
        } else if let Some((key, value)) = line.strip_prefix("E:").and_then(|property| property.split_once('=')) {
            udev.properties.insert(key.to_owned(), value.to_owned());
        }
    }
    udev
}

/// Every serial number by which a disk may be named: udev's, else the kernel's own.
fn serials(folder: &Path, udev: &Udev) -> Vec<String> {
    const KEYS: [&str; 4] = ["ID_SCSI_SERIAL", "SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
    let mut serials: Vec<String> = KEYS.iter().filter_map(|key| udev.value(key)).map(str::to_owned).collect();
    if serials.is_empty() {
        serials.push(attribute(folder, "serial"));
        serials.push(attribute(folder, "device/serial"));
        let page = std::fs::read(folder.join("device/vpd_pg80")).unwrap_or_default();
        serials.push(unit_serial_number(&page));
    }
    let mut seen = BTreeSet::new();
    serials.retain(|serial| !serial.is_empty() && seen.insert(serial.clone()));
    serials
}

/// SPC-4's Unit Serial Number page (80h): four bytes of header, then text.
fn unit_serial_number(page: &[u8]) -> String {
    let Some(length) = page.get(2..4).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]]))) else {
        return String::new();
    };
    let text = page.get(4..(4 + length).min(page.len())).unwrap_or_default();
    String::from_utf8_lossy(text).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

/// The links of /dev/disk by the kernel name that they mean; only for a host without udev's database,
/// which has them all.
fn links(reader: &Reader) -> BTreeMap<String, Vec<String>> {
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if reader.path("/run/udev/data").is_dir() {
        return links;
    }
    for folder in ["by-id", "by-path", "by-partuuid"] {
        let folder = format!("/dev/disk/{folder}");
        for link in names_in(&reader.path(&folder)) {
            let link = format!("{folder}/{link}");
            let target = std::fs::read_link(reader.path(&link)).unwrap_or_default();
            if let Some(name) = target.file_name() {
                links.entry(name.to_string_lossy().into_owned()).or_default().push(link);
            }
        }
    }
    links
}

/// Bytes that a partition could grow by: to the next partition, or to the last whole MiB of the disk
/// that leaves room for a GPT's second header.
fn room(device: &BlockDevice, devices: &[BlockDevice]) -> Option<u64> {
    let start = device.partition.as_ref()?.start;
    let end = start + device.size;
    let disk = devices.iter().find(|disk| Some(&disk.name) == device.parent.as_ref())?;
    let siblings = devices.iter().filter(|other| other.parent == device.parent && other.name != device.name);
    let starts = siblings.filter_map(|other| other.partition.as_ref()).map(|partition| partition.start);
    let next = starts.filter(|start| *start >= end).min();
    let limit = next.unwrap_or(disk.size.saturating_sub(ALIGNMENT)) / ALIGNMENT * ALIGNMENT;
    // An extended partition lies around others: nothing behind it is its own to take.
    Some(limit.saturating_sub(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udev_records() {
        let udev = parse_udev(
            "S:disk/by-id/scsi-0QEMU_DATA1\nE:ID_SERIAL=0QEMU_DATA1\nE:ID_PART_ENTRY_SCHEME=gpt\nG:systemd\n",
        );
        assert_eq!(udev.links, ["disk/by-id/scsi-0QEMU_DATA1"]);
        assert_eq!(udev.value("ID_SERIAL"), Some("0QEMU_DATA1"));
        assert_eq!(table(udev.value("ID_PART_ENTRY_SCHEME")), PartitionTable::Gpt);
    }

    #[test]
    fn kinds_by_name() {
        let rows = [
            ("sda", false, BlockKind::Disk),
            ("nvme0n1", false, BlockKind::Disk),
            ("vda1", true, BlockKind::Partition),
            ("dm-3", false, BlockKind::Mapped),
            ("loop0", false, BlockKind::Other),
            ("sr0", false, BlockKind::Other),
            ("md127", false, BlockKind::Other),
        ];
        for (name, partition, expected) in rows {
            assert_eq!(kind(name, partition), expected, "{name}");
        }
    }

    #[test]
    fn serial_number_pages() {
        assert_eq!(unit_serial_number(b"\0\x80\0\x05DATA1"), "DATA1");
        assert_eq!(unit_serial_number(b"\0\x80\0\x08  DATA1 "), "DATA1");
        assert_eq!(unit_serial_number(b"\0\x80"), "");
        assert_eq!(unit_serial_number(b"\0\x80\0\xffcut"), "cut");
    }

    #[test]
    fn room_behind_a_partition() {
        let gib = 1u64 << 30;
        let disk = BlockDevice { name: "sda".into(), size: 20 * gib, ..BlockDevice::default() };
        let part = |name: &str, start: u64, size: u64| BlockDevice {
            name: name.into(),
            size,
            parent: Some("sda".into()),
            partition: Some(Partition { start, ..Partition::default() }),
            ..BlockDevice::default()
        };
        let devices = [disk, part("sda1", 1 << 20, gib), part("sda2", 2 * gib, 8 * gib)];
        let rooms: Vec<_> = devices.iter().map(|device| room(device, &devices)).collect();
        assert_eq!(rooms, [None, Some(gib - (1 << 20)), Some(10 * gib - (1 << 20))]);
    }
}
