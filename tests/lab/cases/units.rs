//! The shipped units: well-formed, and as closed as their work allows.

use super::support::{PROFILE, profile};
use crate::harness::{Disk, Host};
use std::path::{Path, PathBuf};

pub const UNITS: [&str; 4] =
    ["atomhost.service", "atomhost-retire-cloud-init.service", "atomhost-check.service", "atomhost-check.timer"];

/// Where the repository has a unit.
pub fn source(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(unit)
}

#[test]
fn verified_and_closed() {
    let host = Host::builder("units").disk(Disk::blank("40G").serial("DATA1")).start();
    for unit in UNITS.into_iter().chain(["atomhost-revert.service"]) {
        host.write(&format!("/etc/systemd/system/{unit}"), std::fs::read(source(unit)).expect("a unit"));
        // The manual is a package's to install.
        let verified = host.run(&format!("systemd-analyze verify --man=no /etc/systemd/system/{unit} 2>&1"));
        assert_eq!((verified.code, verified.stdout.trim()), (0, ""), "{unit}");
    }
    host.ok("rm /etc/systemd/system/atomhost-revert.service && systemctl daemon-reload");
    let shipped = std::fs::read_dir(source("")).expect("the units").count();
    assert_eq!(shipped, UNITS.len() + 1, "every unit is looked at");
    // 0 is closed, 10 open. The threshold is in tenths.
    let security = host.run("systemd-analyze security --threshold=30 atomhost-check.service");
    assert_eq!(security.code, 0, "{}", security.stdout);

    check_tells_the_truth(&host);
}

/// The sandbox hides nothing that a profile may ask about, and lets nothing be written.
fn check_tells_the_truth(host: &Host) {
    let wanted =
        profile("srv: {size: 2G, filesystem: xfs, mount: /var/srv}", "pool: {size: 1G, autoextend: {threshold: 60}}");
    let wanted = format!("{wanted}journald: {{SystemMaxUse: 200M}}\ncloud_init: disabled\n");
    host.write(PROFILE, &wanted);
    // Everything is pending, a blank disk among it.
    let before = host.oracle();
    assert_ne!(host.run("systemctl start atomhost-check").code, 0);
    host.oracle().assert_same(&before);
    let result = "systemctl show -P ExecMainStatus atomhost-check";
    let said = "journalctl --sync; journalctl -q -o cat -u atomhost-check";
    let journal = host.ok(said);
    assert_eq!(host.ok(result).trim(), "2", "{journal}");
    assert!(host.ok("systemctl --failed").contains("atomhost-check.service"));
    let outside = host.run("LC_ALL=C.UTF-8 atomhost check -v");
    assert_eq!(outside.code, 2);
    for line in outside.stdout.lines().filter(|line| !line.trim().is_empty()) {
        assert!(journal.contains(line.trim_end()), "the sandbox hides `{line}`:\n{journal}");
    }

    host.ok("atomhost apply && systemctl start atomhost-check");
    let journal = host.ok(said);
    assert!(journal.contains("In sync"), "{journal}");
    assert!(!host.ok("systemctl --failed").contains("atomhost-check.service"));
    for drift in ["rm /etc/systemd/journald.conf.d/50-atomhost.conf", "lvchange -qq --monitor n atomicos/pool"] {
        host.ok(drift);
        assert_ne!(host.run("systemctl start atomhost-check").code, 0, "{drift} went unseen");
        assert_eq!(host.ok(result).trim(), "2", "{drift}: {}", host.ok(said));
        host.ok("atomhost apply");
    }
    host.ok(
        "systemctl start atomhost-check.timer && systemctl list-timers atomhost-check.timer | grep -q atomhost-check",
    );
}
