//! What monitoring learns of a host, in each state that it can be in; and what was done to the host before.

use super::support::{PROFILE, REPORT, assert_no_op, replace_tool, restore_tool, shipped};
use crate::harness::{Disk, Host};
use atomhost::events::Event;
use atomhost::report::{ActionState, Outcome};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const FILE: &str = "/var/lib/prometheus/node-exporter/atomhost.prom";

/// Checks, and gives the value of each of these metrics.
#[track_caller]
fn check(host: &Host, code: i32, expected: &[(&str, &str)]) -> String {
    let output = host.run(&format!("atomhost check --metrics {FILE}"));
    assert_eq!(output.code, code, "{}{}", output.stdout, output.stderr);
    let text = host.read(FILE);
    for (name, value) in expected {
        let line = format!("atomhost_{name} {value}");
        assert!(text.lines().any(|found| found == line), "not `{line}`:\n{text}");
    }
    text
}

#[test]
fn each_state_is_told() {
    let host = Host::builder("monitoring").disk(Disk::blank("40G").serial("DATA1")).start();
    host.ok("mkdir -p /var/lib/prometheus/node-exporter");
    host.write(PROFILE, shipped("scheme-v2"));
    let text = check(
        &host,
        2,
        &[("in_sync", "0.0"), ("pending_actions", "13.0"), ("check_success", "1.0"), ("refused", "0.0")],
    );
    assert!(!text.contains("atomhost_last_run"), "there was none: {text}");
    let pending = host.ok("atomhost plan --format json");
    read_along(&host);
    let pool = "{volume_group=\"atomicos\",pool=\"docker-pool\"}";
    let (monitored, gone) = (format!("thin_pool_monitored{pool}"), format!("thin_pool_reserve_gone{pool}"));
    let well = [("in_sync", "1.0"), ("last_run_success", "1.0"), (monitored.as_str(), "1.0"), (gone.as_str(), "1.0")];
    check(&host, 0, &well);
    assert_eq!(host.ok(&format!("stat -c '%a %U' {FILE}; ls -A $(dirname {FILE})")), "644 root\natomhost.prom\n");
    // The shipped unit with the shipped drop-in, in its sandbox.
    host.ok(&format!("rm {FILE}; mkdir -p /etc/systemd/system/atomhost-check.service.d"));
    host.write("/etc/systemd/system/atomhost-check.service", file("systemd/atomhost-check.service"));
    host.write(
        "/etc/systemd/system/atomhost-check.service.d/metrics.conf",
        file("monitoring/atomhost-check-metrics.conf"),
    );
    host.ok(
        "systemctl daemon-reload && systemctl start atomhost-check.service || (journalctl -u atomhost-check; exit 1)",
    );
    served(&host.read(FILE));
    // It would be refused, it fails, it cannot be looked at.
    host.write(PROFILE, shipped("scheme-v2").replace("15G", "90G"));
    check(&host, 3, &[("refused", "1.0"), ("in_sync", "0.0"), ("refusals{code=\"not-enough-space\"}", "1.0")]);
    host.write(PROFILE, shipped("scheme-v2") + "files: {/etc/motd: {content: \"x\\n\"}}\n");
    replace_tool(&host, "lvm", "exit 5");
    let text = check(&host, 1, &[("check_success", "0.0"), ("last_run_success", "1.0")]);
    assert!(!text.contains("atomhost_in_sync"), "nobody knows: {text}");
    restore_tool(&host, "lvm");
    host.ok("atomhost apply");
    assert_no_op(&host);
    told(&host, &pending);
}

/// A program that reads along: the first run, one that has nothing to do, and one that is refused.
#[track_caller]
fn read_along(host: &Host) {
    let events = |code: i32| -> Vec<Event> {
        let output = host.run("atomhost apply --format json");
        assert_eq!(output.code, code, "{}{}", output.stdout, output.stderr);
        output
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    };
    let run = events(0);
    assert!(matches!(&run[0], Event::Planned { actions: 13, refusals, .. } if refusals.is_empty()), "{:?}", run[0]);
    for (at, pair) in run[1..27].chunks(2).enumerate() {
        let [
            Event::Started { number, of: 13, object, .. },
            Event::Ended { object: ended, state: ActionState::Done, .. },
        ] = pair
        else {
            panic!("{pair:?}")
        };
        assert_eq!((*number, object), (at + 1, ended));
    }
    assert!(
        matches!(&run[27..], [Event::Finished { outcome: Outcome::Done, done: 13, of: 13, .. }]),
        "{:?}",
        &run[27..]
    );
    let run = events(0);
    assert!(
        matches!(&run[..], [Event::Planned { actions: 0, .. }, Event::Finished { outcome: Outcome::InSync, .. }]),
        "{run:?}"
    );
    host.write(PROFILE, shipped("scheme-v2").replace("15G", "90G"));
    let run = events(3);
    assert!(matches!(&run[1..], [Event::Finished { outcome: Outcome::Refused, done: 0, .. }]), "{run:?}");
    host.write(PROFILE, shipped("scheme-v2"));
    host.ok("atomhost apply");
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the project")
}

/// A real node_exporter serves the file; alerts and dashboard ask for nothing else.
fn served(metrics: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("atomhost.prom");
    std::fs::write(&path, metrics).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/monitoring");
    let output = Command::new(script).arg(&path).output().expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("samples served"), "{said}");
}

/// What was done, by `history`; and the host beside others, by `summarize`.
fn told(host: &Host, pending: &str) {
    let history = host.ok("atomhost history");
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 3, "{history}");
    assert!(lines[0].contains("done") && lines[0].contains("1/1") && lines[2].contains("13/13"), "{history}");
    assert!(lines[1].contains("refused"), "{history}");
    let run = host.ok("atomhost history 3");
    assert!(run.contains("atomicos/root: 15G (3840 extents)"), "{run}");
    assert_eq!(host.run("atomhost history 4").code, 64);
    let json: Value = serde_json::from_str(&host.ok("atomhost history --format json")).expect("JSON");
    let runs = json["runs"].as_array().expect("runs");
    let fingerprint = runs[0]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    host.ok(&format!("mkdir /root/fleet && cp {REPORT} /root/fleet/last.json"));
    host.write("/root/fleet/before.json", pending);
    let summary = host.ok("atomhost summarize /root/fleet");
    assert!(summary.contains("1 pending, 1 in sync") && summary.contains(&fingerprint), "{summary}{fingerprint}");
}
