//! Every key of a profile, read from the schema that the types give: so none can be missing, or say what is not so.

use serde_json::{Map, Value};
use std::collections::HashSet;

/// A key of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// From the top: `lvm.volumes.NAME.size`, `lvm.disks[].serial`.
    pub path: String,
    /// What may stand there.
    pub kind: String,
    pub meaning: String,
    pub required: bool,
}

/// Maps from paths; others are from names.
const BY_PATH: [&str; 3] = ["mounts", "files", "ca_certificates"];

/// All keys, in the schema's order; each kind of thing where it comes first.
pub fn keys() -> Vec<Key> {
    let schema = crate::profile::json_schema();
    let mut walk = Walk { definitions: &schema["$defs"], seen: HashSet::new(), keys: Vec::new() };
    walk.properties("", &schema);
    walk.keys
}

struct Walk<'a> {
    definitions: &'a Value,
    /// Definitions that are listed already.
    seen: HashSet<&'a str>,
    keys: Vec<Key>,
}

impl<'a> Walk<'a> {
    fn properties(&mut self, prefix: &str, schema: &'a Value) {
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, value) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{prefix}{name}");
            self.keys.push(Key {
                kind: self.kind(value),
                meaning: meaning(prefix, value),
                required: required.iter().any(|word| word == name),
                path: path.clone(),
            });
            self.inside(&path, name, value);
        }
    }

    /// What can stand below a key.
    fn inside(&mut self, path: &str, name: &str, value: &'a Value) {
        for part in value["anyOf"].as_array().into_iter().flatten() {
            self.inside(path, name, part);
        }
        if let Some(reference) = value["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
            && self.seen.insert(reference)
        {
            let definition = &self.definitions[reference];
            self.properties(&format!("{path}."), definition);
            self.inside(path, name, definition);
        }
        if value["items"].is_object() {
            self.inside(&format!("{path}[]"), name, &value["items"]);
        }
        if value["additionalProperties"].is_object() {
            let word = if BY_PATH.contains(&name) { "PATH" } else { "NAME" };
            self.inside(&format!("{path}.{word}"), name, &value["additionalProperties"]);
        }
    }

    fn kind(&self, value: &Value) -> String {
        let mut kinds: Vec<String> = Vec::new();
        self.kinds(value, &mut kinds);
        let mut unique: Vec<String> = Vec::new();
        for kind in kinds.into_iter().filter(|kind| !kind.is_empty()) {
            if !unique.contains(&kind) {
                unique.push(kind);
            }
        }
        unique.join(" or ")
    }

    fn kinds(&self, value: &Value, found: &mut Vec<String>) {
        value["anyOf"].as_array().into_iter().flatten().for_each(|part| self.kinds(part, found));
        value["oneOf"].as_array().into_iter().flatten().for_each(|part| self.kinds(part, found));
        if let Some(reference) = value["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            return self.kinds(&self.definitions[reference], found);
        }
        if let Some(word) = value["const"].as_str() {
            return found.push(format!("`{word}`"));
        }
        if let Some(words) = value["enum"].as_array() {
            return found.extend(words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")));
        }
        let types: Vec<&str> = match &value["type"] {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        found.extend(types.into_iter().map(|name| self.word(name, value)));
    }

    fn word(&self, name: &str, value: &Value) -> String {
        match name {
            "string" => "text".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "integer" => number(value.as_object()),
            "array" => format!("a list of {}", self.kind(&value["items"])),
            "object" => "a map".to_owned(),
            _ => String::new(),
        }
    }
}

/// journald's own options are journald's to explain.
fn meaning(prefix: &str, value: &Value) -> String {
    let said = value["description"].as_str();
    said.unwrap_or(if prefix == "journald." { "See journald.conf(5)." } else { "" }).to_owned()
}

fn number(value: Option<&Map<String, Value>>) -> String {
    let bound = |name: &str| value.and_then(|value| value.get(name)).and_then(Value::as_u64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) if least == most => format!("{least}"),
        (Some(least), Some(most)) => format!("a number from {least} to {most}"),
        _ => "a number".to_owned(),
    }
}

/// doc/profile.md.
pub fn markdown() -> String {
    let mut text = "# Keys of a profile\n\n\
        Every key that a profile may have, from the types that read it: `atomhost schema` prints the same as a JSON schema, and\n\
        atomhost-profile(5) is the same as a manual page. NAME and PATH stand for words of your own, `[]` for each entry of a\n\
        list. What a profile does not say stays as it is. README tells how the keys work together.\n"
        .to_owned();
    let mut section = "";
    let keys = keys();
    for key in &keys {
        let first = key.path.split(['.', '[']).next().unwrap_or_default();
        if first != section {
            section = first;
            text.push_str(&format!("\n## {section}\n\n| key | value | meaning |\n|---|---|---|\n"));
        }
        let Key { path, kind, meaning, required } = key;
        let required = if *required { " **Required.**" } else { "" };
        text.push_str(&format!("| `{path}` | {kind} | {}{required} |\n", meaning.replace('|', "\\|")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_place_a_kind_and_a_meaning() {
        let keys = keys();
        for wanted in [
            "lvm.volumes.NAME.size",
            "lvm.disks[].serial",
            "files.PATH.mode",
            "users.NAME.authorized_keys",
            "access.rules",
        ] {
            assert!(keys.iter().any(|key| key.path == wanted), "{wanted} is missing");
        }
        for key in &keys {
            assert!(!key.kind.is_empty() && !key.meaning.is_empty(), "{key:?}");
        }
        let paths: HashSet<&String> = keys.iter().map(|key| &key.path).collect();
        assert_eq!(paths.len(), keys.len(), "a key is there twice");
    }
}
