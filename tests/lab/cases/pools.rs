//! Thin pools looked at, and made anew with consent.

use super::support::{
    PROFILE, actions, assert_no_op, converge, extents, kinds, lv, plan, profile, replace_tool, restore_tool, shipped,
};
use crate::harness::{Disk, Host, Output};
use serde_json::Value;

const POOL: &str =
    "docker-pool: {size: 4G, chunk: 512K, zero: false, autoextend: {threshold: 60, percent: 20}, when_full: error}";
const CONSENT: &str = "--yes-destroy atomicos/docker-pool";
/// Holds a thin volume as an engine does: mounted while it runs.
const ENGINE: &str = "[Service]\nType=oneshot\nRemainAfterExit=yes\n\
    ExecStart=/bin/sh -c 'mkdir -p /var/lib/docker/data && { mount /dev/atomicos/data /var/lib/docker/data || true; }'\n\
    ExecStop=/bin/sh -c 'umount /var/lib/docker/data || true'\n";

/// A host whose pool has a thin volume with an XFS on it, not mounted.
fn host(name: &str) -> Host {
    let host = Host::builder(name).disk(Disk::blank("20G").serial("DATA1")).start();
    converge(&host, &profile("root: {size: 3G}", POOL));
    fill(&host);
    host
}

fn fill(host: &Host) {
    host.ok("lvcreate -qq -y -V 1G -T atomicos/docker-pool -n data && udevadm settle && mkfs.xfs -q /dev/atomicos/data && udevadm settle");
}

fn reset(host: &Host, arguments: &str) -> Output {
    // A shell stays around it, to tell of a signal by its exit code.
    host.run(&format!("atomhost pool reset atomicos/docker-pool {arguments}; exit $?"))
}

/// A reset that ends with `code`, says all of `expected`, and changes nothing.
#[track_caller]
fn assert_left_alone(host: &Host, arguments: &str, code: i32, expected: &[&str]) {
    let before = host.oracle();
    let output = reset(host, arguments);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.code, code, "{said}");
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in expected {
        assert!(words.contains(text), "it does not say `{text}`:\n{said}");
    }
    host.oracle().assert_same(&before);
}

/// What makes a pool the pool that it is.
fn geometry(host: &Host, pool: &str) -> String {
    let columns = "lv_size,lv_metadata_size,chunk_size,zero,lv_when_full,lv_profile,seg_monitor";
    host.ok(&format!("lvs --noheadings --units b -o {columns} {pool}")).trim().to_owned()
}

#[test]
fn a_pool_is_looked_at() {
    let host = host("pool-status");
    host.ok("mount /dev/atomicos/data /mnt && dd if=/dev/urandom of=/mnt/file bs=1M count=200 status=none && sync");
    let text = host.ok("atomhost pool status");
    for expected in
        ["atomicos/docker-pool", "by profile atomhost-atomicos-docker-pool", "is mounted on /mnt", "by dmeventd"]
    {
        assert!(text.contains(expected), "`{expected}` is missing:\n{text}");
    }
    let json: Value = serde_json::from_str(&host.ok("atomhost pool status docker-pool --format json")).expect("JSON");
    let pool = &json["pools"][0];
    let percent: f64 = lv(&host, "atomicos/docker-pool", "data_percent").parse().expect("a number");
    assert_eq!(pool["data"]["used"].as_u64(), Some((percent * 100.0).round() as u64), "{pool:#}");
    assert!(percent > 4.0, "{percent}");
    assert_eq!(pool["autoextend"]["threshold"], 60);
    assert_eq!(pool["autoextend"]["next"].as_u64(), Some(205 * (4 << 20)), "a fifth of 1024 extents, rounded up");
    assert_eq!(pool["thin_volumes"][0]["size"].as_u64(), Some(1 << 30));
    assert_eq!(pool["warnings"].as_array().map(Vec::len), Some(0), "{pool:#}");
    // Fuller than 80 %, by hand and without dmeventd, which would extend it.
    // Monitoring goes last: resuming a volume of the pool brings it back.
    host.ok("lvextend -qq -L 4G atomicos/data && xfs_growfs /mnt >/dev/null && lvchange -qq --monitor n atomicos/docker-pool");
    host.ok("dd if=/dev/zero of=/mnt/more bs=1M count=3200 status=none && sync");
    let text = host.ok("atomhost pool status");
    assert!(text.contains("warning: atomicos/docker-pool: data is 8"), "{text}");
    assert!(text.contains("not monitored"), "{text}");
    // Nobody can tell of an inactive pool, and that is said.
    host.ok("umount /mnt && lvchange -qq -a n atomicos/data atomicos/docker-pool");
    let text = host.ok("atomhost pool status atomicos/docker-pool");
    assert!(text.contains("inactive, so nobody can tell how full it is (lvs shows blanks too)"), "{text}");
    // A pool that only LVM's own settings concern.
    host.ok("lvcreate -qq -y -L 1G -T atomicos/plain");
    assert!(host.ok("atomhost pool status plain").contains("autoextend never"));
    let output = host.run("setpriv --reuid 65534 --clear-groups atomhost pool status");
    assert_eq!(output.code, 77, "{}", output.stderr);
    assert!(output.stderr.contains("Data%"), "{}", output.stderr);
    for (pool, code) in [("atomicos/none", 1), ("none", 64)] {
        assert_eq!(host.run(&format!("atomhost pool status {pool}")).code, code, "{pool}");
    }
}

#[test]
fn a_pool_is_made_anew_only_with_consent_and_only_unused() {
    let host = host("pool-reset");
    let before = geometry(&host, "atomicos/docker-pool");
    host.ok("mount /dev/atomicos/data /mnt && echo kept >/mnt/kept");
    assert_left_alone(&host, CONSENT, 3, &["atomicos/data: is mounted on /mnt", "--stop"]);
    host.ok("umount /mnt && cp /etc/fstab /root/ && echo '/dev/atomicos/data /mnt xfs defaults 0 0' >>/etc/fstab");
    assert_left_alone(&host, CONSENT, 3, &["fstab mounts it on /mnt", "remove that line first"]);
    host.ok("cp /root/fstab /etc/fstab && dmsetup create foreign --table '0 2048 linear /dev/atomicos/data 0'");
    assert_left_alone(&host, CONSENT, 3, &["atomicos/data: is held by dm-"]);
    host.ok("dmsetup remove foreign");
    assert_left_alone(
        &host,
        "",
        3,
        &["destroys everything in it", "data", "1G", "consent is --yes-destroy atomicos/docker-pool"],
    );
    assert_left_alone(&host, "--yes-destroy atomicos/docker-pol", 3, &["the pool is atomicos/docker-pool"]);
    assert_left_alone(&host, "--stop no-such.service", 64, &["no such unit"]);
    // The rest of the profile comes first.
    host.ok(&format!("sed -i 's/size: 3G/size: 3500M/' {PROFILE}"));
    assert_left_alone(&host, CONSENT, 3, &["atomicos/root", "run atomhost apply first"]);
    host.ok(&format!("sed -i 's/size: 3500M/size: 3G/' {PROFILE}"));
    // On a terminal the name is typed.
    let typed =
        |text: &str| host.run(&format!("echo {text} | script -qec 'atomhost pool reset docker-pool' /dev/null"));
    let output = typed("docker-pool");
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.contains("that is not its name"), "{}", output.stdout);
    assert_eq!(host.ok("mount /dev/atomicos/data /mnt && cat /mnt/kept && umount /mnt"), "kept\n");
    let output = typed("atomicos/docker-pool");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Done: atomicos/docker-pool is new and empty"), "{}", output.stdout);
    assert_eq!(geometry(&host, "atomicos/docker-pool"), before);
    assert_eq!(host.run("lvs atomicos/data").code, 5, "the thin volume is gone");
    assert_no_op(&host);
    fill(&host);
    assert_eq!(reset(&host, CONSENT).code, 0);
    assert_no_op(&host);
    // One that the profile does not name comes back as it was.
    host.ok("lvcreate -qq -y -L 1G --chunksize 128k -Zn -T atomicos/other && lvcreate -qq -y -V 1G -T atomicos/other -n thin");
    let before = geometry(&host, "atomicos/other");
    let output = host.run("atomhost pool reset other --yes-destroy atomicos/other");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(geometry(&host, "atomicos/other"), before);
    assert_no_op(&host);
}

#[test]
fn services_that_use_the_pool_are_stopped_and_started() {
    let host = host("pool-services");
    host.write("/etc/systemd/system/docker.service", ENGINE);
    host.ok("systemctl daemon-reload && systemctl start docker && findmnt /var/lib/docker/data && mkdir -p /var/lib/docker/devicemapper");
    let output = reset(&host, CONSENT);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("note: /var/lib/docker records what was in the pool"), "{}", output.stdout);
    assert_eq!(host.ok("systemctl is-active docker").trim(), "active");
    assert_eq!(host.run("lvs atomicos/data").code, 5);
    assert_no_op(&host);
    host.ok("systemctl stop docker");
    fill(&host);
    host.ok("systemctl start docker && findmnt /var/lib/docker/data");
    let output = reset(&host, &format!("{CONSENT} --keep-stopped"));
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(host.run("systemctl is-active docker").stdout.trim(), "inactive");
    assert_no_op(&host);
    // One that does not let go: nothing is removed, and it runs again.
    fill(&host);
    host.write("/etc/systemd/system/docker.service", ENGINE.replace("umount", "true"));
    host.ok("systemctl daemon-reload && systemctl start docker && echo kept >/var/lib/docker/data/kept");
    let output = reset(&host, CONSENT);
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(
        output.stderr.contains("nothing was removed: atomicos/data is mounted on /var/lib/docker/data"),
        "{}",
        output.stderr
    );
    assert_eq!(host.ok("systemctl is-active docker").trim(), "active");
    assert_eq!(host.read("/var/lib/docker/data/kept"), "kept\n");
    assert_no_op(&host);
}

/// The agent dies where there is no pool any more: between removing and making it.
#[test]
fn a_reset_that_was_cut_off_is_finished() {
    let host = host("pool-cut");
    let before = geometry(&host, "atomicos/docker-pool");
    host.write("/etc/systemd/system/docker.service", ENGINE);
    host.ok("systemctl daemon-reload && systemctl start docker");
    let die = "mv /usr/sbin/lvcreate /usr/sbin/lvcreate.away && printf '#!/bin/sh\\nkill -9 $PPID\\n' >/usr/sbin/lvcreate && chmod +x /usr/sbin/lvcreate";
    let live = "mv /usr/sbin/lvcreate.away /usr/sbin/lvcreate";
    host.ok(die);
    assert_eq!(reset(&host, CONSENT).code, 137);
    host.ok(live);
    assert_eq!(extents(&host, "atomicos/docker-pool"), 0);
    assert_eq!(host.run("systemctl is-active docker").stdout.trim(), "inactive");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(geometry(&host, "atomicos/docker-pool"), before);
    assert_eq!(host.ok("systemctl is-active docker").trim(), "active");
    assert_no_op(&host);
    // Without the profile only the reset itself knows how the pool was, and it needs no consent twice.
    host.write(PROFILE, profile("root: {size: 3G}", ""));
    host.ok(die);
    assert_eq!(reset(&host, CONSENT).code, 137);
    host.ok(live);
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("finish it: atomhost pool reset atomicos/docker-pool"), "{}", output.stdout);
    let output = reset(&host, "");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(geometry(&host, "atomicos/docker-pool"), before);
    assert_eq!(host.ok("systemctl is-active docker").trim(), "active");
    assert_no_op(&host);
    assert_eq!(host.run("atomhost pool reset atomicos/none --yes-destroy atomicos/none").code, 3);
}

/// Case 22, where LVM itself is cut off: lvcreate writes its metadata three times for one pool. What it leaves after the
/// first is a volume that nobody asked for, after the second one of the pool's name that is none.
#[test]
fn a_pool_that_lvcreate_left_half_made() {
    let host = Host::builder("half-pool").disk(Disk::blank("40G").serial("DATA1")).start();
    // Somebody's own volume, of the same size and with such a name.
    host.ok("lvcreate -qq -y -l 1 atomicos && lvs --noheadings -o lv_name atomicos | grep -qw lvol0 && echo mine >/dev/atomicos/lvol0");
    host.write(PROFILE, shipped("scheme-v2"));
    let left = cut_lvcreate(&host, |left| left.contains("lvol1 "));
    assert!(!left.contains("docker-pool"), "{left}");
    // What LVM activates at boot is looked at.
    host.ok("lvchange -qq --activate y atomicos/lvol1");
    let said = host.run("atomhost plan").stdout;
    assert!(said.contains("atomicos/lvol1") && said.contains("never finished"), "{said}");
    let left = cut_lvcreate(&host, |left| left.contains("docker-pool "));
    assert!(!left.contains("thin-pool") && !left.contains("lvol1 "), "{left}");
    let planned = plan(&host);
    assert_eq!(kinds(&planned)[..2], ["remove-unfinished", "create-thin-pool"], "{:#?}", actions(&planned));
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
    assert_eq!(lv(&host, "atomicos/docker-pool", "segtype"), "thin-pool");
    assert_eq!(host.ok("vgs --noheadings -o vg_free_count atomicos").trim(), "0");
    assert_eq!(host.ok("head -c 4 /dev/atomicos/lvol0"), "mine");
    assert!(!host.read("/var/lib/atomhost/record.json").contains("create-pool"));
}

/// Runs atomhost, with lvcreate killed at a later and later write to a disk, until what it leaves is as wanted; as near
/// as a test can come to a power cut in between. Returns what is left.
#[track_caller]
fn cut_lvcreate(host: &Host, wanted: impl Fn(&str) -> bool) -> String {
    for write in (6..40).step_by(2) {
        let script = format!(
            "case \"$*\" in *--thin*) exec strace -f -qq -o /dev/null -e trace=io_submit \
             -e inject=io_submit:signal=SIGKILL:when={write} {{tool}} \"$@\";; *) exec {{tool}} \"$@\";; esac"
        );
        replace_tool(host, "lvcreate", &script);
        let output = host.run("atomhost apply");
        restore_tool(host, "lvcreate");
        assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
        let left = host.ok("lvs -a --noheadings -o lv_name,lv_size,segtype atomicos");
        if wanted(&left) {
            return left;
        }
    }
    panic!("lvcreate was never cut off there");
}
