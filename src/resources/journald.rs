//! journald's options: a drop-in, and how the running journald comes to know of it.
//!
//! Never by stop and start. A reload is best; a restart is safe where systemd keeps the streams of
//! running services meanwhile (FileDescriptorStoreMax); elsewhere they would lose their standard
//! output, and some die of it: there the change waits for the next boot.

use super::managed_file::{self, ManagedFile, Text};
use super::{Folder, Watch};
use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::{FileKind, UnitFacts};
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::journald::OPTIONS;
use crate::profile::{Journald, Profile};
use crate::record::Begun;
use std::collections::BTreeMap;

pub const UNIT: &str = "systemd-journald.service";
/// Where the profile's options are.
pub const DROP_IN: &str = "/etc/systemd/journald.conf.d/50-atomhost.conf";
const DROP_IN_NAME: &str = "50-atomhost.conf";
/// Folders of drop-ins. They are read in the order of the files' names; of two files of one name, that
/// in the folder that stands first here counts.
const FOLDERS: [&str; 4] = [
    "/etc/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/usr/local/lib/systemd/journald.conf.d",
    "/usr/lib/systemd/journald.conf.d",
];
/// The journal on disk.
const STORE: &str = "/var/log/journal";
/// Group that may read it.
const READERS: &str = "systemd-journal";
/// journald's own mark, of this boot, that it writes to [`STORE`].
const FLUSHED: &str = "/run/systemd/journal/flushed";

/// How a running journald takes up new options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    Reload,
    Restart,
    AtReboot,
}

/// What a plan asks about.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    if profile.journald.is_none() {
        return;
    }
    watch.texts.extend([DROP_IN, STORE, FLUSHED].map(str::to_owned));
    watch.folders.extend(FOLDERS.map(|folder| Folder::new(folder, "", ".conf")));
    watch.units.insert(UNIT.to_owned());
}

/// Plans the options.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let Some(wanted) = &profile.journald else { return };
    let facts = model.facts;
    let (Some(unit), Some(store), Some(flushed)) =
        (facts.units.get(UNIT), facts.files.get(STORE), facts.files.get(FLUSHED))
    else {
        model.refuse(RefusalCode::FileUnsuitable, UNIT, "was not looked at", "gather the facts for this profile again");
        return;
    };
    let Some(changed) = managed_file::plan(&drop_in(wanted), model) else { return };
    let refresh = refresh(unit, model);
    if changed && unit.is_active() {
        let (unit, boot_id) = (UNIT.to_owned(), facts.boot_id.clone());
        let owed = match refresh {
            Refresh::Reload | Refresh::Restart => Begun::RefreshUnit { unit, boot_id },
            Refresh::AtReboot => Begun::AwaitReboot { unit, boot_id },
        };
        model.owe(DROP_IN, owed);
    }
    let is_persistent = is_persistent(wanted, model);
    if is_persistent && store.kind == FileKind::Missing {
        if !managed_file::writable(STORE, store, model) {
            return;
        }
        create_store(model);
    }
    if !unit.is_active() {
        // It reads the options when it starts.
        return;
    }
    let owed = changed || is_owed(model);
    let will_defer = owed && refresh == Refresh::AtReboot;
    if owed {
        take_up(refresh, unit, model);
    }
    if is_persistent && flushed.kind == FileKind::Missing && !will_defer {
        flush(model);
    }
}

fn drop_in(wanted: &Journald) -> ManagedFile<'static> {
    let mut text =
        "# Written by atomhost from its profile: what is changed here is undone at its next run.\n[Journal]\n"
            .to_owned();
    text.extend(wanted.options.iter().map(|(name, value)| format!("{name}={value}\n")));
    ManagedFile {
        path: DROP_IN,
        text: Text::Shown(text),
        mode: Some(0o644),
        owner: Some(Owner::root()),
        what: "",
        why: "journald's options are as the profile says",
    }
}

/// A reload or restart that an earlier run owes: it was cut off, or it put it off until the next boot.
fn is_owed(model: &Model<'_>) -> bool {
    let facts = model.facts;
    facts.record.begun.iter().any(|begun| match begun {
        Begun::RefreshUnit { unit, boot_id } | Begun::AwaitReboot { unit, boot_id } => {
            unit == UNIT && *boot_id == facts.boot_id
        }
        _ => false,
    })
}

fn refresh(unit: &UnitFacts, model: &Model<'_>) -> Refresh {
    // Whatever a systemd that was updated meanwhile can keep, it has not kept the streams of before.
    let unsafe_once = model.facts.record.begun.iter().any(|begun| {
        matches!(begun, Begun::AwaitReboot { unit, boot_id } if unit == UNIT && *boot_id == model.facts.boot_id)
    });
    match unit {
        unit if unit.can_reload => Refresh::Reload,
        unit if unit.fd_store_max > 0 && !unsafe_once => Refresh::Restart,
        _ => Refresh::AtReboot,
    }
}

fn take_up(refresh: Refresh, found: &UnitFacts, model: &mut Model<'_>) {
    let words = |after: &str, why: String| Words {
        object: UNIT.to_owned(),
        before: String::new(),
        after: after.to_owned(),
        why,
    };
    let unit = UNIT.to_owned();
    match refresh {
        Refresh::Reload => {
            model.act(Action::ReloadUnit { unit }, words("reloaded", "its options changed, and it can reload".into()));
        }
        Refresh::Restart => {
            let why = format!(
                "its options changed; systemd keeps the output of running services meanwhile (up to {} streams)",
                found.fd_store_max
            );
            model.act(Action::RestartUnit { unit }, words("restarted", why));
        }
        Refresh::AtReboot => {
            let because = match found.fd_store_max {
                0 => "FileDescriptorStoreMax=0, and it cannot reload",
                _ => "it could not keep them when its options changed",
            };
            let text = "its new options count from the next boot on: to restart it now would cut off the output of \
                        running services, and some die of that";
            model.defer(UNIT, format!("{text} ({because})"));
        }
    }
}

fn create_store(model: &mut Model<'_>) {
    let group = if model.facts.accounts.gid(READERS).is_some() { READERS } else { "root" };
    let owner = Owner { user: "root".to_owned(), group: group.to_owned() };
    let words = Words {
        object: STORE.to_owned(),
        before: String::new(),
        after: "directory".to_owned(),
        why: "Storage=persistent: the journal outlives a boot there".to_owned(),
    };
    model.act(Action::CreateDirectory { path: STORE.to_owned(), mode: 0o2755, owner }, words);
}

fn flush(model: &mut Model<'_>) {
    let words = Words {
        object: STORE.to_owned(),
        before: String::new(),
        after: "journal of this boot".to_owned(),
        why: "Storage=persistent: what is in memory goes to disk".to_owned(),
    };
    model.act(Action::FlushJournal { directory: STORE.to_owned() }, words);
}

/// Whether the journal goes to disk once the options count. Warns of files that count for more than ours.
fn is_persistent(wanted: &Journald, model: &mut Model<'_>) -> bool {
    let mut storage = wanted.value("Storage").map(str::to_owned);
    for (path, name, value) in later_options(model) {
        // The same option under its old name.
        let name = if name == "RateLimitInterval" { "RateLimitIntervalSec".to_owned() } else { name };
        let Some(ours) = wanted.value(&name) else { continue };
        if is_same(&name, &value, ours) {
            continue;
        }
        let text = format!(
            "sets {name}={value} and is read after the profile's {name}={ours}: remove it there, or from the profile"
        );
        model.warn(WarningCode::JournaldOverridden, path, text);
        if name == "Storage" {
            storage = Some(value);
        }
    }
    storage.as_deref() == Some("persistent")
}

/// Whether two values of an option mean the same: `true` and `yes` do.
fn is_same(name: &str, value: &str, ours: &str) -> bool {
    let kind = OPTIONS.iter().find(|(option, _)| *option == name).map(|(_, kind)| kind);
    value == ours || kind.is_some_and(|kind| kind.check(value).as_deref() == Ok(ours))
}

/// Path, name and value of each option in files that are read after ours, in their order.
fn later_options(model: &Model<'_>) -> Vec<(String, String, String)> {
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for folder in FOLDERS {
        for path in model.facts.files.keys() {
            if let Some(name) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
                && name > DROP_IN_NAME
            {
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut options = Vec::new();
    for path in files.values() {
        // A link to /dev/null has none: it only keeps files of its name from counting.
        let text = model.facts.files[*path].text.as_deref().unwrap_or_default();
        options.extend(journal_section(text).into_iter().map(|(name, value)| ((*path).to_owned(), name, value)));
    }
    options
}

/// `Name=value` lines of the section `[Journal]`.
fn journal_section(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut options = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Journal]";
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            options.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    options
}
