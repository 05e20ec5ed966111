//! Golden plans: each folder of tests/cases holds a profile, the facts of a host, and the plan's text.
//!
//! `UPDATE_EXPECT=1 cargo test --test golden` writes the texts anew; read every changed one.

use atomhost::facts::Facts;
use atomhost::{plan, profile, render, steps};
use expect_test::expect_file;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("tests/cases is there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_case_plans_as_recorded() {
    let cases = cases();
    assert!(cases.len() >= 10, "only {} cases found", cases.len());
    for case in cases {
        println!("{}", case.display());
        let yaml = std::fs::read(case.join("profile.yaml")).expect("profile.yaml");
        let profile =
            profile::parse(&yaml, "profile.yaml").unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let json = std::fs::read_to_string(case.join("facts.json")).expect("facts.json");
        let facts: Facts = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let plan = plan::plan(&profile, &facts);
        let commands: Vec<Vec<String>> = plan
            .actions
            .iter()
            .map(|planned| {
                let steps = steps::steps(&planned.action);
                steps
                    .iter()
                    .filter_map(
                        |step| if let steps::Step::Run(command) = step { Some(command.to_string()) } else { None },
                    )
                    .collect()
            })
            .collect();
        let options = render::Options { verbose: true, ..render::Options::default() };
        expect_file![case.join("plan.txt")].assert_eq(&render::text::plan(&plan, &commands, &options));
        let json = render::json::plan(&plan).expect("a plan serialises");
        let read: plan::Plan = serde_json::from_str(&json).expect("a plan's JSON reads back");
        assert_eq!(read, plan, "{}", case.display());
    }
}
