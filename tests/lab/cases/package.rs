//! The Debian package, as a host gets it.

use super::support::{PROFILE, extents};
use crate::harness::{Disk, Host};
use std::path::Path;
use std::process::Command;

/// Makes the package, and gives its bytes.
fn package() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package");
    let output =
        Command::new(script).arg(env!("CARGO_BIN_EXE_atomhost")).arg(folder.path()).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = std::fs::read_dir(folder.path()).expect("the folder").flatten().next().expect("a package");
    std::fs::read(made.path()).expect("readable")
}

#[test]
fn a_host_gets_the_package() {
    let bytes = package();
    assert!(bytes == package(), "made twice, it is not the same");
    let host = Host::builder("package").disk(Disk::blank("2G").serial("DATA1")).without_agent().start();
    host.write("/root/atomhost.deb", bytes);
    let root = host.ok("stat -c '%a %U' / /usr /etc");
    host.ok("dpkg -i /root/atomhost.deb && dpkg --verify atomhost");
    assert_eq!(host.ok("stat -c '%a %U' / /usr /etc"), root);
    // It enables nothing. (The stock host takes no manuals and documents of any package.)
    assert_eq!(host.run("systemctl is-enabled atomhost.service").stdout.trim(), "disabled");
    host.write(
        PROFILE,
        "version: 1\nlvm:\n  volume_group: atomicos\n  disks: [{serial: DATA1}]\n  volumes: {root: {size: 3200M}}\n",
    );
    host.ok("systemctl enable --now atomhost.service || (journalctl -u atomhost; exit 1)");
    assert_eq!(extents(&host, "atomicos/root"), 800);
    host.ok("systemctl start atomhost-check.service");
    // It goes, and leaves what is the host's.
    host.ok("dpkg -r atomhost && ! command -v atomhost && test -s /var/lib/atomhost/report.json");
    assert_eq!(host.ok(&format!("head -n1 {PROFILE}")), "version: 1\n");
}
