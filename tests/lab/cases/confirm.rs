//! Changes that are taken back unless somebody confirms them: by hand, by the timer, by the next boot.

use super::support::{PROFILE, actions, assert_no_op, converge, plan, profile};
use crate::harness::{Disk, Host, Output};

const FILE: &str = "/etc/lvm/profile/atomhost-atomicos-docker-pool.profile";
const OTHER: &str = "/etc/lvm/profile/atomhost-atomicos-other.profile";
const MANIFEST: &str = "/var/lib/atomhost/unconfirmed/manifest.json";

/// Two pools, whose autoextend settings are files: what is planned for another threshold can be taken back.
fn wanted(threshold: u32) -> String {
    let pool =
        |name: &str| format!("{name}: {{size: 200M, chunk: 64K, autoextend: {{threshold: {threshold}, percent: 20}}}}");
    profile("root: {size: 3G}", &format!("{}\n{}", pool("docker-pool"), pool("other")))
}

fn host(name: &str) -> Host {
    let host = Host::builder(name).disk(Disk::blank("4G").serial("DATA1")).without_cloud_init().start();
    converge(&host, &wanted(60));
    // Everything that a file can have: owner, odd mode, an attribute, an access list for user nobody.
    host.ok(&format!("chown games:adm {FILE} && chmod 2640 {FILE}"));
    let entry = |tag: u16, mode: u16, id: u32| {
        let bytes = [&tag.to_le_bytes()[..], &mode.to_le_bytes(), &id.to_le_bytes()].concat();
        bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>()
    };
    let none = u32::MAX;
    let list =
        [entry(1, 6, none), entry(2, 4, 65534), entry(4, 4, none), entry(16, 4, none), entry(32, 0, none)].concat();
    set_attribute(&host, FILE, "user.note", "kept");
    set_attribute(&host, FILE, "system.posix_acl_access", &format!("\\x02\\x00\\x00\\x00{list}"));
    host.ok(&format!("setpriv --reuid 65534 --clear-groups cat {FILE} >/dev/null"));
    host
}

/// setfattr(1) is not on the host: setxattr(2) by its number.
fn set_attribute(host: &Host, path: &str, name: &str, value: &str) {
    host.ok(&format!(
        "perl -e 'my ($p, $n, $v) = (\"{path}\", \"{name}\", \"{value}\"); syscall(188, $p, $n, $v, length $v, 0) == 0 or die $!'"
    ));
}

/// Both files: content, owner, mode, and the attributes as they lie on the disk.
fn state(host: &Host) -> String {
    let attributes = "my $l = \"\\0\" x 4096; my $n = syscall(194, $p, $l, 4096); \
        for my $a (sort grep { length } split /\\0/, substr $l, 0, $n) \
        { my $v = \"\\0\" x 4096; my $k = syscall(191, $p, $a, $v, 4096); print \"$a=\", unpack(\"H*\", substr $v, 0, $k), \"\\n\" }";
    let of = |path: &str| {
        host.ok(&format!("sha256sum {path}; stat -c '%a %U:%G' {path}; perl -e 'my $p = \"{path}\"; {attributes}'"))
    };
    format!("{}{}", of(FILE), of(OTHER))
}

#[track_caller]
fn change(host: &Host, threshold: u32, within: &str) -> Output {
    host.write(PROFILE, wanted(threshold));
    let output = host.run(&format!("atomhost apply --confirm-within {within}"));
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Unconfirmed: 2 paths of /etc/atomhost/profile.yaml"), "{}", output.stdout);
    output
}

/// Nothing is armed and nothing is left of it.
#[track_caller]
fn assert_disarmed(host: &Host) {
    host.ok("test ! -e /var/lib/atomhost/unconfirmed && test ! -e /etc/systemd/system/atomhost-revert.service");
    host.ok("test ! -e /run/systemd/system/atomhost-revert.timer && test ! -e /var/lib/atomhost/unconfirmed.old");
    host.ok("! find /etc/systemd -name '*atomhost-revert*' | grep .");
    assert_eq!(host.run("systemctl is-active atomhost-revert.timer").stdout.trim(), "inactive");
    assert_eq!(host.ok("systemctl list-units --all --no-legend 'atomhost-revert*'").trim(), "");
}

/// Waits until the service has taken the changes back, and has cleared away after itself.
#[track_caller]
fn await_revert(host: &Host) {
    let running = "test $(systemctl show -P ActiveState atomhost-revert.service) = activating";
    host.ok(&format!(
        "for i in $(seq 600); do test -e {MANIFEST} || {running} || exit 0; sleep 0.2; done; \
         journalctl -u atomhost-revert; exit 1"
    ));
}

#[test]
fn changes_are_kept_or_taken_back_by_hand() {
    let host = host("confirm");
    let before = state(&host);
    assert!(before.contains("system.posix_acl_access=") && before.contains("user.note=6b657074"), "{before}");
    // What cannot be taken back is refused before anything is written.
    let oracle = host.oracle();
    host.write(PROFILE, wanted(70).replace("size: 3G", "size: 3100M"));
    let output = host.run("atomhost apply --confirm-within 10m");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    for expected in ["atomicos/root: ", "nothing was changed", "apply those first without --confirm-within"] {
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    assert!(!output.stderr.contains("profile: autoextend"), "what can be taken back is not blamed: {}", output.stderr);
    host.write(PROFILE, wanted(60));
    host.oracle().assert_same(&oracle);
    // Unconfirmed: seen, and in nobody's way but that of further changes.
    change(&host, 70, "10m");
    assert!(host.read(FILE).contains("threshold=70"));
    // An access list outlives the change itself: without it the mode would mean something else.
    host.ok(&format!("setpriv --reuid 65534 --clear-groups cat {FILE} >/dev/null"));
    assert_eq!(
        host.ok("systemd-analyze verify --man=no atomhost-revert.service atomhost-revert.timer 2>&1").trim(),
        ""
    );
    assert_eq!(host.ok("stat -c %a /var/lib/atomhost/unconfirmed").trim(), "700");
    assert_eq!(host.ok("find /var/lib/atomhost/unconfirmed -type f ! -perm 600 | wc -l").trim(), "0");
    let status = host.ok("atomhost status");
    assert!(status.contains("unconfirmed: 2 paths") && status.contains("9m"), "{status}");
    assert_eq!(host.run("atomhost check").code, 0);
    assert_eq!(host.run("atomhost apply").code, 0, "nothing to do is nothing refused");
    host.write(PROFILE, wanted(80));
    assert_eq!(actions(&plan(&host)).len(), 2);
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 75, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("wait for confirmation"), "{}", output.stderr);
    host.write(PROFILE, wanted(70));
    // Taken back.
    let output = host.run("atomhost revert");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(state(&host), before);
    assert_disarmed(&host);
    assert!(host.ok("atomhost status").contains("last run:  reverted"), "{}", host.ok("atomhost status"));
    assert_eq!(host.run("atomhost revert").code, 0);
    let output = host.run("atomhost confirm");
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stderr.contains("too late"), "{}", output.stderr);
    // No boot applies it again; a person may.
    let output = host.run("atomhost apply --boot");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("not applied unattended"), "{}", output.stderr);
    assert_eq!(state(&host), before);
    // Kept.
    change(&host, 70, "10m");
    let changed = state(&host);
    host.ok("systemctl daemon-reexec");
    assert_eq!(host.ok("systemctl is-active atomhost-revert.timer").trim(), "active");
    let output = host.run("atomhost confirm");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Confirmed"), "{}", output.stdout);
    assert_disarmed(&host);
    assert_eq!(state(&host), changed);
    assert!(host.ok("atomhost confirm").contains("Nothing is unconfirmed"));
    assert!(host.ok("atomhost revert").contains("Nothing is unconfirmed"));
    assert_eq!(state(&host), changed);
    assert_eq!(host.run("atomhost apply --boot").code, 0);
    assert_no_op(&host);
    for within in ["1s", "30days", "soon"] {
        assert_eq!(host.run(&format!("atomhost apply --confirm-within {within}")).code, 64);
    }
}

/// The agent and its session are killed between two changes; only systemd is left.
#[test]
fn the_timer_takes_back_what_a_killed_run_has_done() {
    let host = host("expiry");
    let before = state(&host);
    host.write(PROFILE, wanted(70));
    // Slowed down, so that there is a between; killed where the first file is new and the second old.
    let output = host.login(
        "root",
        &format!(
            "strace -f -qq -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:delay_exit=400000 \
             atomhost apply --confirm-within 45s >/root/output 2>&1 & \
             for i in $(seq 600); do grep -q =70 {FILE} && break; sleep 0.05; done; pkill -9 -x atomhost; sleep 0.2; kill -9 $PPID"
        ),
    );
    assert_eq!(output.code, 255, "the session is gone");
    assert_eq!(host.run("pgrep -x atomhost").code, 1);
    assert!(host.read(FILE).contains("threshold=70") && host.read(OTHER).contains("threshold=60"));
    // Somebody writes into a changed file; systemd itself starts anew.
    host.ok(&format!("echo '# theirs' >>{FILE} && systemctl daemon-reexec"));
    assert!(host.ok("atomhost status").contains("unconfirmed: 2 paths"));
    await_revert(&host);
    assert_eq!(state(&host), before);
    assert_disarmed(&host);
    let status = host.ok("atomhost status");
    assert!(status.contains("nobody confirmed in time; 2 paths as before"), "{status}");
    assert!(status.contains(&format!("kept:      {FILE}.atomhost-saved")), "{status}");
    assert!(host.read(&format!("{FILE}.atomhost-saved")).ends_with("# theirs\n"));
    let journal = host.ok("journalctl -b -u atomhost-revert -o cat --no-pager");
    assert!(journal.contains("Nobody confirmed in time: reverted"), "{journal}");
    assert_eq!(host.run("atomhost confirm").code, 3);
    // The next one, confirmed in time, is not taken back.
    change(&host, 70, "30s");
    let changed = state(&host);
    host.ok("atomhost confirm && sleep 32");
    assert_eq!(state(&host), changed);
    assert_no_op(&host);
}

/// The power goes while changes are unconfirmed.
#[test]
fn the_next_boot_takes_back_what_was_not_confirmed() {
    let mut host = host("confirm-power");
    let unit = format!("{}/systemd/atomhost.service", env!("CARGO_MANIFEST_DIR"));
    host.write("/etc/systemd/system/atomhost.service", std::fs::read(&unit).expect("the unit"));
    host.ok("systemctl enable -q atomhost.service && sync");
    let before = state(&host);
    change(&host, 70, "30m");
    // An hour passes while the host is off.
    host.ok(&format!("perl -i -pe 's/(\"time\": )(\\d+)/$1 . ($2 - 3600)/e' {MANIFEST} && sync"));
    host.power_cut();
    host.boot();
    assert_eq!(state(&host), before);
    assert_disarmed(&host);
    let journal = host.ok("journalctl -b -o short-monotonic --no-hostname --no-pager");
    let at = |text: &str| journal.find(text).unwrap_or_else(|| panic!("`{text}` is not in the journal:\n{journal}"));
    assert!(at("Nobody confirmed in time: reverted") < at("sshd["), "before anybody can log in:\n{journal}");
    assert!(!journal.contains("ordering cycle"), "{journal}");
    // The profile that was not confirmed is not applied by this boot either.
    at("it is not applied unattended");
    assert!(host.ok("atomhost status").contains("nobody confirmed in time"));
    // In time: what is left of it counts on after a reboot, and a confirmation keeps the changes.
    change(&host, 70, "20m");
    let changed = state(&host);
    host.reboot();
    assert_eq!(state(&host), changed);
    let status = host.ok("atomhost status");
    assert!(status.contains("unconfirmed: 2 paths") && status.contains(" 1") && !status.contains(" 20m"), "{status}");
    assert_eq!(host.ok("systemctl is-active atomhost-revert.timer").trim(), "active");
    host.ok("atomhost confirm");
    assert_disarmed(&host);
    assert_no_op(&host);
}

/// The mistake that this is for: keys and rules that lock everybody out, whom only the timer lets in again.
#[test]
fn a_lock_out_ends_by_itself() {
    let host = Host::builder("lock-out").start();
    host.ok(&format!("install -D -m 600 /dev/null {PROFILE}; cd /root && ssh-keygen -q -t ed25519 -N '' -f lost"));
    let state = "cat /root/.ssh/authorized_keys /etc/security/access.conf; \
                 stat -c '%a %U:%G' /root/.ssh /root/.ssh/authorized_keys /etc/security/access.conf; ls /root/.ssh";
    let before = host.ok(state);
    assert_eq!(host.login("root", "true").code, 0);
    let lost = host.read("/root/lost.pub");
    host.write(
        PROFILE,
        format!(
            "version: 1\naccess: {{rules: ['+:root:10.0.2.2', '-:ALL:ALL']}}\n\
             users: {{root: {{authorized_keys: ['{}'], exclusive_keys: true}}}}\n",
            lost.trim()
        ),
    );
    let output = host.run("atomhost apply --confirm-within 30s");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(host.read("/root/.ssh/authorized_keys"), lost);
    assert_eq!(host.login("root", "true").code, 255, "the old key still lets in");
    await_revert(&host);
    assert_eq!(host.ok(state), before);
    assert_eq!(host.login("root", "true").code, 0);
    assert_disarmed(&host);
    // A password is no file of its own: it cannot be promised to come back.
    let output = {
        host.write(PROFILE, "version: 1\nusers: {root: {password_hash: locked}}\n");
        host.run("usermod -p '$6$x$y' root; atomhost apply --confirm-within 30s")
    };
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("others change users, groups and passwords too"), "{}", output.stderr);
}

/// Every kind of change that a profile's files can make.
#[test]
fn files_of_every_kind_come_back() {
    let host = Host::builder("confirm-files").start();
    host.ok(
        "mkdir -m 2755 /etc/lab && cd /etc/lab && echo old >text && chmod 4711 text && chown games:adm text && \
         echo secret >key && chmod 600 key && echo new secret >/root/key && chmod 600 /root/key && \
         echo old >old.conf && ln -s old.conf link && echo drifted >mode && chmod 666 mode && touch -d 2001-01-01 mode",
    );
    set_attribute(&host, "/etc/lab/text", "user.note", "kept");
    set_attribute(&host, "/etc/lab", "user.note", "kept");
    let tree = |host: &Host| {
        host.ok(
            "cd /etc && find lab ! -type d -print0 | sort -z | xargs -0 sha256sum 2>&1; find lab -printf '%p %M %U:%G %l\\n' | sort; \
             find lab ! -type l -print0 | sort -z | xargs -0 python3 -c 'import os, sys
for path in sys.argv[1:]:
    print(path, *[os.getxattr(path, name).decode() for name in os.listxattr(path) if name.startswith(\"user.\")])'",
        )
    };
    let before = tree(&host);
    assert_eq!(before.matches(" kept\n").count(), 2, "{before}");
    let wanted = "version: 1\nfiles:\n  /etc/lab/text: {content: \"new\\n\", mode: \"0644\", owner: root, group: root}\n  \
        /etc/lab/key: {source: /root/key, secret: true, mode: \"0640\"}\n  /etc/lab/old.conf: {state: absent}\n  \
        /etc/lab/mode: {state: touch, mode: \"0600\"}\n  /etc/lab/new/deep/file: {content: \"x\\n\"}\n  \
        /etc/lab/folder: {state: directory, mode: \"0750\"}\n";
    host.write(PROFILE, wanted);
    let output = host.run("atomhost apply --confirm-within 10m");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_ne!(tree(&host), before);
    assert_eq!(host.read("/etc/lab/key"), "new secret\n");
    assert_eq!(
        host.run("grep -rl 'new secret' /var/lib/atomhost/report.json /var/lib/atomhost/unconfirmed/manifest.json")
            .code,
        1
    );
    let output = host.run("atomhost revert");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(tree(&host), before);
    assert_disarmed(&host);
    // Kept this time.
    host.ok("atomhost apply --confirm-within 10m && atomhost confirm");
    assert_ne!(tree(&host), before);
    assert_no_op(&host);
    // A read-only place for the units: nothing can be promised, so nothing is changed.
    host.write(PROFILE, wanted.replace("new\\n", "newer\\n"));
    let changed = tree(&host);
    host.ok("mount --bind /etc/systemd/system /etc/systemd/system && mount -o remount,ro,bind /etc/systemd/system");
    let output = host.run("atomhost apply --confirm-within 10m");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("cannot make sure that the changes can be taken back"), "{}", output.stderr);
    assert_eq!(tree(&host), changed);
    host.ok("umount /etc/systemd/system && test ! -e /var/lib/atomhost/unconfirmed && test ! -e /var/lib/atomhost/unconfirmed.new");
    assert_disarmed(&host);
}
