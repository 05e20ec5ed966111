//! Commands that fail, lie, talk or are not there: the report says what happened, and the next run goes on.

use super::support::{PROFILE, assert_no_op, replace_tool, report, restore_tool, shipped};
use crate::harness::{Disk, Host};
use serde_json::Value;

/// What a tool does in place of its work. `{tool}` is the real one.
struct Fault {
    name: &'static str,
    script: &'static str,
}

const FAILS: Fault = Fault { name: "fails", script: "echo 'device or resource busy' >&2; exit 5" };
const DIES: Fault = Fault { name: "dies", script: "kill -KILL $$" };
const LIES: Fault = Fault { name: "does nothing and says it did", script: "exit 0" };
const GARBAGE: Fault = Fault { name: "prints garbage", script: "head -c 4096 /dev/urandom; exit 0" };
const HALF: Fault = Fault { name: "prints half of it", script: "{tool} \"$@\" | head -c 300; exit 0" };
const SILENT: Fault = Fault { name: "says nothing", script: "exit 0" };
const TALKS: Fault = Fault {
    name: "works, with a warning",
    script: "echo 'WARNING: odd \"{[' >&2; {tool} \"$@\"; code=$?; echo '  WARNING: odd \"{['; exit $code",
};

fn break_tool(host: &Host, tool: &str, fault: &Fault) {
    replace_tool(host, tool, fault.script);
}

fn states(report: &Value) -> Vec<String> {
    let actions = report["actions"].as_array().cloned().unwrap_or_default();
    actions.iter().map(|action| action["state"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The report of a run that stopped at its first trouble: done until there, nothing after it.
#[track_caller]
fn assert_truthful(report: &Value, name: &str) {
    let states = states(report);
    let failed = states.iter().position(|state| state == "failed");
    let Some(failed) = failed else {
        // All commands said that they did it: then looking again has found what is still to do.
        let leftover = report["leftover"].as_array().is_some_and(|left| !left.is_empty());
        assert!(leftover, "{name}: neither a failed action nor anything left over: {report:#}");
        return;
    };
    assert!(states[..failed].iter().all(|state| state == "done"), "{name}: {states:?}");
    assert!(states[failed + 1..].iter().all(|state| state == "not-run"), "{name}: {states:?}");
}

/// Each command that scheme v2 runs fails in some way, one after the other on one host; runs go on where the
/// one before stopped.
#[test]
fn commands_that_fail_while_applying() {
    let host = Host::builder("faults").disk(Disk::blank("40G").serial("DATA1")).start();
    host.write(PROFILE, shipped("scheme-v2"));
    let rows = [
        ("vgextend", FAILS),
        ("lvextend", DIES),
        ("lvcreate", FAILS),
        ("xfs_growfs", DIES),
        ("mkfs.xfs", FAILS),
        ("mkswap", DIES),
        ("swapon", LIES),
    ];
    let mut done = 0;
    for (tool, fault) in rows {
        let name = format!("{tool} {}", fault.name);
        break_tool(&host, tool, &fault);
        let output = host.run("atomhost apply");
        assert_eq!(output.code, 1, "{name}:\n{}{}", output.stdout, output.stderr);
        let report = report(&host);
        assert_truthful(&report, &name);
        assert!(!host.ok("atomhost status").contains("last run:  done"), "{name}");
        done += states(&report).iter().filter(|state| *state == "done").count();
        restore_tool(&host, tool);
    }
    assert!(done >= 5, "the runs did not get on: {done}");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
}

/// Commands that only look: with a wrong or missing answer nothing is planned, let alone done; with a warning
/// beside the right one all goes on.
#[test]
fn commands_that_fail_while_looking() {
    let host = Host::builder("blind").disk(Disk::blank("40G").serial("DATA1")).start();
    host.write(PROFILE, shipped("scheme-v2"));
    let before = host.oracle();
    for tool in ["lvm", "blkid", "wipefs"] {
        // These two are asked only about a disk that is not all zeroes, which is refused whatever they say.
        let refused = matches!(tool, "blkid" | "wipefs");
        if refused {
            host.ok("printf x | dd of=/dev/sdb bs=1 seek=4096 conv=notrunc status=none");
        }
        let right = host.run("atomhost plan");
        assert_eq!(right.code, if refused { 3 } else { 0 }, "{}{}", right.stdout, right.stderr);
        for fault in [&FAILS, &DIES, &GARBAGE, &HALF, &SILENT] {
            // They may have nothing to say, and say little.
            if refused && (fault.name == HALF.name || fault.name == SILENT.name) {
                continue;
            }
            break_tool(&host, tool, fault);
            let output = host.run("atomhost plan");
            restore_tool(&host, tool);
            let name = format!("{tool} {}", fault.name);
            assert!(matches!(output.code, 1 | 3), "{name}: exit {}\n{}{}", output.code, output.stdout, output.stderr);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(!said.contains("In sync") && !said.contains("Plan:"), "{name}:\n{said}");
            assert!(output.code == 3 || said.contains(tool), "{name} is not named:\n{said}");
            assert_ne!(output.stdout, right.stdout, "{name} makes no difference");
        }
        break_tool(&host, tool, &TALKS);
        let output = host.run("atomhost plan");
        restore_tool(&host, tool);
        assert!(
            output.stdout == right.stdout || matches!(output.code, 1 | 3),
            "{tool} talks: exit {}\n{}{}",
            output.code,
            output.stdout,
            output.stderr
        );
    }
    host.ok("dd if=/dev/zero of=/dev/sdb bs=1 count=1 seek=4096 conv=notrunc status=none");
    host.ok("mkdir /root/away && mv /usr/sbin/vgextend /root/away/");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 69, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("lvm2"), "{}", output.stderr);
    host.ok("mv /root/away/vgextend /usr/sbin/");
    host.oracle().assert_same(&before);
}
