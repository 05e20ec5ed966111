//! The packages: Debian's as a host gets it, and RPM's, which holds the same.

use super::support::{PROFILE, extents};
use crate::harness::{Disk, Host};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a package there, and gives its path.
fn package(kind: &str, folder: &Path) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package");
    ok(Command::new(script).args([kind, env!("CARGO_BIN_EXE_atomhost")]).arg(folder));
    let mut made = std::fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
    made.find(|path| path.extension().is_some_and(|extension| extension == kind)).expect("a package")
}

fn ok(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Made twice it is the same, byte for byte.
fn reproducible(kind: &str) -> (tempfile::TempDir, PathBuf) {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let path = package(kind, folder.path());
    let bytes = |path: &Path| std::fs::read(path).expect("readable");
    assert!(bytes(&path) == bytes(&package(kind, other.path())), "{kind}: made twice, it is not the same");
    (folder, path)
}

/// No host of the lab takes RPM packages: the other one is proven on a host, and this one must hold the same files.
#[test]
fn both_packages_hold_the_same() {
    let (folder, rpm) = reproducible("rpm");
    let (_deb_folder, deb) = reproducible("deb");
    let root = folder.path().join("root");
    ok(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&root));
    let listing =
        "find . -type f -printf '%P %m ' -exec sha256sum {} \\; | sed 's, \\([0-9a-f]*\\)  .*, \\1,; s,^,/,' | sort";
    let files = ok(Command::new("sh").args(["-c", listing]).current_dir(&root));
    let query = "[%{FILENAMES} %{FILEMODES:perms} %{FILEMODES:octal} %{FILEDIGESTS}\n]";
    let mut packed: Vec<String> = ok(Command::new("rpm").args(["-qp", "--qf", query]).arg(&rpm))
        .lines()
        .filter_map(|line| {
            let [path, kind, mode, digest] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            kind.starts_with('-').then(|| format!("{path} {} {digest}", &mode[mode.len() - 3..]))
        })
        .collect();
    packed.sort();
    assert_eq!(packed, files.lines().collect::<Vec<_>>());
    assert!(packed.len() > 20, "{packed:#?}");
    let needs = ok(Command::new("rpm").args(["-qp", "--requires"]).arg(&rpm));
    assert!(needs.contains("lvm2") && !needs.contains("libc"), "{needs}");
}

#[test]
fn a_host_gets_the_package() {
    let (_folder, deb) = reproducible("deb");
    let host = Host::builder("package").disk(Disk::blank("2G").serial("DATA1")).without_agent().start();
    host.write("/root/atomhost.deb", std::fs::read(deb).expect("readable"));
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
