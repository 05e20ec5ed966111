//! cloud-init, retired: once it has done its work of the first boot, no later boot runs it.
//!
//! The switch is the file /etc/cloud/cloud-init.disabled. It is made only when cloud-init has finished:
//! newer versions look at it before each of their units, so made earlier it would cut the boot's own
//! run short. Last of all resources, since nothing may need cloud-init any more after it.

use super::managed_file::{self, ManagedFile, Text};
use super::{Folder, Watch};
use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::{FileFacts, FileKind};
use crate::plan::RefusalCode;
use crate::plan::model::{Model, Words};
use crate::profile::{CloudInit, Profile};

/// The units that do its work, in every version.
const UNITS: [&str; 6] = [
    "cloud-init-main.service",
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-init-network.service",
    "cloud-config.service",
    "cloud-final.service",
];
/// The last of them.
const LAST_UNIT: &str = "cloud-final.service";
/// The unit of ours that runs atomhost again when the last of them is done.
const RETIRING_UNIT: &str = "atomhost-retire-cloud-init.service";
/// The switch.
pub const SWITCH: &str = "/etc/cloud/cloud-init.disabled";
const CONDITION: &str = "ConditionPathExists=!/etc/cloud/cloud-init.disabled";
/// cloud-init's own mark that it finished, for this instance.
const FINISHED: &str = "/var/lib/cloud/instance/boot-finished";
/// The generator's mark that it does not run in this boot.
const NOT_RUN: &str = "/run/cloud-init/disabled";
/// Where systemd finds unit files, first match wins.
const UNIT_FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
const GENERATORS: [&str; 2] =
    ["/usr/lib/systemd/system-generators/cloud-init-generator", "/lib/systemd/system-generators/cloud-init-generator"];
/// Jobs of upstart, which packages of long ago left.
const UPSTART: &str = "/etc/init";
/// upstart reads .conf and .override: a backup's name must end otherwise.
const BACKUP_SUFFIX: &str = ".atomhost-backup";

/// What a plan asks about.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    if profile.cloud_init.is_none() {
        return;
    }
    watch.units.extend(UNITS.map(str::to_owned));
    watch.units.insert(RETIRING_UNIT.to_owned());
    watch.texts.extend([SWITCH, FINISHED, NOT_RUN].map(str::to_owned));
    watch.texts.extend(GENERATORS.map(str::to_owned));
    for unit in UNITS {
        watch.texts.extend(UNIT_FOLDERS.map(|folder| format!("{folder}/{unit}")));
        watch.texts.insert(condition_path(unit));
    }
    for suffix in [".conf", ".override"] {
        watch.folders.insert(Folder::new(UPSTART, "cloud-", suffix));
    }
}

/// Plans its retirement.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let Some(wanted) = &profile.cloud_init else { return };
    let facts = model.facts;
    let looked = UNITS.iter().all(|unit| facts.units.contains_key(*unit))
        && [SWITCH, FINISHED, NOT_RUN].iter().all(|path| facts.files.contains_key(*path));
    if !looked {
        let cure = "gather the facts for this profile again";
        model.refuse(RefusalCode::FileUnsuitable, "cloud-init", "was not looked at", cure);
        return;
    }
    let units: Vec<&str> = UNITS.into_iter().filter(|unit| facts.units[*unit].exists()).collect();
    if units.is_empty() {
        model.note("cloud-init", "is not on this host: there is nothing to retire");
    } else if !has_finished(model) {
        defer(wanted, &units, model);
        return;
    } else {
        retire(wanted, &units, model);
    }
    remove_upstart_jobs(model);
}

/// Whether cloud-init is done for this boot, or has no part in it.
fn has_finished(model: &Model<'_>) -> bool {
    let is_file = |path: &str| model.facts.files[path].kind == FileKind::File;
    let last = &model.facts.units[LAST_UNIT];
    // The mark stays from boot to boot: a later boot's run may be under way.
    let is_running = last.has_job || last.active_state == "activating";
    is_file(NOT_RUN) || (is_file(FINISHED) && !is_running)
}

/// Nothing is said when there will be nothing to do.
fn defer(wanted: &CloudInit, units: &[&str], model: &mut Model<'_>) {
    let is_retired = model.facts.files[SWITCH].kind == FileKind::File
        && (!wanted.mask || units.iter().all(|unit| model.facts.units[*unit].is_masked()));
    if is_retired {
        return;
    }
    let retiring = model.facts.units.get(RETIRING_UNIT).is_some_and(|unit| unit.is_enabled());
    let next = if retiring {
        format!("{RETIRING_UNIT} retires it then")
    } else {
        "run atomhost again when `cloud-init status` says done".to_owned()
    };
    model.defer("cloud-init", format!("has not finished its work of this boot: {next}"));
}

fn retire(wanted: &CloudInit, units: &[&str], model: &mut Model<'_>) {
    let required = requiring_line(model);
    for unit in units {
        if obeys(unit, model) {
            continue;
        }
        if required.is_some() {
            obey(unit, model);
        } else if !is_governed(unit, model) && model.facts.units[*unit].is_enabled() {
            let why = "this version does not look at /etc/cloud/cloud-init.disabled";
            model.act(Action::DisableUnit { unit: (*unit).to_owned() }, words(unit, "enabled", "disabled", why));
        }
    }
    let switch = ManagedFile {
        path: SWITCH,
        text: Text::AsFound,
        mode: None,
        owner: None,
        what: "",
        why: "cloud-init has done its work, and no later boot runs it",
    };
    managed_file::plan(&switch, model);
    if wanted.mask {
        mask(units, required.as_deref(), model);
    }
}

/// fstab's line, if there is one, whose mount fails without one of cloud-init's units.
fn requiring_line(model: &Model<'_>) -> Option<String> {
    let text = model.facts.fstab.text.as_deref()?;
    let line =
        text.lines().find(|line| !line.trim_start().starts_with('#') && line.contains("x-systemd.requires=cloud-"));
    line.map(str::to_owned)
}

/// The unit's file as systemd reads it.
fn unit_text<'a>(unit: &str, model: &Model<'a>) -> Option<&'a str> {
    let files = &model.facts.files;
    UNIT_FOLDERS.iter().find_map(|folder| files.get(&format!("{folder}/{unit}"))?.text.as_deref())
}

/// Whether the unit looks at the switch itself, by its own words or by our drop-in.
fn obeys(unit: &str, model: &Model<'_>) -> bool {
    let says = |text: &str| text.lines().any(|line| line.trim() == CONDITION);
    let drop_in = model.facts.files.get(&condition_path(unit)).and_then(|file| file.text.as_deref());
    unit_text(unit, model).is_some_and(says) || drop_in.is_some_and(says)
}

/// Whether the generator, which looks at the switch, decides over the unit: it is pulled in by
/// cloud-init.target alone.
fn is_governed(unit: &str, model: &Model<'_>) -> bool {
    // The generator of some versions puts the name together.
    let looks = |text: &str| text.contains("/etc/cloud/cloud-init.");
    let generator = GENERATORS.iter().find_map(|path| model.facts.files.get(*path)?.text.as_deref());
    let pulled_otherwise = |text: &str| text.lines().any(|line| line.trim() == "WantedBy=multi-user.target");
    generator.is_some_and(looks) && unit_text(unit, model).is_some_and(|text| !pulled_otherwise(text))
}

fn condition_path(unit: &str) -> String {
    format!("/etc/systemd/system/{unit}.d/50-atomhost.conf")
}

/// A mount of fstab starts the unit whatever the generator says: the unit itself must look at the
/// switch. A condition that does not hold is no failure, so the mount goes on.
fn obey(unit: &str, model: &mut Model<'_>) {
    let path = condition_path(unit);
    let file = ManagedFile {
        path: &path,
        text: Text::Shown(format!(
            "# Written by atomhost: a mount in fstab requires this unit, which is retired.\n[Unit]\n{CONDITION}\n"
        )),
        mode: Some(0o644),
        owner: Some(Owner::root()),
        what: "condition",
        why: "a mount in fstab requires the unit, and is to go on without it",
    };
    managed_file::plan(&file, model);
}

fn mask(units: &[&str], required: Option<&str>, model: &mut Model<'_>) {
    if let Some(line) = required {
        let mount = line.split_whitespace().nth(1).unwrap_or(line);
        let text = format!("is not masked: the mount of {mount} would fail without it");
        model.defer("cloud-init", format!("{text}; take x-systemd.requires= out of that line of /etc/fstab"));
        return;
    }
    for unit in units {
        if model.facts.units[*unit].is_masked() {
            continue;
        }
        let own = format!("{}/{unit}", UNIT_FOLDERS[0]);
        if model.facts.files.get(&own).is_some_and(|file| file.kind != FileKind::Missing) {
            let cure = "move it away, or leave `mask` out of the profile";
            model.refuse(RefusalCode::FileUnsuitable, own, "stands where masking puts its link", cure);
            continue;
        }
        model.act(
            Action::MaskUnit { unit: (*unit).to_owned() },
            words(unit, "", "masked", "the profile asks for it, and no mount requires it"),
        );
    }
}

fn remove_upstart_jobs(model: &mut Model<'_>) {
    let facts = model.facts;
    let jobs = facts.files.iter().filter(|(path, file)| {
        let name = path.strip_prefix(UPSTART).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| name.starts_with("cloud-")) && file.kind == FileKind::File
    });
    for (path, file) in jobs {
        let Some(digest) = &file.sha256 else { continue };
        if !managed_file::writable(path, file, model) {
            continue;
        }
        let backup = format!("{path}{BACKUP_SUFFIX}");
        let remove = Action::RemoveFile { path: path.clone(), digest: digest.clone(), backup };
        model.act(remove, words(path, &size(file), "moved away", "an upstart job of cloud-init, which nothing starts"));
    }
}

fn size(file: &FileFacts) -> String {
    format!("{} bytes", file.size)
}

fn words(object: &str, before: &str, after: &str, why: &str) -> Words {
    Words { object: object.to_owned(), before: before.to_owned(), after: after.to_owned(), why: why.to_owned() }
}
