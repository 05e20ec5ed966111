//! A profile of several files on a host.

use super::support::{PROFILE, assert_no_op, extents, kinds, plan};
use crate::harness::{Disk, Host};

#[test]
fn a_profile_of_several_files() {
    let host = Host::builder("composed").disk(Disk::blank("5G").serial("DATA1")).start();
    let drop_in = "/etc/atomhost/profile.d/10-srv.yaml";
    host.write(
        "/etc/atomhost/base.yaml",
        "version: 1\nlvm:\n  volume_group: atomicos\n  volumes: {root: {size: 3200M}}\n",
    );
    host.write(PROFILE, "extends: base.yaml\nlvm: {disks: [{serial: DATA1}]}\n");
    host.write(drop_in, "lvm: {volumes: {srv: {size: 512M, filesystem: xfs, mount: /var/srv}}}\n");
    host.ok("atomhost apply");
    assert_eq!((extents(&host, "atomicos/root"), extents(&host, "atomicos/srv")), (800, 128));
    assert_no_op(&host);
    // A drop-in that is changed, that comes, that goes.
    host.write(drop_in, "lvm: {volumes: {srv: {size: 600M, filesystem: xfs, mount: /var/srv}}}\n");
    assert_eq!(kinds(&plan(&host)), ["extend-volume", "grow-filesystem"]);
    host.ok("atomhost plan --out /root/plan.json");
    host.write("/etc/atomhost/profile.d/20-root.yaml", "lvm: {volumes: {root: {size: 3240M}}}\n");
    let stale = host.run("atomhost apply --plan /root/plan.json");
    assert!(stale.code == 4 && stale.stderr.contains("the profile was changed"), "{}", stale.stderr);
    host.ok("rm /etc/atomhost/profile.d/20-root.yaml && atomhost apply --plan /root/plan.json");
    assert_no_op(&host);
    // Whatever others could have written is nothing to act on: each file, and the directory.
    for (spoil, mend) in [
        ("chmod 666 /etc/atomhost/profile.d/10-srv.yaml", "chmod 600 /etc/atomhost/profile.d/10-srv.yaml"),
        ("chown nobody /etc/atomhost/base.yaml", "chown root /etc/atomhost/base.yaml"),
        ("chmod 777 /etc/atomhost/profile.d", "chmod 755 /etc/atomhost/profile.d"),
    ] {
        host.ok(spoil);
        for command in ["plan", "apply", "check"] {
            let output = host.run(&format!("atomhost {command}"));
            assert_eq!(output.code, 65, "{spoil}, {command}: {}{}", output.stdout, output.stderr);
        }
        host.ok(mend);
    }
    let rendered = host.ok("atomhost render");
    assert!(
        rendered.contains("size: 600M") && rendered.contains("# /etc/atomhost/profile.d/10-srv.yaml:1"),
        "{rendered}"
    );
    assert_no_op(&host);
}
