//! Disks that are, or may be, of value to somebody; disks that are late, gone, or read-only.

use super::support::{PROFILE, assert_no_op, assert_refused, converge, extents, profile};
use crate::harness::{Disk, Host};
use std::time::Duration;

fn host(name: &str) -> Host {
    Host::builder(name).disk(Disk::blank("5G").serial("DATA1")).start()
}

/// Case 5: bytes compared, then taken with consent.
#[test]
fn a_disk_with_anything_on_it_is_not_taken_without_consent() {
    let host = host("signatures");
    let wanted = profile("root: {size: 3G}", "");
    let makes = [
        ("mkfs.ext4 -q", "ext4"),
        ("mkfs.xfs -q -f", "xfs"),
        ("mkswap", "swap"),
        (
            "cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf argon2id --pbkdf-memory 32 --pbkdf-parallel 1 --key-file /etc/hostname",
            "crypto_LUKS",
        ),
        ("echo ',1G' | sfdisk -q --label gpt", "gpt"),
        ("pvcreate -qq -y", "LVM2_member"),
        ("mdadm --create /dev/md9 --run --metadata=1.2 --level=1 --force --raid-devices=1", "linux_raid_member"),
    ];
    // udev would assemble a stopped array anew at the next event.
    host.ok("mkdir -p /etc/mdadm && echo 'AUTO -all' >>/etc/mdadm/mdadm.conf");
    for (make, found) in makes {
        host.ok(&format!(
            "{make} /dev/sdb >/dev/null 2>&1; test ! -e /dev/md9 || mdadm --stop /dev/md9; udevadm settle; sync"
        ));
        let digest = host.disk_digest("DATA1");
        assert_refused(&host, &wanted, 3, &["/dev/sdb (serial DATA1): carries", found, "wipe: true"]);
        assert_eq!(host.disk_digest("DATA1"), digest, "{found}: the disk's bytes changed");
        converge(&host, &wanted.replace("{serial: DATA1}", "{serial: DATA1, wipe: true}"));
        host.ok("vgreduce -qq atomicos /dev/sdb && pvremove -qq /dev/sdb && wipefs -qa /dev/sdb && udevadm settle && rm -r /var/lib/atomhost");
    }
}

/// Case 5: consent does not reach what is in use.
#[test]
fn a_disk_in_use_is_refused_in_spite_of_consent() {
    let host = host("in-use");
    let wanted = profile("root: {size: 3G}", "").replace("{serial: DATA1}", "{serial: DATA1, wipe: true}");
    let rows = [
        ("mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt", "umount /mnt", "/dev/sdb is mounted on /mnt"),
        ("wipefs -qa /dev/sdb; mkswap -q /dev/sdb && swapon /dev/sdb", "swapoff /dev/sdb", "/dev/sdb is active swap"),
        (
            "wipefs -qa /dev/sdb; dmsetup create held --table '0 2048 linear /dev/sdb 0'",
            "dmsetup remove held",
            "/dev/sdb is held by dm-",
        ),
        (
            "vgcreate -qq other /dev/sdb",
            "vgremove -qq other; pvremove -qq /dev/sdb",
            "/dev/sdb is a physical volume of volume group other",
        ),
        (
            "echo ',1G' | sfdisk -q --label gpt /dev/sdb && udevadm settle && mkfs.ext4 -q /dev/sdb1 && mount /dev/sdb1 /mnt",
            "umount /mnt; wipefs -qa /dev/sdb",
            "/dev/sdb1 is mounted on /mnt",
        ),
    ];
    for (take, release, expected) in rows {
        host.ok(&format!("{take} && udevadm settle"));
        assert_refused(&host, &wanted, 3, &[expected]);
        host.ok(release);
    }
    host.ok("blockdev --setro /dev/sdb");
    assert_refused(&host, &wanted, 3, &["is read-only"]);
    host.ok("blockdev --setrw /dev/sdb");
    // The system disk, and the disk that another process has open exclusively.
    assert_refused(&host, &wanted.replace("serial: DATA1", "path: /dev/sda"), 3, &["/dev/sda", "mounted on /boot"]);
}

/// Case 6.
#[test]
fn a_late_disk_is_waited_for_and_a_missing_one_named() {
    let mut host = Host::builder("late").start();
    let wanted = profile("root: {size: 4G}", "");
    assert_refused(&host, &wanted, 75, &["serial DATA1: no such disk"]);
    let waiting = host.spawn("atomhost apply --wait-disks 120s");
    std::thread::sleep(Duration::from_secs(5));
    assert!(waiting.is_running(), "it did not wait");
    host.add_disk(Disk::blank("5G").serial("DATA1"));
    let output = waiting.wait(Duration::from_secs(120)).expect("it ends");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
    let both = wanted.replace("{serial: DATA1}", "{serial: DATA1}, {serial: DATA2}");
    assert_refused(&host, &both, 75, &["serial DATA2: no such disk"]);
}

/// A missing physical volume stops everything: plain vgextend would go on.
#[test]
fn a_group_with_a_missing_disk_is_left_alone() {
    let mut host = host("missing-pv");
    converge(&host, &profile("root: {size: 4G}", ""));
    host.remove_disk("DATA1");
    host.add_disk(Disk::blank("6G").serial("DATA2"));
    let wanted = profile("root: {size: 5G}", "").replace("DATA1", "DATA2");
    assert_refused(&host, &wanted, 3, &["atomicos: 1 physical volume(s) are missing"]);
}

/// Selectors leave no choice open, and stay true after the disk was taken.
#[test]
fn selectors_match_exactly() {
    let mut host = host("selectors");
    let wanted = profile("root: {size: 4G}", "").replace("{serial: DATA1}", "{size: \">=4G <=6G\", blank: true}");
    host.add_disk(Disk::blank("5G").serial("DATA2"));
    assert_refused(&host, &wanted, 3, &["1 wanted, 2 fit: /dev/sdb (5G), /dev/sdc (5G)"]);
    host.ok("mkfs.ext4 -q /dev/sdc");
    converge(&host, &wanted);
    host.ok("wipefs -qa /dev/sdc");
    assert_no_op(&host);
    let id = host.ok("ls /dev/disk/by-id | grep DATA2").trim().lines().next().unwrap_or_default().to_owned();
    let more = wanted.replace("blank: true}", &format!("blank: true}}, {{by-id: {id}}}, /dev/sdc"));
    let planned = converge(&host, &more);
    assert!(planned["notes"].to_string().contains("taken once"), "{:#}", planned["notes"]);
    assert_eq!(host.ok("pvs --noheadings | wc -l").trim(), "3");
}

/// A crash while a disk is taken leaves an orphan physical volume; it is finished only when it is ours.
#[test]
fn an_orphan_of_an_interrupted_run_is_finished() {
    let host = host("orphan");
    let wanted = profile("root: {size: 4G}", "");
    host.ok("pvcreate -qq /dev/sdb");
    assert_refused(&host, &wanted, 3, &["LVM2_member"]);
    host.write(
        "/var/lib/atomhost/record.json",
        format!("{{\"disks\": {{}}, \"begun\": [{{\"what\": \"take-disk\", \"volume_group\": \"atomicos\", \"serials\": [\"DATA1\"], \"links\": [], \"size\": {}}}]}}", 5_u64 << 30),
    );
    converge(&host, &wanted);
    assert_eq!(extents(&host, "atomicos/root"), 1024);
    assert!(!host.read("/var/lib/atomhost/record.json").contains("take-disk"), "the intent is forgotten");
}

/// A disk that gets a file system, or vanishes, between plan and apply.
#[test]
fn a_saved_plan_is_run_only_while_it_is_true() {
    let mut host = host("saved");
    host.write(PROFILE, profile("root: {size: 4G}", ""));
    host.ok("atomhost plan --out /root/plan.json");
    host.ok("mkfs.ext4 -q /dev/sdb && udevadm settle");
    let before = host.oracle();
    let output = host.run("atomhost apply --plan /root/plan.json");
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("stale"), "{}", output.stderr);
    host.oracle().assert_same(&before);
    host.remove_disk("DATA1");
    assert_eq!(host.run("atomhost apply --plan /root/plan.json").code, 4);
    for damage in
        ["sed -i 's/1024/1025/' /root/plan.json", "truncate -s -20 /root/plan.json", "echo '{}' >/root/plan.json"]
    {
        host.ok(damage);
        let output = host.run("atomhost apply --plan /root/plan.json");
        assert_eq!(output.code, 4, "{damage}: {}", output.stderr);
    }
    host.add_disk(Disk::blank("5G").serial("DATA1"));
    host.ok("atomhost plan --out /root/plan.json && atomhost apply --plan /root/plan.json");
    assert_no_op(&host);
}

/// The whole role of consent: what `wipe: true` may take is only the disk it is said of.
#[test]
fn consent_is_per_disk() {
    let mut host = host("consent");
    host.add_disk(Disk::blank("5G").serial("DATA2"));
    host.ok("mkfs.ext4 -q /dev/sdb; mkfs.ext4 -q /dev/sdc; sync");
    let wanted =
        profile("root: {size: 4G}", "").replace("{serial: DATA1}", "{serial: DATA1, wipe: true}, {serial: DATA2}");
    let digest = host.disk_digest("DATA1");
    assert_refused(&host, &wanted, 3, &["/dev/sdc (serial DATA2): carries ext4"]);
    assert_eq!(host.disk_digest("DATA1"), digest, "nothing at all is done where one disk is refused");
}
