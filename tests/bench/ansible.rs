//! atomhost beside the Ansible role that it takes the place of: a real Ansible, the same hosts, from the same machine
//! over ssh, in one run.

use super::figures::{Row, Series};
use super::harness::{Disk, Host};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

const ROLE: &str = include_str!("role.yaml");
const PROFILE: &str = include_str!("../../profiles/scheme-v2-complete.yaml");
const CERTIFICATE: &str = include_str!("../certificates/root.crt");
/// Of no password that anybody has.
const HASH: &str =
    "$6$saltsalt$R9dWt/znLN2H2lRupDD.YQTdspQ0eTjj8yL.kMuypengCDEauRKKzOqOtRbqBzS4i.7suaez7medavBRqBOQy1\n";
/// Fresh hosts that each of the two gets.
const HOSTS: usize = 2;

/// What is measured, in this order on each host.
const PARTS: [&str; 4] =
    ["dry-run on the stock host", "first provisioning", "run with nothing to do", "dry-run in sync"];

pub fn measure() -> Vec<Row> {
    let control = Control::new();
    let mut seconds: [[Vec<f64>; 4]; 2] = Default::default();
    let mut failures: [Vec<String>; 2] = Default::default();
    for round in 1..=HOSTS {
        let mut tools = [0, 1];
        if round % 2 == 0 {
            tools.reverse();
        }
        for tool in tools {
            let host = Host::builder("beside-ansible").disk(Disk::blank("40G").serial("DATA1")).start();
            host.write("/etc/atomhost/ca.crt", CERTIFICATE);
            host.ok(&format!("umask 077; printf %s '{HASH}' >/etc/atomhost/root.hash; sync"));
            for (at, part) in PARTS.iter().enumerate() {
                let started = Instant::now();
                let output = if tool == 0 { control.atomhost(&host, at) } else { control.role(&host, at) };
                let took = started.elapsed().as_secs_f64();
                let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
                eprintln!("bench: host {round}, {}: {part}: {took:.1} s", ["atomhost", "ansible"][tool]);
                seconds[tool][at].push(took);
                if !output.status.success() {
                    failures[tool].push(format!("{part}: {}", reason(&text)));
                }
            }
        }
    }
    assert!(failures[0].is_empty(), "atomhost failed: {failures:#?}");
    let [atomhost, ansible] = seconds.map(|parts| parts.map(Series::new));
    let mut rows = Vec::new();
    for (at, part) in PARTS.iter().enumerate() {
        rows.push(Row::information(
            &format!("whole role, {part}: Ansible ÷ atomhost"),
            ansible[at].ratio(&atomhost[at]).text(1, "×"),
        ));
        rows.push(Row::information(&format!("whole role, {part}: atomhost over ssh"), atomhost[at].text(1, "s")));
        rows.push(Row::information(&format!("whole role, {part}: Ansible"), ansible[at].text(1, "s")));
    }
    failures[1].sort();
    failures[1].dedup();
    for failure in &failures[1] {
        rows.push(Row::information("the role failed", failure.clone()));
    }
    rows
}

/// The machine that gives the orders.
struct Control {
    programs: PathBuf,
    folder: tempfile::TempDir,
}

impl Control {
    fn new() -> Control {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ansible");
        let output = Command::new(script).arg("community").output().expect("it starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let control = Control {
            programs: PathBuf::from(text(&output.stdout).trim()),
            folder: tempfile::tempdir().expect("a folder"),
        };
        for (name, content) in
            [("site.yaml", ROLE), ("ca.crt", CERTIFICATE), ("root.hash", HASH), ("profile.yaml", &profile())]
        {
            std::fs::write(control.folder.path().join(name), content).expect("written");
        }
        control
    }

    fn role(&self, host: &Host, part: usize) -> Output {
        std::fs::write(self.folder.path().join("inventory"), host.address().inventory("host")).expect("written");
        let mut command = Command::new(self.programs.join("ansible-playbook"));
        command.current_dir(self.folder.path()).args(["-i", "inventory", "site.yaml"]);
        if part.is_multiple_of(3) {
            command.args(["--check", "--diff"]);
        }
        command
            .env("ANSIBLE_HOST_KEY_CHECKING", "false")
            .env("ANSIBLE_SSH_EXTRA_ARGS", "-o UserKnownHostsFile=/dev/null")
            .env("ANSIBLE_NOCOLOR", "1")
            .env("ANSIBLE_HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("ansible starts")
    }

    /// The profile goes over with the first run, as it would with a fleet's own tools.
    fn atomhost(&self, host: &Host, part: usize) -> Output {
        let address = host.address();
        let (port, key) = (address.port.to_string(), address.key.display().to_string());
        let command = if part.is_multiple_of(3) { "plan" } else { "apply" };
        let profile = std::fs::File::open(self.folder.path().join("profile.yaml")).expect("it is there");
        let remote = format!("umask 077; cat >/etc/atomhost/profile.yaml; atomhost {command}");
        Command::new("ssh")
            .args(["-i", &key, "-p", &port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "LogLevel=ERROR", "root@127.0.0.1", &remote])
            .stdin(profile)
            .output()
            .expect("ssh starts")
    }
}

/// The role copies its certificate, and leaves the system's trust store alone.
fn profile() -> String {
    PROFILE
        .lines()
        .filter(|line| !line.trim_start().starts_with("trust: true"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The task that failed, and what it said.
fn reason(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let Some(at) = lines.iter().position(|line| line.starts_with("fatal: ")) else {
        return "no reason given".to_owned();
    };
    let task = lines[..at].iter().rev().find_map(|line| line.strip_prefix("TASK [")).unwrap_or_default();
    let task = task.split(']').next().unwrap_or_default();
    let said = lines[at].split("\"msg\": \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(lines[at]);
    format!("task \"{task}\": {}", said.trim())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
