//! What atomhost prints about itself, for other programs: manual pages, completions, schemas; and the file it is.

use super::{case, commands, output, plan, root, run};
use serde_json::Value;
use std::path::PathBuf;

#[test]
fn manual_pages_for_all_commands() {
    let main = run(["man"]);
    assert_eq!((main.code, main.stderr.as_str()), (0, ""));
    for section in
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "PROFILE", "EXIT STATUS", "FILES", "EXAMPLES"]
    {
        let heading = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
        assert!(heading.iter().any(|heading| main.stdout.contains(heading)), "{section} is missing");
    }
    assert_roff(&main.stdout);
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(output(super::atomhost().args(["man", "--out"]).arg(folder.path())).code, 0);
    let mut expected: Vec<String> = commands().iter().map(|name| format!("atomhost-{name}.8")).collect();
    expected.extend(["atomhost.8", "atomhost-profile.5"].map(str::to_owned));
    expected.sort();
    let mut found: Vec<String> = std::fs::read_dir(folder.path())
        .expect("the pages")
        .map(|entry| entry.expect("a page").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    let profile = std::fs::read_to_string(folder.path().join("atomhost-profile.5")).expect("the page");
    assert_roff(&profile);
    assert!(profile.contains("lvm.volumes.NAME.size") && profile.contains("users.NAME.authorized_keys"), "{profile}");
    let nowhere = run(["man", "--out", "/nonexistent"]);
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("cannot write the manual page"), "{}", nowhere.stderr);
}

/// A line that begins with a point or an apostrophe is a request to roff: only known ones may.
#[track_caller]
fn assert_roff(page: &str) {
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split(' ').next().unwrap_or_default();
        assert!(
            [".SH", ".TH", ".TP", ".PP", ".RS", ".RE", ".nf", ".fi", ".br", ".ie", ".el"].contains(&request),
            "{line}"
        );
    }
}

/// The table of keys that people read is the one that the types give.
#[test]
fn the_reference_is_that_of_the_types() {
    expect_test::expect_file![super::root().join("doc/profile.md")].assert_eq(&atomhost::manual::reference::markdown());
}

#[test]
fn completions_know_all_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{shell}");
        for command in commands() {
            assert!(script.stdout.contains(&command), "{shell} does not know {command}");
        }
    }
}

/// What the list names can be asked for, and nothing is missing in any of the texts.
#[test]
fn refusals_and_warnings_are_explained() {
    let all = run(["explain"]);
    assert_eq!((all.code, all.stderr.as_str()), (0, ""));
    let (refusals, warnings) = all.stdout.split_once("\nWarnings:\n").expect("both are listed");
    let codes = |list: &str| -> Vec<String> {
        list.lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect()
    };
    let (refusals, warnings) = (codes(refusals), codes(warnings));
    assert!(refusals.len() >= 30 && refusals.iter().any(|code| code == "disk-has-signature"), "{}", all.stdout);
    assert!(warnings.len() >= 20 && warnings.iter().any(|code| code == "pool-nearly-full"), "{}", all.stdout);
    for code in refusals.iter().chain(&warnings) {
        let one = run(["explain", code]);
        assert_eq!((one.code, one.stderr.as_str()), (0, ""), "{code}");
        assert!(one.stdout.starts_with(&format!("{code}: ")), "{}", one.stdout);
        let why = if warnings.contains(code) { "Why it matters" } else { "Why nothing is done" };
        for heading in ["What it means", why, "How to look", "How to put it right"] {
            assert!(one.stdout.contains(&format!("\n{heading}\n  ")), "{code} has no `{heading}`");
        }
    }
}

pub(super) fn schema(of: &str) -> jsonschema::Validator {
    let schema = run(["schema", of]);
    assert_eq!((schema.code, schema.stderr.as_str()), (0, ""), "{of}");
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap_or_else(|error| panic!("{of}: {error}"));
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{of}: {error}"))
}

pub(super) fn assert_valid(schema: &jsonschema::Validator, value: &Value, name: &str) {
    let errors: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}:\n{}", errors.join("\n"));
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn yaml(path: &PathBuf) -> Option<Value> {
    serde_yaml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// An editor that checks a profile by the schema must not complain about a good one.
#[test]
fn shipped_profiles_fit_the_schema() {
    let schema = schema("profile");
    for path in files("profiles") {
        let profile = yaml(&path).unwrap_or_else(|| panic!("{} is no YAML", path.display()));
        assert_valid(&schema, &profile, &path.display().to_string());
    }
}

/// It cannot find what needs arithmetic or a second look, but an unknown key or a wrong type it must.
#[test]
fn the_schema_finds_what_has_the_wrong_form() {
    let schema = schema("profile");
    let rows = [
        "{}",
        "version: 2",
        "version: 1\nlmv: {}",
        "version: 1\nlvm: {volume_group: a, volumes: {b: {size: 1G, filesystm: xfs}}}",
        "version: 1\nlvm: {volume_group: a, volumes: {b: {size: 1G, filesystem: zfs}}}",
        "version: 1\nlvm: {volume_group: a, disks: /dev/sdb}",
        "version: 1\nlvm: {volume_group: a, grow: always}",
        "version: 1\nlvm: {volume_group: a, thin_pools: {b: {size: 1G, when_full: wait}}}",
    ];
    for row in rows {
        let profile: Value = serde_yaml::from_str(row).expect("YAML");
        assert!(!schema.is_valid(&profile), "the schema takes {row}");
    }
}

/// Other programs read plans and facts by their schemas.
#[test]
fn plans_and_facts_fit_their_schemas() {
    let (plans, facts) = (schema("plan"), schema("facts"));
    for number in 1..=21 {
        let number = format!("{number:02}");
        let printed = output(&mut plan(&number, &["--format", "json"])).stdout;
        let printed: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("case {number}: {error}"));
        assert_valid(&plans, &printed, &format!("plan of case {number}"));
        let json = std::fs::read_to_string(case(&number).join("facts.json")).expect("facts");
        assert_valid(&facts, &serde_json::from_str(&json).expect("JSON"), &format!("facts of case {number}"));
    }
}

/// No loader, no shared library: the program headers of the ELF file name neither.
#[test]
fn the_binary_is_static() {
    const DYNAMIC: u32 = 2;
    const INTERPRETER: u32 = 3;
    let file = std::fs::read(assert_cmd::cargo::cargo_bin!("atomhost")).expect("the binary");
    assert_eq!(&file[..6], b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let headers = u64::from_le_bytes(file[32..40].try_into().expect("eight bytes")) as usize;
    let (size, count) = (u16_at(54), u16_at(56));
    let kinds: Vec<u32> = (0..count)
        .map(|index| {
            let at = headers + index * size;
            u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"))
        })
        .collect();
    assert!(kinds.contains(&1), "no segment is loaded: {kinds:?}");
    assert!(!kinds.contains(&DYNAMIC) && !kinds.contains(&INTERPRETER), "{kinds:?}");
}
