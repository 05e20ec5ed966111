//! The benchmark: how much atomhost costs, beside the commands that it cannot do without.
//!
//! ```text
//! cargo bench --bench bench                  everything: half an hour, as root, with QEMU (see tests/lab)
//! cargo bench --bench bench -- local         only what needs no virtual host: seconds, as anybody
//! cargo bench --bench bench -- hosts         only what needs one
//! cargo bench --bench bench -- ansible       the whole role, beside a real Ansible: a quarter of an hour
//! ```
//!
//! Prints a Markdown table on standard output, progress on standard error, and ends with 1 when a target is missed.
//! Ratios are taken of runs that alternate, so that a busy machine slows both sides down.

mod ansible;
mod binary;
mod figures;
#[path = "../lab/harness/mod.rs"]
mod harness;
mod hosts;
mod planning;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo passes `--bench` when it benchmarks; `cargo test --all-targets` does not, and has no time for this.
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    if !flags.iter().any(|flag| flag == "--bench") {
        println!("nothing measured: run it with `cargo bench --bench bench`");
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = words.iter().find(|word| !["local", "hosts", "ansible"].contains(&word.as_str())) {
        eprintln!("unknown word `{unknown}`: use `local`, `hosts` or `ansible`");
        return ExitCode::from(64);
    }
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let mut rows = Vec::new();
    if wanted("hosts") {
        rows.extend(hosts::measure());
    }
    if wanted("ansible") {
        rows.extend(ansible::measure());
    }
    if wanted("local") {
        rows.extend(binary::measure());
        rows.extend(planning::measure());
    }
    print!("{}", figures::table(&rows));
    let over = rows.iter().filter(|row| row.is_over()).count();
    if over > 0 {
        eprintln!("{over} of the targets missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
