//! Observing a host: everything a plan may depend on, with commands that only look.
//!
//! Only LVM is asked through a command, and devices that nobody uses are probed with blkid and
//! wipefs; the rest comes from /proc, /sys, udev's database and superblocks. On a converged host
//! one external process is started.

pub mod accounts;
pub mod block;
#[cfg(test)]
mod faults;
pub mod files;
pub mod logins;
pub mod lvm;
pub mod lvm_settings;
pub mod mounts;
pub mod pam;
pub mod paths;
pub mod probe;
pub mod residue;
pub mod session;
pub mod superblock;
pub mod swaps;
pub mod units;

use self::probe::{Look, Probed};
use crate::background;
use crate::exit::{Exit, Failure};
use crate::facts::index::Index;
use crate::facts::{BlockDevice, BlockKind, FACTS_VERSION, Facts, Fstab, Memory, Role};
use crate::host::{HostError, Query, Reader, command};
use crate::profile::{Content, DiskSelector, FilesystemType, Profile};
use crate::record::{RECORD_PATH, Record};
use crate::resources::{self, Watch, disk::record_key, unfinished_pool};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a device may take to be looked at, tools included: a disk that is being replaced by its array takes a minute.
const PROBE_DEADLINE: Duration = Duration::from_secs(180);

/// How closely to look.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Probe every device that nobody uses; look at the paths of this profile, if there is one.
    All(Option<&'a Profile>),
    /// Probe only what a plan for this profile may need.
    For(&'a Profile),
    /// Only volume groups and their pools.
    Pools,
}

impl<'a> Scope<'a> {
    fn profile(&self) -> Option<&'a Profile> {
        match self {
            Scope::All(profile) => *profile,
            Scope::For(profile) => Some(profile),
            Scope::Pools => None,
        }
    }
}

/// Why a host could not be observed.
#[derive(Debug)]
pub enum ObserveError {
    Host(HostError),
    /// LVM answered with an error, or with something else than its report.
    Lvm(String),
    /// systemd answered with an error, or with something else than properties.
    Systemd(String),
    /// A file of the host or of atomhost is not as it must be.
    Content {
        path: String,
        reason: String,
        cure: String,
    },
}

impl std::fmt::Display for ObserveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ObserveError::Host(error) => error.fmt(f),
            ObserveError::Lvm(reason) => write!(f, "cannot tell what LVM has: {reason}"),
            ObserveError::Systemd(reason) => write!(f, "cannot tell what systemd has: {reason}"),
            ObserveError::Content { path, reason, cure } => write!(f, "{path}: {reason}: {cure}"),
        }
    }
}

impl std::error::Error for ObserveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ObserveError::Host(error) => error.source(),
            ObserveError::Lvm(_) | ObserveError::Systemd(_) | ObserveError::Content { .. } => None,
        }
    }
}

impl From<HostError> for ObserveError {
    fn from(error: HostError) -> Self {
        ObserveError::Host(error)
    }
}

impl From<ObserveError> for Failure {
    fn from(error: ObserveError) -> Failure {
        match error {
            ObserveError::Host(error) => error.into(),
            other => Failure::new(Exit::Failed, other.to_string()),
        }
    }
}

/// Observes the machine behind `reader`. LVM is asked while the rest is read.
///
/// # Errors
/// Whatever leaves a plan without something it may depend on.
pub async fn observe(reader: &Reader, scope: &Scope<'_>) -> Result<Facts, ObserveError> {
    reader.require_root()?;
    let lvm_reader = reader.clone();
    let lvm = background::start(move || lvm_reader.query(&Query::LvmReport));
    let watch = scope.profile().map(resources::watch).unwrap_or_default();
    let (settings_reader, settings) = (reader.clone(), watch.lvm_settings.clone());
    let settings = background::start(move || lvm_settings::read(&settings_reader, &settings));
    let (units_reader, names) = (reader.clone(), watch.units.clone());
    let units = background::start(move || units::read(&units_reader, &names));
    let mut facts = read_files(reader, scope, &watch)?;
    let report = lvm.await.map_err(|error| ObserveError::Lvm(error.to_string()))??;
    let report = lvm::from_output(&report).map_err(ObserveError::Lvm)?;
    facts.volume_groups = report.volume_groups;
    facts.orphans = report.orphans;
    facts.lvm_settings = settings.await.map_err(|error| ObserveError::Lvm(error.to_string()))??;
    facts.units = units.await.map_err(|error| ObserveError::Systemd(error.to_string()))??;
    let wanted = to_probe(&facts, scope);
    let mut probes = Vec::new();
    for number in wanted {
        let Some(path) = facts.device(&number).map(BlockDevice::path) else { continue };
        let reader = reader.clone();
        probes.push((number, background::start(move || probe::probe(&reader, &path, Look::Data))));
    }
    for (number, probing) in probes {
        let probed = match tokio::time::timeout(PROBE_DEADLINE, probing).await {
            Ok(probed) => probed.map_err(|error| ObserveError::Lvm(error.to_string()))??,
            Err(_) => Probed::unreadable(format!("no answer to a read within {} s", PROBE_DEADLINE.as_secs())),
        };
        if let Some(device) = facts.block_devices.iter_mut().find(|device| device.number == number) {
            device.busy = probed.busy;
            device.probe = Some(probed.found);
        }
    }
    Ok(facts)
}

/// All that needs no command.
fn read_files(reader: &Reader, scope: &Scope<'_>, watch: &Watch) -> Result<Facts, ObserveError> {
    let hostname = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fstab_text = reader.read_optional("/etc/fstab")?;
    let mounts = mounts::read(reader)?;
    let paths = paths::look(reader, scope.profile(), watch, fstab_text.as_deref(), &mounts);
    let fstab = Fstab {
        devices: fstab_text.as_deref().map(|text| paths::fstab_devices(reader, text)).unwrap_or_default(),
        text: fstab_text,
    };
    let accounts = accounts::read(reader)?;
    let logins = logins::read(reader, watch, &accounts)?;
    let mut links = paths.links;
    links.extend(logins::links(reader, watch, &logins));
    let wants_pam = matches!(scope, Scope::All(_)) || scope.profile().is_some_and(|profile| profile.access.is_some());
    let session = if wants_pam { session::read(reader, &accounts) } else { None };
    Ok(Facts {
        version: FACTS_VERSION,
        hostname,
        block_devices: block::read(reader)?,
        swaps: swaps::read(reader)?,
        mounts,
        fstab,
        links,
        directories: paths.directories,
        occupied: paths.occupied,
        unmakeable: paths.unmakeable,
        lvm_profiles: lvm_profiles(reader)?,
        memory: memory()?,
        files: files::read(reader, watch),
        time: watch.time.then(now),
        accounts,
        sshd_keys_files: if logins.is_empty() { Vec::new() } else { logins::sshd_settings(reader) },
        selinux: !logins.is_empty() && logins::selinux(reader),
        logins,
        pam: wants_pam.then(|| pam::read(reader)).transpose()?,
        session_user: session.as_ref().map(|session| session.user.clone()),
        session_origin: session.map(|session| session.origin),
        boot_id: reader.read_optional("/proc/sys/kernel/random/boot_id")?.unwrap_or_default().trim().to_owned(),
        record: read_record(reader)?,
        missing_tools: missing_tools(scope.profile()),
        ..Facts::default()
    })
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn memory() -> Result<Memory, ObserveError> {
    let mut system = sysinfo::System::new().map_err(|error| ObserveError::Content {
        path: "/proc/meminfo".to_owned(),
        reason: error.to_string(),
        cure: "mount /proc".to_owned(),
    })?;
    system.refresh_memory();
    Ok(Memory { available: system.available_memory(), total: system.total_memory() })
}

/// What earlier runs recorded.
///
/// # Errors
/// The record is there, but cannot be read.
pub fn read_record(reader: &Reader) -> Result<Record, ObserveError> {
    let Some(text) = reader.read_optional(RECORD_PATH)? else { return Ok(Record::default()) };
    serde_json::from_str(&text).map_err(|error| ObserveError::Content {
        path: RECORD_PATH.to_owned(),
        reason: format!("cannot be read: {error}"),
        cure: "move it away; disks are then known by the names in the profile alone".to_owned(),
    })
}

fn lvm_profiles(reader: &Reader) -> Result<BTreeMap<String, String>, ObserveError> {
    const FOLDER: &str = "/etc/lvm/profile";
    let mut profiles = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(reader.path(FOLDER)) else { return Ok(profiles) };
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(".profile")
            && let Some(text) = reader.read_optional(&format!("{FOLDER}/{file}"))?
        {
            profiles.insert(name.to_owned(), text);
        }
    }
    Ok(profiles)
}

/// Programs that a plan for the profile may need and that are not installed.
fn missing_tools(profile: Option<&Profile>) -> Vec<String> {
    let mut tools: Vec<&str> = Vec::new();
    let Some(profile) = profile else { return Vec::new() };
    for volume in profile.volume_groups.iter().flat_map(|group| &group.volumes) {
        match volume.content {
            Content::Filesystem(FilesystemType::Xfs) => tools.extend(["mkfs.xfs", "xfs_growfs"]),
            Content::Filesystem(FilesystemType::Ext4) => tools.extend(["mkfs.ext4", "resize2fs"]),
            Content::Swap => tools.extend(["mkswap", "swapon"]),
            Content::AsFound => {}
        }
    }
    if profile.volume_groups.iter().any(|group| group.grow == crate::profile::Grow::Partitions) {
        tools.extend(["sfdisk", "partx"]);
    }
    if profile.volume_groups.iter().any(|group| !group.thin_pools.is_empty()) {
        tools.push("thin_check");
    }
    if !profile.mounts.is_empty() {
        tools.push("mount.nfs");
    }
    tools.sort_unstable();
    tools.dedup();
    tools.into_iter().filter(|tool| command::find(tool).is_none()).map(str::to_owned).collect()
}

/// `major:minor` of the devices to probe: those nobody uses and that the scope asks for.
fn to_probe(facts: &Facts, scope: &Scope<'_>) -> Vec<String> {
    let index = Index::new(facts);
    let unused = |device: &&BlockDevice| {
        device.holders.is_empty()
            && index.physical_volumes(device).is_empty()
            && index.mount_of(&device.number).is_none()
            && index.swap_on(&device.number).is_none()
    };
    let devices = facts.block_devices.iter().filter(unused);
    let numbers = |devices: Vec<&BlockDevice>| devices.into_iter().map(|device| device.number.clone()).collect();
    match scope {
        Scope::Pools => {
            let left: HashSet<&str> = unfinished(facts).collect();
            numbers(devices.filter(|device| left.contains(device.number.as_str())).collect())
        }
        Scope::All(_) => {
            let plain = plain_volumes(facts);
            let asked =
                |device: &&BlockDevice| device.kind != BlockKind::Mapped || plain.contains(device.number.as_str());
            numbers(devices.filter(asked).collect())
        }
        Scope::For(profile) => {
            let wanted = Wanted::new(&index, profile);
            numbers(devices.filter(|device| wanted.may_matter(device)).collect())
        }
    }
}

/// `major:minor` of what an interrupted run may have left.
fn unfinished(facts: &Facts) -> impl Iterator<Item = &str> {
    unfinished_pool::candidates(facts).filter_map(|(_, _, lv)| lv.device_number.as_deref())
}

/// `major:minor` of the volumes that a person made.
fn plain_volumes(facts: &Facts) -> HashSet<&str> {
    let volumes = facts.volume_groups.iter().flat_map(|group| &group.logical_volumes);
    volumes.filter(|lv| lv.role == Role::Plain).filter_map(|lv| lv.device_number.as_deref()).collect()
}

/// What a plan for a profile may ask of devices.
struct Wanted<'a> {
    /// `major:minor` of the profile's volumes and of the disks that it names.
    numbers: HashSet<&'a str>,
    serials: HashSet<&'a str>,
    /// Bounds of the sizes of disks that a selector may still take.
    sizes: Vec<(Option<u64>, Option<u64>)>,
}

impl<'a> Wanted<'a> {
    fn new(index: &Index<'a>, profile: &'a Profile) -> Self {
        let numbers = unfinished(index.facts).collect();
        let mut wanted = Self { numbers, serials: HashSet::new(), sizes: Vec::new() };
        for group in &profile.volume_groups {
            let volumes = group.volumes.iter().filter_map(|volume| index.logical_volume(&group.name, &volume.name));
            wanted.numbers.extend(volumes.filter_map(|lv| lv.device_number.as_deref()));
            for disk in &group.disks {
                match &disk.selector {
                    DiskSelector::Path(path) => {
                        wanted.numbers.extend(index.device_at(path).map(|device| device.number.as_str()));
                    }
                    DiskSelector::Serial(serial) => {
                        wanted.serials.insert(serial);
                    }
                    DiskSelector::Match { min, max, .. } => {
                        let recorded = index.facts.record.disks.get(&record_key(&group.name, &disk.selector));
                        if recorded.is_none_or(Vec::is_empty) {
                            wanted.sizes.push((*min, *max));
                        }
                    }
                }
            }
        }
        wanted
    }

    fn may_matter(&self, device: &BlockDevice) -> bool {
        let fits = |(min, max): &(Option<u64>, Option<u64>)| {
            min.is_none_or(|min| device.size >= min) && max.is_none_or(|max| device.size <= max)
        };
        self.numbers.contains(device.number.as_str())
            || device.serials.iter().any(|serial| self.serials.contains(serial.as_str()))
            || device.kind == BlockKind::Disk && self.sizes.iter().any(fits)
    }
}
