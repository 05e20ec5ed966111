//! Other hosts than the stock Debian 12: a newer release, and one whose root OSTree deploys.

use super::support::{
    PROFILE, actions, assert_no_op, assert_refused, converge, extents, kinds, lv, plan, report, shipped, with_serials,
};
use crate::harness::{Disk, Host, ImageKind};
use serde_json::Value;
use std::time::Duration;

/// Without KVM, and with whatever else the machine has to do.
const PROVISIONING: Duration = Duration::from_secs(400);

fn host(name: &str, kind: ImageKind) -> Host {
    Host::builder(name).image(kind).disk(Disk::blank("40G").serial("DATA1")).start()
}

/// Scheme v2, with the disks named by what a reboot does not change.
fn scheme_v2(serials: &[&str]) -> String {
    with_serials(&shipped("scheme-v2"), serials)
}

fn install_unit(host: &Host) {
    let unit = format!("{}/systemd/atomhost.service", env!("CARGO_MANIFEST_DIR"));
    host.write("/etc/systemd/system/atomhost.service", std::fs::read(&unit).expect("the unit"));
    host.ok("systemctl enable -q atomhost.service");
}

/// Waits for the unit's run of this boot, and proves that nothing went wrong on the way.
#[track_caller]
fn assert_provisioned(host: &Host) {
    let wait = "until systemctl is-active -q atomhost; do systemctl is-failed -q atomhost && exit 1; sleep 1; done";
    assert_eq!(host.run_within(PROVISIONING, wait).code, 0, "{}", host.ok("journalctl -b -u atomhost -o cat"));
    let journal = host.ok("journalctl -b --no-pager");
    assert!(!journal.contains("ordering cycle"), "{journal}");
    assert_eq!(host.ok("systemctl --failed --no-legend").trim(), "");
}

/// A first boot with the unit, under real cloud-init: scheme v2 comes of it, as the dry-run said. Returns the plan.
#[track_caller]
fn first_boot(host: &mut Host) -> Value {
    host.write(PROFILE, scheme_v2(&["DATA1"]));
    let planned = plan(host);
    assert_eq!(actions(&planned).len(), 13, "{:#?}", actions(&planned));
    install_unit(host);
    let verified = host.ok("systemd-analyze verify --man=no /etc/systemd/system/atomhost.service 2>&1");
    assert_eq!(verified.trim(), "");
    // As if it were the first: cloud-init forgets that it ever ran, and its seed is still there.
    host.ok("cloud-init clean --logs && rm -f /etc/ssh/ssh_host_*");
    host.reboot();
    assert_provisioned(host);
    assert!(host.ok("cloud-init status").contains("done"));
    let report = report(host);
    // The kernel may give the two disks each other's name at any boot.
    let nameless =
        |value: &Value| actions(value).join("\n").replace("/dev/sda", "/dev/sdX").replace("/dev/sdb", "/dev/sdX");
    assert_eq!(nameless(&report), nameless(&planned), "apply did something else than the dry-run said");
    planned
}

/// What the plan says that each volume will have is what LVM gave it.
#[track_caller]
fn assert_counted_to_the_extent(host: &Host, planned: &Value) {
    for row in planned["ledgers"][0]["rows"].as_array().expect("rows") {
        let name = row["name"].as_str().expect("a name");
        let volume = if name == "docker-pool" { "docker-pool_tdata" } else { name };
        assert_eq!(Some(extents(host, &format!("atomicos/{volume}"))), row["after"].as_u64(), "{name}");
    }
    assert_eq!(host.ok("vgs --noheadings -o vg_free_count atomicos").trim(), "0");
}

/// Cases 1, 11, 13, 14 and 21 on systemd 257, LVM 2.03.31 and cloud-init 25: the host provisions itself at its
/// first boot, as the dry-run said; swap and pool grow while in use; a reboot finds it in sync.
#[test]
fn a_newer_release_provisions_itself_and_stays_in_sync() {
    let mut host = host("trixie", ImageKind::Trixie);
    let versions = host.ok("systemctl --version; lvm version; cloud-init --version 2>&1");
    for expected in ["systemd 257", "2.03.31", "cloud-init 25."] {
        assert!(versions.contains(expected), "no {expected}: {versions}");
    }
    let planned = first_boot(&mut host);
    assert_counted_to_the_extent(&host, &planned);
    for (column, expected) in [("seg_monitor", "monitored"), ("lv_when_full", "error"), ("chunk_size", "512.00k")] {
        assert_eq!(lv(&host, "atomicos/docker-pool", column), expected);
    }
    let root: u64 = host.ok("df --output=size -B1 / | tail -1").trim().parse().expect("a size");
    assert!(root > 14 << 30, "root's XFS has {root} bytes");
    assert_eq!(host.ok("findmnt -no SOURCE,FSTYPE /var/srv").trim(), "/dev/mapper/atomicos-srv xfs");
    assert_no_op(&host);

    // Another disk, a larger swap, and fstab in other words for the same.
    let swap = host.ok("blkid -s UUID -o value /dev/atomicos/swap");
    let srv = host.ok("blkid -s UUID -o value /dev/atomicos/srv");
    host.ok(&format!(
        "sed -i 's|^/dev/mapper/atomicos-srv /var/srv|UUID={} /srv/|; s|^/dev/mapper/atomicos-swap|UUID={}|' /etc/fstab",
        srv.trim(),
        swap.trim()
    ));
    host.ok("systemctl daemon-reload");
    assert_no_op(&host);
    host.add_disk(Disk::blank("20G").serial("DATA2"));
    let larger = scheme_v2(&["DATA1", "DATA2"]).replace("size: 2G", "size: 4G");
    let planned = converge(&host, &larger);
    for expected in ["extend-pool-data", "disable-swap", "make-swap", "enable-swap"] {
        assert!(kinds(&planned).contains(&expected.to_owned()), "no {expected}: {:#?}", actions(&planned));
    }
    assert_counted_to_the_extent(&host, &planned);
    assert_eq!(host.ok("blkid -s UUID -o value /dev/atomicos/swap"), swap);

    host.ok("echo data >/var/srv/data; sync");
    host.reboot();
    assert_provisioned(&host);
    assert!(host.ok("journalctl -b -u atomhost -o cat").contains("In sync"));
    assert_eq!(host.read("/srv/data"), "data\n");
    assert_no_op(&host);
}

/// /usr is read-only, / immutable, and root's XFS mounted five times over.
#[test]
fn a_root_that_ostree_deploys() {
    let mut host = host("ostree", ImageKind::Ostree);
    assert!(host.ok("ostree admin status").starts_with("* debian "));
    assert_ne!(host.run("touch /usr/share/file").code, 0, "/usr is writable");
    assert_refused(
        &host,
        &scheme_v2(&["DATA1"]).replace("/var/srv", "/data"),
        3,
        &["/data: does not exist and cannot be made: / is immutable", "choose a path in /var"],
    );
    assert_refused(
        &host,
        &scheme_v2(&["DATA1"]).replace("/var/srv", "/usr/data"),
        3,
        &["/usr/data: does not exist and cannot be made: /usr is mounted read-only"],
    );
    host.ok("echo precious >/root/kept");
    first_boot(&mut host);
    assert_no_op(&host);
    for path in ["/", "/sysroot", "/var"] {
        let size: u64 = host.ok(&format!("df --output=size -B1 {path} | tail -1")).trim().parse().expect("a size");
        assert!(size > 14 << 30, "{path} has {size} bytes");
    }

    // As newer OSTree mounts it: the whole file system and / read-only, /etc and /var writable.
    host.ok("mount --bind /etc /etc && mount -o remount,bind,ro /sysroot && mount -o remount,bind,ro /");
    host.add_disk(Disk::blank("8G").serial("DATA2"));
    let larger = scheme_v2(&["DATA1", "DATA2"]).replace("root: {size: 15G}", "root: {size: 16G}");
    let planned = converge(&host, &larger);
    assert!(kinds(&planned).contains(&"grow-filesystem".to_owned()), "{:#?}", actions(&planned));
    assert!(host.ok("df --output=size -B1 /var | tail -1").trim().parse::<u64>().expect("a size") > 15 << 30);

    host.ok("echo data >/var/srv/data; sync");
    host.reboot();
    assert_provisioned(&host);
    assert!(host.ok("journalctl -b -u atomhost -o cat").contains("In sync"));
    assert!(host.ok("ostree admin status").starts_with("* debian "));
    assert_eq!(host.ok("findmnt -no SOURCE,FSTYPE /var/srv").trim(), "/dev/mapper/atomicos-srv xfs");
    assert_eq!(host.read("/srv/data"), "data\n");
    assert_eq!(host.read("/root/kept"), "precious\n");
    assert_no_op(&host);
}
