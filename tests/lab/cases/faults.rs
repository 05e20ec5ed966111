//! Devices that do not answer, or not with the truth, and a host that gives no more threads, processes or memory.

use super::support::{PROFILE, actions, assert_no_op, assert_refused, replace_tool, report, restore_tool};
use crate::harness::{Disk, Host, Output};
use std::time::Duration;

/// A disk that is a device of device-mapper, so that its faults can be chosen. `{table}` sets what it does: `$n` is its
/// size in sectors, `$d` the disk beneath.
const SET: &str = "d=/dev/sdb; n=$(blockdev --getsz $d); \
    set_table() { dmsetup suspend --nolockfs --noflush faulty; dmsetup reload faulty --table \"$1\"; dmsetup resume faulty; }";
/// The disk beneath is not for LVM: it would see the same physical volume twice.
const FILTER: &str = "printf 'devices/global_filter = [ \"r|^/dev/sdb|\" ]\n' >>/etc/lvm/lvmlocal.conf";
const LINEAR: &str = "0 $n linear $d 0";
const PATH: &str = "/dev/mapper/faulty";

fn set(host: &Host, table: &str) {
    host.ok(&format!("{SET}; set_table \"{table}\""));
}

fn wanted(volumes: &str) -> String {
    format!("version: 1\nlvm:\n  volume_group: atomicos\n  disks: [{PATH}]\n  volumes:\n{volumes}")
}

#[track_caller]
fn fails(host: &Host) -> Output {
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    output
}

#[test]
fn disks_that_fail() {
    let host = Host::builder("disks-that-fail").disk(Disk::blank("2G").serial("DATA1")).start();
    host.ok(FILTER);
    host.ok(&format!("{SET}; dmsetup create faulty --table \"{LINEAR}\""));
    let volumes = "    root: {size: 3100M}\n    srv: {size: 1G, filesystem: xfs, mount: /var/srv}\n";
    // No byte of it, or only one of its many, can be read: it is not known to be blank.
    set(&host, "0 $n error");
    assert_refused(&host, &wanted(volumes), 3, &[PATH, "cannot be read"]);
    set(&host, "0 $((n / 2)) linear $d 0\n$((n / 2)) $((n - n / 2)) error");
    assert_refused(&host, &wanted(volumes), 3, &[PATH, "cannot be read"]);
    // Reads go well, writes fail: before the group has the disk, ...
    set(&host, "0 $n flakey $d 0 0 3600 1 error_writes");
    host.write(PROFILE, wanted(volumes));
    fails(&host);
    let told = report(&host);
    assert_eq!((told["outcome"].as_str(), told["actions"][0]["state"].as_str()), (Some("failed"), Some("failed")));
    assert!(told["error"].as_str().is_some_and(|error| error.starts_with("atomicos: vgextend ")), "{told:#}");
    assert_eq!(host.ok("pvs --noheadings -o pv_name -S vg_name=atomicos").trim(), "/dev/sda2");
    // ... and at the file system, which the volume is whole beneath.
    set(&host, LINEAR);
    host.ok(&format!("vgextend -qq atomicos {PATH} && lvcreate -qq -y -Wn -n srv -L 1G atomicos {PATH}"));
    set(&host, "0 $n flakey $d 0 0 3600 1 error_writes");
    fails(&host);
    let told = report(&host);
    let failed: Vec<String> = actions(&told);
    let at = told["actions"].as_array().and_then(|done| done.iter().position(|done| done["state"] == "failed"));
    let at = at.unwrap_or_else(|| panic!("{told:#}"));
    assert!(
        told["error"].as_str().is_some_and(|error| failed[at].starts_with(error.split(": ").next().unwrap_or("?")))
    );
    // Once it heals, the next run goes on.
    set(&host, LINEAR);
    host.ok("vgck atomicos");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    host.ok("findmnt -no FSTYPE /var/srv | grep -qx xfs && echo kept >/var/srv/kept && sync");
    assert_no_op(&host);
    // The file system's own growth fails: the volume beneath has grown, the data is there.
    let grown = wanted(&volumes.replace("1G", "1200M"));
    host.write(PROFILE, &grown);
    set(&host, "0 $n flakey $d 0 0 3600 1 error_writes");
    fails(&host);
    set(&host, LINEAR);
    // A file system that saw errors is shut down by the kernel: an operator mounts it again.
    host.run("umount /var/srv && mount /var/srv");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(host.read("/var/srv/kept"), "kept\n");
    assert_no_op(&host);
}

/// A device that does not answer, then one whose writes vanish without an error: what the next look finds is told, not
/// what was hoped.
#[test]
fn a_disk_that_does_not_answer_and_one_that_lies() {
    let host = Host::builder("lossy").disk(Disk::blank("2G").serial("DATA1")).start();
    host.ok(FILTER);
    host.ok(&format!("{SET}; dmsetup create faulty --table \"{LINEAR}\""));
    host.write(PROFILE, wanted("    root: {size: 3100M}\n"));
    host.ok("dmsetup suspend --nolockfs --noflush faulty");
    // A device that LVM does not look at is not read either.
    host.ok("cp /etc/lvm/lvmlocal.conf /root/; sed -i 's@sdb@(sdb|mapper/faulty)@' /etc/lvm/lvmlocal.conf");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("it is suspended"), "{}", output.stdout);
    // LVM looks at it, and waits in the kernel, where nobody can kill it: then atomhost does not wait for it.
    host.ok("cp /root/lvmlocal.conf /etc/lvm/");
    let output = host.run_within(Duration::from_secs(400), "atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("cannot be killed: lvm fullreport"), "{}", output.stderr);
    host.ok(&format!(
        "{SET}; dmsetup reload faulty --table \"0 $n flakey $d 0 0 3600 1 drop_writes\"; dmsetup resume faulty"
    ));
    assert_eq!(host.ok("pvs --noheadings -o pv_name -S vg_name=atomicos").trim(), "/dev/sda2");
    let output = fails(&host);
    assert!(!output.stdout.contains("in sync"), "{}", output.stdout);
    assert_eq!(report(&host)["outcome"], "failed");
    set(&host, LINEAR);
    // The group's other disks have it that this one is part of it: a person says that it is not.
    host.ok("vgreduce --removemissing atomicos");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
}

/// A command that hangs is killed at its deadline, with its children; the run ends there, and the next one goes on.
#[test]
fn a_command_that_hangs() {
    let host = Host::builder("hangs").disk(Disk::blank("2G").serial("DATA1")).start();
    host.write(PROFILE, wanted("    swap: {size: 256M, swap: true}\n").replace(PATH, "{serial: DATA1}"));
    replace_tool(&host, "swapon", "sleep 987 & sleep 986");
    let output = host.run_within(Duration::from_secs(400), "atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("without an end: swapon"), "{}", output.stderr);
    assert_eq!(host.run("pgrep -f 'sleep 98[67]'").code, 1, "its children live on");
    let told = report(&host);
    assert_eq!((told["outcome"].as_str(), told["leftover"].as_array().map(Vec::len)), (Some("failed"), Some(0)));
    restore_tool(&host, "swapon");
    host.ok("atomhost apply");
    assert_no_op(&host);
}

#[test]
fn a_host_that_gives_no_more() {
    let host = Host::builder("no-more").disk(Disk::blank("2G").serial("DATA1")).start();
    let volumes = "    root: {size: 3100M}\n    srv: {size: 1G, filesystem: xfs, mount: /var/srv}\n";
    host.write(PROFILE, wanted(volumes).replace(PATH, "{serial: DATA1}"));
    let limited = |limits: &str, command: &str| {
        host.run(&format!("systemd-run --quiet --wait --pipe {limits} /usr/local/bin/atomhost {command}"))
    };
    let mut outcomes = Vec::new();
    for tasks in 1..=8 {
        let output = limited(&format!("-p TasksMax={tasks}"), "plan");
        assert!(matches!(output.code, 0 | 1), "{tasks}: {}: {}{}", output.code, output.stdout, output.stderr);
        assert!(!output.stderr.contains("panicked"), "{tasks}: {}", output.stderr);
        if output.code == 1 {
            assert!(output.stderr.contains("cannot run: "), "{tasks}: {}", output.stderr);
        }
        outcomes.push(output.code);
    }
    // Not one child can be had at first; and in the end there are enough.
    assert_eq!((outcomes.first(), outcomes.last()), (Some(&1), Some(&0)), "{outcomes:?}");
    // While it works, too: what fails is told, and somebody with more goes on.
    for limits in
        ["-p TasksMax=2", "-p TasksMax=3", "-p MemoryMax=3M -p MemorySwapMax=0", "-p MemoryMax=12M -p MemorySwapMax=0"]
    {
        let output = limited(limits, "apply");
        assert!(!output.stderr.contains("panicked"), "{limits}: {}", output.stderr);
        let in_sync = host.run("atomhost check").code == 0;
        assert_eq!(output.code == 0, in_sync, "{limits}: {}: {}{}", output.code, output.stdout, output.stderr);
    }
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
}
