//! Access rules against the real pam_access: what the evaluator says, what logins meet, what is refused.

use super::support::{PROFILE, assert_no_op, assert_refused, converge, plan};
use crate::harness::Host;
use atomhost::access::evaluate::{Login, Names, Origin, Verdict, evaluate};
use atomhost::access::rule::Syntax;
use atomhost::accounts::Accounts;
use std::collections::BTreeMap;

const ACCESS_CONF: &str = "/etc/security/access.conf";
/// Where a host's ssh clients come from: the address of QEMU's own network.
const CLIENT: &str = "10.0.2.2";

fn profile(rules: &[&str], more: &str) -> String {
    let rules: String = rules.iter().map(|rule| format!("    - \"{rule}\"\n")).collect();
    format!("version: 1\naccess:\n  rules:\n{rules}{more}")
}

/// A user of the group sudo and one of none, both with root's key.
fn add_users(host: &Host) {
    host.ok("useradd -m -s /bin/bash -G sudo core; useradd -m -s /bin/bash guest; groupadd -g 4242 ops; \
             groupadd -o -g 4242 twin; usermod -a -G ops guest; \
             for user in core guest; do install -d -m 700 -o $user /home/$user/.ssh; \
             install -m 600 -o $user /root/.ssh/authorized_keys /home/$user/.ssh/authorized_keys; done");
}

/// Asks libpam itself: `service user rhost tty` a line, `-` for nothing; its return codes come back.
const ASK: &str = r#"
import ctypes, sys
lib = ctypes.CDLL("libpam.so.0")
# Held open: else it is loaded and bound anew for each question, which takes most of the time.
held = ctypes.CDLL("/lib/x86_64-linux-gnu/security/pam_access.so")
CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
class Conversation(ctypes.Structure):
    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]
conversation = Conversation(CONVERSE(lambda *_: 19), None)
for line in sys.stdin:
    service, user, rhost, tty = (word.encode() for word in line.split())
    handle = ctypes.c_void_p()
    assert lib.pam_start(service, user, ctypes.byref(conversation), ctypes.byref(handle)) == 0
    for item, value in ((4, rhost), (3, tty)):
        if value != b"-":
            assert lib.pam_set_item(handle, item, ctypes.c_char_p(value)) == 0
    result = lib.pam_acct_mgmt(handle, 0)
    lib.pam_end(handle, result)
    print(result)
"#;

/// Small, and the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn list(&mut self, words: &[&str]) -> String {
        let mut list = self.pick(words).to_owned();
        for _ in 0..self.roll(3) {
            let separator = self.pick(&[" ", ", ", "\t"]);
            list += &format!("{separator}{}", self.pick(words));
        }
        match self.roll(4) {
            0 => format!("{list} {} {}", self.pick(&["EXCEPT", "except"]), self.list(words)),
            _ => list,
        }
    }

    fn file(&mut self) -> String {
        const USERS: [&str; 17] = [
            "ALL",
            "all",
            "root",
            "Root",
            "core",
            "guest",
            "sudo",
            "(sudo)",
            "ops",
            "(ops)",
            "(twin)",
            "(none)",
            "nobody",
            "core@atomic",
            "ALL@elsewhere",
            "(sudo)@ATOMIC",
            "root@LOCAL",
        ];
        const ORIGINS: [&str; 30] = [
            "ALL",
            "LOCAL",
            "local",
            "tty1",
            "TTY1",
            "pts/0",
            "cron",
            "lab1",
            "192.0.2.7",
            "192.0.2.0/24",
            "192.0.2.0/030",
            "192.0.2.0/0x18",
            "192.0.2.8/255.255.255.0",
            "0.0.0.0/0",
            "192.0.2.7/0",
            "192.0.2.7/ffff::",
            "192.0.2.0/33",
            "192.0.2.",
            "192.0.",
            "10.",
            "10.1.2.3",
            "2001:db8::/32",
            "2001:db8::5",
            "2001:DB8:0::5",
            "2001:db9::/31",
            "::/1",
            ".example.com",
            ".EXAMPLE.com",
            "ssh.example.com",
            "NONE",
        ];
        const ODD: [&str; 9] = [
            "",
            "# comment",
            " +:root:ALL",
            "+:root",
            "x:ALL:ALL",
            ":+:guest:ALL",
            "+ok:guest:LOCAL",
            "::-:core:ALL",
            "-:ALL:",
        ];
        let mut text = String::new();
        for _ in 0..=self.roll(4) {
            if self.roll(5) == 0 {
                text += self.pick(&ODD);
            } else {
                let (permission, gap) = (self.pick(&["+", "-"]), self.pick(&["", " "]));
                text += &format!("{permission}{gap}:{gap}{}{gap}:{gap}{}", self.list(&USERS), self.list(&ORIGINS));
            }
            text += self.pick(&["\n", "\n", "\n", " \t\r\n"]);
        }
        match self.roll(6) {
            0 => text + "-:ALL:ALL",
            1 | 2 => text + "-:ALL:ALL\n",
            _ => text,
        }
    }
}

/// Case 16: the evaluator and the real module agree on every login of a large table.
#[test]
fn the_evaluator_agrees_with_pam_access() {
    const FILES: usize = 60;
    let host = Host::builder("access-table").without_agent().start();
    add_users(&host);
    // Names resolve from the file alone: there is nobody to ask, and waiting for an answer takes long.
    host.ok("printf '192.0.2.7 ssh.example.com\\n' >>/etc/hosts; rm -f /etc/resolv.conf; echo 'nameserver 127.0.0.1' >/etc/resolv.conf");
    let mut dice = Dice(16);
    let files: Vec<String> = (0..FILES).map(|_| dice.file()).collect();
    let mut script = "mkdir -p /root/rules\n".to_owned();
    for (at, text) in files.iter().enumerate() {
        let encoded: String = text.bytes().map(|byte| format!("\\{byte:03o}")).collect();
        script += &format!("printf '{encoded}' >/root/rules/{at}\n");
        script += &format!("echo 'account required pam_access.so accessfile=/root/rules/{at}' >/etc/pam.d/lab{at}\n");
    }
    host.write("/root/prepare.sh", script);
    host.ok("bash /root/prepare.sh");
    host.write("/root/ask.py", ASK);
    // Every question loads this stack too: a short one saves most of the time.
    host.ok("echo 'account required pam_deny.so' >/etc/pam.d/other");

    let places = [
        ("192.0.2.7", "ssh"),
        ("192.0.3.7", "ssh"),
        ("10.1.2.3", "-"),
        ("2001:db8::5", "ssh"),
        ("::ffff:192.0.2.7", "-"),
        ("ssh.example.com", "ssh"),
        ("-", "tty1"),
        ("-", "/dev/pts/0"),
        ("-", "cron"),
        ("-", "-"),
    ];
    let users = ["root", "core", "guest"];
    let mut questions = String::new();
    for at in 0..FILES {
        for user in users {
            for (rhost, tty) in places {
                questions += &format!("lab{at} {user} {rhost} {tty}\n");
            }
        }
    }
    host.write("/root/questions", &questions);
    // The module tells the log of every denial, which would take most of the time: here nobody listens.
    let quiet = "mount --bind /dev/null /run/systemd/journal/dev-log && exec python3 /root/ask.py";
    let answers = host.ok(&format!("unshare -m sh -c '{quiet}' </root/questions"));
    assert_eq!(answers.lines().count(), questions.lines().count());

    let mut accounts = Accounts::default();
    accounts.add_users(&host.read("/etc/passwd"));
    accounts.add_groups(&host.read("/etc/group"));
    let names = Names { accounts: &accounts, hostname: "atomic" };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (question, answer) in questions.lines().zip(answers.lines()) {
        let words: Vec<&str> = question.split(' ').collect();
        let [service, user, rhost, tty] = words[..] else { panic!("{question}") };
        let text = &files[service[3..].parse::<usize>().expect("a number")];
        let origin = match (rhost, tty) {
            ("-", "-") => Origin::Local(service),
            ("-", tty) => Origin::Local(tty.trim_start_matches("/dev/")),
            (rhost, _) => Origin::Remote(rhost),
        };
        let decision = evaluate(&[("rules", text)], &Syntax::default(), &Login { user, origin }, &names);
        let (kind, agrees) = match decision.verdict {
            Verdict::Allowed => ("allowed", answer == "0"),
            Verdict::Denied => ("denied", answer == "6"),
            Verdict::Unsure => ("unsure", true),
        };
        *counts.entry(kind).or_default() += 1;
        if !agrees {
            wrong.push(format!("{question}: {:?}, but PAM says {answer}\n{text}", decision.verdict));
        }
        if decision.verdict == Verdict::Unsure {
            let by = decision.by.expect("a line that is not certain");
            let has_reason = rhost.contains("example") || by.text.contains("example") || !by.is_whole;
            assert!(has_reason, "{question} is unsure for no reason: {}", by.text);
        }
    }
    println!("{counts:?}");
    assert!(
        wrong.is_empty(),
        "{} verdicts differ:\n{}",
        wrong.len(),
        wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n")
    );
    for (kind, at_least) in [("allowed", 300), ("denied", 300)] {
        assert!(counts[kind] >= at_least, "the table says little: {counts:?}");
    }
    // Another hand asks a few of them.
    for (service, user) in [("lab0", "root"), ("lab1", "core"), ("lab2", "guest"), ("lab3", "core")] {
        let output = host.run(&format!("pamtester -I rhost=192.0.2.7 {service} {user} acct_mgmt </dev/null"));
        let question = format!("{service} {user} 192.0.2.7 ssh");
        let at = questions.lines().position(|line| line == question).expect("asked");
        assert_eq!(output.code == 0, answers.lines().nth(at) == Some("0"), "{question}: {}", output.stderr);
    }
}

/// The verdict of a service's own stack on this host.
fn lets_in(host: &Host, service: &str, user: &str, place: &str) -> bool {
    host.run(&format!("pamtester -I {place} {service} {user} acct_mgmt </dev/null")).code == 0
}

/// Whether cron runs a job of each user; the first one's job must come, since all are due at once.
fn cron_runs(host: &Host, users: &[&str]) -> Vec<bool> {
    let jobs: String = users.iter().map(|user| format!("* * * * * {user} touch /tmp/ran-{user}\n")).collect();
    host.write("/etc/cron.d/lab", jobs);
    // cron waits for the next minute from where it starts.
    host.ok("rm -f /tmp/ran-*; date -s \"$(date +%H:%M):50\" >/dev/null; systemctl restart cron");
    host.run(&format!("for i in $(seq 150); do test -e /tmp/ran-{} && break; sleep 0.5; done; sleep 3", users[0]));
    let ran = host.ok("ls /tmp; rm /etc/cron.d/lab");
    users.iter().map(|user| ran.lines().any(|name| name == format!("ran-{user}"))).collect()
}

/// Case 16: on a host whose ssh, console and cron obey the rules.
#[test]
fn rules_are_obeyed_and_lock_nobody_out() {
    let host = Host::builder("access").start();
    add_users(&host);
    let source = ["+:root:cron crond", "-:ALL:ALL"];
    let stock = host.read(ACCESS_CONF);

    // A stock Debian host obeys no rules: the source's two lines are harmless, and without effect.
    host.write(PROFILE, profile(&source, ""));
    let planned = plan(&host);
    assert_eq!(planned["refusals"].as_array().map(Vec::len), Some(0), "{:#}", planned["refusals"]);
    let warnings = planned["warnings"].to_string();
    assert!(warnings.contains("no PAM service here loads pam_access"), "{warnings}");

    // The very same rules, once they are obeyed.
    host.ok("cp /usr/lib/pam.d/systemd-user /etc/pam.d/; for service in sshd login cron systemd-user; do \
             sed -i '1i account required pam_access.so' /etc/pam.d/$service; done");
    let expected = [
        "would lock out every administrator: root via login on tty1 is denied by line",
        "root via sshd from 203.0.113.1 is denied",
        "core via login on tty1",
        "`-:ALL:ALL`",
        "+:root:LOCAL for the console, +:root:10.0.2.2 for ssh",
        "would close the way that this very session came in: root via sshd from 10.0.2.2",
    ];
    assert_refused(&host, &profile(&source, ""), 3, &expected);
    let with_console = ["+:root:cron crond", "+:root:LOCAL", "-:ALL:ALL"];
    assert_refused(
        &host,
        &profile(&with_console, ""),
        3,
        &["root via sshd from 10.0.2.2 would be denied", "or run this from the console"],
    );
    // Not from this session, it is a sound thing to do.
    let output = host.run("systemd-run --quiet --wait --pipe /usr/local/bin/atomhost plan");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let must = "  must_allow: [root via sshd from 10.0.2.2, guest via login]\n";
    let good = ["+:root:cron crond", "+:root:LOCAL 10.0.2.0/24", "-:ALL:ALL"];
    assert_refused(
        &host,
        &profile(&good, must),
        3,
        &["must_allow: guest via login on tty1 would be denied", "add the rule +:guest:LOCAL before `-:ALL:ALL`"],
    );

    // Users whom the same plan makes are judged like all others.
    let only_new = ["+:(wheel):10.0.2.2", "-:ALL:ALL"];
    let users = |groups: &str| format!("groups: {{wheel: {{}}}}\nusers: {{later: {{groups: [{groups}]}}}}\n");
    host.write(PROFILE, profile(&only_new, &users("wheel")));
    let output = host.run("systemd-run --quiet --wait --pipe /usr/local/bin/atomhost plan");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("later via systemd-user is denied"), "{}", output.stdout);
    host.write(PROFILE, profile(&only_new, &users("")));
    let output = host.run("systemd-run --quiet --wait --pipe /usr/local/bin/atomhost plan");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("would lock out every administrator"), "{}", output.stdout);

    let must = "  must_allow: [root via sshd from 10.0.2.2, root via login, root via cron, root via systemd-user]\n";
    let planned = converge(&host, &profile(&good, must));
    let block = "# BEGIN atomhost\n+:root:cron crond\n+:root:LOCAL 10.0.2.0/24\n-:ALL:ALL\n# END atomhost\n";
    assert_eq!(host.read(ACCESS_CONF), format!("{stock}{block}"));
    assert!(
        planned["notes"].to_string().contains("obeyed by the PAM services cron, login, sshd, systemd-user"),
        "{:#}",
        planned["notes"]
    );
    assert_eq!(host.login("root", "whoami").stdout.trim(), "root");
    assert_eq!(host.login("core", "true").code, 255, "core is let in");
    let rows = [
        ("login", "root", "tty=tty1", true),
        ("login", "root", "tty=/dev/ttyS0", true),
        ("login", "core", "tty=tty1", false),
        ("sshd", "root", "rhost=10.0.2.99", true),
        ("sshd", "root", "rhost=192.0.2.7", false),
        ("cron", "root", "tty=cron", true),
        ("cron", "core", "tty=cron", false),
        ("systemd-user", "root", "ruser=", true),
        ("systemd-user", "core", "ruser=", false),
    ];
    for (service, user, place, expected) in rows {
        assert_eq!(lets_in(&host, service, user, place), expected, "{user} via {service} {place}");
    }
    assert_eq!(cron_runs(&host, &["root", "core"]), [true, false]);

    // What others add before and after stays, and is told of.
    let text = host.read(ACCESS_CONF).replace("# BEGIN", "+:core:ALL\n*:typo:ALL\n# BEGIN") + "+:late:ALL";
    host.write(ACCESS_CONF, &text);
    host.write("/etc/security/access.d/late.conf", "+:guest:ALL\n");
    host.write(PROFILE, profile(&good, ""));
    let planned = plan(&host);
    let warnings = planned["warnings"].to_string();
    for expected in [
        "a line before the managed block decides otherwise: core via",
        "`*:typo:ALL`, is passed over",
        "`+:late:ALL`, has no newline",
        "late.conf",
        "is never read",
    ] {
        assert!(warnings.contains(expected), "no `{expected}`: {warnings}");
    }
    assert_no_op(&host);
    let more = ["+:root:cron crond", "+:root:LOCAL 10.0.2.0/24", "+:(sudo):10.0.2.2", "-:ALL:ALL"];
    converge(&host, &profile(&more, ""));
    assert_eq!(host.read(ACCESS_CONF), text.replace("-:ALL:ALL\n# END", "+:(sudo):10.0.2.2\n-:ALL:ALL\n# END"));
    assert_eq!(host.login("core", "whoami").stdout.trim(), "core");
    assert_eq!(host.login("guest", "true").code, 255);
    assert!(!lets_in(&host, "login", "guest", "tty=tty1"), "access.d was read");

    // The lines that the role left are taken over.
    host.write(ACCESS_CONF, "# ours\n+:root:LOCAL 10.0.2.0/24\n+:guest:ALL\n+:root:cron crond\n-:ALL:ALL\n");
    converge(&host, &profile(&good, ""));
    assert_eq!(host.read(ACCESS_CONF), format!("# ours\n+:guest:ALL\n{block}"));
}

/// `pam: enabled` on Debian, and a file that cannot be managed.
#[test]
fn pam_access_is_switched_on_and_odd_files_are_left_alone() {
    let host = Host::builder("access-pam").start();
    add_users(&host);
    let enabled = "  pam: enabled\n";
    let good = ["+:root:cron crond", "+:root:LOCAL 10.0.2.2", "-:ALL:ALL"];
    assert_refused(
        &host,
        &profile(&["+:root:cron crond", "-:ALL:ALL"], enabled),
        3,
        &["would lock out every administrator"],
    );
    // Rules that stand there already become a lock-out by the switch alone.
    host.ok(&format!("printf -- '-:ALL EXCEPT guest:ALL\\n' >>{ACCESS_CONF}"));
    assert_refused(
        &host,
        "version: 1\naccess: {pam: enabled}\n",
        3,
        &["would lock out every administrator", "this very session"],
    );
    host.ok(&format!("rm {ACCESS_CONF}"));

    host.write(PROFILE, profile(&good, enabled));
    let text = host.run("atomhost plan").stdout;
    assert!(text.contains("(can lock out)"), "{text}");
    assert!(lets_in(&host, "sshd", "guest", "rhost=192.0.2.7"));
    let planned = converge(&host, &profile(&good, enabled));
    let objects: Vec<&str> =
        planned["actions"].as_array().into_iter().flatten().filter_map(|action| action["object"].as_str()).collect();
    assert_eq!(objects, [ACCESS_CONF, "/etc/pam.d/common-account"], "the rules come first");
    assert_eq!(host.ok(&format!("stat -c '%a %U:%G' {ACCESS_CONF}")).trim(), "644 root:root");
    for (service, user, place, expected) in [
        ("sshd", "guest", "rhost=192.0.2.7", false),
        ("sshd", "root", &format!("rhost={CLIENT}"), true),
        ("login", "root", "tty=tty1", true),
        ("login", "guest", "tty=tty1", false),
        ("systemd-user", "root", "ruser=", true),
    ] {
        assert_eq!(lets_in(&host, service, user, place), expected, "{user} via {service} {place}");
    }
    assert_eq!(host.login("root", "whoami").stdout.trim(), "root");
    assert_eq!(host.login("guest", "true").code, 255);
    assert_eq!(cron_runs(&host, &["root", "guest"]), [true, false]);
    // Debian's own tool keeps the line.
    host.ok("DEBIAN_FRONTEND=noninteractive pam-auth-update --package && DEBIAN_FRONTEND=noninteractive pam-auth-update --enable unix");
    assert_no_op(&host);
    assert!(host.read("/etc/pam.d/common-account").contains("# BEGIN atomhost\naccount required pam_access.so\n"));

    let other = profile(&["+:root:ALL", "-:ALL:ALL"], "");
    let rows = [
        ("chattr +i {}", "chattr -i {}", "is immutable"),
        (
            "mount --bind /etc/security /etc/security && mount -o remount,bind,ro /etc/security",
            "umount /etc/security",
            "mounted read-only",
        ),
        ("printf '\\377\\n' >{}", "cp /root/kept {}", "is no text in UTF-8"),
        ("echo '# BEGIN atomhost' >>{}", "cp /root/kept {}", "there are two managed blocks"),
        ("sed -i '/# END/d' {}", "cp /root/kept {}", "has no `# END atomhost`"),
        ("mv {} /root/away && mkdir {}", "rmdir {} && mv /root/away {}", "is a directory"),
    ];
    host.ok(&format!("cp {ACCESS_CONF} /root/kept"));
    for (damage, repair, expected) in rows {
        host.ok(&damage.replace("{}", ACCESS_CONF));
        assert_refused(&host, &other, 3, &[ACCESS_CONF, expected]);
        host.ok(&repair.replace("{}", ACCESS_CONF));
    }
    converge(&host, &other);
    assert_eq!(host.login("root", "true").code, 0);
}
