//! journald takes up new options without a running service losing its standard output.

use super::support::{PROFILE, actions, assert_no_op, converge, kinds, plan};
use crate::harness::Host;

const WRITER: &str = "[Service]\nExecStart=/bin/sh -c 'while :; do i=$((i+1)); echo line $i; sleep 0.2; done'\n";

/// A profile of journald's options alone.
fn profile(options: &str) -> String {
    format!("version: 1\njournald: {{{options}}}\n")
}

/// A host whose journal is in memory only, with a service that writes line after line.
fn host() -> Host {
    let host = Host::builder("journald").start();
    host.ok("rm -rf /var/log/journal /run/systemd/journal/flushed && systemctl restart systemd-journald");
    host.write("/etc/systemd/system/lab-writer.service", WRITER);
    host.ok("systemctl daemon-reload && systemctl start lab-writer && sleep 2");
    host
}

fn main_pid(host: &Host, unit: &str) -> String {
    host.ok(&format!("systemctl show -P MainPID {unit}"))
}

/// Every line that the service wrote is in the journal, in order; gives their number.
#[track_caller]
fn lines(host: &Host) -> usize {
    let lines = host.ok("sleep 2; journalctl --sync; journalctl -b -u lab-writer -o cat | grep '^line '");
    for (at, line) in lines.lines().enumerate() {
        assert_eq!(line, format!("line {}", at + 1), "a line is lost:\n{lines}");
    }
    lines.lines().count()
}

/// Case 18: the options count at once, the journal goes to disk, and nobody's pipe breaks.
#[test]
fn a_restart_keeps_every_pipe() {
    let host = host();
    let writer = main_pid(&host, "lab-writer");
    assert!(lines(&host) > 5);
    let planned = converge(&host, &profile("Storage: persistent, SystemMaxUse: 200M, Seal: false"));
    assert_eq!(kinds(&planned), ["write-file", "create-directory", "restart-unit", "flush-journal"]);
    let before = lines(&host);
    assert_eq!(main_pid(&host, "lab-writer"), writer);
    assert!(lines(&host) > before, "the service's output no longer reaches the journal");

    assert_eq!(host.ok("stat -c '%a %U:%G' /var/log/journal").trim(), "2755 root:systemd-journal");
    assert!(host.ok("ls -ld /var/log/journal").starts_with("drwxr-sr-x+"), "no access control list");
    host.ok(
        "test -s /var/log/journal/$(cat /etc/machine-id)/system.journal && test ! -e /run/log/journal/*/system.journal",
    );
    assert!(host.ok("journalctl -b -u systemd-journald -o cat").contains("max 200.0M"));
    host.ok("systemd-analyze cat-config systemd/journald.conf | grep -qx Seal=no");

    // What others say later counts for more, and is told.
    host.write("/run/systemd/journald.conf.d/90-site.conf", "[Journal]\nSystemMaxUse=100M\n");
    let planned = plan(&host);
    assert!(planned["warnings"].to_string().contains("sets SystemMaxUse=100M"), "{planned:#}");
    assert!(actions(&planned).is_empty());
    host.ok("rm /run/systemd/journald.conf.d/90-site.conf");

    owed_after_a_crash(&host);
    deferred_where_a_restart_is_unsafe(&host);
    assert_eq!(main_pid(&host, "lab-writer"), writer);
    lines(&host);
}

/// The run dies between the file and the restart: the next one restarts, though the file is in sync.
fn owed_after_a_crash(host: &Host) {
    let deadly =
        "#!/bin/sh\n[ \"$1\" != restart ] || { kill -KILL $PPID; exit 1; }\nexec /usr/bin/systemctl.real \"$@\"\n";
    host.ok("mv /usr/bin/systemctl /usr/bin/systemctl.real");
    host.write("/usr/bin/systemctl", deadly);
    host.ok("chmod 755 /usr/bin/systemctl");
    host.write(PROFILE, profile("Storage: persistent, SystemMaxUse: 300M, Seal: false"));
    // A shell around it: ssh itself would take the signal for a lost connection.
    assert_eq!(host.run("sh -c 'atomhost apply; exit $?'").code, 137);
    host.ok("mv /usr/bin/systemctl.real /usr/bin/systemctl");
    host.ok("grep -qx SystemMaxUse=300M /etc/systemd/journald.conf.d/50-atomhost.conf");
    let journald = main_pid(host, "systemd-journald");
    let planned = plan(host);
    assert_eq!(kinds(&planned), ["restart-unit"]);
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_ne!(main_pid(host, "systemd-journald"), journald);
    assert_no_op(host);
}

/// As on systemd before 219: nothing is restarted, what is owed is told, and it is no drift.
fn deferred_where_a_restart_is_unsafe(host: &Host) {
    host.write("/etc/systemd/system/systemd-journald.service.d/lab.conf", "[Service]\nFileDescriptorStoreMax=0\n");
    host.ok("systemctl daemon-reload");
    let journald = main_pid(host, "systemd-journald");
    let planned = converge(host, &profile("Storage: persistent, SystemMaxUse: 400M, Seal: false"));
    assert_eq!(kinds(&planned), ["write-file"]);
    assert!(planned["deferred"].to_string().contains("from the next boot on"), "{planned:#}");
    assert_eq!(main_pid(host, "systemd-journald"), journald);
    let planned = plan(host);
    assert!(planned["deferred"].to_string().contains("from the next boot on"), "{planned:#}");
    assert!(host.ok("atomhost status").contains("deferred:  systemd-journald.service"));
    // A systemd that can keep streams from now on has not kept those of before.
    host.ok("rm /etc/systemd/system/systemd-journald.service.d/lab.conf && systemctl daemon-reload");
    assert!(actions(&plan(host)).is_empty());
}
