//! Running it: two at once, killed, stopped, in odd surroundings, without root, into a closed pipe.

use super::support::{PROFILE, actions, assert_no_op, plan, profile, shipped};
use crate::harness::{Disk, Host};
use std::time::Duration;

fn host(name: &str) -> Host {
    Host::builder(name).disk(Disk::blank("40G").serial("DATA1")).without_cloud_init().start()
}

/// Case 23.
#[test]
fn two_agents_at_once() {
    let host = host("two");
    host.write(PROFILE, shipped("scheme-v2"));
    let first = host.spawn("atomhost apply");
    host.ok("for i in $(seq 50); do test -s /run/atomhost.lock && break; sleep 0.1; done");
    let second = host.run("atomhost apply");
    assert_eq!(second.code, 75, "{}{}", second.stdout, second.stderr);
    assert!(second.stderr.contains("another atomhost (process "), "{}", second.stderr);
    let third = host.run("atomhost apply --wait-lock 120s");
    assert_eq!(third.code, 0, "{}{}", third.stdout, third.stderr);
    assert!(third.stdout.contains("In sync"), "{}", third.stdout);
    assert_eq!(first.wait(Duration::from_secs(60)).expect("it ends").code, 0);
}

/// Case 24.
#[test]
fn odd_surroundings() {
    let host = host("odd");
    host.write(PROFILE, shipped("scheme-v2"));
    host.ok("mount -t tmpfs -o size=4k none /tmp && (dd if=/dev/zero of=/tmp/full bs=1k 2>/dev/null || true)");
    let output = host.run("cd / && exec env -i LC_ALL=de_DE.UTF-8 LANGUAGE=de PATH=/nowhere /usr/local/bin/atomhost apply <&- 7</dev/null");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let output = host.run("env -i LC_ALL=de_DE.UTF-8 /usr/local/bin/atomhost apply <&- >&- 2>&-");
    assert_eq!(output.code, 0);
    assert_no_op(&host);
}

/// SIGTERM finishes the action under way; kill -9 leaves what the next run understands.
#[test]
fn stopped_and_killed() {
    let host = host("stopped");
    host.write(PROFILE, shipped("scheme-v2"));
    // Before the first action there is nothing to finish: a signal then ends it at once.
    let begun = "until grep -qs '\"state\": \"started\"' /var/lib/atomhost/report.json; do sleep 0.1; done";
    let output = host.run(&format!("atomhost apply & {begun}; kill -TERM $!; wait $!"));
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Stopped by a signal after"), "{}", output.stdout);
    assert!(host.ok("atomhost status").contains("stopped by a signal"));
    for seconds in ["0.3", "0.8", "1.5", "2.5"] {
        host.run(&format!("atomhost apply >/dev/null & sleep {seconds}; kill -KILL $!; wait $!; sleep 2"));
    }
    let output = host.run("atomhost apply --wait-lock 60s");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
}

/// The power goes while file systems are made; user data on root is whole and the next run goes on.
#[test]
fn power_cut_halfway() {
    let mut host = host("power");
    host.write(PROFILE, shipped("scheme-v2").replace("- /dev/sdb", "- {serial: DATA1}"));
    host.ok("echo kept >/root/kept; sync");
    let running = host.spawn("atomhost apply");
    host.run("until grep -q '\"state\": \"done\"' /var/lib/atomhost/report.json; do sleep 0.2; done; sleep 2");
    host.power_cut();
    drop(running);
    host.boot();
    assert_eq!(host.read("/root/kept"), "kept\n");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
}

/// A dry-run starts only commands that look: every program that it executes is recorded by the kernel.
#[test]
fn a_dry_run_only_looks() {
    let host = host("dry-run");
    host.write(PROFILE, shipped("scheme-v2"));
    let before = host.disk_digest("DATA1");
    for command in ["plan", "check", "facts", "status", "plan --format json --out /root/plan.json"] {
        host.run(&format!("strace -f -qq -e trace=execve -o /root/trace atomhost {command} >/dev/null"));
        let started = host
            .ok("grep -o 'execve(\"[^\"]*\", \\[[^]]*\\]' /root/trace | grep -v '\"/usr/local/bin/atomhost\"' || true");
        for line in started.lines() {
            let reads = ["\"fullreport\"", "\"--probe\"", "\"--no-act\""];
            assert!(reads.iter().any(|word| line.contains(word)), "{command} started {line}");
        }
    }
    // On a stock host the report alone; for a disk that is not zeroed, two probes as well.
    let count = "strace -f -qq -e trace=execve -o /root/trace atomhost plan >/dev/null; grep -c 'execve(\"/usr/s*bin/' /root/trace";
    assert_eq!(host.ok(count).trim(), "1");
    host.ok("printf x | dd of=/dev/sdb conv=fsync status=none");
    assert_eq!(host.ok(count).trim(), "3");
    host.ok("printf '\\0' | dd of=/dev/sdb conv=fsync status=none");
    assert_eq!(host.disk_digest("DATA1"), before);
    // On a converged host: the report alone.
    host.ok("atomhost apply && strace -f -qq -e trace=execve -o /root/trace atomhost apply");
    assert_eq!(host.ok("grep -c 'execve(\"/usr/s*bin/' /root/trace").trim(), "1");
}

/// `plan --facts` far away says the same as `plan` on the host.
#[test]
fn facts_travel() {
    let host = host("facts");
    host.write(PROFILE, shipped("scheme-v2"));
    let here = plan(&host);
    host.ok("atomhost facts >/root/facts.json");
    let far = host.ok("env -i setpriv --reuid 65534 --clear-groups /usr/local/bin/atomhost plan --facts /dev/stdin --format json </root/facts.json");
    let far: serde_json::Value = serde_json::from_str(&far).expect("a plan");
    assert_eq!(actions(&far), actions(&here));
    assert_eq!(far["ledgers"], here["ledgers"]);
}

/// Exit codes for what is wrong around the host.
#[test]
fn wrong_on_purpose() {
    let host = host("wrong");
    host.write(PROFILE, profile("root: {size: 15}", ""));
    let rows = [
        ("atomhost apply", 65, "has no unit"),
        ("atomhost plan /nonexistent.yaml", 66, "cannot read the profile /nonexistent.yaml"),
        ("atomhost plan /etc", 66, "directory"),
        ("atomhost frobnicate", 64, "frobnicate"),
        ("atomhost plan --format xml", 64, "xml"),
        ("atomhost apply --plan /nonexistent.json", 66, "saved plan"),
    ];
    for (command, code, expected) in rows {
        let output = host.run(command);
        assert_eq!(output.code, code, "{command}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{command}: {}", output.stderr);
    }
    host.write(PROFILE, shipped("scheme-v2"));
    for command in ["plan", "apply", "check"] {
        let output = host.run(&format!("setpriv --reuid 65534 --clear-groups atomhost {command}"));
        assert_eq!(output.code, 77, "{command}: {}", output.stderr);
        assert!(output.stderr.contains("root is needed"), "{}", output.stderr);
    }
    host.ok("mv /usr/sbin/mkfs.xfs /usr/sbin/away");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 69, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("mkfs.xfs") && output.stderr.contains("xfsprogs"), "{}", output.stderr);
    assert_eq!(host.ok("pvs --noheadings -o pv_name").trim(), "/dev/sda2", "nothing was changed");
    host.ok("mv /usr/sbin/away /usr/sbin/mkfs.xfs");
    // A pipe that closes must not stop a run halfway.
    let output = host.run("bash -c 'atomhost apply | true; exit ${PIPESTATUS[0]}'");
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_no_op(&host);
}
