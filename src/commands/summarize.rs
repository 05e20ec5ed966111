//! `atomhost summarize`: what many hosts' plans and reports say, taken together.

use crate::cli::{self, Format, Global};
use crate::exit::{Exit, Failure};
use crate::fleet::Counter;
use crate::output;
use crate::render;
use serde_json::Value;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Bytes of one file, or of all of stdin; a report has some kilobytes.
const LARGEST_FILE: u64 = 64 << 20;
const LARGEST_STREAM: u64 = 64 << 30;

pub fn summarize(arguments: &cli::Summarize, global: &Global) -> Result<Exit, Failure> {
    let mut counter = Counter::new(arguments.names);
    for path in &arguments.files {
        if path == Path::new("-") {
            count("stdin", std::io::stdin().lock().take(LARGEST_STREAM), &mut counter);
        } else if path.is_dir() {
            directory(path, &mut counter);
        } else {
            file(path, &mut counter);
        }
    }
    let summary = counter.finish();
    match arguments.format {
        Format::Text => output::print(&render::fleet::summary(&summary, &output::options(global))),
        Format::Json => {
            let json = serde_json::to_string_pretty(&summary);
            output::line(&json.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?);
        }
    }
    Ok(if summary.fault_count == 0 { Exit::Success } else { Exit::InvalidProfile })
}

/// All that ends in .json in it, in the order of names.
fn directory(path: &Path, counter: &mut Counter) {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return counter.fault(&path.display().to_string(), error.to_string()),
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().for_each(|path| file(path, counter));
}

fn file(path: &Path, counter: &mut Counter) {
    match File::open(path) {
        Ok(opened) => count(&path.display().to_string(), opened.take(LARGEST_FILE), counter),
        Err(error) => counter.fault(&path.display().to_string(), error.to_string()),
    }
}

/// One document after the other, as `cat *.json` and log pipelines make them.
fn count(name: &str, read: impl Read, counter: &mut Counter) {
    let mut documents = serde_json::Deserializer::from_reader(BufReader::new(read)).into_iter::<Value>();
    let mut number = 0;
    for document in &mut documents {
        number += 1;
        let document = document.map_err(|error| format!("it is no JSON: {error}"));
        if let Err(reason) = document.and_then(|document| counter.add(document)) {
            let name = if number == 1 { name.to_owned() } else { format!("{name}, document {number}") };
            counter.fault(&name, reason);
        }
    }
    if number == 0 {
        counter.fault(name, "it is empty".to_owned());
    }
}
