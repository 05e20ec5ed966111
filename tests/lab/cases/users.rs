//! Groups, users, password hashes and authorized keys, on a host whose sshd, PAM and shadow tools judge.

use super::support::{HASH, PROFILE, assert_no_op, assert_refused, converge, kinds};
use crate::harness::Host;
use std::time::Duration;

const YESCRYPT: &str = "$y$j9T$abcdefghijklmnop$oMbiINs7LTUtsPO.VMcwxtNts71UPrb5kknLO8RP3r.";

/// A host whose profile may hold secrets, with the keys /root/a, /root/b and /root/c.
fn host(name: &str) -> Host {
    let host = Host::builder(name).start();
    host.ok(&format!("install -D -m 600 /dev/null {PROFILE}"));
    host.ok("cd /root && for k in a b c; do ssh-keygen -q -t ed25519 -N '' -C key-$k -f $k; done");
    host
}

fn key(host: &Host, name: &str) -> String {
    host.read(&format!("/root/{name}.pub")).trim().to_owned()
}

fn profile(users: &str) -> String {
    format!("version: 1\n{users}")
}

/// Of [`ssh`]: sshd said no.
const REFUSED: i32 = 99;

/// A login over the network, with the key /root/NAME.
fn ssh(host: &Host, key: &str, user: &str, command: &str) -> (i32, String) {
    let output = host.run(&format!(
        "ssh -i /root/{key} -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
         -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR {user}@127.0.0.1 '{command}'; \
         code=$?; test $code = 255 && exit {REFUSED}; exit $code"
    ));
    (output.code, output.stdout.trim().to_owned())
}

/// Case 17: from nothing to a working login, then drift, an exclusive list, links.
#[test]
fn users_get_in_as_the_profile_says() {
    let host = host("users");
    let (a, b, c) = (key(&host, "a"), key(&host, "b"), key(&host, "c"));
    let lab = host.read("/root/.ssh/authorized_keys");
    let others = host.ok("grep -v ^root: /etc/shadow");
    let aging = host.ok("chage --maxdays 90 root; awk -F: '/^root:/ {print $4, $5, $6, $7, $8, $9}' /etc/shadow");
    let attributes = host.ok("stat -c '%a %U:%G' /etc/shadow");
    let wanted = profile(&format!(
        "groups: {{ops: {{gid: 990}}, wheel: {{}}}}
users:
  root: {{password_hash: '{HASH}', authorized_keys: ['{a}']}}
  core:
    uid: 1500
    groups: [ops, wheel]
    shell: /bin/bash
    home: /var/home/core
    authorized_keys:
      - 'from=\"10.0.0.0/8,127.0.0.1\",command=\"echo a,b\" {b}'
      - '{c}'
"
    ));
    let planned = converge(&host, &wanted);
    assert_eq!(
        kinds(&planned),
        [
            "create-group",
            "create-group",
            "create-user",
            "set-password-hash",
            "change-keys",
            "create-directory",
            "change-keys"
        ]
    );
    // The password, as shadow has it and as PAM takes it; nothing else in the file has changed.
    assert_eq!(host.ok("awk -F: '/^root:/ {print $2}' /etc/shadow").trim(), HASH);
    assert_eq!(host.ok("awk -F: '/^root:/ {print $4, $5, $6, $7, $8, $9}' /etc/shadow"), aging);
    assert_eq!(host.ok("grep -v -e ^root: -e ^core: /etc/shadow"), others);
    assert_eq!(host.ok("stat -c '%a %U:%G' /etc/shadow"), attributes);
    let su = |password: &str| {
        host.run(&format!("echo {password} | setpriv --reuid 65534 --regid 65534 --clear-groups su root -c 'id -u'"))
    };
    assert_eq!((su("atomhost").stdout.trim(), su("wrong").code), ("0", 1));
    assert_eq!(host.ok("id core").trim(), "uid=1500(core) gid=1500(core) groups=1500(core),990(ops),1000(wheel)");
    assert_eq!(host.ok("getent passwd core | cut -d: -f6,7").trim(), "/var/home/core:/bin/bash");
    // sshd's own verdicts.
    assert_eq!(host.read("/root/.ssh/authorized_keys"), format!("{lab}{a}\n"));
    assert_eq!(ssh(&host, "a", "root", "id -u"), (0, "0".to_owned()));
    assert_eq!(ssh(&host, "b", "core", "id -u"), (0, "a,b".to_owned()));
    assert_eq!(ssh(&host, "c", "core", "id -u"), (0, "1500".to_owned()));
    assert_eq!(ssh(&host, "a", "core", "id -u").0, REFUSED);
    let file = "/var/home/core/.ssh/authorized_keys";
    assert_eq!(host.ok(&format!("stat -c '%a %U:%G' $(dirname {file}) {file}")), "700 core:core\n600 core:core\n");

    // Drift: modes, owner, an older line of the same key, a second one without limits, foreign lines.
    host.ok(&format!(
        "printf '# mine\\n\\nrestrict %s\\n%s\\n' \"$(cat /root/b.pub)\" \"$(cat /root/a.pub)\" >{file}; \
         cat /root/b.pub >>{file}; printf 'future thing' >>{file}; \
         chmod 666 {file}; chown root {file}; chmod 755 $(dirname {file}); usermod -s /bin/sh core"
    ));
    host.ok(&format!("printf '\\n%s\\n' \"$(cat /root/b.pub)\" >>{file}"));
    let planned = converge(&host, &wanted);
    assert_eq!(kinds(&planned), ["set-shell", "set-attributes", "set-attributes", "change-keys"]);
    let text = host.read(file);
    assert!(text.starts_with("# mine\n\nfrom=\"10.0.0.0/8,127.0.0.1\",command=\"echo a,b\" ssh-ed25519 "), "{text}");
    assert_eq!(text.matches(b.split(' ').nth(1).expect("a key")).count(), 1, "{text}");
    assert!(text.contains("key-a") && text.contains("future thing") && text.ends_with(&format!("{c}\n")), "{text}");
    assert_eq!(ssh(&host, "c", "core", "echo in"), (0, "in".to_owned()));

    // An exclusive list: foreign keys and lines that may be keys to a newer sshd go, comments stay.
    let exclusive = profile(&format!("users:\n  core: {{authorized_keys: ['{c}'], exclusive_keys: true}}\n"));
    host.write(PROFILE, &exclusive);
    let shown = host.ok("atomhost plan");
    for text in ["-ssh-ed25519 SHA256:", "key-b (from, command)", "-line ", "no known key"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    converge(&host, &exclusive);
    assert_eq!(host.read(file), format!("# mine\n\n{c}\n"));
    assert_eq!(ssh(&host, "b", "core", "id").0, REFUSED);

    // A link is kept and what it leads to is changed; a home that is gone comes back.
    host.ok(&format!("mv {file} /var/home/core/keys && ln -s ../keys {file} && chown -h core {file}"));
    let both = profile(&format!("users:\n  core: {{authorized_keys: ['{c}', '{b}']}}\n"));
    converge(&host, &both);
    assert_eq!(host.ok(&format!("readlink {file}")).trim(), "../keys");
    assert_eq!(host.read("/var/home/core/keys"), format!("# mine\n\n{c}\n{b}\n"));
    host.ok("rm -r /var/home/core && passwd -q -l core");
    converge(&host, &both);
    assert_eq!(ssh(&host, "c", "core", "pwd"), (0, "/var/home/core".to_owned()));

    // Locked, and open again, with a hash from a file and from a credential.
    converge(&host, &profile("users:\n  root: {password_hash: locked}\n"));
    assert_eq!(su("atomhost").code, 1);
    host.ok(&format!("umask 077; echo '{YESCRYPT}' >/root/hash"));
    converge(&host, &profile("users:\n  root: {password_hash_file: /root/hash}\n"));
    assert_eq!(su("atomhost").stdout.trim(), "0");
    converge(&host, &profile("users:\n  root: {password_hash: locked}\n"));
    host.write(PROFILE, profile("users:\n  root: {password_hash_credential: rootpw}\n"));
    assert_eq!(host.run("atomhost plan").code, 3);
    for expected in ["Done: 1 actions", "In sync"] {
        let output = host.run("systemd-run --quiet --pipe --wait -p LoadCredential=rootpw:/root/hash atomhost apply");
        assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(expected), "{}", output.stdout);
    }
    assert_eq!(su("atomhost").stdout.trim(), "0");
}

/// What is refused is refused before anything is done.
#[test]
fn what_would_go_wrong_is_refused() {
    let host = host("users-refused");
    let (a, b) = (key(&host, "a"), key(&host, "b"));
    host.ok("useradd -m -u 1500 core && useradd -m ops && echo plain >/root/plain && cp /root/plain /root/open");
    host.ok(&format!("chmod 600 /root/plain; echo '{HASH}' >/root/open; chmod 640 /root/open; mkdir /home/new"));
    let rows = [
        ("core: {uid: 1501}".to_owned(), "user core: has uid 1500, not 1501"),
        ("core: {home: /srv/core}".to_owned(), "its home is /home/core, not /srv/core"),
        ("core: {group: daemon}".to_owned(), "its primary group has gid 1500"),
        ("core: {groups: [wheel]}".to_owned(), "there is no group wheel"),
        ("core: {shell: /bin/zsh}".to_owned(), "its shell /bin/zsh is not there"),
        ("new: {uid: 1500}".to_owned(), "uid 1500 belongs to user core"),
        ("new: {}".to_owned(), "/home/new is there already"),
        ("root: {password_hash_file: /root/none}".to_owned(), "/root/none: is not there"),
        ("root: {password_hash_file: /root/plain}".to_owned(), "its text is no password hash"),
        ("root: {password_hash_file: /root/open}".to_owned(), "is not root's alone (uid 0, mode 0640)"),
        ("root: {password_hash_credential: none}".to_owned(), "credential none: is not there"),
        ("root: {authorized_keys: [], exclusive_keys: true}".to_owned(), "user root: would have neither a key nor"),
        (format!("nobody: {{authorized_keys: ['{a}']}}"), "its home /nonexistent is that of a user who never logs in"),
    ];
    for (user, expected) in rows {
        assert_refused(&host, &profile(&format!("users:\n  {user}\n")), 3, &[expected]);
    }
    assert_refused(&host, &profile("groups: {wheel: {gid: 10}}\n"), 3, &["gid 10 belongs to group uucp"]);

    // A user's links lead root nowhere but to what is the user's own.
    let wanted = profile(&format!("users:\n  core: {{authorized_keys: ['{a}']}}\n"));
    host.ok("install -d -m 700 -o core -g core /home/core/.ssh && setpriv --reuid core --regid core --clear-groups ln -s /etc/shadow /home/core/.ssh/authorized_keys");
    assert_refused(&host, &wanted, 3, &["a symbolic link of user 1500 leads to what belongs to user 0"]);
    host.ok(
        "rm -r /home/core/.ssh && setpriv --reuid core --regid core --clear-groups ln -s /root/.ssh /home/core/.ssh",
    );
    assert_refused(&host, &wanted, 3, &["a symbolic link of user 1500 leads to what belongs to user 0"]);
    host.ok("rm /home/core/.ssh && install -d -m 700 -o core -g core /home/core/.ssh && mkfifo /home/core/.ssh/authorized_keys");
    assert_refused(&host, &wanted, 3, &["is a device, socket or pipe"]);
    host.ok("rm /home/core/.ssh/authorized_keys; sysctl -q fs.protected_hardlinks=0; ln /etc/shadow /home/core/.ssh/authorized_keys");
    host.write(PROFILE, &wanted);
    let before = host.ok("stat -c '%a %U:%G' /etc/shadow; sha256sum /etc/shadow");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stderr.contains("it has 2 names"), "{}", output.stderr);
    assert_eq!(host.ok("stat -c '%a %U:%G' /etc/shadow; sha256sum /etc/shadow"), before);
    host.ok("rm /home/core/.ssh/authorized_keys");

    // Files that cannot be written.
    let wanted = profile(&format!("users:\n  ops: {{password_hash: '{HASH}', authorized_keys: ['{b}']}}\n"));
    host.ok("chattr +i /etc/shadow");
    assert_refused(&host, &wanted, 3, &["/etc/shadow: is immutable", "chattr -i /etc/shadow"]);
    host.ok("chattr -i /etc/shadow && : >/etc/shadow.lock");
    assert_refused(&host, &wanted, 3, &["/etc/shadow.lock: is empty", "rm /etc/shadow.lock"]);
    host.ok("rm /etc/shadow.lock && mount --bind /etc /etc && mount -o remount,bind,ro /etc");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 3, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("/etc/shadow: is on a file system that is mounted read-only"), "{}", output.stdout);
    host.ok("umount /etc");

    // Somebody else is at it: nothing is done, or it is waited for.
    host.write(
        "/root/hold.py",
        "import fcntl, os, time\n\
         with open('/etc/.pwd.lock', 'w') as lock:\n    \
             fcntl.lockf(lock, fcntl.LOCK_EX)\n    \
             with open('/run/held.new', 'w') as held:\n        \
                 held.write(str(os.getpid()))\n    \
             os.rename('/run/held.new', '/run/held')\n    \
             time.sleep(60)\n",
    );
    let holder = host.spawn("python3 /root/hold.py");
    host.ok("for i in $(seq 100); do test -e /run/held && exit; sleep 0.1; done; exit 1");
    let before = host.oracle();
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 75, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("is changing users or passwords"), "{}", output.stderr);
    host.oracle().assert_same(&before);
    host.ok("(sleep 3; kill $(cat /run/held)) >/dev/null 2>&1 &");
    assert_eq!(host.run("atomhost apply --wait-lock 30s").code, 0);
    drop(holder.wait(Duration::from_secs(30)));
    assert_no_op(&host);

    // No room: the old file is whole, and the next run does it.
    let wanted = wanted.replace(HASH, YESCRYPT);
    host.write(PROFILE, &wanted);
    host.ok("cp -a /etc/shadow /dev/shm/; fallocate -l $(($(df --output=avail -B1 / | tail -1) - 1048576)) /full.0; for i in $(seq 12); do dd if=/dev/zero of=/full.$i bs=4k 2>/dev/null; sync; done; true");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    host.ok("cmp /etc/shadow /dev/shm/shadow && rm /full.*");
    converge(&host, &wanted);
}

/// Who may read and write the profile that root acts on.
#[test]
fn only_roots_own_profiles_are_acted_on() {
    let host = host("trust");
    let secret = profile(&format!("users:\n  root: {{password_hash: '{HASH}'}}\n"));
    let plain = profile("groups: {ops: {}}\n");
    let rows = [
        (&secret, "chmod 644 P", "holds secrets and can be read by others"),
        (&secret, "chmod 620 P", "can be written by others"),
        (&plain, "chmod 664 P", "can be written by others"),
        (&plain, "chmod 600 P; chown 1000 P", "belongs to uid 1000"),
        (&plain, "chown root P; chmod 777 /etc/atomhost", "can replace what is in the directory"),
        (
            &plain,
            "chmod 755 /etc/atomhost; chown 1000 /etc/atomhost",
            "the directory /etc/atomhost belongs to uid 1000",
        ),
        (&plain, "chown root /etc/atomhost; mv P /etc/atomhost/real; ln -s real P; chown -h 1000 P", "the link"),
    ];
    for (text, damage, expected) in rows {
        host.write(PROFILE, text);
        host.ok(&damage.replace("P", PROFILE));
        let before = host.oracle();
        for command in ["apply", "plan", "check", "facts /etc/atomhost/profile.yaml"] {
            let output = host.run(&format!("atomhost {command}"));
            assert_eq!(output.code, 65, "{damage}, {command}: {}{}", output.stdout, output.stderr);
            assert!(output.stderr.contains(expected), "{damage}: {}", output.stderr);
        }
        host.oracle().assert_same(&before);
        assert_eq!(host.run("atomhost validate /etc/atomhost/profile.yaml").code, 0);
    }
    host.ok(&format!(
        "rm {PROFILE}; mv /etc/atomhost/real {PROFILE}; chmod 644 {PROFILE}; cat {PROFILE} | atomhost plan /dev/stdin"
    ));
    host.ok("atomhost plan --out /tmp/plan.json && chmod 666 /tmp/plan.json");
    let output = host.run("atomhost apply --plan /tmp/plan.json");
    assert_eq!(output.code, 65, "{}", output.stderr);
    host.ok("chmod 600 /tmp/plan.json && atomhost apply --plan /tmp/plan.json");
    assert_no_op(&host);
    assert_eq!(host.run(&format!("chown 1000 {PROFILE}; SUDO_UID=1000 atomhost check")).code, 0);
}

/// No hash and no key in anything that a run leaves behind or starts.
#[test]
fn secrets_are_seen_nowhere() {
    let host = host("secrets");
    let (a, b) = (key(&host, "a"), key(&host, "b"));
    host.ok(&format!("umask 077; echo '{YESCRYPT}' >/root/hash; useradd -m core; install -d -o core -m 700 /home/core/.ssh; install -o core -m 600 /root/b.pub /home/core/.ssh/authorized_keys"));
    let wanted = profile(&format!(
        "users:\n  root: {{password_hash: '{HASH}', authorized_keys: ['{a}']}}\n  \
         core: {{password_hash_file: /root/hash, authorized_keys: ['command=\"echo s3cr3t\" {a}'], exclusive_keys: true}}\n"
    ));
    host.write(PROFILE, &wanted);
    // Every command line of the run, as the kernel got it and as /proc shows it.
    host.ok("cat >/root/watch.sh <<'END'\nwhile :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>/root/lines; sleep 0.2; done 2>/dev/null\nEND");
    let watcher = host.spawn("exec timeout 200 sh /root/watch.sh");
    host.ok("(atomhost plan; atomhost plan -v; atomhost plan --format json; atomhost plan --out /root/plan.json; atomhost facts /etc/atomhost/profile.yaml) >/root/out 2>&1");
    host.ok("strace -f -qq -s 100000 -e trace=execve -o /root/trace atomhost --log-level trace apply --plan /root/plan.json >>/root/out 2>&1");
    host.ok("(atomhost --log-level trace apply; atomhost -v status; atomhost check -v; atomhost facts /etc/atomhost/profile.yaml) >>/root/out 2>&1");
    host.write(PROFILE, wanted.replace("users:", "users:\n  root: {}"));
    assert_eq!(host.run("atomhost apply >>/root/out 2>&1").code, 65);
    host.write(PROFILE, wanted.replace("', auth", ", auth"));
    assert_eq!(host.run("atomhost apply >>/root/out 2>&1").code, 65);
    host.ok("pkill -f [w]atch.sh; journalctl -b --no-pager >/root/journal");
    drop(watcher.wait(Duration::from_secs(30)));
    let mut needles = vec!["s3cr3t".to_owned(), "R9dWt/znLN2H2lRup".to_owned(), "oMbiINs7LTUtsPO".to_owned()];
    needles.extend([&a, &b].map(|key| key.split(' ').nth(1).expect("a key")[30..].to_owned()));
    for needle in needles {
        let found = host.run(&format!(
            "grep -rlaF -- '{needle}' /root/out /root/plan.json /root/trace /root/lines /root/journal /var/lib/atomhost /var/log /run/log /tmp"
        ));
        assert_eq!((found.code, found.stdout.as_str()), (1, ""), "{needle} is there");
    }
    // The watch saw what there was to see.
    host.ok("grep -q chpasswd /root/trace && grep -qa 'atomhost' /root/lines && grep -q SHA256: /root/out && grep -q '[*][*][*]' /root/out");
    assert_eq!(host.ok("awk -F: '/^root:/ {print $2}' /etc/shadow").trim(), HASH);
    assert_eq!(host.ok("awk -F: '/^core:/ {print $2}' /etc/shadow").trim(), YESCRYPT);
}

/// Users and groups of the image, as on hosts deployed by OSTree.
#[test]
fn users_and_groups_of_the_image() {
    let host = host("image-users");
    let a = key(&host, "a");
    host.ok(
        "echo 'dock:x:992:' >/usr/lib/group; echo 'svc:x:993:993::/var/svc:/bin/sh' >/usr/lib/passwd; useradd -m core",
    );
    let wanted = profile("groups: {dock: {gid: 992}}\nusers:\n  core: {groups: [dock]}\n  svc: {uid: 993}\n");
    let planned = converge(&host, &wanted);
    assert_eq!(kinds(&planned), ["write-file", "join-groups"]);
    assert_eq!(host.ok("grep ^dock: /etc/group").trim(), "dock:x:992:core");
    assert_refused(&host, &profile("users:\n  svc: {shell: /bin/bash}\n"), 3, &["is in /usr/lib/passwd only"]);
    assert_refused(&host, &profile("users:\n  svc: {password_hash: locked}\n"), 3, &["is in /usr/lib/passwd only"]);
    // Homes behind a link, and where useradd's defaults put them.
    host.ok("mkdir -p /var/home && mv /home/core /var/home/ && rmdir /home && ln -s var/home /home && sed -i '/HOME=/d' /etc/default/useradd && echo HOME=/var/home >>/etc/default/useradd");
    converge(
        &host,
        &profile(&format!(
            "users:\n  core: {{home: /var/home/core, authorized_keys: ['{a}']}}\n  new: {{authorized_keys: ['{a}']}}\n"
        )),
    );
    assert_eq!(host.ok("getent passwd new | cut -d: -f6").trim(), "/var/home/new");
    assert_eq!(ssh(&host, "a", "new", "pwd"), (0, "/var/home/new".to_owned()));
    assert_eq!(ssh(&host, "a", "core", "pwd").0, 0);
    // useradd was cut off between passwd(5) and all the rest.
    host.ok("echo 'cut:x:1700:1700::/var/home/cut:/bin/sh' >>/etc/passwd");
    host.write(
        "/var/lib/atomhost/record.json",
        "{\"disks\": {}, \"begun\": [{\"what\": \"create-user\", \"user\": \"cut\"}]}",
    );
    let planned = converge(
        &host,
        &profile(&format!(
            "users:\n  cut: {{groups: [ops], password_hash: '{HASH}', authorized_keys: ['{a}']}}\ngroups: {{ops: {{}}}}\n"
        )),
    );
    assert_eq!(
        kinds(&planned),
        [
            "create-group",
            "create-group",
            "create-directory",
            "join-groups",
            "set-password-hash",
            "create-directory",
            "change-keys"
        ]
    );
    assert_eq!(
        host.ok("grep ^cut: /etc/shadow | cut -d: -f2; stat -c '%a %U:%G' /var/home/cut; id -nG cut"),
        format!("{HASH}\n700 cut:cut\ncut ops\n")
    );
    assert_eq!(ssh(&host, "a", "cut", "pwd"), (0, "/var/home/cut".to_owned()));
    // Where sshd looks elsewhere, the plan says so.
    host.ok("echo 'AuthorizedKeysFile /etc/ssh/keys/%u' >/etc/ssh/sshd_config.d/keys.conf");
    host.write(PROFILE, profile(&format!("users:\n  new: {{authorized_keys: ['{a}']}}\n")));
    assert!(host.ok("atomhost plan").contains("sshd reads keys from /etc/ssh/keys/%u"), "{}", host.ok("atomhost plan"));
}
