//! The example for hosts under an orchestrator says what this atomhost understands.

use crate::{atomhost, output, root};
use atomhost::cli::Cli;
use clap::Parser;
use serde_json::Value;

#[test]
fn the_example_is_understood() {
    let text = std::fs::read_to_string(root().join("kubernetes/daemonset.yaml")).expect("the example");
    let documents: Vec<Value> = serde_yaml::from_multiple(&text).expect("YAML");
    let [map, set] = documents.as_slice() else { panic!("{} documents", documents.len()) };
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("profile.yaml");
    std::fs::write(&profile, map["data"]["profile.yaml"].as_str().expect("a profile")).expect("written");
    let valid = output(atomhost().arg("validate").arg(&profile));
    assert_eq!(valid.code, 0, "{}", valid.stderr);
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["hostPID"], true);
    let mut seen = 0;
    let containers = [&pod["initContainers"], &pod["containers"]].map(|list| list.as_array().expect("containers"));
    for container in containers.into_iter().flatten() {
        let image = container["image"].as_str().expect("an image");
        if !image.starts_with("atomhost:") {
            continue;
        }
        seen += 1;
        assert_eq!(image, concat!("atomhost:", env!("CARGO_PKG_VERSION")));
        assert_eq!(container["securityContext"]["privileged"], true, "{container:#}");
        let arguments =
            container["args"].as_array().expect("arguments").iter().map(|word| word.as_str().expect("a word"));
        // What the image starts with, and what the container adds.
        let line = ["atomhost", "--enter-host"].into_iter().chain(arguments);
        Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(seen, 2);
}
