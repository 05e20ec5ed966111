//! Container storage: the table `[storage]` of storage.conf, which Podman, Buildah and CRI-O read.

use super::Watch;
use super::managed_file::{self, ManagedFile, Text};
use crate::facts::FileFacts;
use crate::plan::RefusalCode;
use crate::plan::model::Model;
use crate::profile::Profile;
use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

pub const PATH: &str = "/etc/containers/storage.conf";
/// What is read where the file above is missing, and no longer once it is there.
const DEFAULTS: &str = "/usr/share/containers/storage.conf";
const TABLE: &str = "storage";

/// What to look at for the file.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    if !profile.container_storage.is_empty() {
        watch.text(PATH);
        watch.text(DEFAULTS);
    }
}

/// Plans the file.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let wanted = &profile.container_storage;
    if wanted.is_empty() {
        return;
    }
    let text = |path: &str| model.facts.files.get(path).and_then(|found| found.text.clone());
    let (found, defaults) = (text(PATH), text(DEFAULTS));
    if let Some(FileFacts { text: None, sha256: Some(_), .. }) = model.facts.files.get(PATH) {
        let cure = "move it away, or leave it to its owner";
        return model.refuse(RefusalCode::FileUnsuitable, PATH, "is no text: its lines cannot be kept", cure);
    }
    // A file of its own hides the defaults: it begins as their copy.
    let is_new = found.is_none();
    let before = found.or(defaults).unwrap_or_default();
    let (after, changed) = match merged(&before, wanted) {
        Ok(merged) => merged,
        Err(reason) => {
            let cure = "correct it, or move it away: what is in it would be lost";
            return model.refuse(RefusalCode::FileUnsuitable, PATH, format!("is no TOML: {reason}"), cure);
        }
    };
    let text = if changed.is_empty() && !is_new { before } else { after };
    let what = changed.join(", ");
    let why = "container engines keep images and layers as it says";
    managed_file::plan(
        &ManagedFile { path: PATH, text: Text::Shown(text), mode: None, owner: None, what: &what, why },
        model,
    );
}

/// The text with the keys set, and those of them that changed. Comments and other keys stay.
///
/// # Errors
/// It is no TOML, or something else than a table stands where one belongs.
fn merged(text: &str, wanted: &Map<String, Value>) -> Result<(String, Vec<String>), String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let mut changed = Vec::new();
    let root = document.as_table_mut();
    let storage = root.entry(TABLE).or_insert_with(|| Item::Table(Table::new()));
    let storage = storage.as_table_like_mut().ok_or_else(|| format!("{TABLE} is no table"))?;
    merge(storage, wanted, "", &mut changed);
    Ok((document.to_string(), changed))
}

fn merge(table: &mut dyn TableLike, wanted: &Map<String, Value>, prefix: &str, changed: &mut Vec<String>) {
    for (key, value) in wanted {
        let name = format!("{prefix}{key}");
        let found = table.get_mut(key);
        match (found, value) {
            (Some(found), Value::Object(map)) if found.is_table_like() => {
                if let Some(inner) = found.as_table_like_mut() {
                    merge(inner, map, &format!("{name}."), changed);
                }
            }
            (None, Value::Object(map)) => {
                let mut inner = Table::new();
                // A table of tables alone needs no heading of its own.
                inner.set_implicit(map.values().all(Value::is_object) && !map.is_empty());
                merge(&mut inner, map, &format!("{name}."), changed);
                table.insert(key, Item::Table(inner));
            }
            (Some(found), _) => {
                let Some(mut wanted) = toml(value) else { continue };
                let Some(old) = found.as_value() else {
                    *found = Item::Value(wanted);
                    changed.push(name);
                    continue;
                };
                if same(old, &wanted) {
                    continue;
                }
                // What stands around the value, a comment say, stays.
                *wanted.decor_mut() = old.decor().clone();
                *found = Item::Value(wanted);
                changed.push(name);
            }
            (None, _) => {
                let Some(value) = toml(value) else { continue };
                table.insert(key, Item::Value(value));
                changed.push(name);
            }
        }
    }
}

/// The value in TOML, which has no word for nothing.
fn toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(values) => toml_edit::Value::Array(values.iter().filter_map(toml).collect::<Array>()),
        Value::Object(map) => {
            let pairs = map.iter().filter_map(|(key, value)| Some((key.as_str(), toml(value)?)));
            toml_edit::Value::InlineTable(pairs.collect::<InlineTable>())
        }
    })
}

/// Whether two values mean the same, whatever they look like.
fn same(one: &toml_edit::Value, other: &toml_edit::Value) -> bool {
    use toml_edit::Value::{Array, Boolean, Float, InlineTable, Integer, String};
    match (one, other) {
        (String(one), String(other)) => one.value() == other.value(),
        (Integer(one), Integer(other)) => one.value() == other.value(),
        (Float(one), Float(other)) => one.value() == other.value(),
        (Boolean(one), Boolean(other)) => one.value() == other.value(),
        (Array(one), Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b)),
        (InlineTable(one), InlineTable(other)) => {
            let equal =
                |(key, value): (&str, &toml_edit::Value)| other.get(key).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(equal)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_merged_and_comments_stay() {
        let map = |json: &str| serde_json::from_str::<Map<String, Value>>(json).expect(json);
        let rows = [
            (
                "# top\n[storage]\n# which\ndriver = \"vfs\" # for now\nrunroot = '/run/containers'\n\n[other]\nx = 1\n",
                r#"{"driver": "overlay", "runroot": "/run/containers"}"#,
                "# top\n[storage]\n# which\ndriver = \"overlay\" # for now\nrunroot = '/run/containers'\n\n[other]\nx = 1\n",
                vec!["driver"],
            ),
            (
                "[storage]\ndriver = \"devicemapper\"\n[storage.options]\nmirrors = []\n",
                r#"{"options": {"thinpool": {"directlvm_device": "/dev/sdb", "autoextend_percent": "20"}}}"#,
                "[storage]\ndriver = \"devicemapper\"\n[storage.options]\nmirrors = []\n\n[storage.options.thinpool]\ndirectlvm_device = \"/dev/sdb\"\nautoextend_percent = \"20\"\n",
                vec!["options.thinpool.directlvm_device", "options.thinpool.autoextend_percent"],
            ),
            (
                "",
                r#"{"driver": "overlay", "options": {"pull": {"n": 3, "on": true, "list": ["a", "b"]}}}"#,
                "[storage]\ndriver = \"overlay\"\n\n[storage.options.pull]\nn = 3\non = true\nlist = [\"a\", \"b\"]\n",
                vec!["driver", "options.pull.n", "options.pull.on", "options.pull.list"],
            ),
        ];
        for (before, wanted, after, changed) in rows {
            let (text, keys) = merged(before, &map(wanted)).expect(before);
            assert_eq!(text, after);
            assert_eq!(keys, changed);
            assert_eq!(merged(&text, &map(wanted)), Ok((text.clone(), Vec::new())), "a second time");
        }
        for bad in ["[storage", "storage = 1", "a = \n"] {
            assert!(merged(bad, &map("{\"driver\": \"overlay\"}")).is_err(), "{bad}");
        }
    }
}
