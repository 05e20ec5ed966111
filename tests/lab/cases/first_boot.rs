//! The first boot of an image that has atomhost, its units and a profile on it, under real cloud-init.

use super::support::{PROFILE, actions, assert_no_op, plan, shipped};
use super::units::{UNITS, source};
use crate::harness::{Disk, Host};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A disk that cloud-init formats and mounts: its line in fstab requires cloud-init.service.
const USER_DATA: &str = "fs_setup:
  - {label: data, filesystem: ext4, device: /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_DATA2, partition: none}
mounts:
  - [LABEL=data, /mnt/data]
";

const CONFIGURATION: &str = "journald: {Storage: persistent, SystemMaxUse: 200M}\ncloud_init: disabled\n";

fn put(root: &Path, path: &str, text: &[u8]) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    fs::write(&file, text).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// What an image builder does.
fn build(root: &Path) {
    for unit in UNITS {
        put(root, &format!("etc/systemd/system/{unit}"), &fs::read(source(unit)).expect("a unit"));
    }
    for (target, unit) in
        [("multi-user.target", UNITS[0]), ("cloud-init.target", UNITS[1]), ("timers.target", UNITS[3])]
    {
        let wants = root.join(format!("etc/systemd/system/{target}.wants"));
        fs::create_dir_all(&wants).expect("made");
        symlink(format!("/etc/systemd/system/{unit}"), wants.join(unit)).expect("enabled");
    }
    // A credential must not make a mount namespace that hides what apply mounts.
    put(
        root,
        "etc/systemd/system/atomhost.service.d/credential.conf",
        b"[Service]\nLoadCredential=lab:/etc/hostname\n",
    );
    // A journald that cannot be restarted, as on systemd before 219: that is left for the second boot.
    put(root, "etc/systemd/system/systemd-journald.service.d/lab.conf", b"[Service]\nFileDescriptorStoreMax=0\n");
    fs::remove_dir_all(root.join("var/log/journal")).or_else(missing_is_fine).expect("the journal starts in memory");
    let profile = shipped("scheme-v2").replace("- /dev/sdb", "- {serial: DATA1}") + CONFIGURATION;
    put(root, PROFILE.trim_start_matches('/'), profile.as_bytes());
    let seed = "var/lib/cloud/seed/nocloud/user-data";
    let user_data = fs::read_to_string(root.join(seed)).expect("the seed") + USER_DATA;
    put(root, seed, user_data.as_bytes());
}

fn missing_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// What cloud-init set up, and must stay when it is gone.
fn set_up_by_cloud_init(host: &Host) -> String {
    host.ok(
        "cat /etc/ssh/ssh_host_*.pub; sha256sum /etc/systemd/network/* /root/.ssh/authorized_keys /etc/fstab; hostname; \
         ip -4 -o addr show dev $(ip -o route get 10.0.2.2 | sed 's/.*dev \\([^ ]*\\).*/\\1/') | awk '{print $2, $4}'; ip route show default | cut -d' ' -f1-5",
    )
}

fn mounts(host: &Host) -> String {
    host.ok("for path in / /boot /var/srv /mnt/data; do findmnt -no TARGET,SOURCE,FSTYPE $path | sed 's/sd[a-z]/sdX/'; done; swapon --noheadings --show=NAME")
}

#[track_caller]
fn assert_healthy(host: &Host) {
    let journal = host.ok("journalctl -b --no-pager");
    assert!(!journal.contains("ordering cycle"), "{journal}");
    assert_eq!(host.ok("systemctl --failed --no-legend").trim(), "");
}

/// How the run ended, for a program that asks the journal.
#[track_caller]
fn the_journal_has_fields(host: &Host) {
    let lines = host.ok("journalctl -b -q -o json _SYSTEMD_UNIT=atomhost.service ATOMHOST_OUTCOME=done");
    let entry: serde_json::Value =
        serde_json::from_str(lines.trim()).unwrap_or_else(|error| panic!("{error}: {lines}"));
    assert_eq!((&entry["SYSLOG_IDENTIFIER"], &entry["PRIORITY"]), (&"atomhost".into(), &"5".into()), "{entry:#}");
    assert!(entry["ATOMHOST_DONE"] == entry["ATOMHOST_ACTIONS"] && entry["ATOMHOST_PROFILE"] == PROFILE, "{entry:#}");
    assert_eq!(entry["ATOMHOST_FINGERPRINT"].as_str().map(str::len), Some(12), "{entry:#}");
}

/// Cases 20 and 21, and the part of 18 that takes a reboot.
#[test]
fn provisions_itself_and_retires_cloud_init() {
    let mut host = Host::builder("first-boot")
        .disk(Disk::blank("40G").serial("DATA1"))
        .disk(Disk::blank("1G").serial("DATA2"))
        .first_boot(build)
        .start();
    assert_healthy(&host);
    // cloud-init finished all of its stages, without an error.
    let result: serde_json::Value = serde_json::from_str(&host.read("/run/cloud-init/result.json")).expect("a result");
    assert_eq!(result["v1"]["errors"].as_array().map(Vec::len), Some(0), "{result:#}");
    assert_eq!(
        host.ok("systemctl is-active cloud-init-local cloud-init cloud-config cloud-final | sort -u").trim(),
        "active"
    );
    assert!(host.read("/etc/fstab").contains("x-systemd.requires=cloud-init.service"), "cloud-init mounted nothing");
    // The host provisioned itself, told systemd and the console, and where a mount belongs.
    assert_eq!(host.ok("systemctl is-active atomhost").trim(), "active");
    let told = host.ok("systemctl show -P StatusText atomhost");
    assert!(told.starts_with("in sync after "), "{told}");
    assert!(host.console().contains("the host is in sync."), "{}", host.console());
    the_journal_has_fields(&host);
    let first_mounts = mounts(&host);
    assert!(first_mounts.contains("/var/srv /dev/mapper/atomicos-srv xfs"), "{first_mounts}");
    assert!(first_mounts.contains("/mnt/data /dev/sdX ext4") && first_mounts.contains("/dev/dm-"), "{first_mounts}");
    // cloud-init was retired after its last stage, and not by the run before that.
    let stamp = |unit: &str, property: &str| -> u64 {
        host.ok(&format!("systemctl show -P {property} {unit}")).trim().parse().expect("microseconds")
    };
    assert_eq!(host.ok("systemctl show -P Result atomhost-retire-cloud-init").trim(), "success");
    let retired = stamp("atomhost-retire-cloud-init", "ExecMainStartTimestampMonotonic");
    assert!(retired > stamp("cloud-final", "ActiveEnterTimestampMonotonic"));
    assert!(
        stamp("atomhost", "ExecMainExitTimestampMonotonic") < stamp("cloud-final", "ExecMainStartTimestampMonotonic")
    );
    host.ok("test -f /etc/cloud/cloud-init.disabled");
    assert!(host.ok("journalctl -b -u atomhost -o cat").contains("atomhost-retire-cloud-init.service retires it then"));
    // What only a reboot may do is owed until then.
    let owed = plan(&host);
    assert!(actions(&owed).is_empty() && owed["deferred"].to_string().contains("from the next boot on"), "{owed:#}");
    host.ok("test ! -e /run/systemd/journal/flushed");
    let first_set_up = set_up_by_cloud_init(&host);

    host.reboot();
    assert_healthy(&host);
    let journal = host.ok("journalctl -b --no-pager");
    assert!(!journal.contains("Cloud-init v."), "cloud-init ran again:\n{journal}");
    host.ok("test ! -e /run/cloud-init/result.json && test ! -e /run/cloud-init/status.json");
    assert_eq!(
        host.ok("systemctl show -P ActiveState cloud-init-local cloud-init cloud-config cloud-final | sort -u").trim(),
        "inactive"
    );
    assert_eq!(set_up_by_cloud_init(&host), first_set_up);
    assert_eq!(mounts(&host), first_mounts);
    assert_eq!(host.ok("systemctl is-active atomhost").trim(), "active");
    assert!(host.ok("journalctl -b -u atomhost -o cat --no-pager").contains("In sync"));
    let settled = plan(&host);
    assert!(actions(&settled).is_empty() && settled["deferred"].as_array().is_some_and(Vec::is_empty), "{settled:#}");
    assert!(!host.ok("atomhost status").contains("deferred"));
    host.ok("test -e /run/systemd/journal/flushed && journalctl -b -u systemd-journald -o cat | grep -q 'max 200.0M'");
    assert_no_op(&host);
}
