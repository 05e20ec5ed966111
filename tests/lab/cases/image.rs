//! The container image: it holds nothing but the binary, and acts on the host that runs it.

use super::support::{ENGINE, PROFILE, assert_no_op, extents, start_docker};
use crate::harness::{Disk, Host};
use std::path::Path;
use std::process::Command;

const DAEMON: &str = r#"{"storage-driver": "vfs", "bridge": "none", "iptables": false}"#;
const WANTED: &str = "version: 1
lvm:
  volume_group: atomicos
  disks: [{serial: DATA1}]
  volumes:
    root: {size: 3600M}
    srv: {size: 512M, filesystem: xfs, mount: /var/srv}
    swap: {size: 256M, swap: true}
files:
  /etc/motd: {content: \"ours\\n\"}
journald: {SystemMaxUse: 200M}
";

/// Makes the image, and gives its archive.
fn image() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/image");
    let output = Command::new(script)
        .arg(env!("CARGO_BIN_EXE_atomhost"))
        .arg(folder.path().join("atomhost"))
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.path().join("atomhost.tar")).expect("an archive")
}

#[test]
fn a_container_provisions_its_host() {
    let archive = image();
    assert!(archive == image(), "made twice, it is not the same");
    let host = Host::builder("image").disk(Disk::blank("5G").serial("DATA1")).start();
    start_docker(&host, DAEMON);
    host.write("/root/atomhost.tar", archive);
    let loaded = host.run_within(ENGINE, "docker load -i /root/atomhost.tar && rm /root/atomhost.tar");
    assert_eq!(loaded.code, 0, "{}{}", loaded.stdout, loaded.stderr);
    host.write(PROFILE, WANTED);
    let version = env!("CARGO_PKG_VERSION");
    let inside = |options: &str, command: &str| {
        let command = format!("docker run --rm --network none {options} atomhost:{version} {command}");
        host.run_within(ENGINE, &command)
    };
    // Whoever gives it less than it needs is told what is missing, and nothing happens to anybody.
    let output = inside("--privileged", "apply");
    assert!(output.code == 1 && output.stderr.contains("--pid=host"), "{}: {}", output.code, output.stderr);
    let output = inside("--pid=host --security-opt apparmor=unconfined", "apply");
    assert!(output.code == 1 && output.stderr.contains("cannot enter"), "{}: {}", output.code, output.stderr);
    // It plans what the binary on the host itself plans.
    let privileged = "--privileged --pid=host";
    let output = inside(privileged, "plan --format json");
    assert_eq!((output.code, output.stdout), (0, host.ok("atomhost plan --format json")), "{}", output.stderr);
    let output = inside(privileged, "apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!((extents(&host, "atomicos/root"), extents(&host, "atomicos/srv")), (900, 128));
    assert_eq!(
        host.ok("findmnt -no SOURCE /var/srv; cat /etc/motd; swapon --noheadings --show=NAME | wc -l"),
        "/dev/mapper/atomicos-srv\nours\n1\n"
    );
    assert_no_op(&host);
    let output = inside(privileged, "check");
    assert_eq!((output.code, output.stdout.trim()), (0, "atomic: in sync"), "{}", output.stderr);
    watches(
        &host,
        &format!("docker run -d --name watch --network none {privileged} atomhost:{version} check --every 10s"),
    );
}

/// It looks again and again, goes on after what it cannot read, and ends when it is told to.
#[track_caller]
fn watches(host: &Host, start: &str) {
    host.ok(start);
    let said = |times: usize, what: &str| {
        let wait = format!(
            "for _ in $(seq 60); do [ $(docker logs watch 2>&1 | grep -c '{what}') -lt {times} ] || exit 0; \
                            sleep 1; done; docker logs watch; exit 1"
        );
        host.ok(&wait);
    };
    said(1, "in sync");
    host.ok(&format!("mv {PROFILE} {PROFILE}.away"));
    said(1, "cannot read the profile");
    host.ok(&format!("mv {PROFILE}.away {PROFILE}"));
    said(2, "in sync");
    host.ok("timeout 8 docker stop -t 30 watch && test $(docker inspect -f '{{.State.ExitCode}}' watch) = 0");
}
