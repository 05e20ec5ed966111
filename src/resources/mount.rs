//! Mounts and what fstab says of them: one entry for each volume, share and swap area, one write of
//! the file, one daemon-reload; then mounting, growing what could not grow unmounted, and swapon.

use super::{filesystem, swap};
use crate::accounts::Owner;
use crate::action::Action;
use crate::fstab::{self, Entry, Line};
use crate::plan::RefusalCode;
use crate::plan::model::{self, Model, MountedContent, PlannedVolume, Words};
use crate::profile::{Content, MountWanted, Profile, ShareMount, Volume};

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
        .flat_map(|group| group.volumes.iter().map(move |volume| (group, volume)))
        .filter_map(|(group, volume)| {
            let planned = model.group(&group.name)?.volumes.iter().find(|planned| planned.name == volume.name)?.clone();
            Some(Mounting { group: group.name.clone(), volume, planned })
        })
        .collect();
    fstab(profile, &volumes, model);
    for mounting in &volumes {
        if let Some(wanted) = &mounting.volume.mount {
            mount_volume(mounting, wanted, model);
        }
    }
    for share in &profile.mounts {
        mount_share(share, model);
    }
    for mounting in volumes.iter().filter(|mounting| mounting.volume.content == Content::Swap) {
        enable_swap(mounting, model);
    }
}

/// Plans one write of fstab with every entry that is missing or differs.
fn fstab(profile: &Profile, volumes: &[Mounting<'_>], model: &mut Model<'_>) {
    let before = model.facts.fstab.text.clone();
    let mut text = before.clone().unwrap_or_default();
    let mut changed = Vec::new();
    for mounting in volumes {
        let edited = match (&mounting.volume.mount, mounting.volume.content) {
            (_, Content::Swap) => swap_entry(mounting, &text, model),
            (Some(wanted), _) => volume_entry(mounting, wanted, &text, model),
            (None, _) => None,
        };
        if let Some((edited, what)) = edited {
            text = edited;
            changed.push(what);
        }
    }
    for share in &profile.mounts {
        let line = line(&share.source, &share.mount, &share.fstype, "0");
        let same = |model: &Model<'_>, entry: &Entry| model.facts.resolved(&entry.source) == share.source;
        if let Some((edited, what)) = entry(&share.mount.path, &share.mount.options, &line, same, &text, model) {
            text = edited;
            changed.push(what);
        }
    }
    if changed.is_empty() {
        return;
    }
    let state = if before.is_some() { "" } else { "no such file" };
    model.act(
        Action::WriteFile { path: FSTAB.to_owned(), mode: 0o644, owner: Owner::root(), before, after: text },
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

fn volume_entry(
    mounting: &Mounting<'_>,
    wanted: &MountWanted,
    text: &str,
    model: &mut Model<'_>,
) -> Option<(String, String)> {
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
    entry(&wanted.path, &wanted.options, &line, same, text, model)
}

fn mounted_type(mounting: &Mounting<'_>, model: &Model<'_>) -> Option<String> {
    let number = mounting.planned.observed.as_ref()?.device_number.as_ref()?;
    filesystem::mounts_of(model, number).map(|mount| mount.fstype.clone())
}

/// Whether an entry's first field means this volume: by path, or by UUID= and the like.
fn names_volume(model: &Model<'_>, entry: &Entry, mounting: &Mounting<'_>) -> bool {
    let plain = format!("/dev/{}/{}", mounting.group, mounting.volume.name);
    if entry.source == mounting.planned.device || entry.source == plain {
        return true;
    }
    let number = mounting.planned.observed.as_ref().and_then(|lv| lv.device_number.as_ref());
    number.is_some() && model.facts.fstab.devices.get(&entry.source) == number
}

/// The edited text, and what was done, where an entry for a mount point is missing or has other
/// options than the profile says. The same mount point under another spelling is the same entry.
fn entry(
    path: &str,
    options: &str,
    line: &Line,
    same: impl Fn(&Model<'_>, &Entry) -> bool,
    text: &str,
    model: &mut Model<'_>,
) -> Option<(String, String)> {
    let facts = model.facts;
    let entries: Vec<Entry> = fstab::parse(text)
        .into_iter()
        .filter(|entry| entry.fstype != "swap" && facts.resolved(&entry.path) == facts.resolved(path))
        .collect();
    let Some(found) = entries.first() else {
        return Some((fstab::append(text, line), format!("+ {path}")));
    };
    if entries.len() > 1 {
        model.warn(
            FSTAB,
            format!("has {} entries for {path}; the one on line {} is looked at", entries.len(), found.line + 1),
        );
    }
    if !same(model, found) || !(found.fstype == line.fstype || found.fstype == "auto" || line.fstype == "auto") {
        model.refuse(
            RefusalCode::FstabConflict,
            FSTAB,
            format!("line {} mounts {} ({}) on {path}", found.line + 1, found.source, found.fstype),
            format!("remove that line, or correct the profile: it wants {} ({})", line.source, line.fstype),
        );
        return None;
    }
    if options == DEFAULT_OPTIONS || found.options == options {
        return None;
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
    Some((fstab::replace(text, found.line, &edited), format!("~ {path}")))
}

fn swap_entry(mounting: &Mounting<'_>, text: &str, model: &mut Model<'_>) -> Option<(String, String)> {
    let found =
        fstab::parse(text).into_iter().any(|entry| entry.fstype == "swap" && names_volume(model, &entry, mounting));
    if found {
        return None;
    }
    let line = Line {
        source: mounting.planned.device.clone(),
        path: "none".to_owned(),
        fstype: "swap".to_owned(),
        options: "sw".to_owned(),
        frequency: "0".to_owned(),
        pass: "0".to_owned(),
    };
    Some((fstab::append(text, &line), format!("+ swap {}", mounting.planned.device)))
}

fn mount_volume(mounting: &Mounting<'_>, wanted: &MountWanted, model: &mut Model<'_>) {
    let path = model.facts.resolved(&wanted.path).to_owned();
    let object = format!("{}/{}", mounting.group, mounting.volume.name);
    let number = mounting.planned.observed.as_ref().and_then(|lv| lv.device_number.clone());
    // The last mount on a path is the one that is seen.
    if let Some(mount) = model.facts.mounts.iter().rev().find(|mount| mount.path == path) {
        if number.as_ref() != Some(&mount.device_number) {
            conflict(&path, &mount.source, &object, model);
        }
        return;
    }
    let made = |action: &Action| {
        matches!(action, Action::MakeFilesystem { volume_group, volume, .. }
            if *volume_group == mounting.group && *volume == mounting.volume.name)
    };
    let content = if model.actions().any(made) { MountedContent::Empty } else { MountedContent::Unseen };
    mount(&path, &object, content, model);
    if let Some((fstype, size, block_size)) = &mounting.planned.unmounted {
        filesystem::grow(&object, &path, fstype, (*size, *block_size), &mounting.planned, model);
    }
}

fn mount_share(share: &ShareMount, model: &mut Model<'_>) {
    let path = model.facts.resolved(&share.mount.path).to_owned();
    if let Some(mount) = model.facts.mounts.iter().rev().find(|mount| mount.path == path) {
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
        model.warn(path, "holds files now; they stay, but the mount hides them");
    }
    if !model.facts.directories.iter().any(|directory| directory == path) {
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
