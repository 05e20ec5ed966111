//! Many hosts at once: plans as hosts print them, grouped.

use super::documents::{assert_valid, schema};
use super::{atomhost, case, output, run};
use expect_test::expect;
use serde_json::Value;
use std::path::Path;

/// The plan of a golden case, as JSON, for a host of this name.
fn plan(number: &str, host: &str) -> String {
    let folder = case(number);
    let (profile, facts) = (folder.join("profile.yaml"), folder.join("facts.json"));
    let mut command = atomhost();
    command.arg("plan").arg(profile).arg("--facts").arg(facts).args(["--format", "json"]);
    output(&mut command).stdout.replace("\"host1\"", &format!("\"{host}\""))
}

fn fleet(folder: &Path) {
    let rows = [("01", "new-1"), ("01", "new-2"), ("01", "new-3"), ("02", "old"), ("07", "odd")];
    for (number, host) in rows {
        std::fs::write(folder.join(format!("{host}.json")), plan(number, host)).expect("written");
    }
}

#[test]
fn hosts_that_plan_the_same_stand_together() {
    let folder = tempfile::tempdir().expect("a folder");
    fleet(folder.path());
    let path = folder.path().display().to_string();
    let told = run(["summarize", "--names", "2", &path]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    expect![[r#"
        5 hosts: 1 refused, 3 pending, 1 in sync
          1  refused   35f3c264d3c0  disk-has-signature
             odd
          3  pending   b362819c6934  13 actions
             new-1, new-2, …
          1  in sync
             old
    "#]]
    .assert_eq(&told.stdout);
    let verbose = run(["summarize", "-v", &path]).stdout;
    assert!(verbose.contains("\n       atomicos/root: 3G (768 extents) → 15G (3840 extents)\n"), "{verbose}");
    let json = run(["summarize", "--format", "json", &path]).stdout;
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_valid(&schema("summary"), &value, "a summary");
    assert_eq!((value["hosts"].as_u64(), value["groups"].as_array().map(Vec::len)), (Some(5), Some(3)));
}

#[test]
fn what_is_no_plan_is_named_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    fleet(folder.path());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("x-broken.json", "{\"schema\": \"atomhost.pl");
    write("x-empty.json", "");
    write("x-facts.json", &std::fs::read_to_string(case("01").join("facts.json")).expect("facts"));
    write("x-future.json", "{\"schema\": \"atomhost.plan/9\"}");
    write("x-liar.json", "{\"schema\": \"atomhost.plan/1\", \"hostname\": \"\\u001b[2J\"}");
    write("notes.txt", "not looked at");
    let told = run(["summarize", &folder.path().display().to_string(), "/no/such/file"]);
    assert_eq!(told.code, 65, "{}", told.stdout);
    assert!(told.stdout.starts_with("5 hosts: "), "{}", told.stdout);
    for expected in [
        "x-broken.json: it is no JSON",
        "x-empty.json: it is empty",
        "x-facts.json: it is no plan and no report: it has no schema",
        "x-future.json: atomhost.plan/9 is no plan and no report of this version",
        "x-liar.json: it is no atomhost.plan/1, though it says so",
        "/no/such/file: No such file",
    ] {
        assert!(told.stdout.contains(expected), "{expected}: {}", told.stdout);
    }
    assert!(!told.stdout.contains('\u{1b}') && !told.stdout.contains("notes"), "{}", told.stdout);
}

#[test]
fn a_stream_of_plans_is_read_as_it_comes() {
    let stream: String = (0..50).map(|at| plan(if at % 10 == 0 { "07" } else { "01" }, &format!("host{at}"))).collect();
    let told = output(atomhost().args(["summarize", "-", "--names", "0"]).write_stdin(stream.clone()));
    assert_eq!(told.code, 0, "{}", told.stdout);
    assert!(told.stdout.starts_with("50 hosts: 5 refused, 45 pending\n"), "{}", told.stdout);
    // Cut in the middle of one: those before it count.
    let cut = output(atomhost().args(["summarize", "-"]).write_stdin(&stream.as_bytes()[..stream.len() - 20]));
    assert!(cut.code == 65 && cut.stdout.starts_with("49 hosts: "), "{}", cut.stdout);
}
