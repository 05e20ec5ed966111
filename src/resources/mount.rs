//! Mounts and what fstab says of them: one entry for each volume, share and swap area, one write of
//! the file, one daemon-reload; then mounting, growing what could not grow unmounted, and swapon.

use super::{filesystem, swap};
use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::Facts;
use crate::fstab::{self, Entry, Line, Table};
use crate::plan::model::{self, Model, MountedContent, PlannedVolume, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{Content, MountWanted, Profile, ShareMount, Volume};
use std::collections::{HashMap, HashSet};

const FSTAB: &str = "/etc/fstab";
/// What an entry gets whose options the profile leaves open.
const DEFAULT_OPTIONS: &str = "defaults";

/// A volume of the profile together with what became of it in the plan.
struct Mounting<'p> {
    group: String,
    volume: &'p Volume,
    planned: PlannedVolume,
}

/// Plans fstab, mount points, mounts, growth after mounting, and active swap.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let volumes: Vec<Mounting<'_>> = profile
        .volume_groups
        .iter()
        .flat_map(|group| group.volumes.iter().enumerate().map(move |(at, volume)| (group, at, volume)))
        .filter_map(|(group, at, volume)| {
            let planned = model.volume(&group.name, at)?.clone();
            Some(Mounting { group: group.name.clone(), volume, planned })
        })
        .collect();
    fstab(profile, &volumes, model);
    // Looked for once, not for each of a thousand volumes.
    let made: HashSet<String> = model.actions().filter_map(made).collect();
    for mounting in &volumes {
        if let Some(wanted) = &mounting.volume.mount {
            mount_volume(mounting, wanted, &made, model);
        }
    }
    for share in &profile.mounts {
        mount_share(share, model);
    }
    for mounting in volumes.iter().filter(|mounting| mounting.volume.content == Content::Swap) {
        enable_swap(mounting, model);
    }
}

/// fstab under edit, and where its entries are.
struct Editing {
    table: Table,
    /// Places of the entries for a resolved mount point, swap areas aside.
    by_path: HashMap<String, Vec<usize>>,
    swaps: Vec<usize>,
    /// In words.
    changed: Vec<String>,
}

impl Editing {
    fn new(text: &str, facts: &Facts) -> Self {
        let table = Table::new(text);
        let mut editing = Self { table, by_path: HashMap::new(), swaps: Vec::new(), changed: Vec::new() };
        (0..editing.table.entries().len()).for_each(|at| editing.note_place(at, facts));
        editing
    }

    fn note_place(&mut self, at: usize, facts: &Facts) {
        let entry = &self.table.entries()[at];
        if entry.fstype == "swap" {
            self.swaps.push(at);
        } else {
            self.by_path.entry(facts.resolved(&entry.path).to_owned()).or_default().push(at);
        }
    }

    fn append(&mut self, line: &Line, what: String, facts: &Facts) {
        self.table.append(line);
        self.changed.push(what);
        self.note_place(self.table.entries().len() - 1, facts);
    }
}

/// Plans one write of fstab with every entry that is missing or differs.
fn fstab(profile: &Profile, volumes: &[Mounting<'_>], model: &mut Model<'_>) {
    let before = model.facts.fstab.text.clone();
    let mut editing = Editing::new(before.as_deref().unwrap_or_default(), model.facts);
    for mounting in volumes {
        match (&mounting.volume.mount, mounting.volume.content) {
            (_, Content::Swap) => swap_entry(mounting, &mut editing, model),
            (Some(wanted), _) => volume_entry(mounting, wanted, &mut editing, model),
            (None, _) => {}
        }
    }
    for share in &profile.mounts {
        let line = line(&share.source, &share.mount, &share.fstype, "0");
        let same = |model: &Model<'_>, entry: &Entry| model.facts.resolved(&entry.source) == share.source;
        entry(&share.mount.path, &share.mount.options, &line, same, &mut editing, model);
    }
    let Editing { table, changed, .. } = editing;
    if changed.is_empty() {
        return;
    }
    let state = if before.is_some() { "" } else { "no such file" };
    model.act(
        Action::WriteFile { path: FSTAB.to_owned(), mode: 0o644, owner: Owner::root(), before, after: table.text() },
        Words {
            object: FSTAB.to_owned(),
            before: state.to_owned(),
            after: changed.join(", "),
            why: "mounts and swap must come back at boot".to_owned(),
        },
    );
    model.act(
        Action::ReloadSystemd,
        Words {
            object: "systemd".to_owned(),
            before: String::new(),
            after: "daemon-reload".to_owned(),
            why: "its mount units are made from fstab".to_owned(),
        },
    );
}

fn line(source: &str, wanted: &MountWanted, fstype: &str, pass: &str) -> Line {
    Line {
        source: source.to_owned(),
        path: wanted.path.clone(),
        fstype: fstype.to_owned(),
        options: wanted.options.clone(),
        frequency: "0".to_owned(),
        pass: pass.to_owned(),
    }
}

fn volume_entry(mounting: &Mounting<'_>, wanted: &MountWanted, editing: &mut Editing, model: &mut Model<'_>) {
    let planned = &mounting.planned;
    let fstype = match (mounting.volume.content, &planned.unmounted, mounted_type(mounting, model)) {
        (Content::Filesystem(kind), _, _) => kind.as_str().to_owned(),
        (_, Some((fstype, _, _)), _) => fstype.clone(),
        (_, None, Some(fstype)) => fstype,
        (_, None, None) => "auto".to_owned(),
    };
    let pass = if fstype == "ext4" { "2" } else { "0" };
    let line = line(&planned.device, wanted, &fstype, pass);
    let same = |model: &Model<'_>, entry: &Entry| names_volume(model, entry, mounting);
    entry(&wanted.path, &wanted.options, &line, same, editing, model);
}

fn mounted_type(mounting: &Mounting<'_>, model: &Model<'_>) -> Option<String> {
    let number = mounting.planned.observed.as_ref()?.device_number.as_ref()?;
    model.index.mount_of(number).map(|mount| mount.fstype.clone())
}

/// Whether an entry's first field means this volume: by path, or by UUID= and the like.
fn names_volume(model: &Model<'_>, entry: &Entry, mounting: &Mounting<'_>) -> bool {
    let plain = format!("/dev/{}/{}", mounting.group, mounting.volume.name);
    if entry.source == mounting.planned.device || entry.source == plain {
        return true;
    }
    let Some(number) = mounting.planned.observed.as_ref().and_then(|lv| lv.device_number.as_ref()) else {
        return false;
    };
    model.facts.fstab.devices.get(&entry.source) == Some(number) || names_uuid(model, &entry.source, number)
}

/// Whether a first field is the UUID of what was found on a device. udev's link for it comes some time
/// after mkswap and mkfs.
fn names_uuid(model: &Model<'_>, source: &str, number: &str) -> bool {
    let Some(uuid) = source.strip_prefix("UUID=").map(|uuid| uuid.trim_matches('"')) else { return false };
    let active = model.index.swap_on(number).map(|swap| &swap.uuid);
    let probe = model.index.device(number).and_then(|device| device.probe.as_ref());
    let swap = probe.and_then(|probe| probe.swap.as_ref()).map(|swap| &swap.uuid);
    let filesystem = probe.and_then(|probe| probe.filesystem.as_ref()).map(|filesystem| &filesystem.uuid);
    !uuid.is_empty() && active.into_iter().chain(swap).chain(filesystem).any(|found| found.eq_ignore_ascii_case(uuid))
}

/// Edits where an entry for a mount point is missing or has other options than the profile says. The
/// same mount point under another spelling is the same entry.
fn entry(
    path: &str,
    options: &str,
    line: &Line,
    same: impl Fn(&Model<'_>, &Entry) -> bool,
    editing: &mut Editing,
    model: &mut Model<'_>,
) {
    let facts = model.facts;
    let places = editing.by_path.get(facts.resolved(path)).map_or(&[][..], Vec::as_slice);
    let Some(at) = places.first().copied() else {
        editing.append(line, format!("+ {path}"), facts);
        return;
    };
    let found = &editing.table.entries()[at];
    if places.len() > 1 {
        model.warn(
            WarningCode::FstabDuplicate,
            FSTAB,
            format!("has {} entries for {path}; the one on line {} is looked at", places.len(), found.line + 1),
        );
    }
    if !same(model, found) || !(found.fstype == line.fstype || found.fstype == "auto" || line.fstype == "auto") {
        model.refuse(
            RefusalCode::FstabConflict,
            FSTAB,
            format!("line {} mounts {} ({}) on {path}", found.line + 1, found.source, found.fstype),
            format!("remove that line, or correct the profile: it wants {} ({})", line.source, line.fstype),
        );
        return;
    }
    if options == DEFAULT_OPTIONS || found.options == options {
        return;
    }
    let edited = Line {
        source: found.source.clone(),
        path: found.path.clone(),
        fstype: found.fstype.clone(),
        options: options.to_owned(),
        frequency: found.frequency.clone().unwrap_or_else(|| line.frequency.clone()),
        pass: found.pass.clone().unwrap_or_else(|| line.pass.clone()),
    };
    model.note(path, "new mount options take effect when it is next mounted");
    editing.table.replace(at, &edited);
    editing.changed.push(format!("~ {path}"));
}

fn swap_entry(mounting: &Mounting<'_>, editing: &mut Editing, model: &Model<'_>) {
    let entries = editing.table.entries();
    if editing.swaps.iter().any(|at| names_volume(model, &entries[*at], mounting)) {
        return;
    }
    let line = Line {
        source: mounting.planned.device.clone(),
        path: "none".to_owned(),
        fstype: "swap".to_owned(),
        options: "sw".to_owned(),
        frequency: "0".to_owned(),
        pass: "0".to_owned(),
    };
    editing.append(&line, format!("+ swap {}", mounting.planned.device), model.facts);
}

/// `GROUP/VOLUME` on which an action makes a file system.
fn made(action: &Action) -> Option<String> {
    match action {
        Action::MakeFilesystem { volume_group, volume, .. } => Some(format!("{volume_group}/{volume}")),
        _ => None,
    }
}

fn mount_volume(mounting: &Mounting<'_>, wanted: &MountWanted, made: &HashSet<String>, model: &mut Model<'_>) {
    let path = model.facts.resolved(&wanted.path).to_owned();
    let object = format!("{}/{}", mounting.group, mounting.volume.name);
    let number = mounting.planned.observed.as_ref().and_then(|lv| lv.device_number.clone());
    if let Some(mount) = model.index.mount_on(&path) {
        if number.as_ref() != Some(&mount.device_number) {
            conflict(&path, &mount.source, &object, model);
        }
        return;
    }
    let content = if made.contains(&object) { MountedContent::Empty } else { MountedContent::Unseen };
    mount(&path, &object, content, model);
    if let Some((fstype, size, block_size)) = &mounting.planned.unmounted {
        filesystem::grow(&object, &path, fstype, (*size, *block_size), &mounting.planned, model);
    }
}

fn mount_share(share: &ShareMount, model: &mut Model<'_>) {
    let path = model.facts.resolved(&share.mount.path).to_owned();
    if let Some(mount) = model.index.mount_on(&path) {
        if fstab::normalise(&mount.source) != fstab::normalise(&share.source) || !mount.fstype.starts_with("nfs") {
            conflict(&path, &mount.source, &share.source, model);
        }
        return;
    }
    mount(&path, &share.source, MountedContent::Unseen, model);
}

fn conflict(path: &str, found: &str, wanted: &str, model: &mut Model<'_>) {
    model.refuse(
        RefusalCode::MountConflict,
        path,
        format!("{found} is mounted there, the profile wants {wanted}"),
        format!("umount {path} and remove its fstab entry, or correct the profile"),
    );
}

fn mount(path: &str, object: &str, content: MountedContent, model: &mut Model<'_>) {
    if model.facts.occupied.iter().any(|directory| directory == path) {
        model.warn(WarningCode::MountHidesFiles, path, "holds files now; they stay, but the mount hides them");
    }
    if !model.index.is_directory(path) {
        if let Some(obstacle) = model.facts.unmakeable.get(path) {
            model.refuse(
                RefusalCode::MountConflict,
                path,
                format!("does not exist and cannot be made: {obstacle}"),
                "choose a path in /var, or have the image bring the directory",
            );
            return;
        }
        model.act(
            Action::CreateDirectory { path: path.to_owned(), mode: 0o755, owner: Owner::root() },
            Words {
                object: path.to_owned(),
                before: String::new(),
                after: "directory".to_owned(),
                why: "a mount point".to_owned(),
            },
        );
    }
    model.mounting.push(model::Mounting { path: path.to_owned(), content });
    model.act(
        Action::Mount { path: path.to_owned() },
        Words {
            object: path.to_owned(),
            before: "not mounted".to_owned(),
            after: format!("{object} mounted"),
            why: "the profile mounts it there".to_owned(),
        },
    );
}

fn enable_swap(mounting: &Mounting<'_>, model: &mut Model<'_>) {
    let planned = &mounting.planned;
    let remade = swap::active(model, planned).is_some_and(|swap| swap::is_short(swap, planned));
    if swap::active(model, planned).is_some() && !remade {
        return;
    }
    model.act(
        Action::EnableSwap { device: planned.device.clone() },
        Words {
            object: planned.device.clone(),
            before: "inactive".to_owned(),
            after: "active".to_owned(),
            why: "the profile wants it as swap".to_owned(),
        },
    );
}
