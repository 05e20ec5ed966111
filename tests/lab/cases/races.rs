//! Others who work on the host at the same time, and what somebody changes under a run.

use super::support::{PROFILE, assert_no_op, replace_tool, report, restore_tool};
use crate::harness::{Disk, Host, Output};

/// What the profile wants, step after step: each grows something that is in use.
fn wanted(step: u32) -> String {
    format!(
        "version: 1
lvm:
  volume_group: atomicos
  grow: partitions
  disks: [{{serial: DATA1}}, {{serial: DATA2}}]
  volumes:
    root: {{size: {}M}}
    srv: {{size: {}M, filesystem: xfs, mount: /var/srv}}
    swap: {{size: {}M, swap: true}}
  thin_pools:
    docker-pool: {{size: {}M, autoextend: {{threshold: 60, percent: 20}}, when_full: error}}
",
        3100 + 40 * step,
        512 + 40 * step,
        256 + 32 * step,
        512 + 64 * step
    )
}

/// As container-storage-setup does it: volumes of its own, made, extended and tagged, each with data whose sum is kept.
const SCRIPTS: &str = "i=0; while [ -e /root/go ] && [ $i -lt 40 ]; do i=$((i + 1)); \
    lvcreate -qq -y -Wn -n other$i -L 8M atomicos || continue; \
    head -c 8M /dev/urandom >/dev/atomicos/other$i; sync; \
    head -c 8M /dev/atomicos/other$i | sha256sum | sed \"s/-/$i/\" >>/root/sums; \
    for _ in 1 2 3 4 5; do lvextend -qq -L 16M atomicos/other$i && break; sleep 0.3; done; lvchange -qq --addtag theirs atomicos/other$i; done";
/// As a person types it: looks, a tag, a snapshot of a volume, a new name to and fro.
const HANDS: &str = "while [ -e /root/go ]; do vgs; lvs -a; pvs; vgchange -qq --addtag hand atomicos; \
    lvrename -qq atomicos/other1 atomicos/one && for _ in 1 2 3 4 5; do \
    lvrename -qq atomicos/one atomicos/other1 && break; sleep 0.3; done; \
    vgchange -qq --deltag hand atomicos; done";
/// A thin volume that is written to, until dmeventd has to make the pool larger.
const FILLS: &str = "until lvs atomicos/docker-pool && lvcreate -qq -y -V 4G -T atomicos/docker-pool -n thin; do \
    [ -e /root/go ] || exit; sleep 1; done; i=0; \
    while [ -e /root/go ] && [ $i -lt 60 ]; do dd if=/dev/urandom of=/dev/atomicos/thin bs=8M seek=$i count=1 oflag=direct \
    && i=$((i + 1)); sleep 1; done";
/// What growpart does.
const GROWS: &str = "sleep 4; echo ', +' | sfdisk -q --force --no-reread -N 2 /dev/sda && partx -u -n 2 /dev/sda";

#[test]
fn everybody_at_one_volume_group() {
    let mut host = Host::builder("everybody")
        .disk(Disk::blank("5G").serial("DATA1"))
        .disk(Disk::blank("5G").serial("DATA2"))
        .start();
    host.grow_system_disk("11G");
    host.ok("head -c 64M /dev/urandom >/root/kept; sha256sum /root/kept >/root/kept.sum; touch /root/go /root/sums");
    let others: Vec<_> = [SCRIPTS, HANDS, FILLS, GROWS]
        .iter()
        .map(|script| host.spawn(&format!("({script}) >/dev/null 2>>/root/others.log")))
        .collect();
    let (mut done, mut stopped) = (0, 0);
    for step in 0..6 {
        host.write(PROFILE, wanted(step));
        let output = host.run("atomhost apply --wait-disks 10s");
        assert!(matches!(output.code, 0 | 1 | 3), "{}: {}{}", output.code, output.stdout, output.stderr);
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
        truthful(&host, &output);
        match output.code {
            0 => done += 1,
            _ => stopped += 1,
        }
    }
    host.ok("rm /root/go");
    for other in others {
        let _ = other.wait(std::time::Duration::from_secs(120));
    }
    println!("with everybody at work {done} runs were done, {stopped} were stopped");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
    // LVM's metadata is whole; what the others made is there, as they left it.
    host.ok("vgck atomicos && test $(vgs --noheadings -o vg_missing_pv_count atomicos) = 0 && sha256sum -c --quiet /root/kept.sum");
    let made = host.ok("cat /root/sums");
    assert!(made.lines().count() >= 5, "the others did next to nothing: {made}{}", host.read("/root/others.log"));
    for line in made.lines() {
        let (sum, number) = line.split_once(' ').expect("a sum and a number");
        let number = number.trim();
        assert_eq!(
            host.ok(&format!("head -c 8M /dev/atomicos/other{number} | sha256sum")).split(' ').next(),
            Some(sum)
        );
        assert_eq!(
            host.ok(&format!("lvs --noheadings --units m --nosuffix -o lv_size atomicos/other{number}")).trim(),
            "16.00"
        );
    }
    host.ok("lvs atomicos/thin && test $(blockdev --getsz /dev/sda2) -gt $((10 * 1024 * 1024 * 2))");
    dmeventd_still_watches(&host);
}

/// Past the threshold the pool grows by itself; that is no drift.
#[track_caller]
fn dmeventd_still_watches(host: &Host) {
    let size = "lvs --noheadings --units m --nosuffix -o lv_size atomicos/docker-pool | tr -d ' ' | cut -d. -f1";
    let before: u64 = host.ok(size).trim().parse().expect("a size");
    host.ok(&format!("dd if=/dev/zero of=/dev/atomicos/thin bs=1M count={} oflag=direct 2>&1", before * 7 / 10));
    host.ok(&format!("for _ in $(seq 60); do test $({size}) -le {before} || exit 0; sleep 1; done; lvs -a; exit 1"));
    assert_no_op(host);
}

/// The report says of the run what its exit code says.
#[track_caller]
fn truthful(host: &Host, output: &Output) {
    let told = report(host);
    let expected: &[&str] = match output.code {
        0 => &["done", "in-sync"],
        1 => &["failed"],
        _ => &["refused"],
    };
    assert!(told["outcome"].as_str().is_some_and(|outcome| expected.contains(&outcome)), "{told:#}");
}

/// Something that is done by somebody else right before or after a command of the run's, which stays in its place.
struct Change {
    name: &'static str,
    /// The run's command beside which it is done.
    tool: &'static str,
    before: bool,
    script: &'static str,
    /// Of the run in which it is done, and part of what that says.
    code: i32,
    says: &'static str,
    /// What proves that it is still there, after that run and after the next.
    proof: &'static str,
    /// How the host is put right, where a person has to.
    cure: &'static str,
}

const CHANGES: [Change; 9] = [
    Change {
        name: "a file system on the disk that is about to be taken",
        tool: "vgextend",
        before: true,
        script: "mkfs.ext4 -q -U 11111111-2222-3333-4444-555555555555 /dev/sdb",
        code: 1,
        says: "vgextend",
        proof: "blkid -p -o value -s UUID /dev/sdb | grep -qx 11111111-2222-3333-4444-555555555555",
        cure: "wipefs -qa /dev/sdb; blkdiscard -z /dev/sdb",
    },
    Change {
        name: "another's volume in the space that was free",
        tool: "vgextend",
        before: false,
        script: "lvcreate -qq -y -Wn -n other -l 100%FREE atomicos",
        code: 1,
        says: "root",
        proof: "lvs atomicos/other",
        cure: "lvremove -qq -y atomicos/other",
    },
    Change {
        name: "root, larger than the profile wants it",
        tool: "vgextend",
        before: false,
        script: "lvextend -qq -L 3400M atomicos/root",
        code: 1,
        says: "lvextend",
        proof: "test $(lvs --noheadings --units m --nosuffix -o lv_size atomicos/root | cut -d. -f1) = 3400",
        cure: "",
    },
    Change {
        name: "a file system on the volume that the run has just made",
        tool: "lvcreate",
        before: false,
        script: "mkfs.ext4 -q -U 11111111-2222-3333-4444-555555555555 /dev/atomicos/srv",
        code: 1,
        says: "was blank when the plan was made",
        proof: "blkid -p -o value -s UUID /dev/atomicos/srv | grep -qx 11111111-2222-3333-4444-555555555555",
        cure: "wipefs -qa /dev/atomicos/srv",
    },
    Change {
        name: "a line in fstab",
        tool: "mkfs.xfs",
        before: false,
        script: "echo 'tmpfs /mnt tmpfs noauto 0 0' >>/etc/fstab",
        code: 1,
        says: "/etc/fstab changed since the plan was made",
        proof: "grep -qx 'tmpfs /mnt tmpfs noauto 0 0' /etc/fstab",
        cure: "",
    },
    Change {
        name: "another mount where the volume shall be",
        tool: "mkfs.xfs",
        before: false,
        script: "mount -t tmpfs theirs /var/srv && echo theirs >/var/srv/file",
        code: 1,
        says: "/var/srv",
        proof: "grep -qx theirs /var/srv/file && findmnt -no SOURCE /var/srv | grep -qx theirs",
        cure: "umount /var/srv",
    },
    Change {
        name: "a rule in access.conf",
        tool: "mount",
        before: false,
        script: "echo '+:ops:ALL' >>/etc/security/access.conf",
        code: 1,
        says: "/etc/security/access.conf changed since the plan was made",
        proof: "grep -qx '+:ops:ALL' /etc/security/access.conf",
        cure: "",
    },
    Change {
        name: "another's content in a managed file",
        tool: "mount",
        before: false,
        script: "echo theirs >/etc/motd",
        code: 1,
        says: "/etc/motd changed since the plan was made",
        proof: "grep -qx theirs /etc/motd",
        cure: "echo first >/etc/motd",
    },
    Change {
        name: "a key beside those of the profile",
        tool: "mount",
        before: false,
        script: "echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEsIfydt6Qe4HPYccBZto1xE9r3F5qWUADhKXoWxkZxa theirs' >>/root/.ssh/authorized_keys",
        code: 1,
        says: "/root/.ssh/authorized_keys changed since the plan was made",
        proof: "grep -q theirs$ /root/.ssh/authorized_keys",
        cure: "",
    },
];

const ALL: &str = "version: 1
lvm:
  volume_group: atomicos
  disks: [{serial: DATA1}]
  volumes:
    root: {size: 3200M}
    srv: {size: 512M, filesystem: xfs, mount: /var/srv}
access:
  rules: ['+:root:ALL', '-:ALL:ALL']
files:
  /etc/motd: {content: \"ours\\n\"}
users:
  root: {authorized_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL+CWEwdt9TqsrSb+wuAdFZ+5Rr21GoFHm5OeL3in77l ours']}
";

#[test]
fn what_changes_under_a_run_is_not_overwritten() {
    for change in CHANGES {
        let host = Host::builder("under-a-run").disk(Disk::blank("5G").serial("DATA1")).start();
        one(&host, &change);
    }
}

fn one(host: &Host, change: &Change) {
    let Change { name, tool, before, script, code, says, proof, cure } = change;
    host.ok("echo first >/etc/motd");
    host.write(PROFILE, ALL);
    // The first time it is called.
    let once = |moment: &str| format!("if [ ! -e /root/{moment} ]; then touch /root/{moment}; ({script}) >&2; fi");
    let (first, last) = if *before { (once("before"), String::new()) } else { (String::new(), once("after")) };
    replace_tool(host, tool, &format!("{first}\n{{tool}} \"$@\"; code=$?\n{last}\nexit $code"));
    let output = host.run("atomhost apply");
    let said = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.code, *code, "{name}: {said}");
    assert!(said.contains(says), "{name} is not told: {said}");
    truthful(host, &output);
    host.ok(proof);
    restore_tool(host, tool);
    // The next run keeps it as well, or refuses over it until a person has put that right.
    let output = host.run("atomhost apply");
    if cure.is_empty() {
        assert_eq!(output.code, 0, "{name}: {}{}", output.stdout, output.stderr);
        host.ok(proof);
    } else {
        if *name != "another's content in a managed file" {
            assert_eq!(output.code, 3, "{name}: {}{}", output.stdout, output.stderr);
            host.ok(proof);
        }
        host.ok(cure);
        let output = host.run("atomhost apply");
        assert_eq!(output.code, 0, "{name}: {}{}", output.stdout, output.stderr);
    }
    assert_no_op(host);
}
