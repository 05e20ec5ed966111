//! Profiles of several files: each folder of tests/composed has one, and what `render` prints of it, or says.

use super::{atomhost, output, root};
use expect_test::expect_file;
use std::path::PathBuf;

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/composed")).expect("the folder");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_profile_of_several_files_is_rendered_as_recorded() {
    let cases = cases();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    for case in cases {
        let told = output(atomhost().current_dir(&case).args(["render", "profile.yaml"]));
        let text = format!("exit code {}\n{}{}", told.code, told.stdout, told.stderr);
        let text = text.replace(&format!("{}/", case.display()), "");
        expect_file![case.join("rendered.txt")].assert_eq(&text);
        if told.code != 0 {
            continue;
        }
        // What is printed is a profile again, and says the same.
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("profile.yaml"), &told.stdout).expect("written");
        let again = output(atomhost().current_dir(folder.path()).args(["render", "profile.yaml"]));
        assert_eq!(again.code, 0, "{}: {}", case.display(), again.stderr);
        assert_eq!(bare(&again.stdout), bare(&told.stdout), "{}", case.display());
    }
}

/// Without the origins.
fn bare(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(said, _)| said).trim_end()).collect()
}

/// However a profile comes to be merged, it means what it meant: with a drop-in that says nothing new every golden case is
/// planned as it was.
#[test]
fn a_drop_in_that_says_nothing_new_changes_no_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let (profile, drop_in) = (folder.path().join("profile.yaml"), folder.path().join("profile.d/a.yaml"));
    std::fs::create_dir(folder.path().join("profile.d")).expect("made");
    let entries = std::fs::read_dir(root().join("tests/cases")).expect("the golden plans");
    for case in entries.map(|entry| entry.expect("a readable entry").path()) {
        std::fs::copy(case.join("profile.yaml"), &profile).expect("copied");
        let plan = || {
            let mut command = atomhost();
            let told = output(
                command
                    .arg("plan")
                    .arg(&profile)
                    .arg("--facts")
                    .arg(case.join("facts.json"))
                    .args(["--format", "json"]),
            );
            (told.code, told.stdout, told.stderr)
        };
        let _ = std::fs::remove_file(&drop_in);
        let alone = plan();
        std::fs::write(&drop_in, "version: 1\n").expect("written");
        assert_eq!(plan(), alone, "{}", case.display());
    }
}

/// Nothing is said of what is alone: a profile of one file is read as ever.
#[test]
fn a_profile_of_one_file_says_of_itself_where_it_stands() {
    let told = output(atomhost().args(["render", "profiles/minimal.yaml"]));
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stdout.lines().all(|line| line.contains("# profiles/minimal.yaml:")), "{}", told.stdout);
}
