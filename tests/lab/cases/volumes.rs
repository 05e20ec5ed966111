//! Volumes, file systems, pools and swap: each layer planned by itself.

use super::support::{
    PROFILE, actions, assert_no_op, assert_refused, converge, extents, kinds, lv, plan, profile, shipped,
};
use crate::harness::{Disk, Host};

fn host(name: &str) -> Host {
    Host::builder(name).disk(Disk::blank("40G").serial("DATA1")).start()
}

/// Case 8.
#[test]
fn each_layer_grows_by_itself() {
    let host = host("layers");
    let wanted = profile(
        "root: {size: 4G}\nsrv: {size: 2G, filesystem: xfs, mount: /var/srv}\next: {size: 1G, filesystem: ext4, mount: /var/ext}",
        "",
    );
    // A crash between lvextend and xfs_growfs.
    host.ok("vgextend -qq --dataalignment 1m atomicos /dev/sdb && lvextend -qq -L 4G atomicos/root");
    let planned = converge(&host, &wanted);
    assert!(kinds(&planned).contains(&"grow-filesystem".to_owned()));
    assert!(!kinds(&planned).contains(&"extend-volume".to_owned()));
    // Unmounted, and grown twice over: extend, mount, grow.
    host.ok("echo kept >/var/srv/kept; echo kept >/var/ext/kept; umount /var/srv /var/ext");
    let larger = wanted.replace("size: 2G", "size: 3G").replace("ext: {size: 1G", "ext: {size: 2G");
    let planned = converge(&host, &larger);
    assert_eq!(
        kinds(&planned),
        ["extend-volume", "extend-volume", "mount", "grow-filesystem", "mount", "grow-filesystem"],
        "{:#?}",
        actions(&planned)
    );
    assert_eq!(host.read("/srv/kept"), "kept\n");
    assert_eq!(host.read("/var/ext/kept"), "kept\n");
    for (path, least) in [("/srv", 2_900_u64 << 20), ("/var/ext", 1_800 << 20)] {
        let size: u64 = host.ok(&format!("df --output=size -B1 {path} | tail -1")).trim().parse().expect("a size");
        assert!(size > least, "{path} has {size} bytes");
    }
}

/// Case 11: counted to the extent, against what LVM itself did.
#[test]
fn pools_are_counted_to_the_extent() {
    let rows = [
        ("100%FREE", "", None),
        ("40%FREE", "", None),
        ("40%VG", "", Some(12723 * 40 / 100)),
        ("10G", "metadata: 64M, ", Some(2560)),
        ("50%FREE", "chunk: 64K, ", None),
    ];
    for (size, extra, data) in rows {
        let mut host = host("pool-sizes");
        let wanted = profile("root: {size: 5G}", &format!("pool: {{size: {size}, {extra}zero: false}}"));
        let planned = converge(&host, &wanted);
        let rows = planned["ledgers"][0]["rows"].as_array().expect("rows").clone();
        for row in rows {
            let name = row["name"].as_str().expect("a name").to_owned();
            let name = if name == "pool" { "pool_tdata".to_owned() } else { name };
            assert_eq!(Some(extents(&host, &format!("atomicos/{name}"))), row["after"].as_u64(), "{size}: {name}");
        }
        if let Some(data) = data {
            assert_eq!(extents(&host, "atomicos/pool_tdata"), data, "{size}");
        }
        // A disk added later: what shares the free space grows once.
        if size.ends_with("FREE") {
            let before = extents(&host, "atomicos/pool_tdata");
            host.add_disk(Disk::blank("20G").serial("DATA2"));
            converge(&host, &wanted.replace("{serial: DATA1}", "{serial: DATA1}, {serial: DATA2}"));
            assert!(extents(&host, "atomicos/pool_tdata") > before, "{size}");
        }
    }
}

/// Case 12.
#[test]
fn pool_settings_that_drifted_are_repaired() {
    let host = host("drift");
    let wanted = shipped("scheme-v2");
    converge(&host, &wanted);
    host.ok(
        "lvchange -qq --monitor n --errorwhenfull n atomicos/docker-pool && rm /etc/lvm/profile/atomhost-*.profile",
    );
    let planned = converge(&host, &wanted);
    assert_eq!(kinds(&planned), ["write-file", "set-pool-when-full", "monitor-pool"]);
    host.ok("lvchange -qq --detachprofile atomicos/docker-pool && lvchange -qq --zero y atomicos/docker-pool");
    let planned = converge(&host, &wanted);
    assert_eq!(kinds(&planned), ["set-pool-zeroing", "attach-pool-profile"]);
    assert_eq!(lv(&host, "atomicos/docker-pool", "lv_profile"), "atomhost-atomicos-docker-pool");
    // The settings do what they promise: dmeventd extends the pool beyond its threshold.
    assert_refused(&host, &wanted.replace("512K", "64K"), 3, &["its chunk is 512K", "fixed for life"]);
}

/// Case 13.
#[test]
fn swap_is_made_once_and_grows_in_use() {
    let host = host("swap");
    let wanted = profile("swap: {size: 2G, swap: true}", "");
    converge(&host, &wanted);
    let lines = host.ok("grep -c swap /etc/fstab; tail -n +2 /proc/swaps | wc -l");
    assert_eq!(lines.split_whitespace().collect::<Vec<_>>(), ["1", "1"]);
    let uuid = host.ok("blkid -s UUID -o value /dev/atomicos/swap");
    // fstab by UUID is the same entry, and must stay true.
    host.ok(&format!(
        "sed -i 's|^/dev/mapper/atomicos-swap|UUID={}|' /etc/fstab && systemctl daemon-reload",
        uuid.trim()
    ));
    assert_no_op(&host);
    let planned = converge(&host, &wanted.replace("2G", "4G"));
    assert_eq!(kinds(&planned), ["extend-volume", "disable-swap", "make-swap", "enable-swap"]);
    assert_eq!(host.ok("blkid -s UUID -o value /dev/atomicos/swap"), uuid);
    assert_eq!(host.ok("tail -n +2 /proc/swaps | awk '{print $3}'").trim(), ((4 << 20) - 4).to_string());
    // Interrupted between swapoff and mkswap.
    host.ok("swapoff -a && lvextend -qq -L 5G atomicos/swap");
    let planned = converge(&host, &wanted.replace("2G", "5G"));
    assert_eq!(kinds(&planned), ["make-swap", "enable-swap"]);
}

/// Case 14.
#[test]
fn fstab_changes_by_one_line_and_only_where_it_must() {
    let host = host("fstab");
    let wanted = profile("srv: {size: 1G, filesystem: xfs, mount: /srv}", "");
    let odd = "# a comment\n\n/dev/sdz9 /mnt/gone ext4 noauto,nofail\ntmpfs\t/tmp  tmpfs   size=100M 0 0  trailing words\n/dev/mapper/atomicos-root / xfs defaults 0 0";
    host.write("/etc/fstab", odd);
    converge(&host, &wanted);
    let after = host.read("/etc/fstab");
    assert_eq!(after, format!("{odd}\n/dev/mapper/atomicos-srv /srv xfs defaults 0 0\n"));
    assert_eq!(host.ok("findmnt -no TARGET /dev/mapper/atomicos-srv").trim(), "/var/srv");
    let uuid = host.ok("blkid -s UUID -o value /dev/atomicos/srv");
    for source in ["/dev/atomicos/srv", &format!("UUID={}", uuid.trim())] {
        for path in ["/var/srv", "/var/srv/", "/srv", "//srv"] {
            host.write("/etc/fstab", format!("{odd}\n{source} {path} xfs"));
            host.ok("systemctl daemon-reload");
            assert_no_op(&host);
        }
    }
    let options = wanted.replace("mount: /srv", "mount: {path: /srv, options: \"noatime\"}");
    converge(&host, &options);
    assert_eq!(host.read("/etc/fstab"), format!("{odd}\nUUID={} /srv xfs noatime 0 0", uuid.trim()));
    host.write("/etc/fstab", format!("{odd}\n/dev/sda1 /var/srv ext4 noauto 0 0\n"));
    assert_refused(&host, &wanted, 3, &["line 6 mounts /dev/sda1 (ext4) on /srv"]);
}

/// Case 10.
#[test]
fn what_does_not_fit_is_refused_before_anything() {
    let host = host("full");
    let wanted = profile("root: {size: 15G}\nsrv: {size: 60G, filesystem: xfs, mount: /var/srv}", "");
    assert_refused(&host, &wanted, 3, &["atomicos:", "18432 extents (72G) needed, 11955", "available"]);
    assert_eq!(host.ok("pvs --noheadings -o pv_name").trim(), "/dev/sda2");
    let exact = profile("root: {size: 2G, exact: true}", "");
    assert_refused(&host, &exact, 3, &["atomicos/root: is 3G, the profile wants exactly 2G", "nothing is ever shrunk"]);
    // At least: larger is in sync.
    host.write(PROFILE, profile("root: {size: 2G}", "").replace("  disks: [{serial: DATA1}]\n", ""));
    assert_eq!(plan(&host)["actions"].as_array().map(Vec::len), Some(0));
    // Another file system, another device on the path, a pool of the name of a volume.
    host.ok("lvcreate -qq -y -L 100M -n srv atomicos && mkfs.ext4 -q /dev/atomicos/srv");
    let wanted = profile("srv: {size: 100M, filesystem: xfs, mount: /var/srv}", "");
    assert_refused(&host, &wanted, 3, &["atomicos/srv: carries ext4, the profile wants xfs"]);
    host.ok("mount -t tmpfs none /var/srv");
    assert_refused(&host, &wanted.replace("xfs", "ext4"), 3, &["/var/srv: none is mounted there"]);
    host.ok("umount /var/srv");
    assert_refused(
        &host,
        &profile("", "srv: {size: 1G}"),
        3,
        &["atomicos/srv: exists as a linear volume, the profile wants a thin pool"],
    );
}

/// Case 15.
#[test]
fn mkfs_never_touches_what_may_hold_something() {
    let host = host("mkfs");
    let wanted = profile("data: {size: 1G, filesystem: ext4, mount: /var/data}", "");
    let makes = [
        ("mkfs.xfs -q -f", "xfs"),
        ("mkswap", "swap"),
        ("sgdisk -o", "gpt"),
        ("mkfs.btrfs -q -f", "btrfs"),
        ("mkfs.vfat", "vfat"),
        (
            "cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf argon2id --pbkdf-memory 32 --pbkdf-parallel 1 --key-file /etc/hostname",
            "crypto_LUKS",
        ),
    ];
    // On a disk of its own, whose bytes are compared from outside.
    host.ok("vgextend -qq atomicos /dev/sdb && lvcreate -qq -y -L 1G -n data atomicos /dev/sdb");
    for (make, found) in makes {
        host.ok(&format!("{make} /dev/atomicos/data >/dev/null && udevadm settle"));
        let digest = host.disk_digest("DATA1");
        assert_refused(&host, &wanted, 3, &["atomicos/data: carries", found]);
        assert_eq!(host.disk_digest("DATA1"), digest, "{found}");
        host.ok("wipefs -qa /dev/atomicos/data");
    }
    // Only the backup of a partition table is left.
    host.ok("sgdisk -o /dev/atomicos/data >/dev/null && dd if=/dev/zero of=/dev/atomicos/data bs=1M count=2 conv=notrunc status=none");
    assert_refused(&host, &wanted, 3, &["carries", "gpt"]);
    host.ok("wipefs -qa /dev/atomicos/data && blkdiscard -z /dev/atomicos/data");
    converge(&host, &wanted);
}
