//! Disks: one way of naming each, and none named twice.

use super::Problems;
use crate::profile::raw::{RawDisk, WordOr};
use crate::profile::yaml::At;
use crate::profile::{DiskSelector, DiskWanted, OnSignature};
use crate::size::parse_bytes;
use std::collections::HashMap;
use std::ops::Range;

/// Disks met so far, as written, with the volume group that asked for each.
#[derive(Default)]
pub struct Seen(HashMap<String, String>);

/// A disk as the planner takes it; `None` when it has a problem.
pub fn check(disk: At<WordOr<RawDisk>>, group: &str, seen: &mut Seen, problems: &mut Problems) -> Option<DiskWanted> {
    let At { value, span } = disk;
    let wanted = match value {
        WordOr::Word(path) => DiskWanted {
            selector: device_path(&At { value: path, span: span.clone() }, problems)?,
            on_signature: OnSignature::Refuse,
        },
        WordOr::Map(fields) => from_map(fields, &span, problems)?,
    };
    let key = wanted.selector.to_string();
    if let Some(other) = seen.0.insert(key.clone(), group.to_owned()) {
        let (what, cure) = match wanted.selector {
            DiskSelector::Match { .. } => (
                format!("the selector of {key}"),
                "equal selectors find the same disks: write `count: 2` for two, or tell them apart by size or serial",
            ),
            _ => (format!("the disk {key}"), "a disk belongs to one volume group: name it once"),
        };
        let message = match other == group {
            true => format!("{what} is there twice"),
            false => format!("{what} is in volume group `{other}` too"),
        };
        problems.add(&span, message, cure);
        return None;
    }
    Some(wanted)
}

fn from_map(fields: RawDisk, span: &Range<usize>, problems: &mut Problems) -> Option<DiskWanted> {
    let RawDisk { path, serial, by_id, by_path, size, blank, count, wipe } = fields;
    let is_selector = size.is_some() || blank.is_some() || count.is_some();
    let named = [&path, &serial, &by_id, &by_path].into_iter().flatten().count();
    let cure = "name a disk by path, serial, by-id or by-path, or select blank ones by size";
    match (named, is_selector) {
        (0, false) => {
            problems.add(span, "this does not say which disk", cure);
            return None;
        }
        (1, false) | (0, true) => {}
        _ => {
            problems.add(span, "a disk is named in one way, and here are several", cure);
            return None;
        }
    }
    if is_selector {
        let selector = selector(size, blank, count, span, problems);
        if let Some(At { value: true, span }) = wipe {
            problems.add(
                &span,
                "`wipe` stands beside a size: a selector takes blank disks and never erases one",
                "name the disk to erase by serial, by-id or by-path",
            );
            return None;
        }
        return Some(DiskWanted { selector: selector?, on_signature: OnSignature::Refuse });
    }
    let selector = match (path, serial, by_id, by_path) {
        (Some(path), ..) => device_path(&path, problems),
        (_, Some(serial), ..) => serial_number(serial, problems),
        (_, _, Some(name), _) => link("by-id", &name, problems),
        (_, _, _, Some(name)) => link("by-path", &name, problems),
        _ => None,
    }?;
    let on_signature = match wipe {
        Some(At { value: true, .. }) => OnSignature::Wipe,
        _ => OnSignature::Refuse,
    };
    Some(DiskWanted { selector, on_signature })
}

fn device_path(path: &At<String>, problems: &mut Problems) -> Option<DiskSelector> {
    let At { value, span } = path;
    let Some(rest) = value.strip_prefix("/dev/") else {
        let name = value.rsplit('/').next().unwrap_or(value);
        problems.add(
            span,
            format!("`{value}` is no path in /dev"),
            format!("write /dev/{name}, or {{serial: {name}}} for a serial number"),
        );
        return None;
    };
    let is_plain = rest.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !is_plain || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        problems.add(span, format!("`{value}` is no path of a disk"), "write it as lsblk does: /dev/sdb");
        return None;
    }
    Some(DiskSelector::Path(value.clone()))
}

fn serial_number(serial: At<String>, problems: &mut Problems) -> Option<DiskSelector> {
    let At { value, span } = serial;
    if value.trim().is_empty() || value.trim() != value || value.chars().any(char::is_control) {
        problems.add(&span, format!("`{value}` is no serial number"), "`lsblk -o NAME,SERIAL` shows those of a host");
        return None;
    }
    Some(DiskSelector::Serial(value))
}

fn link(directory: &str, name: &At<String>, problems: &mut Problems) -> Option<DiskSelector> {
    let At { value, span } = name;
    let is_name = !value.is_empty() && value != "." && value != "..";
    if !is_name || value.chars().any(|c| c == '/' || c.is_whitespace() || c.is_control()) {
        problems.add(
            span,
            format!("`{value}` is no name of a link in /dev/disk/{directory}"),
            format!("write one name that `ls /dev/disk/{directory}` shows, without the directory"),
        );
        return None;
    }
    Some(DiskSelector::Path(format!("/dev/disk/{directory}/{value}")))
}

fn selector(
    size: Option<At<String>>,
    blank: Option<At<bool>>,
    count: Option<At<u32>>,
    span: &Range<usize>,
    problems: &mut Problems,
) -> Option<DiskSelector> {
    if let Some(At { value: false, span }) = blank {
        problems.add(
            &span,
            "a selector never takes a disk with anything on it",
            "write `blank: true` or leave it out; a used disk is named by serial, with `wipe: true`",
        );
        return None;
    }
    let count = match count {
        Some(At { value: 0, span }) => {
            problems.add(
                &span,
                "`count: 0` selects no disk",
                "write how many disks there shall be, or remove the selector",
            );
            return None;
        }
        Some(count) => count.value,
        None => 1,
    };
    let Some(size) = size else {
        problems.add(span, "this selector has no size", "add one, such as `size: \">=30G\"`");
        return None;
    };
    let (min, max) = problems.note(&size.span, bounds(&size.value))?;
    Some(DiskSelector::Match { min, max, count })
}

/// Reads `>=30G`, `<=100G` or both.
fn bounds(text: &str) -> Result<(Option<u64>, Option<u64>), String> {
    let example = "write \">=30G\", \"<=100G\" or \">=30G <=100G\"";
    let (mut min, mut max) = (None, None);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (bound, after) = match (rest.strip_prefix(">="), rest.strip_prefix("<=")) {
            (Some(after), _) => (&mut min, after),
            (_, Some(after)) => (&mut max, after),
            _ => return Err(format!("`{text}` does not say which sizes fit: {example}")),
        };
        let end = after.find(['<', '>']).unwrap_or(after.len());
        if bound.replace(parse_bytes(&after[..end])?).is_some() {
            return Err(format!("`{text}` gives the same bound twice: {example}"));
        }
        rest = after[end..].trim_start();
    }
    match (min, max) {
        (None, None) => Err(format!("`{text}` does not say which sizes fit: {example}")),
        (Some(min), Some(max)) if min > max => Err(format!("`{text}`: no size is both: {example}")),
        bounds => Ok(bounds),
    }
}
