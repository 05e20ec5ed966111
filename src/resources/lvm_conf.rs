//! lvm.conf: whether LVM keeps old metadata.
//!
//! LVM itself says whether it does (lvmconfig, in one more command while its report is made): what a
//! file seems to say may be overridden by another, or spelled in ways that only LVM knows. The text is
//! edited only where LVM's answer differs, and after a change LVM is asked again.

use super::Watch;
use super::managed_file::{self, ManagedFile, Text};
use crate::action::Action;
use crate::lvm_conf;
use crate::plan::RefusalCode;
use crate::plan::model::{Model, Words};
use crate::profile::Profile;
use crate::record::Begun;

/// The file that is edited.
pub const PATH: &str = "/etc/lvm/lvm.conf";
/// A file that overrides it.
const LOCAL: &str = "/etc/lvm/lvmlocal.conf";
const SETTING: &str = "backup/archive";
/// Before LVM 2.03 a daemon kept the metadata, and its settings as they were at its start.
const METADATA_DAEMON: &str = "lvm2-lvmetad.service";

/// What to look at for the setting.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    if profile.lvm_archive.is_some() {
        watch.text(PATH);
        watch.text(LOCAL);
        watch.lvm_settings.insert(SETTING.to_owned());
        watch.units.insert(METADATA_DAEMON.to_owned());
    }
}

/// Plans the one line, and the restart of what read the file before.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let Some(wanted) = profile.lvm_archive else { return };
    let owed = Begun::RestartUnit { unit: METADATA_DAEMON.to_owned() };
    let has_daemon = model.facts.units.get(METADATA_DAEMON).is_some_and(|unit| unit.is_active());
    let owes = if has_daemon { std::slice::from_ref(&owed) } else { &[] };
    let is_on = match model.facts.lvm_settings.get(SETTING) {
        // LVM's default.
        None => Some(true),
        Some(value) => lvm_conf::is_on(value),
    };
    let changed = is_on != Some(wanted) && edit(wanted, owes, model) == Some(true);
    if has_daemon && (changed || model.facts.record.begun.contains(&owed)) {
        model.act(
            Action::RestartUnit { unit: METADATA_DAEMON.to_owned() },
            Words {
                object: METADATA_DAEMON.to_owned(),
                before: String::new(),
                after: "restarted".to_owned(),
                why: format!("it read {PATH} as it was"),
            },
        );
    }
}

fn edit(wanted: bool, owes: &[Begun], model: &mut Model<'_>) -> Option<bool> {
    let value = u8::from(wanted);
    let text = |path: &str| model.facts.files.get(path).and_then(|found| found.text.clone()).unwrap_or_default();
    let (before, local) = (text(PATH), text(LOCAL));
    if lvm_conf::sets_archive(&local) != Ok(false) {
        let found = format!("sets {SETTING}, and overrides {PATH}");
        model.refuse(RefusalCode::FileUnsuitable, LOCAL, found, format!("set it to {value} there, or remove it there"));
        return None;
    }
    match lvm_conf::set_archive(&before, wanted) {
        Ok(after) if after == before => {
            let found = format!("sets {SETTING} to {value}, and LVM sees another value");
            let cure = "another file overrides it: look at /etc/lvm for lvm_*.conf, and at LVM_SYSTEM_DIR";
            model.refuse(RefusalCode::FileUnsuitable, PATH, found, cure);
            None
        }
        Ok(after) => {
            let what = format!("{SETTING} = {value}");
            let why = if wanted { "old metadata is kept" } else { "old metadata is not kept: it fills the disk" };
            let file = ManagedFile { path: PATH, text: Text::Shown(after), mode: None, owner: None, what: &what, why };
            managed_file::plan_owing(&file, owes, model)
        }
        Err(reason) => {
            let found = format!("cannot be read: {reason}");
            model.refuse(RefusalCode::FileUnsuitable, PATH, found, "lvmconfig --validate tells what is wrong");
            None
        }
    }
}
