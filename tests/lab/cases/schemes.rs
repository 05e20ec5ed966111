//! The partition schemes that the profiles ship, from stock host to no-op.

use super::support::{
    PROFILE, actions, assert_no_op, converge, extents, give_what_the_whole_role_expects, lv, plan, shipped,
    with_serials,
};
use crate::harness::{Disk, Host};

fn host(name: &str) -> Host {
    Host::builder(name).disk(Disk::blank("40G").serial("DATA1")).without_cloud_init().start()
}

/// Case 1.
#[test]
fn scheme_v2_from_stock_host_to_reboot() {
    let mut host = host("scheme-v2");
    host.ok("echo precious >/root/kept");
    let planned = converge(&host, &shipped("scheme-v2").replace("- /dev/sdb", "- {serial: DATA1}"));
    assert_eq!(actions(&planned).len(), 13, "{:#?}", actions(&planned));
    assert_eq!(extents(&host, "atomicos/root"), 3840);
    assert_eq!(extents(&host, "atomicos/srv"), 3840);
    assert_eq!(extents(&host, "atomicos/swap"), 512);
    assert_eq!(lv(&host, "atomicos/docker-pool", "chunk_size"), "512.00k");
    assert_eq!(lv(&host, "atomicos/docker-pool", "seg_monitor"), "monitored");
    assert_eq!(lv(&host, "atomicos/docker-pool", "lv_when_full"), "error");
    assert_eq!(host.ok("vgs --noheadings -o vg_free_count atomicos").trim(), "0");
    let root: u64 = host.ok("df --output=size -B1 / | tail -1").trim().parse().expect("a size");
    assert!(root > 14 << 30, "root's XFS has {root} bytes");
    assert_eq!(host.ok("findmnt -no SOURCE,FSTYPE /var/srv").trim(), "/dev/mapper/atomicos-srv xfs");
    host.ok("echo data >/var/srv/data; sync");
    host.reboot();
    assert_eq!(host.read("/root/kept"), "precious\n");
    assert_eq!(host.read("/srv/data"), "data\n");
    assert_no_op(&host);
    assert_eq!(host.ok("systemctl --failed --no-legend").trim(), "");
    assert_imported(&host, &["serial: DATA1", "srv: {size: 15G, filesystem: xfs, mount: /var/srv}", "threshold: 60"]);
}

/// What is imported from a host is what it is in sync with, pulled apart by nothing.
#[track_caller]
fn assert_imported(host: &Host, expected: &[&str]) {
    let imported = host.ok("atomhost import | tee /root/imported.yaml");
    for part in expected {
        assert!(imported.contains(part), "no {part} in\n{imported}");
    }
    host.ok("atomhost check /root/imported.yaml");
}

/// Case 25 for the whole role, after which the host boots as it always did, but for cloud-init.
#[test]
fn the_whole_role_on_a_stock_host() {
    let mut host = Host::builder("role").disk(Disk::blank("40G").serial("DATA1")).start();
    give_what_the_whole_role_expects(&host);
    let keys = host.read("/root/.ssh/authorized_keys");
    converge(&host, &with_serials(&shipped("scheme-v2-complete"), &["DATA1"]));
    let added = host.read("/root/.ssh/authorized_keys");
    assert!(added.starts_with(&keys) && added.ends_with("ops@example.com\n"), "{added}");
    host.reboot();
    assert_no_op(&host);
    assert_eq!(host.ok("systemctl --failed --no-legend").trim(), "");
    assert!(!host.ok("journalctl -b --no-pager").contains("Cloud-init v."));
    host.ok("grep -q '^root:$6$saltsalt' /etc/shadow && test -s /root/.bashrc && test -e /var/log/lastlog");
    host.ok("openssl verify -CApath /etc/ssl/certs /etc/pki/tls/certs/ca.crt");
    assert_eq!(host.ok("lvmconfig backup/archive").trim(), "archive=0");
    assert!(host.read("/etc/security/access.conf").ends_with("-:ALL:ALL\n# END atomhost\n"));
    assert!(host.read("/etc/sysconfig/docker-storage-setup").contains("ROOT_SIZE=15G"));
}

/// Case 2.
#[test]
fn scheme_v1_with_a_second_group() {
    let host = host("scheme-v1");
    converge(&host, &shipped("scheme-v1"));
    assert_eq!(extents(&host, "atomicos/root"), 1536);
    assert_eq!(extents(&host, "data/srv"), 3840);
    assert_eq!(host.ok("findmnt -no SOURCE /var/srv").trim(), "/dev/mapper/data-srv");
    assert_imported(&host, &["volume_groups:", "data:"]);
}

/// Case 3: a real export, served by the host itself.
#[test]
fn a_share_in_place_of_a_disk() {
    let host = host("nfs");
    host.ok("echo '127.0.0.1 nfs.example.com' >>/etc/hosts; mkdir -p /export/srv && echo shared >/export/srv/file");
    host.ok(
        "echo '/export/srv 127.0.0.1(rw,no_root_squash)' >/etc/exports && systemctl start nfs-server && exportfs -ra",
    );
    converge(&host, &shipped("nfs-srv"));
    assert_eq!(host.read("/srv/file"), "shared\n");
    assert!(host.read("/etc/fstab").contains("nfs.example.com:/export/srv /var/srv nfs4 rw,hard,_netdev 0 0\n"));
    assert_imported(&host, &["/var/srv: {source: nfs.example.com:/export/srv, type: nfs4"]);
    // A server that is gone must not hang a look at the host.
    host.ok("systemctl stop nfs-server; ip addr flush dev lo || true");
    let output = host.run("timeout 30 atomhost plan");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
}

/// Case 4.
#[test]
fn a_disk_that_the_profile_does_not_name_stays() {
    let host = Host::builder("foreign")
        .disk(Disk::blank("40G").serial("DATA1"))
        .disk(Disk::blank("5G").serial("OTHER"))
        .start();
    host.ok("vgextend -qq atomicos /dev/sdc");
    let planned = converge(&host, &shipped("scheme-v2"));
    let notes = planned["notes"].to_string();
    assert!(notes.contains("/dev/sdc") && notes.contains("it stays"), "{notes}");
    assert_eq!(host.ok("pvs --noheadings -o vg_name /dev/sdc").trim(), "atomicos");
}

/// Case 9, with kernel names in the profile: they are free to move.
#[test]
fn disk_names_that_move_at_reboot() {
    let mut host = Host::builder("names")
        .disk(Disk::blank("40G").serial("DATA1"))
        .disk(Disk::blank("8G").serial("BLANK"))
        .without_cloud_init()
        .start();
    converge(&host, &shipped("scheme-v2"));
    // Give the names a reason to move: the blank disk goes, so that another is sdb or sdc now.
    host.reboot();
    assert_no_op(&host);
    host.remove_disk("BLANK");
    host.add_disk(Disk::blank("9G").serial("OTHER"));
    host.reboot();
    assert_no_op(&host);
    // Blank disks were never taken.
    assert_eq!(host.ok("pvs --noheadings -o pv_name | wc -l").trim(), "2");
}

/// Case 7 and the partition beneath.
#[test]
fn disks_that_grew_are_followed() {
    let mut host = host("grew");
    let profile = shipped("scheme-v2");
    converge(&host, &profile);
    host.grow_disk("DATA1", "60G");
    host.write(PROFILE, &profile);
    assert_eq!(plan(&host)["actions"].as_array().map(Vec::len), Some(0), "nobody asked for growth");
    let grow = profile.replace("  volumes:", "  grow: physical-volumes\n  volumes:");
    let before = extents(&host, "atomicos/docker-pool");
    converge(&host, &grow);
    assert!(extents(&host, "atomicos/docker-pool") > before + 5000);
    host.grow_system_disk("20G");
    let partitions = profile.replace("  volumes:", "  grow: partitions\n  volumes:");
    let planned = converge(&host, &partitions);
    let kinds = super::support::kinds(&planned);
    assert_eq!(kinds[..2], ["grow-partition", "resize-physical-volume"]);
    host.ok("sfdisk --verify /dev/sda");
    host.reboot();
    assert_no_op(&host);
}

/// The profile of a host with one larger disk.
#[test]
fn one_disk_that_came_larger_than_its_image() {
    let mut host = Host::builder("one-disk").start();
    host.grow_system_disk("50G");
    converge(&host, &shipped("one-disk"));
    assert_eq!(extents(&host, "atomicos/root"), 3840);
    assert_no_op(&host);
}

#[test]
fn the_minimal_profile() {
    let host = host("minimal");
    converge(&host, &shipped("minimal"));
}
