//! The command line as a shell sees it: exit codes, streams, help, documents. None of this looks at the machine.

mod composed;
mod documents;
mod fleet;
mod import;
mod kubernetes;
mod streams;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The program, in surroundings that are the same everywhere.
fn atomhost() -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("atomhost");
    command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(root()).timeout(std::time::Duration::from_secs(60));
    command
}

/// Folder of the package.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// How it ended.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
    output(atomhost().args(arguments))
}

fn output(command: &mut Command) -> Run {
    let output = command.output().expect("atomhost starts and ends");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    let run = Run {
        code: output.status.code().expect("no signal ended it"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

/// The names of all commands, as `--help` lists them.
fn commands() -> Vec<String> {
    let help = run(["--help"]).stdout;
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<String> = list
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 9, "{help}");
    names
}

/// A folder of golden plans, by the number it begins with.
fn case(number: &str) -> PathBuf {
    let folders = std::fs::read_dir(root().join("tests/cases")).expect("the golden plans");
    folders
        .map(|entry| entry.expect("a readable entry").path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number)))
        .unwrap_or_else(|| panic!("no case {number}"))
}

/// `plan` of a golden case, with further arguments.
fn plan(number: &str, arguments: &[&str]) -> Command {
    let case = case(number);
    let mut command = atomhost();
    command.arg("plan").arg(case.join("profile.yaml")).arg("--facts").arg(case.join("facts.json")).args(arguments);
    command
}

#[test]
fn every_command_explains_itself() {
    for command in commands() {
        let command = command.as_str();
        let long = run([command, "--help"]);
        assert_eq!((long.code, long.stderr.as_str()), (0, ""), "{command} --help");
        assert!(long.stdout.contains(&format!("Usage: atomhost {command}")), "{}", long.stdout);
        let short = run([command, "-h"]);
        assert_eq!((short.code, short.stderr.as_str()), (0, ""), "{command} -h");
        assert!(short.stdout.len() <= long.stdout.len(), "-h says more than --help of {command}");
        assert_eq!(run(["help", command]).stdout, long.stdout);
        for line in long.stdout.lines().chain(short.stdout.lines()) {
            assert!(line.chars().count() <= 100, "{command}: too wide: {line}");
        }
    }
    let main = run(["--help"]).stdout;
    for expected in ["Exit codes:", " 75  busy", "Files:", "/etc/atomhost/profile.yaml", "Examples:"] {
        assert!(main.contains(expected), "{expected} is missing in:\n{main}");
    }
}

#[test]
fn every_command_tells_the_version() {
    let version = format!("atomhost {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        assert_eq!(run([flag]).stdout, version);
    }
    for command in commands() {
        let run = run([command.as_str(), "--version"]);
        assert_eq!((run.code, run.stdout), (0, version.replace("atomhost", &format!("atomhost-{command}"))));
    }
}

#[test]
fn wrong_usage_is_64_and_named() {
    let rows: [(&[&str], &str); 10] = [
        (&[], "Usage: atomhost"),
        (&["frobnicate"], "frobnicate"),
        (&["valdate"], "validate"),
        (&["validate"], "<PROFILE>"),
        (&["plan", "--fact", "x"], "--facts"),
        (&["plan", "--format", "xml"], "json"),
        (&["apply", "--wait-disks", "soon"], "60s"),
        (&["apply", "--plan", "a.json", "b.yaml"], "cannot be used with"),
        (&["completions", "tcsh"], "bash"),
        (&["explain", "disk-has-signatures"], "'disk-has-signature'"),
    ];
    for (arguments, expected) in rows {
        let run = run(arguments.iter().copied());
        assert_eq!((run.code, run.stdout.as_str()), (64, ""), "{arguments:?}");
        assert!(run.stderr.contains(expected), "{arguments:?} does not say {expected}:\n{}", run.stderr);
    }
}

#[test]
fn what_is_no_profile_is_65_or_66() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a temporary file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let link = folder.path().join("loop");
    std::os::unix::fs::symlink(&link, &link).expect("a link");
    let rows = [
        (file("empty.yaml", b""), 65, "the profile is empty"),
        (file("garbage.yaml", b"\x7fELF\x02\x01\x01\0\xff\xfe"), 65, "not UTF-8"),
        (file("large.yaml", &vec![b'#'; 10 << 20]), 65, "larger than 1048576 bytes"),
        (file("unit.yaml", b"version: 1\nlvm: {volume_group: a, volumes: {b: {size: 15}}}\n"), 65, "has no unit"),
        ("/dev/zero".to_owned(), 65, "larger than 1048576 bytes"),
        ("/dev/null".to_owned(), 65, "the profile is empty"),
        ("profiles".to_owned(), 66, "it is a directory"),
        ("nowhere.yaml".to_owned(), 66, "cannot read the profile nowhere.yaml"),
        (link.to_str().expect("UTF-8").to_owned(), 66, "cannot read the profile"),
        (file("file", b"") + "/below.yaml", 66, "cannot read the profile"),
    ];
    for (path, code, expected) in &rows {
        // All commands read a profile in the same way, before anything else.
        for command in ["validate", "plan", "apply", "check", "facts"] {
            let run = run([command, path.as_str()]);
            assert_eq!((run.code, run.stdout.as_str()), (*code, ""), "{command} {path}: {}", run.stderr);
            assert!(run.stderr.contains(expected), "{command} {path}: {}", run.stderr);
        }
    }
}

#[test]
fn validate_looks_at_every_file_that_it_is_given() {
    let good = "profiles/minimal.yaml";
    let bad = "tests/bad-profiles/01-empty.yaml";
    let run = run(["validate", good, "nowhere.yaml", bad, good]);
    assert_eq!(run.code, 66, "the first failure's code");
    assert_eq!(run.stdout, format!("{good}: good\n{good}: good\n"));
    assert!(run.stderr.contains("nowhere.yaml") && run.stderr.contains("01-empty.yaml"), "{}", run.stderr);
    let single = self::run(["validate", good]);
    assert_eq!((single.code, single.stdout + &single.stderr), (0, String::new()));
}

#[test]
fn what_needs_root_says_so() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Where nobody in particular can start it.
    let program = folder.path().join("atomhost");
    // By another process: while this one has it open for writing, a child that another test starts keeps it busy.
    let copied = std::process::Command::new("cp").arg(assert_cmd::cargo::cargo_bin!("atomhost")).arg(&program).status();
    assert!(copied.is_ok_and(|status| status.success()), "a copy of the program");
    std::fs::copy(root().join("profiles/minimal.yaml"), folder.path().join("profile.yaml")).expect("a copy");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("readable by all");
    for command in ["plan", "apply", "check", "facts"] {
        let mut process = std::process::Command::new(&program);
        process.env_clear().current_dir(folder.path()).args([command, "profile.yaml"]);
        // What we make belongs to whom we are.
        if folder.path().metadata().expect("the folder").uid() == 0 {
            process.uid(65534).gid(65534);
        }
        let run = output(&mut Command::from_std(process));
        assert_eq!((run.code, run.stdout.as_str()), (77, ""), "{command}: {}", run.stderr);
        assert!(run.stderr.contains("root is needed"), "{command}: {}", run.stderr);
    }
}

#[test]
fn plans_from_facts_end_with_their_codes() {
    let rows: [(&str, &[&str], i32, &str); 8] = [
        ("01", &[], 0, "Plan: "),
        ("01", &["--detailed-exitcode"], 2, "Plan: "),
        ("02", &[], 0, "In sync"),
        ("02", &["--detailed-exitcode"], 0, "In sync"),
        ("07", &[], 3, "carries ext4"),
        ("09", &[], 75, "no such disk"),
        ("10", &["--detailed-exitcode"], 3, "refused"),
        ("13", &[], 3, "refused"),
    ];
    for (number, arguments, code, expected) in rows {
        let run = output(&mut plan(number, arguments));
        assert_eq!(run.code, code, "case {number} {arguments:?}: {}", run.stderr);
        assert!(run.stdout.contains(expected), "case {number}:\n{}", run.stdout);
    }
}

#[test]
fn facts_and_saved_plans_that_are_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a temporary file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let facts = std::fs::read_to_string(case("01").join("facts.json")).expect("facts");
    let newer = facts.replacen("\"version\": 1", "\"version\": 999", 1);
    assert_ne!(facts, newer);
    let profile = "profiles/scheme-v2.yaml";
    let (garbage, newer) = (file("garbage", "{\"a\": "), file("newer", &newer));
    let cut = file("cut", &facts[..facts.len() / 2]);
    let rows: [(&[&str], i32, &str); 8] = [
        (&["plan", profile, "--facts", "nowhere"], 66, "cannot read the facts nowhere"),
        (&["plan", profile, "--facts", "tests"], 66, "cannot read the facts tests"),
        (&["plan", profile, "--facts", &garbage], 65, "holds no facts"),
        (&["plan", profile, "--facts", &cut], 65, "holds no facts"),
        (&["plan", profile, "--facts", &newer], 65, "version 999"),
        (&["apply", "--plan", "nowhere"], 66, "cannot read the saved plan nowhere"),
        (&["apply", "--plan", &garbage], 4, "garbage"),
        (&["apply", "--plan", profile], 4, "scheme-v2.yaml"),
    ];
    for (arguments, code, expected) in rows {
        let run = run(arguments.iter().copied());
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_plan_can_be_saved() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("plan.json");
    assert_eq!(output(plan("01", &["--out"]).arg(&path)).code, 0);
    let saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("the saved plan")).expect("it is JSON");
    let printed: serde_json::Value =
        serde_json::from_str(&output(&mut plan("01", &["--format", "json"])).stdout).expect("JSON");
    assert_eq!(saved["plan"]["actions"], printed["actions"]);
    let nowhere = output(plan("01", &["--out"]).arg(folder.path().join("no/plan.json")));
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("cannot write the plan"), "{}", nowhere.stderr);
}
