//! cloud-init's retirement on a running host. The boots before and after it are in first_boot.rs.

use super::support::{PROFILE, assert_no_op, assert_refused, converge, kinds, plan};
use crate::harness::Host;

const DISABLED: &str = "version: 1\ncloud_init: disabled\n";
const MASKED: &str = "version: 1\ncloud_init: {state: disabled, mask: true}\n";
const REQUIRING: &str = "LABEL=data /mnt auto defaults,nofail,x-systemd.requires=cloud-init.service,_netdev 0 2";

#[test]
fn retired_when_it_has_finished() {
    let host = Host::builder("cloud-init").start();
    // Not before: its own mark is missing, as while it is at work.
    host.ok("mv /var/lib/cloud/instance/boot-finished /root/");
    let planned = converge(&host, DISABLED);
    assert!(kinds(&planned).is_empty());
    assert!(planned["deferred"].to_string().contains("has not finished"), "{planned:#}");
    host.ok("test ! -e /etc/cloud/cloud-init.disabled && mv /root/boot-finished /var/lib/cloud/instance/");

    // A unit that fstab requires runs whatever the generator says: it gets a condition, and no mask.
    host.ok(&format!("cp /etc/fstab /root/ && echo '{REQUIRING}' >>/etc/fstab && systemctl daemon-reload"));
    host.ok("mkdir -p /etc/init && echo 'start on mounted' >/etc/init/cloud-init.conf");
    let planned = converge(&host, MASKED);
    let expected = ["write-file"; 5].iter().chain(&["remove-file"]).copied().collect::<Vec<_>>();
    assert_eq!(kinds(&planned), expected);
    assert!(planned["deferred"].to_string().contains("/mnt would fail"), "{planned:#}");
    assert_eq!(host.ok("ls /etc/init").trim(), "cloud-init.conf.atomhost-backup");
    host.ok("systemctl daemon-reload && systemctl restart cloud-init.service");
    assert_eq!(host.ok("systemctl show -P ConditionResult cloud-init.service").trim(), "no");
    assert_eq!(host.ok("systemctl show -P LoadState cloud-init.service").trim(), "loaded");

    // Once nothing requires it, the mask that was asked for.
    host.ok("cp /root/fstab /etc/fstab && systemctl daemon-reload");
    let planned = converge(&host, MASKED);
    assert_eq!(kinds(&planned), ["mask-unit"; 4]);
    for unit in ["cloud-init-local", "cloud-init", "cloud-config", "cloud-final"] {
        assert_eq!(host.run(&format!("systemctl is-enabled {unit}")).stdout.trim(), "masked", "{unit}");
    }
}

/// cloud-init 0.7.5 and 0.7.6 know no switch: no generator, and units that multi-user.target wants.
#[test]
fn units_of_long_ago_are_disabled() {
    let host = Host::builder("old-cloud-init").start();
    host.ok(
        "cd /usr/lib/systemd/system && rm ../system-generators/cloud-init-generator && \
         sed -i 's/^WantedBy=.*/WantedBy=multi-user.target/' cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service && \
         rm -rf /etc/systemd/system/cloud-init.target.wants && systemctl daemon-reload && \
         systemctl -q enable cloud-init-local cloud-init cloud-config cloud-final",
    );
    // Its last stage is under way: nothing yet.
    host.write(
        "/run/systemd/system/cloud-final.service.d/lab.conf",
        "[Service]\nExecStart=\nExecStart=/bin/sleep 1000\n",
    );
    host.ok("systemctl daemon-reload && systemctl --no-block restart cloud-final && sleep 1");
    host.write(PROFILE, DISABLED);
    let planned = plan(&host);
    assert!(kinds(&planned).is_empty() && planned["deferred"].to_string().contains("has not finished"), "{planned:#}");
    host.ok("systemctl stop cloud-final && rm -r /run/systemd/system/cloud-final.service.d && systemctl daemon-reload");
    let planned = converge(&host, DISABLED);
    assert_eq!(kinds(&planned), ["disable-unit", "disable-unit", "disable-unit", "disable-unit", "write-file"]);
    assert_eq!(host.ok("ls /etc/systemd/system/multi-user.target.wants | grep cloud || true"), "");
    // A unit file where the mask would go is somebody's own.
    host.ok("cp /usr/lib/systemd/system/cloud-final.service /etc/systemd/system/ && systemctl daemon-reload");
    assert_refused(&host, MASKED, 3, &["/etc/systemd/system/cloud-final.service: stands where masking puts its link"]);
    host.write(PROFILE, DISABLED);
    assert_no_op(&host);
}
