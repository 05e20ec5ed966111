//! A user who is not root, and who attacks a run of root's.

use super::support::PROFILE;
use crate::harness::Host;

/// What the run does in directories of the user, and in /tmp.
const WANTED: &str = "version: 1
files:
  /home/ops/in/conf: {content: \"ours\\n\"}
  /home/ops/in/new/deep/conf: {content: \"ours\\n\"}
  /home/ops/in/passwd: {state: absent}
  /home/ops/in/made: {state: directory, mode: \"0700\"}
  /tmp/conf: {content: \"ours\\n\"}
";
/// Puts a link to a directory of the host's in the place of the user's own, to and fro, and takes the names of
/// temporary files.
const ATTACK: &str = r"
import os
os.chdir('/home/ops')
while True:
    try:
        os.rename('in', 'away'); os.symlink('/etc/victim', 'in')
        for path in ['/home/ops/away/.atomhost-conf', '/tmp/.atomhost-conf']:
            if not os.path.lexists(path): os.symlink('/etc/victim/conf', path)
    except OSError: pass
    try: os.unlink('in')
    except OSError: pass
    try: os.rename('away', 'in')
    except OSError: pass
";

/// All that is to be seen of what the user must not change.
const VICTIM: &str = "cd /etc/victim && find . -printf '%p %M %U:%G %l\\n' | sort && sha256sum conf passwd";

#[test]
fn a_user_gains_nothing_by_a_run() {
    let host = Host::builder("privilege").start();
    host.ok("useradd -m ops");
    nobody_leads_root_astray(&host);
    not_even_when_changes_are_taken_back(&host);
    the_umask_opens_nothing(&host);
    plans_are_written_where_they_were_meant(&host);
    no_core_holds_a_secret(&host);
}

#[track_caller]
fn nobody_leads_root_astray(host: &Host) {
    host.ok("mkdir -p /etc/victim && cp /etc/passwd /etc/victim/passwd && echo theirs >/etc/victim/conf");
    host.ok("su ops -c 'mkdir /home/ops/in'");
    host.write("/home/ops/attack.py", ATTACK);
    host.write(PROFILE, WANTED);
    let before = host.ok(VICTIM);
    let attacker = attack(host);
    for _ in 0..5 {
        // The same content, so that what is to go could be what is not.
        host.run("cp /etc/passwd /home/ops/in/passwd 2>/dev/null");
        let output = host.run("timeout 60 atomhost apply");
        assert!(matches!(output.code, 0 | 1 | 3), "{}: {}{}", output.code, output.stdout, output.stderr);
        assert_eq!(host.ok(VICTIM), before);
    }
    call_off(host, &attacker);
    // Not even a directory in the temporary file's place.
    host.ok(
        "su ops -c 'rm -f /home/ops/in/.atomhost-conf; mkdir /home/ops/in/.atomhost-conf'; rm -rf /home/ops/in/conf",
    );
    host.ok("atomhost apply && atomhost check");
    assert_eq!(host.ok("cat /home/ops/in/conf /tmp/conf"), "ours\nours\n");
    assert_eq!(host.ok(VICTIM), before);
}

/// What was unconfirmed is put back over and over, while the directories that it goes to are exchanged.
#[track_caller]
fn not_even_when_changes_are_taken_back(host: &Host) {
    let before = host.ok(VICTIM);
    let mut reverted = 0;
    for round in 0..4 {
        host.write(PROFILE, WANTED.replace("ours", &format!("ours {round}")));
        host.ok("atomhost apply --confirm-within 10m");
        let attacker = attack(host);
        let output = host.run("timeout 60 atomhost revert");
        assert_eq!(host.ok(VICTIM), before);
        call_off(host, &attacker);
        // What was in the way is named, and stays to be taken back.
        assert!(matches!(output.code, 0 | 1 | 3), "{}: {}{}", output.code, output.stdout, output.stderr);
        reverted += u32::from(output.code == 0);
        host.ok("atomhost revert");
        assert_eq!(host.ok("cat /home/ops/in/conf /tmp/conf"), "ours\nours\n");
    }
    println!("taken back at the first try: {reverted} of 4");
    host.write(PROFILE, WANTED);
    host.ok("atomhost check || { atomhost plan; exit 1; }");
}

/// Modes are the profile's, or the tightest that serve, whatever the caller's umask would let through.
#[track_caller]
fn the_umask_opens_nothing(host: &Host) {
    host.ok("rm -rf /home/ops/in/conf /home/ops/in/made /var/lib/atomhost; touch /root/stamp; sleep 1.1");
    host.ok("umask 000; atomhost apply");
    let open = "find /etc /var/lib/atomhost /home/ops/in /run -xdev -newer /root/stamp -perm /022 \
                ! -type l ! -type s -printf '%p %m\\n'";
    assert_eq!(host.ok(open), "");
    assert_eq!(host.ok("stat -c %a /var/lib/atomhost /home/ops/in/made /home/ops/in/conf"), "755\n700\n644\n");
}

/// Starts the attack, and gives its process.
fn attack(host: &Host) -> String {
    host.ok(
        "setsid setpriv --reuid ops --regid ops --clear-groups python3 /home/ops/attack.py >/dev/null 2>&1 & echo $!",
    )
}

/// Ends the attack, with the user's own directory in its place again. A run that found none there has made
/// one: what that holds goes into the user's.
fn call_off(host: &Host, attacker: &str) {
    let attacker = attacker.trim();
    host.ok(&format!("kill -9 {attacker}; while kill -0 {attacker} 2>/dev/null; do sleep 0.05; done"));
    host.ok("cd /home/ops; test ! -L in || rm in; rm -f /tmp/.atomhost-conf; test -d away || exit 0; \
             test ! -d in || { cp -a in/. away/; rm -r in; }; mv away in");
}

#[track_caller]
fn plans_are_written_where_they_were_meant(host: &Host) {
    host.ok("rm /home/ops/in/conf; su ops -c 'ln -s /etc/victim/conf /home/ops/plan.json'");
    let output = host.run("atomhost plan --out /home/ops/plan.json");
    assert!(output.code == 1 && output.stderr.contains("a symbolic link of user"), "{}", output.stderr);
    assert_eq!(host.read("/etc/victim/conf"), "theirs\n");
    host.ok("umask 000; atomhost plan --out /root/plan.json");
    assert_eq!(host.ok("stat -c %a /root/plan.json").trim(), "600");
    let refused = |change: &str, code: i32, expected: &str| {
        host.ok(&format!("cp -p /root/plan.json /root/other.json; cd /root; {change}"));
        let output = host.run("atomhost apply --plan /root/other.json");
        assert!(output.code == code && output.stderr.contains(expected), "{change}: {} {}", output.code, output.stderr);
        host.ok("test ! -e /home/ops/in/conf; rm /root/other.json");
    };
    refused("chmod 666 other.json", 65, "can be written by others");
    refused("chown ops other.json", 65, "belongs to uid");
    refused("truncate -s -9 other.json", 4, "was cut short");
    refused("truncate -s 0 other.json", 4, "is empty");
    refused("sed -i s/ours/mine/ other.json", 4, "was changed after it was written");
    host.ok("atomhost apply --plan /root/plan.json && atomhost check");
}

/// A run that waits, with the profile read, is made to crash; so is another program, which does leave a core.
#[track_caller]
fn no_core_holds_a_secret(host: &Host) {
    host.ok("mkdir /root/cores && sysctl -qw kernel.core_pattern=/root/cores/core.%e");
    host.run(
        "ulimit -c unlimited; flock /run/atomhost.lock sleep 20 & sleep 1; \
         atomhost apply --wait-lock 60s >/dev/null 2>&1 & waits=$!; sleep 60 & control=$!; sleep 3; \
         kill -ABRT $waits $control; wait $waits $control; true",
    );
    assert_eq!(host.ok("ls /root/cores").trim(), "core.sleep");
}
