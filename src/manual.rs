//! What `--help` and the manual pages say beyond the options: exit codes, files, examples. One source for both.

mod page;
pub mod reference;

pub use page::{page, profile_page};

use crate::cli::DEFAULT_PROFILE;
use crate::exit::Exit;
use crate::history::HISTORY_PATH;
use crate::record::RECORD_PATH;
use crate::report::REPORT_PATH;
use crate::unconfirmed::FOLDER;
use std::fmt::Write;

/// A command line and what it is good for.
struct Example {
    command: &'static str,
    line: &'static str,
    purpose: &'static str,
}

const fn example(command: &'static str, line: &'static str, purpose: &'static str) -> Example {
    Example { command, line, purpose }
}

/// In the order in which they are wanted on a new host.
const EXAMPLES: [Example; 25] = [
    example("validate", "atomhost validate profile.yaml", "is it well written? works anywhere"),
    example("render", "atomhost render", "all files of the profile in one, and who says what"),
    example("plan", "atomhost plan", "what would be done, and why? changes nothing"),
    example("plan", "atomhost plan -v", "with the commands behind each action"),
    example("plan", "atomhost plan profile.yaml --facts host1.json", "the same, far from the host"),
    example("plan", "atomhost plan --format html >plan.html", "a page to pass on"),
    example("plan", "atomhost plan --out plan.json", "save it, to be read and approved"),
    example("apply", "atomhost apply --plan plan.json", "do exactly what was saved, or nothing"),
    example("apply", "atomhost apply", "plan and do it"),
    example("apply", "atomhost apply --wait-disks 60s", "wait for a disk that is attached late"),
    example("apply", "atomhost apply --confirm-within 10m", "take it back unless somebody confirms it"),
    example("confirm", "atomhost confirm", "it works: the changes stay"),
    example("pool", "atomhost pool status", "how full are the thin pools, and how far can they grow?"),
    example("check", "atomhost check && echo in sync", "for monitoring"),
    example("summarize", "atomhost summarize plans/", "how many hosts plan what?"),
    example("check", "atomhost check --metrics /var/lib/node/atomhost.prom", "for Prometheus, by node_exporter"),
    example("check", "atomhost check --every 1h", "again and again, in a container"),
    example("history", "atomhost history", "what was done to this host, and when?"),
    example("history", "atomhost history 2", "the last run but one, with all its actions"),
    example("facts", "atomhost facts >host1.json", "for plan --facts"),
    example("import", "atomhost import >profile.yaml", "a profile of this host's storage as it is"),
    example("import", "atomhost import --role-variables vars.yml", "what the Ansible role did, as a profile"),
    example("explain", "atomhost explain disk-has-signature", "what does this refusal mean, and what now?"),
    example("schema", "atomhost schema >profile.schema.json", "for an editor's completion"),
    example("completions", "atomhost completions bash >/etc/bash_completion.d/atomhost", "for the next shell"),
];

/// Paths that atomhost reads or writes by itself.
const FILES: [(&str, &str); 9] = [
    (DEFAULT_PROFILE, "the profile, where a command names none"),
    ("/etc/atomhost/profile.d/*.yaml", "what completes that profile, in the order of names"),
    (REPORT_PATH, "what the last apply did, with times and commands"),
    (HISTORY_PATH, "the runs before it, the last thirty"),
    (RECORD_PATH, "which disk a name of the profile meant, and what was begun"),
    (FOLDER, "what confirm forgets and revert brings back"),
    ("/run/atomhost.lock", "held while an apply runs"),
    ("/etc/fstab", "the lines of its mounts and swap; no other line is touched"),
    ("/etc/lvm/profile/atomhost-VG-POOL.profile", "autoextend settings of a thin pool"),
];

/// Environment variables that matter.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("NO_COLOR", "if set to anything, output has no colour unless --color always"),
    ("LC_ALL, LC_CTYPE, LANG", "a UTF-8 locale gets arrows and blocks, any other plain ASCII"),
    ("COLUMNS", "width of the output where stdout is no terminal; 100 by default"),
    ("NOTIFY_SOCKET", "set by systemd: apply --boot reports its progress there"),
];

/// What follows the options in `atomhost --help`.
pub fn help() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {:>2}  {}", exit as u8, exit.meaning());
    }
    text.push_str("\nFiles:\n");
    // One path is much longer than the others.
    for (path, meaning) in FILES {
        let _ = match path.len() > 30 {
            true => writeln!(text, "  {path}\n  {:30}  {meaning}", ""),
            false => writeln!(text, "  {path:30}  {meaning}"),
        };
    }
    let main = EXAMPLES.iter().filter(|example| example.command != "completions" && example.command != "schema");
    text + "\n" + &examples_text(main)
}

/// What follows the options in `atomhost COMMAND --help`.
pub fn examples(command: &str) -> String {
    examples_text(EXAMPLES.iter().filter(|example| example.command == command))
}

fn examples_text<'a>(examples: impl Iterator<Item = &'a Example>) -> String {
    let mut text = "Examples:".to_owned();
    for Example { line, purpose, .. } in examples {
        let _ = write!(text, "\n  {line:46}  {purpose}");
    }
    text
}
