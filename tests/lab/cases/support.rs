//! What every case does: dry-run, apply, hold both against each other, run again.

use crate::harness::{Host, Output};
use serde_json::Value;
use std::time::Duration;

pub const PROFILE: &str = "/etc/atomhost/profile.yaml";
/// A trust store of one certificate: hashing the usual hundreds takes minutes without KVM.
pub const SMALL_STORE: &str =
    "echo mozilla/ISRG_Root_X1.crt >/etc/ca-certificates.conf; find /etc/ssl/certs -type l -delete";
/// Of the password `atomhost`.
pub const HASH: &str =
    "$6$saltsalt$R9dWt/znLN2H2lRupDD.YQTdspQ0eTjj8yL.kMuypengCDEauRKKzOqOtRbqBzS4i.7suaez7medavBRqBOQy1";
pub const REPORT: &str = "/var/lib/atomhost/report.json";

/// The plan for the profile on the host, as JSON. Proves on the way that planning changes nothing.
#[track_caller]
pub fn plan(host: &Host) -> Value {
    let before = host.oracle();
    let output = host.run("atomhost plan --format json");
    host.oracle().assert_same(&before);
    assert!(matches!(output.code, 0 | 3 | 75), "plan ended with {}: {}", output.code, output.stderr);
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr))
}

/// `object: before → after` of each action in a plan or report.
pub fn actions(value: &Value) -> Vec<String> {
    let text = |action: &Value, key: &str| action[key].as_str().unwrap_or_default().to_owned();
    let actions = value["actions"].as_array().cloned().unwrap_or_default();
    actions
        .iter()
        .map(|action| format!("{}: {} → {}", text(action, "object"), text(action, "before"), text(action, "after")))
        .collect()
}

/// Names of the planned actions, such as `extend-volume`.
pub fn kinds(plan: &Value) -> Vec<String> {
    let actions = plan["actions"].as_array().cloned().unwrap_or_default();
    actions.iter().map(|planned| planned["action"]["action"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The report of the last run.
#[track_caller]
pub fn report(host: &Host) -> Value {
    serde_json::from_str(&host.read(REPORT)).expect("the report parses")
}

/// Writes the profile, plans, applies, proves that apply did what the dry-run said, and that a second
/// run is a no-op. Returns the plan.
#[track_caller]
pub fn converge(host: &Host, profile: &str) -> Value {
    host.write(PROFILE, profile);
    let planned = plan(host);
    assert_eq!(planned["refusals"].as_array().map(Vec::len), Some(0), "{:#}", planned["refusals"]);
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "apply failed:\n{}{}", output.stdout, output.stderr);
    let report = report(host);
    assert_eq!(actions(&report), actions(&planned), "apply did something else than the dry-run said");
    assert_no_op(host);
    planned
}

/// A run that finds nothing to do and changes nothing.
#[track_caller]
pub fn assert_no_op(host: &Host) {
    let before = host.oracle();
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "the second run failed:\n{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("In sync"), "the second run is no no-op:\n{}", output.stdout);
    host.oracle().assert_same(&before);
    assert_eq!(host.run("atomhost check").code, 0);
}

/// A run that is refused with `code`, says all of `expected`, and changes nothing.
#[track_caller]
pub fn assert_refused(host: &Host, profile: &str, code: i32, expected: &[&str]) -> Output {
    host.write(PROFILE, profile);
    let before = host.oracle();
    let planned = host.run("atomhost plan");
    let output = host.run("atomhost apply");
    for (name, output) in [("plan", &planned), ("apply", &output)] {
        assert_eq!(output.code, code, "{name}:\n{}{}", output.stdout, output.stderr);
        // Lines are wrapped for people.
        let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in expected {
            assert!(words.contains(text), "{name} does not say `{text}`:\n{}", output.stdout);
        }
    }
    host.oracle().assert_same(&before);
    output
}

/// Extents of a logical volume, hidden ones too.
#[track_caller]
pub fn extents(host: &Host, volume: &str) -> u64 {
    let (group, name) = volume.split_once('/').expect("group/volume");
    let text = host.ok(&format!(
        "lvs --all --noheadings --units b --nosuffix -o lv_name,lv_size,vg_extent_size {group} | tr -d '[]' | awk '$1 == \"{name}\" {{print $2 / $3}}'"
    ));
    text.trim().parse().unwrap_or(0)
}

/// One value of lvs.
#[track_caller]
pub fn lv(host: &Host, volume: &str, column: &str) -> String {
    host.ok(&format!("lvs --noheadings -o {column} {volume}")).trim().to_owned()
}

/// The shipped profile of this name.
pub fn shipped(name: &str) -> String {
    let path = format!("{}/profiles/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A profile of one group on the disk DATA1.
pub fn profile(volumes: &str, pools: &str) -> String {
    let mut text = "version: 1\nlvm:\n  volume_group: atomicos\n  disks: [{serial: DATA1}]\n".to_owned();
    for (key, lines) in [("volumes", volumes), ("thin_pools", pools)] {
        if !lines.is_empty() {
            text += &format!("  {key}:\n");
            text.extend(lines.lines().map(|line| format!("    {}\n", line.trim())));
        }
    }
    text
}

/// A shipped profile with its disk named by what a boot does not change.
pub fn with_serials(profile: &str, serials: &[&str]) -> String {
    let disks: Vec<String> = serials.iter().map(|serial| format!("- {{serial: {serial}}}")).collect();
    let text: Vec<String> = profile
        .lines()
        .map(|line| match line.trim_start().starts_with("- /dev/sdb") {
            true => format!("    {}", disks.join("\n    ")),
            false => line.to_owned(),
        })
        .collect();
    text.join("\n") + "\n"
}

/// The files that the profile of the whole role expects, and a trust store that is quick to make anew.
#[track_caller]
pub fn give_what_the_whole_role_expects(host: &Host) {
    let certificate = format!("{}/tests/certificates/root.crt", env!("CARGO_MANIFEST_DIR"));
    host.write("/etc/atomhost/ca.crt", std::fs::read(&certificate).expect("a certificate"));
    host.ok(&format!("umask 077; echo '{HASH}' >/etc/atomhost/root.hash"));
    host.ok(SMALL_STORE);
}

/// Docker is large, and without KVM slow to start.
pub const ENGINE: Duration = Duration::from_secs(300);

/// Starts Docker with this daemon.json.
#[track_caller]
pub fn start_docker(host: &Host, daemon: &str) {
    host.write("/etc/docker/daemon.json", daemon);
    assert_eq!(host.run_within(ENGINE, "systemctl start docker").code, 0, "{}", host.ok("journalctl -b -u docker"));
}

/// Puts a shell script in the place of a program that atomhost runs; `{tool}` in it is the real one.
#[track_caller]
pub fn replace_tool(host: &Host, tool: &str, script: &str) {
    host.write("/root/script", format!("#!/bin/sh\n{}\n", script.replace("{tool}", &format!("/root/tools/{tool}"))));
    // Most of LVM's tools are links to one program, which looks at its name.
    host.ok(&format!(
        "mkdir -p /root/tools; tool=$(command -v {tool}); echo $tool >/root/tools/{tool}.path; \
         if [ -L $tool ]; then ln -s $(readlink -f $tool) /root/tools/{tool}; else cp -p $tool /root/tools/{tool}; fi; \
         mv $tool /root/tools/{tool}.orig && install -m 755 /root/script $tool"
    ));
}

/// Puts the real program back.
#[track_caller]
pub fn restore_tool(host: &Host, tool: &str) {
    host.ok(&format!("cd /root/tools; mv -f {tool}.orig $(cat {tool}.path) && rm {tool} {tool}.path"));
}
