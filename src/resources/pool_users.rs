//! Who uses a thin pool: mounts, swap, open devices, and what others build on it.

use super::volumes::mapper_path;
use crate::facts::{BlockDevice, Facts, LogicalVolume};

/// Where container engines mount what they have in a pool; they let go of it when they stop.
const ENGINES: [&str; 4] = ["/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/run/containers"];

/// One use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The thin volume, or the device built on the pool.
    pub object: String,
    /// Such as `is mounted on /mnt`.
    pub how: String,
    /// It looks like that of a container engine.
    pub by_engine: bool,
}

/// Every use of the pool `group`/`pool` that the facts show.
pub fn uses(facts: &Facts, group: &str, pool: &str) -> Vec<Use> {
    let Some(observed) = facts.volume_group(group) else { return Vec::new() };
    let volumes = observed.thin_volumes(pool).flat_map(|lv| of_volume(facts, group, lv));
    let foreign = foreign_devices(facts, group, pool).into_iter().map(|device| {
        let name = device.links.first().cloned().unwrap_or_else(|| device.path());
        let mount = facts.mounts.iter().find(|mount| mount.device_number == device.number);
        let how = match mount {
            Some(mount) => format!("is built on the pool, and mounted on {}", mount.path),
            None => "is built on the pool".to_owned(),
        };
        // Docker's devicemapper driver makes devices that LVM does not know.
        Use { object: name.trim_start_matches("/dev/mapper/").to_owned(), how, by_engine: true }
    });
    volumes.chain(foreign).collect()
}

fn of_volume(facts: &Facts, group: &str, lv: &LogicalVolume) -> Vec<Use> {
    let object = format!("{group}/{}", lv.name);
    let number = lv.device_number.as_deref();
    let one = |how: String, by_engine| Use { object: object.clone(), how, by_engine };
    let is = |other: &str| number == Some(other);
    let mut uses: Vec<Use> = facts
        .mounts
        .iter()
        .filter(|mount| is(&mount.device_number))
        .map(|mount| one(format!("is mounted on {}", mount.path), is_of_engine(&mount.path)))
        .collect();
    if facts.swaps.iter().any(|swap| swap.device_number.as_deref().is_some_and(is)) {
        uses.push(one("is active swap".to_owned(), false));
    }
    let holders = number.and_then(|number| facts.device(number)).map(|device| device.holders.as_slice());
    uses.extend(holders.unwrap_or_default().iter().map(|holder| one(format!("is held by {holder}"), false)));
    if uses.is_empty() && lv.open {
        // A mount in a container's own namespace is not among ours.
        uses.push(one("is open: a process or a container has it".to_owned(), true));
    }
    uses
}

fn is_of_engine(path: &str) -> bool {
    ENGINES.iter().any(|engine| path.strip_prefix(engine).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Devices built on the pool that are no volumes of its group.
fn foreign_devices<'a>(facts: &'a Facts, group: &str, pool: &str) -> Vec<&'a BlockDevice> {
    let Some(observed) = facts.volume_group(group) else { return Vec::new() };
    let own: Vec<&str> = observed.logical_volumes.iter().filter_map(|lv| lv.device_number.as_deref()).collect();
    let visible = mapper_path(group, pool);
    // LVM's own layer beneath the pool once it has thin volumes.
    let beneath = format!("{visible}-tpool");
    let pools = facts.block_devices.iter().filter(|device| device.links.iter().any(|l| *l == visible || *l == beneath));
    let layers: Vec<&BlockDevice> = pools.collect();
    let holders = layers.iter().flat_map(|device| &device.holders);
    let mut foreign: Vec<&BlockDevice> = holders
        .filter_map(|name| facts.block_devices.iter().find(|device| device.name == *name))
        .filter(|device| !own.contains(&device.number.as_str()))
        .filter(|device| !layers.iter().any(|layer| layer.number == device.number))
        .collect();
    foreign.dedup_by(|one, other| one.number == other.number);
    foreign
}
