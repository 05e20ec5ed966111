//! LVM's metadata profile of a pool: where dmeventd reads when and by how much to extend it.

use crate::accounts::Owner;
use crate::action::Action;
use crate::facts::LogicalVolume;
use crate::plan::model::{Model, Words};
use crate::profile::{Autoextend, ThinPool};

/// The name of the metadata profile that holds the wanted autoextend: the attached one when it says
/// the same already, else ours, whose file is written where it differs.
pub(super) fn autoextend_profile(
    group: &str,
    wanted: &ThinPool,
    autoextend: Autoextend,
    lv: Option<&LogicalVolume>,
    model: &mut Model<'_>,
) -> String {
    let attached = lv.and_then(|lv| lv.pool.as_ref()).map(|pool| pool.profile.as_str()).filter(|name| !name.is_empty());
    if let Some(name) = attached
        && model.facts.lvm_profiles.get(name).is_some_and(|text| says(text, autoextend))
    {
        return name.to_owned();
    }
    let name = format!("atomhost-{group}-{}", wanted.name);
    let text = profile_text(autoextend);
    let before = model.facts.lvm_profiles.get(&name).cloned();
    if before.as_deref() != Some(text.as_str()) {
        let path = format!("/etc/lvm/profile/{name}.profile");
        let state = if before.is_some() { "other settings" } else { "" };
        model.act(
            Action::WriteFile { path: path.clone(), mode: 0o644, owner: Owner::root(), before, after: text },
            Words {
                object: path,
                before: state.to_owned(),
                after: format!("autoextend at {} % by {} %", autoextend.threshold, autoextend.percent),
                why: "LVM reads a pool's autoextend from its metadata profile".to_owned(),
            },
        );
    }
    name
}

fn profile_text(Autoextend { threshold, percent }: Autoextend) -> String {
    format!(
        "# Written by atomhost from its profile. LVM stops extending the pool, without a word, if this file is gone.\n\
         activation {{\n\tthin_pool_autoextend_threshold={threshold}\n\tthin_pool_autoextend_percent={percent}\n}}\n"
    )
}

/// Whether a metadata profile's text sets just these two values.
fn says(text: &str, Autoextend { threshold, percent }: Autoextend) -> bool {
    profile_values(text) == (Some(threshold), Some(percent))
}

/// Threshold and percent of autoextend as a metadata profile, or lvmconfig, sets them; comments do
/// not count.
pub fn profile_values(text: &str) -> (Option<u32>, Option<u32>) {
    let value = |key: &str| {
        text.lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.trim().rsplit('/').next() == Some(key))
            .filter_map(|(_, value)| value.trim().parse::<u32>().ok())
            .next_back()
    };
    (value("thin_pool_autoextend_threshold"), value("thin_pool_autoextend_percent"))
}
