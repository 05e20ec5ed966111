//! A profile from a host's facts: its volume groups with their disks, volumes, swap and thin pools, and its shares.
//!
//! Sizes are the present ones. A profile's size is a lower bound, so the host stays in sync with it when it grows.

use super::Imported;
use crate::facts::index::Index;
use crate::facts::{BlockKind, Facts, LogicalVolume, PhysicalVolume, Role, VolumeGroup};
use crate::fstab::{self, Entry};
use crate::resources::thin_pool::profile_values;
use crate::size::exact;
use indexmap::IndexMap;
use serde::Serialize;
use serde_yaml::FlowMap;

#[derive(Serialize)]
struct Document {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    lvm: Option<Lvm>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    mounts: IndexMap<String, FlowMap<Share>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Lvm {
    /// The short form.
    One {
        volume_group: String,
        #[serde(flatten)]
        group: Group,
    },
    Several {
        volume_groups: IndexMap<String, Group>,
    },
}

#[derive(Serialize)]
struct Group {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disks: Vec<FlowMap<Disk>>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    volumes: IndexMap<String, FlowMap<Volume>>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    thin_pools: IndexMap<String, FlowMap<Pool>>,
}

/// One of them: as an enum it would pass its style on to all that follows.
#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Disk {
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

#[derive(Serialize)]
struct Volume {
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filesystem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<Mount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Mount {
    Path(String),
    Full { path: String, options: String },
}

#[derive(Serialize)]
struct Pool {
    size: String,
    chunk: String,
    metadata: String,
    zero: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    autoextend: Option<Autoextend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when_full: Option<String>,
}

#[derive(Serialize)]
struct Autoextend {
    threshold: u32,
    percent: u32,
}

#[derive(Serialize)]
struct Share {
    source: String,
    #[serde(rename = "type")]
    fstype: String,
    options: String,
}

/// A profile that this host should be in sync with.
///
/// # Errors
/// The profile cannot be written as YAML.
pub fn profile(facts: &Facts) -> Result<Imported, String> {
    let entries = facts.fstab.text.as_deref().map(fstab::parse).unwrap_or_default();
    let mut host = Host { facts, index: Index::new(facts), entries: &entries, left_out: Vec::new() };
    let mut groups: IndexMap<String, Group> =
        facts.volume_groups.iter().map(|group| (group.name.clone(), host.group(group))).collect();
    let lvm = match groups.len() {
        0 => None,
        1 => groups.pop().map(|(volume_group, group)| Lvm::One { volume_group, group }),
        _ => Some(Lvm::Several { volume_groups: groups }),
    };
    let document = Document { version: 1, lvm, mounts: host.shares() };
    let about = format!("The storage of {}, as it was found. Users, files and access are not in it.", facts.hostname);
    Imported::new(&about, &document, host.left_out)
}

/// Whether there is anything to import.
pub fn has_storage(facts: &Facts) -> bool {
    let entries = facts.fstab.text.as_deref().map(fstab::parse).unwrap_or_default();
    !facts.volume_groups.is_empty() || entries.iter().any(is_share)
}

fn is_share(entry: &Entry) -> bool {
    matches!(entry.fstype.as_str(), "nfs" | "nfs4")
}

struct Host<'a> {
    facts: &'a Facts,
    index: Index<'a>,
    entries: &'a [Entry],
    left_out: Vec<String>,
}

impl Host<'_> {
    fn leave_out(&mut self, what: String) {
        self.left_out.push(what);
    }

    fn group(&mut self, group: &VolumeGroup) -> Group {
        let disks = group.physical_volumes.iter().filter_map(|pv| self.disk(&group.name, pv)).map(FlowMap).collect();
        let mut found = Group { disks, volumes: IndexMap::new(), thin_pools: IndexMap::new() };
        for lv in &group.logical_volumes {
            let object = format!("{}/{}", group.name, lv.name);
            match lv.role {
                Role::Plain if lv.segment_type == "linear" => {
                    let volume = self.volume(&object, group, lv);
                    found.volumes.insert(lv.name.clone(), FlowMap(volume));
                }
                Role::Plain => self.leave_out(format!("{object}, a {} volume", lv.segment_type)),
                Role::ThinVolume => self.leave_out(format!("{object}, a thin volume")),
                Role::ThinPool => found.thin_pools.extend(self.pool(&object, group, lv)),
                Role::ThinPoolData | Role::ThinPoolMetadata | Role::MetadataSpare | Role::Hidden => {}
            }
        }
        found
    }

    /// The name that stays true over reboots. A partition came with the image, or was made by a person: no disk of
    /// the profile's to give.
    fn disk(&mut self, group: &str, pv: &PhysicalVolume) -> Option<Disk> {
        let device = if pv.missing { None } else { self.index.device_at(&pv.device) };
        let Some(device) = device else {
            self.leave_out(format!("a disk of {group} that is not there, {}", pv.uuid));
            return None;
        };
        if device.kind == BlockKind::Partition {
            self.leave_out(format!("{}, a partition in {group}; it stays in the group", device.path()));
            return None;
        }
        let unique = |serial: &&String| self.index.disks_with_serial(serial).len() == 1;
        if let Some(serial) = device.serials.iter().find(unique) {
            return Some(Disk { serial: Some(serial.clone()), ..Disk::default() });
        }
        let link = |folder: &str| device.links.iter().find_map(|link| link.strip_prefix(folder)).map(str::to_owned);
        if let by_id @ Some(_) = link("/dev/disk/by-id/") {
            return Some(Disk { by_id, ..Disk::default() });
        }
        let by_path = link("/dev/disk/by-path/");
        let path = by_path.is_none().then(|| pv.device.clone());
        Some(Disk { by_path, path, ..Disk::default() })
    }

    fn volume(&mut self, object: &str, group: &VolumeGroup, lv: &LogicalVolume) -> Volume {
        let size = exact(lv.extents * group.extent_size);
        let mut volume = Volume { size, filesystem: None, mount: None, swap: None };
        let Some(number) = lv.device_number.as_deref() else {
            self.leave_out(format!("what is in {object}, which is not active"));
            return volume;
        };
        let lines: Vec<&Entry> = self.entries.iter().filter(|entry| self.is_on(entry, number)).collect();
        let probe = self.facts.device(number).and_then(|device| device.probe.as_ref());
        if self.index.swap_on(number).is_some() || probe.is_some_and(|probe| probe.swap.is_some()) {
            match lines.iter().any(|entry| entry.fstype == "swap") {
                true => volume.swap = Some(true),
                false => self.leave_out(format!("the swap area on {object}, which has no line in fstab")),
            }
            return volume;
        }
        let mounted = self.index.mount_of(number);
        let fstype = mounted.map(|mount| mount.fstype.as_str());
        let fstype = fstype.or_else(|| Some(probe?.filesystem.as_ref()?.fstype.as_str()));
        let Some(fstype) = fstype else { return volume };
        // The system's own: grown, and otherwise the image's.
        if mounted.is_some_and(|mount| mount.path == "/") || lines.iter().any(|entry| entry.path == "/") {
            return volume;
        }
        if !matches!(fstype, "xfs" | "ext4") {
            self.leave_out(format!("the {fstype} on {object}: the profile knows xfs and ext4"));
            return volume;
        }
        volume.filesystem = Some(fstype.to_owned());
        volume.mount = match lines.as_slice() {
            [] => {
                if let Some(mount) = mounted {
                    self.leave_out(format!("the mount of {object} on {}, which has no line in fstab", mount.path));
                }
                None
            }
            [entry, ..] => Some(match entry.options.as_str() {
                "defaults" => Mount::Path(entry.path.clone()),
                options => Mount::Full { path: entry.path.clone(), options: options.to_owned() },
            }),
        };
        volume
    }

    /// Whether a line of fstab is about this device.
    fn is_on(&self, entry: &Entry, number: &str) -> bool {
        let named = self.facts.fstab.devices.get(&entry.source).map(String::as_str);
        let named = named.or_else(|| self.index.device_at(&entry.source).map(|device| device.number.as_str()));
        named == Some(number)
    }

    fn pool(&mut self, object: &str, group: &VolumeGroup, lv: &LogicalVolume) -> Option<(String, FlowMap<Pool>)> {
        let pool = lv.pool.as_ref()?;
        let values = self.facts.lvm_profiles.get(&pool.profile).map(|text| profile_values(text));
        let autoextend = match values {
            Some((Some(threshold), Some(percent))) if (50..100).contains(&threshold) => {
                Some(Autoextend { threshold, percent })
            }
            _ => None,
        };
        if autoextend.is_none() && !pool.profile.is_empty() {
            self.leave_out(format!(
                "when {object} is extended, which its metadata profile {} says otherwise",
                pool.profile
            ));
        }
        let size = |extents: u64| exact(extents * group.extent_size);
        let found = Pool {
            size: size(pool.data_extents),
            chunk: exact(pool.chunk),
            metadata: size(pool.metadata_extents),
            zero: pool.zero,
            autoextend,
            when_full: (!pool.when_full.is_empty()).then(|| pool.when_full.clone()),
        };
        Some((lv.name.clone(), FlowMap(found)))
    }

    fn shares(&self) -> IndexMap<String, FlowMap<Share>> {
        let share = |entry: &Entry| Share {
            source: entry.source.clone(),
            fstype: entry.fstype.clone(),
            options: entry.options.clone(),
        };
        self.entries
            .iter()
            .filter(|entry| is_share(entry))
            .map(|entry| (entry.path.clone(), FlowMap(share(entry))))
            .collect()
    }
}
