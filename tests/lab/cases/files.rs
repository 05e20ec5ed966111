//! Case 19 and around it: files, certificates, lvm.conf, Docker's files; where they cannot be written.

use super::support::{
    PROFILE, REPORT, SMALL_STORE, actions, assert_no_op, assert_refused, converge, kinds, plan, profile, report,
};
use crate::harness::{Disk, Host};
use serde_json::Value;

/// Words that must show up nowhere but in the profile and in their files.
const SECRETS: [&str; 2] = ["correct-horse-battery", "staple-from-a-file"];

fn certificate(name: &str) -> String {
    let path = format!("{}/tests/certificates/{name}.crt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A certificate as a block in YAML.
fn block(name: &str) -> String {
    certificate(name).lines().map(|line| format!("      {line}\n")).collect()
}

/// The role's files, and more of each kind.
fn wanted() -> String {
    let secret = SECRETS[0];
    let root = block("root");
    let expired = block("expired");
    format!(
        r#"version: 1
lvm: {{archive: false}}
files:
  /root/.bashrc: {{content: "PS1='\\h# '\n", mode: 0644, owner: root, group: root}}
  /root/.bash_profile: {{content: ". ~/.bashrc\n", mode: "0644"}}
  /var/log/lastlog: {{state: touch}}
  /var/log/new.log: {{state: touch, mode: 640, group: adm}}
  /etc/old.conf: {{state: absent}}
  /etc/never.conf: {{state: absent}}
  /srv/data/deep/est/file: {{content: "deep\n"}}
  /srv/data: {{state: directory, mode: "0750", group: adm}}
  /etc/linked.conf: {{content: "through the link\n"}}
  /opt/tool: {{source: /root/tool.bin, mode: "0755"}}
  /opt/motd: {{source: /root/motd.txt}}
  /etc/was-binary.conf: {{content: "text now\n"}}
  /etc/app.key: {{content: "{secret}\n", secret: true, owner: daemon}}
  /etc/copied.key: {{source: /root/copied.key, secret: true, mode: "0640"}}
  "/etc/with a blank": {{content: "no newline at the end"}}
ca_certificates:
  /etc/pki/tls/certs/ca.crt:
    content: |
{root}    trust: true
  /etc/pki/tls/certs/expired.crt:
    content: |
{expired}
docker:
  storage_setup: {{ROOT_SIZE: 15G, DEVS: "/dev/sdb /dev/sdc"}}
  network_options: ["-H unix:///var/run/docker.sock", "-H tcp://"]
  daemon: {{log-driver: journald, storage-opts: ["dm.thinpooldev=/dev/mapper/atomicos-docker--pool"]}}
containers:
  storage: {{driver: overlay, options: {{thinpool: {{autoextend_percent: "20"}}}}}}
"#
    )
}

/// What an administrator had done before.
const BEFORE: &str = r"
printf 'old\n' >/etc/old.conf
printf 'old text\n' >/etc/real.conf && chmod 600 /etc/real.conf && ln -sfn real.conf /etc/linked.conf
printf '\177ELF\000\377\376' >/root/tool.bin
printf 'motd\n' >/root/motd.txt
printf 'staple-from-a-file\n' >/root/copied.key && chmod 600 /root/copied.key
printf 'a key of before\n' >/etc/copied.key && chmod 644 /etc/copied.key
printf '\000\377' >/etc/was-binary.conf
mkdir -p /etc/sysconfig /etc/docker
printf '# mine\nROOT_SIZE=3G # small\nVG=atomicos\n' >/etc/sysconfig/docker-storage-setup
printf '{\n  \x22live-restore\x22: true,\n  \x22log-driver\x22: \x22json-file\x22\n}\n' >/etc/docker/daemon.json
printf '[Service]\nExecStart=/bin/sleep infinity\n' | tee /etc/systemd/system/docker.service >/etc/systemd/system/lvm2-lvmetad.service
systemctl daemon-reload && systemctl start docker lvm2-lvmetad
";

/// Case 19: every kind once, then each kind of drift, and no secret in sight.
#[test]
fn files_of_every_kind() {
    let host = Host::builder("files").start();
    host.ok(BEFORE);
    host.ok(SMALL_STORE);
    host.ok("cp /etc/lvm/lvm.conf /root/lvm.conf");
    let pid = |unit: &str| host.ok(&format!("systemctl show -P MainPID {unit}"));
    let (docker, lvmetad) = (pid("docker"), pid("lvm2-lvmetad"));
    let planned = converge(&host, &wanted());
    what_is_there(&host);
    assert_eq!(pid("docker"), docker, "no container engine is restarted");
    assert_ne!(pid("lvm2-lvmetad"), lvmetad, "what read lvm.conf is");
    let words = planned.to_string();
    for expected in [
        "docker.service",
        "when its containers may stop",
        "CN=Example Expired Root,O=Example expired on 2021-01-01",
        "with no address some versions of dockerd listen on every interface",
    ] {
        assert!(words.contains(expected), "the plan does not say `{expected}`: {words}");
    }
    no_secret_in_sight(&host);
    a_look_is_cheap(&host);
    drift_is_mended(&host);
    removals_keep_each_other(&host);
}

#[track_caller]
fn what_is_there(host: &Host) {
    let rows = [
        ("/root/.bashrc", "644 root:root"),
        ("/root/.bash_profile", "644 root:root"),
        ("/var/log/new.log", "640 root:adm"),
        ("/srv/data", "750 root:adm"),
        ("/srv/data/deep", "755 root:root"),
        ("/srv/data/deep/est/file", "644 root:root"),
        ("/etc/real.conf", "600 root:root"),
        ("/opt/tool", "755 root:root"),
        ("/etc/app.key", "600 daemon:root"),
        ("/etc/copied.key", "640 root:root"),
        ("/etc/pki/tls/certs/ca.crt", "644 root:root"),
        ("/etc/docker/daemon.json", "644 root:root"),
    ];
    for (path, expected) in rows {
        assert_eq!(host.ok(&format!("stat -c '%a %U:%G' {path}")).trim(), expected, "{path}");
    }
    let texts = [
        ("/root/.bashrc", "PS1='\\h# '\n"),
        ("/etc/real.conf", "through the link\n"),
        ("/opt/motd", "motd\n"),
        ("/etc/was-binary.conf", "text now\n"),
        ("/etc/app.key", "correct-horse-battery\n"),
        ("/etc/with a blank", "no newline at the end"),
        (
            "/etc/sysconfig/docker-storage-setup",
            "# mine\nROOT_SIZE=15G # small\nVG=atomicos\nDEVS='/dev/sdb /dev/sdc'\n",
        ),
        ("/etc/sysconfig/docker-network", "DOCKER_NETWORK_OPTIONS='-H unix:///var/run/docker.sock -H tcp://'\n"),
        (
            "/etc/docker/daemon.json",
            "{\n  \"live-restore\": true,\n  \"log-driver\": \"journald\",\n  \"storage-opts\": [\n    \"dm.thinpooldev=/dev/mapper/atomicos-docker--pool\"\n  ]\n}\n",
        ),
        (
            "/etc/containers/storage.conf",
            "[storage]\ndriver = \"overlay\"\n\n[storage.options.thinpool]\nautoextend_percent = \"20\"\n",
        ),
    ];
    for (path, expected) in texts {
        assert_eq!(host.read(path), expected, "{path}");
    }
    host.ok("test -L /etc/linked.conf && cmp /root/tool.bin /opt/tool && cmp /root/copied.key /etc/copied.key");
    host.ok("test ! -e /etc/old.conf && cat /etc/old.conf.atomhost-*.bak | grep -qx old && test -f /var/log/lastlog");
    assert_eq!(host.ok("lvmconfig backup/archive").trim(), "archive=0");
    assert_eq!(host.ok("lvmconfig --typeconfig full backup/backup").trim(), "backup=1");
    assert_eq!(host.ok("diff /root/lvm.conf /etc/lvm/lvm.conf | grep '^[<>]'").trim(), "> \tarchive = 0");
    // The real tool and the real reader of the trust store.
    host.ok("openssl verify -CApath /etc/ssl/certs /etc/pki/tls/certs/ca.crt");
    host.ok("openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca.crt");
    // systemd and a shell read what was quoted.
    host.ok("set -e; . /etc/sysconfig/docker-storage-setup; test \"$DEVS\" = '/dev/sdb /dev/sdc'");
    let told = host.ok(
        "systemd-run --quiet --pipe -p EnvironmentFile=/etc/sysconfig/docker-network printenv DOCKER_NETWORK_OPTIONS",
    );
    assert_eq!(told.trim(), "-H unix:///var/run/docker.sock -H tcp://");
    host.ok("test -z \"$(find / -xdev -name '.atomhost-*')\"");
}

/// Every output and every file but the profile, the source, and the secrets' own places.
#[track_caller]
fn no_secret_in_sight(host: &Host) {
    host.ok("printf 'changed\\n' >/etc/app.key; printf 'changed\\n' >/etc/copied.key");
    let commands = [
        "plan -v",
        "plan --format json",
        "plan --out /root/saved.json && cat /root/saved.json",
        "facts /etc/atomhost/profile.yaml",
        "--log-level trace apply -v",
        "status",
    ];
    for command in commands {
        let output = host.run(&format!("atomhost {command} 2>&1")).stdout;
        assert!(!output.is_empty() && !SECRETS.iter().any(|secret| output.contains(secret)), "{command}:\n{output}");
    }
    let words = SECRETS.map(|secret| format!("-e {secret}")).join(" ");
    let holders =
        host.ok(&format!("grep -rlF {words} /etc /root /var/lib/atomhost /var/log /run /tmp 2>/dev/null || true"));
    let known = ["/etc/atomhost/profile.yaml", "/etc/app.key", "/etc/copied.key", "/root/copied.key"];
    for path in holders.lines() {
        assert!(known.contains(&path), "{path} holds a secret");
    }
    assert_eq!(holders.lines().count(), known.len(), "the search finds the secrets where they belong: {holders}");
    assert_no_op(host);
}

/// In sync: LVM's report, LVM's view of its settings, systemd's of the units, and nothing else.
#[track_caller]
fn a_look_is_cheap(host: &Host) {
    host.ok("strace -f -qq -e trace=execve -o /root/trace atomhost apply >/dev/null");
    let started = host.ok("grep -o 'execve(\"/usr/s*bin/[^\"]*\", \\[[^]]*\\]' /root/trace");
    let started: Vec<&str> = started.lines().collect();
    assert_eq!(started.len(), 3, "{started:#?}");
    for word in ["\"fullreport\"", "\"backup/archive\"", "\"show\""] {
        assert!(started.iter().any(|line| line.contains(word)), "{word}: {started:#?}");
    }
}

/// One drift of each kind, all at once.
#[track_caller]
fn drift_is_mended(host: &Host) {
    host.ok("chmod 600 /root/.bashrc && chown daemon: /root/.bash_profile && chmod 777 /srv/data && chgrp daemon /etc/app.key");
    host.ok("echo more >>/srv/data/deep/est/file && printf '\\177ELF\\001' >/opt/tool && rm /etc/real.conf");
    host.ok("echo >/etc/pki/tls/certs/ca.crt && rm /etc/ssl/certs/ca.pem && chmod 600 /usr/local/share/ca-certificates/ca.crt");
    host.ok("sed -i 's/archive = 0/archive = 1/' /etc/lvm/lvm.conf && sed -i 's/15G/14G/' /etc/sysconfig/docker-storage-setup");
    host.ok(
        "sed -i 's/journald/syslog/' /etc/docker/daemon.json && sed -i 's/overlay/vfs/' /etc/containers/storage.conf",
    );
    host.ok(
        "echo 'export OTHER=1' >>/etc/sysconfig/docker-storage-setup; echo '# mine' >>/etc/containers/storage.conf",
    );
    let planned = converge(host, &wanted());
    let mended = actions(&planned);
    for expected in [
        "/root/.bashrc: mode 0600 → mode 0644",
        "/srv/data: mode 0777 → mode 0750",
        "/opt/tool: 5 bytes → 7 bytes of /root/tool.bin",
        "trust store:  → made anew",
        "/etc/lvm/lvm.conf:  → backup/archive = 0",
        "/etc/sysconfig/docker-storage-setup:  → ROOT_SIZE",
        "/etc/docker/daemon.json:  → log-driver",
        "/etc/containers/storage.conf:  → driver",
    ] {
        assert!(mended.iter().any(|action| action == expected), "`{expected}` is not in {mended:#?}");
    }
    assert!(host.read("/etc/sysconfig/docker-storage-setup").contains("export OTHER=1"));
    assert!(host.read("/etc/containers/storage.conf").contains("# mine"));
    host.ok("openssl verify -CApath /etc/ssl/certs /etc/pki/tls/certs/ca.crt");
    // group and owner that the profile leaves open stay as found.
    assert_eq!(host.ok("stat -c %U:%G /root/.bash_profile /etc/app.key").trim(), "daemon:daemon\ndaemon:daemon");
}

/// A second removal never takes the first one's backup.
#[track_caller]
fn removals_keep_each_other(host: &Host) {
    host.ok("echo second >/etc/old.conf");
    converge(host, &wanted());
    host.ok("echo old >/etc/old.conf && ln -s /etc/hostname /etc/never.conf");
    converge(host, &wanted());
    let kept = host.ok("cat /etc/old.conf.atomhost-*.bak | sort");
    assert_eq!(kept, "old\nsecond\n");
    // The caller's umask is none of ours.
    host.ok("rm -r /srv/data && umask 077 && atomhost apply");
    assert_eq!(
        host.ok("stat -c %a /srv/data /srv/data/deep /srv/data/deep/est /srv/data/deep/est/file").trim(),
        "750\n755\n755\n644"
    );
    host.ok("test ! -e /etc/never.conf && test -L /etc/never.conf.atomhost-*.bak && test -s /etc/hostname");
}

/// Whatever cannot be written, or is not what it should be, is named before anything is changed.
#[test]
fn places_that_cannot_be_written() {
    let host = Host::builder("bad-places").start();
    host.ok("echo x >/etc/fixed.conf; chattr +i /etc/fixed.conf; mkdir -p /etc/folder /etc/folder2; mkfifo /etc/pipe /etc/pipe2");
    host.ok("ln -s shadow /etc/to-shadow; ln -s fixed.conf /etc/to-fixed; ln -s nowhere /etc/dangling; truncate -s 5M /etc/large /etc/large2");
    host.ok("echo x | tee /etc/fixed2.conf >/etc/fixed3.conf; chattr +i /etc/fixed2.conf /etc/fixed3.conf");
    host.ok("useradd -m ops; ln -s /etc/hostname /home/ops/link; chown -h ops: /home/ops/link");
    // Path, what is wanted there, and what the refusal says.
    let rows = [
        ("/etc/fixed.conf", "content: y", "/etc/fixed.conf: is immutable cure: chattr -i /etc/fixed.conf"),
        ("/etc/fixed2.conf", "content: \"x\\n\", mode: 0600", "/etc/fixed2.conf: is immutable"),
        ("/etc/fixed3.conf", "state: absent", "/etc/fixed3.conf: is immutable"),
        ("/etc/folder", "content: y", "/etc/folder: is a directory"),
        ("/etc/folder2", "state: absent", "/etc/folder2: is a directory cure: no run removes a directory"),
        ("/etc/resolv.conf/below", "content: y", "/etc/resolv.conf is no directory"),
        ("/etc/hostname", "state: directory", "/etc/hostname: is a file"),
        ("/etc/pipe", "content: y", "/etc/pipe: is a device, socket or pipe"),
        ("/etc/pipe2", "state: absent", "/etc/pipe2: is a device, socket or pipe"),
        ("/etc/large", "content: y", "/etc/large: is larger than 4 MiB: too large to compare"),
        ("/etc/dangling", "state: absent", "/etc/dangling: is not there"),
        ("/etc/to-shadow", "content: y", "/etc/to-shadow: leads to /etc/shadow"),
        ("/etc/to-fixed", "content: y", "/etc/to-fixed: leads to /etc/fixed.conf, as /etc/fixed.conf does"),
        ("/home/ops/link", "content: y", "/home/ops/link: leads to /etc/hostname, as /etc/hostname does"),
        (
            "/etc/copy",
            "source: /root/none",
            "/root/none: is not there cure: put it there, or correct the source of /etc/copy",
        ),
        ("/etc/copy2", "source: /etc/large2", "/etc/large2: has 5242880 bytes: too many to copy"),
        ("/etc/copy3", "content: y, owner: nobody-here", "/etc/copy3: its user nobody-here is not on this host"),
    ];
    let entries: String = rows.iter().map(|(path, rest, _)| format!("  {path}: {{{rest}}}\n")).collect();
    let expected: Vec<&str> = rows.iter().map(|(_, _, expected)| *expected).collect();
    assert_refused(&host, &format!("version: 1\nfiles:\n  /etc/first.conf: {{content: x}}\n{entries}"), 3, &expected);
    let alone = |path: &str| format!("version: 1\nfiles:\n  {path}: {{content: y}}\n");
    assert_refused(&host, &alone("/home/ops/link"), 3, &["/home/ops/link: cannot be read: a symbolic link of user"]);
    assert_refused(&host, &alone("/etc/to-fixed"), 3, &["/etc/to-fixed: is immutable"]);
    host.ok("test ! -e /etc/first.conf");
    broken_neighbours(&host);
    read_only_etc(&host, "version: 1\nfiles:\n  /etc/first.conf: {content: x}\n  /etc/second.conf: {content: y}\n");
    full_root(&host);
}

/// Files of others that cannot be edited without losing something.
#[track_caller]
fn broken_neighbours(host: &Host) {
    let archive = "version: 1\nlvm: {archive: false}\n";
    let all = format!("{archive}docker: {{daemon: {{debug: true}}}}\ncontainers: {{storage: {{driver: overlay}}}}\n");
    host.write("/etc/docker/daemon.json", "{\"a\": 1,}");
    host.write("/etc/containers/storage.conf", "[storage\n");
    host.write("/etc/lvm/lvmlocal.conf", "backup { archive = 1 }\n");
    let expected = [
        "/etc/docker/daemon.json: is no JSON object: trailing comma",
        "/etc/containers/storage.conf: is no TOML",
        "/etc/lvm/lvmlocal.conf: sets backup/archive, and overrides /etc/lvm/lvm.conf cure: set it to 0 there",
    ];
    assert_refused(host, &all, 3, &expected);
    host.ok("rm /etc/lvm/lvmlocal.conf; printf '\\377' | tee /etc/docker/daemon.json >/etc/containers/storage.conf");
    assert_refused(host, &all, 3, &["/etc/docker/daemon.json: is no text", "/etc/containers/storage.conf: is no text"]);
    // However it is spelled: LVM itself is the judge.
    for text in [
        "backup/archive=1\n",
        "backup { archive = 1 backup = 1 }",
        "backup { archive = \"on\" }\nbackup{archive=1}\n",
        "global {\n}",
        "",
    ] {
        host.write("/etc/lvm/lvm.conf", text);
        host.write(PROFILE, archive);
        host.ok("atomhost apply && atomhost check");
        assert_eq!(host.ok("lvmconfig backup/archive 2>/dev/null").trim(), "archive=0", "{text}");
    }
    host.ok(
        "rm /etc/lvm/lvm.conf && atomhost apply && atomhost check && lvmconfig backup/archive | grep -qx archive=0",
    );
    let certificate = "version: 1\nca_certificates: {/etc/pki/ca.crt: {source: /root/ca.crt, trust: true}}\n";
    host.write("/root/ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert_refused(host, certificate, 3, &["/etc/pki/ca.crt: its source is no certificate: line 1"]);
    host.ok("echo '-----BEGIN PRIVATE KEY-----' >>/root/ca.crt");
    assert_refused(host, certificate, 3, &["its source holds a private key"]);
    host.ok(SMALL_STORE);
    // The tool fails between the file and the store: the next run still owes what it did not do.
    host.write("/root/ca.crt", self::certificate("root"));
    host.write(PROFILE, certificate);
    host.ok("mv /usr/sbin/update-ca-certificates /root/; printf '#!/bin/sh\\nexit 7\\n' >/usr/sbin/update-ca-certificates; chmod 755 /usr/sbin/update-ca-certificates");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("update-ca-certificates: exit code 7"), "{}", output.stderr);
    assert!(host.read("/var/lib/atomhost/record.json").contains("refresh-trust"));
    host.ok("mv /root/update-ca-certificates /usr/sbin/; ln -s /usr/local/share/ca-certificates/ca.crt /etc/ssl/certs/ca.pem");
    assert_eq!(kinds(&converge(host, certificate)), ["refresh-trust"]);
    assert!(!host.read("/var/lib/atomhost/record.json").contains("refresh-trust"));
}

#[track_caller]
fn read_only_etc(host: &Host, wanted: &str) {
    host.write(PROFILE, wanted);
    host.ok("mount --bind /etc /etc && mount -o remount,bind,ro /etc");
    for command in ["plan", "apply"] {
        let output = host.run(&format!("atomhost {command}"));
        let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.code, 3, "{words}{}", output.stderr);
        assert!(words.contains("/etc/second.conf: is on a file system that is mounted read-only"), "{words}");
    }
    host.ok("umount /etc && test ! -e /etc/first.conf");
    converge(host, wanted);
}

/// No space for the new file: the old one is whole, the report tells the truth, the next run goes on.
#[track_caller]
fn full_root(host: &Host) {
    host.ok("head -c 3M /dev/urandom >/root/large.bin; echo old >/opt/large.bin");
    let wanted = "version: 1\nfiles:\n  /etc/small.conf: {content: \"small\\n\"}\n  /opt/large.bin: {source: /root/large.bin}\n  /etc/after.conf: {content: \"after\\n\"}\n";
    host.write(PROFILE, wanted);
    host.ok("sync; fallocate -l $(($(df --output=avail -B1 / | tail -1) - 2097152)) /var/filler");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("/opt/large.bin") && output.stderr.contains("No space left"), "{}", output.stderr);
    assert_eq!(host.read("/opt/large.bin"), "old\n");
    host.ok("test ! -e /etc/after.conf && test -z \"$(find /opt /etc -name '.atomhost-*')\"");
    let report = report(host);
    let states: Vec<&str> = report["actions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|done| done["state"].as_str().expect("a word"))
        .collect();
    assert_eq!((states, report["outcome"].as_str()), (vec!["done", "failed", "not-run"], Some("failed")));
    // Not even the report has room: nothing is begun, and what it said before still holds.
    host.ok("dd if=/dev/zero of=/var/filler2 bs=4k 2>/dev/null || true; sync");
    let output = host.run("atomhost apply");
    assert!(output.code == 1 && output.stderr.contains("No space left"), "{}: {}", output.code, output.stderr);
    assert_eq!(host.read("/opt/large.bin"), "old\n");
    assert!(serde_json::from_str::<Value>(&host.read(REPORT)).is_ok(), "the report is whole");
    host.ok("rm /var/filler /var/filler2");
    assert_eq!(kinds(&converge(host, wanted)), ["copy-file", "write-file"]);
    host.ok("cmp /root/large.bin /opt/large.bin");
}

/// Files on what the same run mounts: planned as they will be found there, not as what is beneath.
#[test]
fn files_on_a_new_mount() {
    let host = Host::builder("mounted").disk(Disk::blank("5G").serial("DATA1")).start();
    host.ok("mkdir -p /var/srv/app && echo 'beneath' >/var/srv/app/file && chmod 700 /var/srv");
    let files = "files:\n  /srv/app/file: {content: \"on it\\n\"}\n  /var/srv: {state: directory, mode: \"0750\"}\n  /var/srv/app/old: {state: absent}\n";
    let wanted = profile("srv: {size: 1G, filesystem: xfs, mount: /var/srv}", "") + files;
    let planned = converge(&host, &wanted);
    let words = actions(&planned);
    assert!(words.contains(&"/var/srv: mode 0755 → mode 0750".to_owned()), "{words:#?}");
    assert!(words.contains(&"/srv/app/file:  → 1 line".to_owned()), "{words:#?}");
    assert_eq!(host.ok("cat /var/srv/app/file; stat -c %a /var/srv"), "on it\n750\n");
    // It was there before: what is on it shows only once it is mounted.
    host.ok("umount /var/srv");
    assert!(plan(&host).to_string().contains("shows once it is mounted"));
    converge(&host, &wanted);
    // What differs there is not overwritten unseen.
    host.ok("echo theirs >/var/srv/app/file && echo old >/var/srv/app/old && umount /var/srv");
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("it is not overwritten"), "{}", output.stderr);
    assert_eq!(host.ok("findmnt -no SOURCE /var/srv; cat /var/srv/app/file"), "/dev/mapper/atomicos-srv\ntheirs\n");
    let planned = converge(&host, &wanted);
    assert_eq!(kinds(&planned), ["write-file", "remove-file"]);
    assert_eq!(host.ok("cat /var/srv/app/file; umount /var/srv; cat /var/srv/app/file"), "on it\nbeneath\n");
}
