//! The lab itself: what the other cases rely on.

use crate::harness::{Disk, Host};

#[test]
fn stock_host_is_laid_out_like_an_atomic_host() {
    let host = Host::builder("layout").disk(Disk::blank("40G").serial("DATA1")).start();
    let root = host.ok("lvs --noheadings --units b --nosuffix -o lv_size atomicos/root");
    assert_eq!(root.trim(), (3_u64 << 30).to_string());
    assert_eq!(host.ok("findmnt -no SOURCE,FSTYPE /").trim(), "/dev/mapper/atomicos-root xfs");
    assert_eq!(host.ok("findmnt -no SOURCE,FSTYPE /boot").trim(), "/dev/sda1 ext4");
    assert_eq!(
        host.ok("pvs --noheadings -o pv_name,vg_name").split_whitespace().collect::<Vec<_>>(),
        ["/dev/sda2", "atomicos"]
    );
    assert_eq!(host.ok("lsblk -bdno SIZE /dev/sda").trim(), (10_u64 << 30).to_string());
    assert_eq!(host.ok("lsblk -bdno SIZE,SERIAL /dev/sdb").trim(), format!("{} DATA1", 40_u64 << 30));
    assert_eq!(host.ok("readlink /srv").trim(), "var/srv");
    assert_eq!(host.ok("systemctl is-system-running").trim(), "running");
    assert!(host.ok("cloud-init status").contains("done"));
    assert_eq!(host.run("exit 7").code, 7);
    assert_eq!(host.login("root", "whoami").stdout.trim(), "root");
    host.ok("test -x /usr/local/bin/atomhost");
}

#[test]
fn oracle_sees_changes_and_only_changes() {
    let host = Host::builder("oracle").start();
    let before = host.oracle();
    host.oracle().assert_same(&before);
    host.ok("lvcreate -qq -y -n extra -L 64M atomicos && echo x >>/etc/motd && systemctl restart cron");
    let difference = host.oracle().difference(&before);
    for expected in ["atomicos", "/etc/motd", "cron.service"] {
        assert!(difference.contains(expected), "{expected} is missing:\n{difference}");
    }
}

#[test]
fn disks_come_grow_and_go() {
    let mut host = Host::builder("disks").start();
    host.add_disk(Disk::blank("40G").serial("DATA1"));
    host.add_disk(Disk::blank("1G").without_serial("anonymous"));
    let untouched = host.disk_digest("DATA1");
    assert_eq!(host.disk_digest("DATA1"), untouched);
    host.ok("mkfs.xfs -q /dev/sdb");
    assert_ne!(host.disk_digest("DATA1"), untouched);
    host.grow_disk("DATA1", "60G");
    assert_eq!(host.ok("blockdev --getsize64 /dev/sdb").trim(), (60_u64 << 30).to_string());
    host.grow_system_disk("20G");
    assert_eq!(host.ok("blockdev --getsize64 /dev/sda").trim(), (20_u64 << 30).to_string());
    assert_eq!(host.ok("lsblk -dno SERIAL /dev/sdc").trim(), "");
    host.remove_disk("anonymous");
    host.ok("test ! -e /dev/sdc");
}

#[test]
fn power_cut_keeps_what_was_written() {
    let mut host = Host::builder("power-cut").disk(Disk::blank("2G").serial("DATA1")).without_cloud_init().start();
    let boot = host.read("/proc/sys/kernel/random/boot_id");
    host.ok("mkfs.ext4 -q /dev/sdb && echo kept >/root/kept && sync");
    host.power_cut();
    host.boot();
    assert_eq!(host.read("/root/kept"), "kept\n");
    assert_eq!(host.ok("blkid -o value -s TYPE /dev/disk/by-id/*DATA1").trim(), "ext4");
    assert_ne!(host.read("/proc/sys/kernel/random/boot_id"), boot);
    let boot = host.read("/proc/sys/kernel/random/boot_id");
    host.reboot();
    assert_ne!(host.read("/proc/sys/kernel/random/boot_id"), boot);
}
