//! The fuzz targets, on a stable compiler and for a bounded time: every input of their corpora as it is, and changed
//! at random. `cargo +nightly fuzz run TARGET` looks further, guided by coverage; what it finds goes into the corpus.

#[path = "../fuzz/targets.rs"]
mod targets;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::path::{Path, PathBuf};
use targets::TARGETS;

/// Changed inputs for each target.
const CHANGED: u32 = 1500;
/// What more than single bytes matters to some parser.
const WORDS: [&str; 28] = [
    "\n",
    "\n\n",
    "\t",
    " ",
    "#",
    "\\040",
    "\\",
    "'",
    "\"",
    ":",
    "-",
    "+",
    "0",
    "18446744073709551615",
    "-1",
    "1.5",
    "%FREE",
    "%VG",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "\u{feff}",
    "é",
    "\0",
    "\u{1b}[2J",
];

/// Inputs of a target, its own and those that other tests have.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = files(&root.join("fuzz/corpus").join(target));
    match target {
        "profile" => {
            files.extend(self::files(&root.join("profiles")));
            files.extend(self::files(&root.join("tests/bad-profiles")));
        }
        "facts" => {
            files.extend(self::files(&root.join("tests/cases")).into_iter().filter(|path| path.ends_with("facts.json")))
        }
        "certificate" => files.extend(self::files(&root.join("tests/certificates"))),
        _ => {}
    }
    files.iter().map(|file| std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))).collect()
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// One change, at a place that wraps round.
#[derive(Clone, Debug)]
enum Edit {
    Set(usize, u8),
    Insert(usize, &'static str),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = || 0usize..1 << 20;
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at(), proptest::sample::select(&WORDS[..])).prop_map(|(at, word)| Edit::Insert(at, word)),
        (at(), 1usize..200).prop_map(|(at, count)| Edit::Remove(at, count)),
        (at(), 1usize..200).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ];
    proptest::collection::vec(edit, 1..8)
}

fn change(input: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut data = input.to_owned();
    for edit in edits {
        let place = |at: usize| at % (data.len() + 1);
        match *edit {
            Edit::Set(at, byte) if !data.is_empty() => {
                let at = at % data.len();
                data[at] = byte;
            }
            Edit::Set(_, byte) => data.push(byte),
            Edit::Insert(at, word) => {
                let at = place(at);
                data.splice(at..at, word.bytes());
            }
            Edit::Remove(at, count) => {
                let at = place(at);
                data.drain(at..(at + count).min(data.len()));
            }
            Edit::Repeat(at, count) => {
                let at = place(at);
                let part = data[at..(at + count).min(data.len())].to_owned();
                data.splice(at..at, part);
            }
        }
    }
    data
}

#[test]
fn every_input_and_its_neighbours_are_taken_well() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        inputs.iter().for_each(|input| target(input));
        let config = Config { cases: CHANGED, failure_persistence: None, ..Config::default() };
        // The same inputs on every run: a merge does not fail for what it has not changed.
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let strategy = (0..inputs.len(), edits());
        let result = runner.run(&strategy, |(at, edits)| {
            target(&change(&inputs[at], &edits));
            Ok(())
        });
        if let Err(TestError::Fail(reason, (at, edits))) = result {
            let input = change(&inputs[at], &edits);
            panic!("{name}: {reason}: keep this as an input in fuzz/corpus/{name}:\n{}", input.escape_ascii());
        }
    }
}
