//! A real container engine keeps its images on the thin pool.

use super::support::{ENGINE, assert_no_op, converge, extents, lv, shipped, start_docker};
use crate::harness::{Disk, Host};

/// What `docker-storage-setup` would have told the engine; no network, which these containers do not need.
const DAEMON: &str = r#"{
  "storage-driver": "devicemapper",
  "storage-opts": ["dm.thinpooldev=/dev/mapper/atomicos-docker--pool", "dm.fs=xfs", "dm.basesize=2G"],
  "bridge": "none",
  "iptables": false
}
"#;

/// Hundredths of a percent of the pool's data in use, as `atomhost status` says.
#[track_caller]
fn used(host: &Host) -> u32 {
    let status = host.ok("atomhost status");
    let line = status.lines().find(|line| line.contains("atomicos/docker-pool")).expect("a line of the pool");
    let text = line.split_once("  data ").and_then(|(_, rest)| rest.split_once(' ')).expect("usage").0;
    text.replace('.', "").parse().unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The pool that scheme v2 makes is what Docker's own documents ask for: it stores an image there and runs it,
/// and atomhost neither disturbs the engine nor touches what it keeps in the pool.
#[test]
fn docker_keeps_an_image_on_the_pool() {
    let mut host = Host::builder("docker").disk(Disk::blank("40G").serial("DATA1")).without_cloud_init().start();
    let profile = |disks: &str| shipped("scheme-v2").replace("- /dev/sdb", disks);
    converge(&host, &profile("- {serial: DATA1}"));
    assert_eq!(used(&host), 0);
    start_docker(&host, DAEMON);
    let info = host.ok("docker info 2>/dev/null");
    assert!(info.contains("Storage Driver: devicemapper") && info.contains("atomicos-docker--pool"), "{info}");

    host.ok(
        "mkdir -p /root/image/bin && cp /bin/busybox /root/image/bin/ && head -c 64M /dev/urandom >/root/image/data",
    );
    let import = "tar -C /root/image -c . | docker import - tiny && docker run -d --name keeper --network none --security-opt apparmor=unconfined tiny \
                  /bin/busybox sh -c 'echo started >/state; exec /bin/busybox sleep 100000'";
    let output = host.run_within(ENGINE, import);
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(host.ok("docker exec keeper /bin/busybox cat /state"), "started\n");
    let full = used(&host);
    assert!(full >= 35, "64 MiB in an image, and the pool is {full} hundredths of a percent full");
    assert_ne!(lv(&host, "atomicos/docker-pool", "data_percent"), "0.00");
    let thin = "dmsetup ls --target thin | sort; docker exec keeper /bin/busybox sha256sum /data; docker images -q; \
                systemctl show -P MainPID docker containerd; docker inspect -f '{{.State.Pid}}' keeper";
    let before = host.ok(thin);
    assert!(before.contains("docker-"), "{before}");
    assert_no_op(&host);
    assert_eq!(host.ok(thin), before);

    // The pool grows beneath the engine and its running container, metadata and all.
    let extents_before = extents(&host, "atomicos/docker-pool_tdata");
    host.add_disk(Disk::blank("20G").serial("DATA2"));
    converge(&host, &profile("- {serial: DATA1}\n    - {serial: DATA2}"));
    assert!(extents(&host, "atomicos/docker-pool_tdata") > extents_before + 5000);
    assert_eq!(host.ok(thin), before);
    host.ok("docker exec keeper /bin/busybox dd if=/dev/zero of=/more bs=1M count=8 2>/dev/null && sync");

    // After a reboot the engine finds its image and container again.
    host.ok("docker stop -t 1 keeper && systemctl enable -q docker");
    host.reboot();
    host.run_within(ENGINE, "systemctl start docker");
    assert!(host.ok("docker images").contains("tiny"));
    host.ok("docker start keeper");
    assert_eq!(host.ok("docker exec keeper /bin/busybox cat /state"), "started\n");
    assert_no_op(&host);
}
