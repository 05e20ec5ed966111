//! Look-ups into facts, made once where many are needed: a host may have a thousand volumes on a hundred disks, and
//! looking for each of them among all the others takes time that grows with the square.

use super::{BlockDevice, BlockKind, Facts, LogicalVolume, Mount, PhysicalVolume, Swap, VolumeGroup};
use std::collections::{HashMap, HashSet};

/// Facts with their look-ups. Where names are not unique, the first one counts, as for [`Facts`]' own functions.
pub struct Index<'a> {
    pub facts: &'a Facts,
    /// Places in `facts.block_devices`.
    names: HashMap<&'a str, usize>,
    links: HashMap<&'a str, usize>,
    numbers: HashMap<&'a str, usize>,
    serials: HashMap<&'a str, Vec<&'a BlockDevice>>,
    partitions: HashMap<&'a str, Vec<&'a BlockDevice>>,
    physical_volumes: HashMap<&'a str, Vec<(&'a VolumeGroup, &'a PhysicalVolume)>>,
    orphans: HashSet<&'a str>,
    logical_volumes: HashMap<(&'a str, &'a str), &'a LogicalVolume>,
    mounts: HashMap<&'a str, &'a Mount>,
    mount_points: HashMap<&'a str, &'a Mount>,
    swaps: HashMap<&'a str, &'a Swap>,
    directories: HashSet<&'a str>,
}

impl<'a> Index<'a> {
    pub fn new(facts: &'a Facts) -> Self {
        let mut index = Self {
            facts,
            names: HashMap::new(),
            links: HashMap::new(),
            numbers: HashMap::new(),
            serials: HashMap::new(),
            partitions: HashMap::new(),
            physical_volumes: HashMap::new(),
            orphans: HashSet::new(),
            logical_volumes: HashMap::new(),
            mounts: HashMap::new(),
            mount_points: facts.mounts.iter().map(|mount| (mount.path.as_str(), mount)).collect(),
            swaps: HashMap::new(),
            directories: facts.directories.iter().map(String::as_str).collect(),
        };
        index.add_block_devices();
        index.add_volume_groups();
        for mount in &facts.mounts {
            let known = index.mounts.entry(&mount.device_number).or_insert(mount);
            let rank = |mount: &Mount| (mount.is_read_only(), mount.root != "/");
            if rank(mount) < rank(known) {
                *known = mount;
            }
        }
        for swap in &facts.swaps {
            if let Some(number) = &swap.device_number {
                index.swaps.entry(number).or_insert(swap);
            }
        }
        index
    }

    fn add_block_devices(&mut self) {
        for (at, device) in self.facts.block_devices.iter().enumerate() {
            self.names.entry(&device.name).or_insert(at);
            self.numbers.entry(&device.number).or_insert(at);
            for link in &device.links {
                self.links.entry(link).or_insert(at);
            }
            if let Some(parent) = &device.parent {
                self.partitions.entry(parent).or_default().push(device);
            }
            if device.kind != BlockKind::Disk {
                continue;
            }
            for serial in &device.serials {
                let known = self.serials.entry(serial).or_default();
                if known.last().is_none_or(|last| !std::ptr::eq(*last, device)) {
                    known.push(device);
                }
            }
        }
    }

    fn add_volume_groups(&mut self) {
        for group in &self.facts.volume_groups {
            for pv in &group.physical_volumes {
                if let Some(device) = self.device_at(&pv.device) {
                    self.physical_volumes.entry(&device.number).or_default().push((group, pv));
                }
            }
            for lv in &group.logical_volumes {
                self.logical_volumes.entry((&group.name, &lv.name)).or_insert(lv);
            }
        }
        for pv in &self.facts.orphans {
            if let Some(device) = self.device_at(&pv.device) {
                self.orphans.insert(&device.number);
            }
        }
    }

    /// The block device with this `major:minor`.
    pub fn device(&self, number: &str) -> Option<&'a BlockDevice> {
        self.numbers.get(number).map(|at| &self.facts.block_devices[*at])
    }

    /// The block device that a path names: by kernel name or by any of its links.
    pub fn device_at(&self, path: &str) -> Option<&'a BlockDevice> {
        let name = path.strip_prefix("/dev/").and_then(|name| self.names.get(name));
        let at = name.into_iter().chain(self.links.get(path)).min()?;
        Some(&self.facts.block_devices[*at])
    }

    /// Whole disks that have this serial number.
    pub fn disks_with_serial(&self, serial: &str) -> &[&'a BlockDevice] {
        self.serials.get(serial).map_or(&[], Vec::as_slice)
    }

    /// The partitions on a disk.
    pub fn partitions(&self, disk: &BlockDevice) -> &[&'a BlockDevice] {
        self.partitions.get(disk.name.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The physical volumes on a device, with their groups: one at most, unless something is wrong.
    pub fn physical_volumes(&self, device: &BlockDevice) -> &[(&'a VolumeGroup, &'a PhysicalVolume)] {
        self.physical_volumes.get(device.number.as_str()).map_or(&[], Vec::as_slice)
    }

    /// Whether the device is a physical volume of no group.
    pub fn is_orphan(&self, device: &BlockDevice) -> bool {
        self.orphans.contains(device.number.as_str())
    }

    pub fn logical_volume(&self, group: &str, name: &str) -> Option<&'a LogicalVolume> {
        self.logical_volumes.get(&(group, name)).copied()
    }

    /// A mount of the device with this `major:minor`, through which its file system can be changed: a writable
    /// one first, then one of all of it before one of a directory in it. Where OSTree deploys the root, that of
    /// all of it, /sysroot, may be read-only.
    pub fn mount_of(&self, number: &str) -> Option<&'a Mount> {
        self.mounts.get(number).copied()
    }

    /// What is mounted on a resolved path: the last one, which is the one that is seen.
    pub fn mount_on(&self, path: &str) -> Option<&'a Mount> {
        self.mount_points.get(path).copied()
    }

    /// The active swap area on the device with this `major:minor`.
    pub fn swap_on(&self, number: &str) -> Option<&'a Swap> {
        self.swaps.get(number).copied()
    }

    /// Whether a mount point of the profile, resolved, is there.
    pub fn is_directory(&self, path: &str) -> bool {
        self.directories.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_names_counts_as_in_the_facts() {
        let device = |name: &str, number: &str, links: &[&str]| BlockDevice {
            name: name.into(),
            number: number.into(),
            links: links.iter().map(|link| (*link).to_owned()).collect(),
            serials: vec!["S1".into(), "S1".into()],
            ..BlockDevice::default()
        };
        // A link that has another device's name, and one that two devices claim.
        let facts = Facts {
            block_devices: vec![
                device("sda", "8:0", &["/dev/disk/by-id/twin", "/dev/sdc"]),
                device("sdb", "8:16", &["/dev/disk/by-id/twin"]),
                device("sdc", "8:32", &[]),
            ],
            ..Facts::default()
        };
        let index = Index::new(&facts);
        for path in ["/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/disk/by-id/twin", "/dev/sdd", "sda", "/dev/"] {
            assert_eq!(index.device_at(path), facts.device_at(path), "{path}");
        }
        assert_eq!(index.device("8:16"), facts.device("8:16"));
        assert_eq!(index.disks_with_serial("S1").len(), 3, "a device counts once");
    }

    #[test]
    fn mounts_of_a_device_and_on_a_path() {
        let mount = |id: u32, number: &str, root: &str, path: &str| Mount {
            id,
            device_number: number.into(),
            root: root.into(),
            path: path.into(),
            ..Mount::default()
        };
        let facts = Facts {
            mounts: vec![
                mount(1, "254:0", "/dir", "/bind"),
                mount(2, "254:0", "/", "/"),
                mount(3, "254:0", "/", "/again"),
                mount(4, "254:1", "/", "/bind"),
            ],
            ..Facts::default()
        };
        let index = Index::new(&facts);
        assert_eq!(index.mount_of("254:0").map(|mount| mount.id), Some(2));
        assert_eq!(index.mount_on("/bind").map(|mount| mount.id), Some(4));
        assert_eq!(index.mount_on("/other"), None);
    }
}
