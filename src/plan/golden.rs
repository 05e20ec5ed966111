//! The golden cases of tests/cases, for unit tests: profile and facts of a host, each in a folder.

use super::Plan;
use crate::facts::Facts;
use crate::profile::Profile;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// Their names.
pub fn cases() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).expect("the cases").flatten();
    entries.map(|entry| entry.file_name().into_string().expect("a name")).collect()
}

/// The text of a file of a case.
pub fn text(case: &str, file: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{case}/{file}")).unwrap_or_else(|error| panic!("{case}/{file}: {error}"))
}

pub fn profile(case: &str) -> Profile {
    crate::profile::parse(text(case, "profile.yaml").as_bytes(), "profile.yaml").expect("a profile")
}

pub fn facts(case: &str) -> Facts {
    serde_json::from_str(&text(case, "facts.json")).expect("facts")
}

pub fn plan(case: &str) -> Plan {
    super::plan(&profile(case), &facts(case))
}
