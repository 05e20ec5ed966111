//! Profiles put together from what is there.

use crate::{atomhost, case, output, run};
use expect_test::expect;
use std::path::Path;

fn import(facts: &Path) -> crate::Run {
    run(["import", "--facts", facts.to_str().expect("a path")])
}

#[test]
fn a_host_in_sync_is_found_again() {
    let told = import(&case("02").join("facts.json"));
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    expect![[r#"
        # The storage of host1, as it was found. Users, files and access are not in it.
        # Left out: /dev/sda2, a partition in atomicos; it stays in the group
        version: 1
        lvm:
          volume_group: atomicos
          disks:
          - {serial: DATA1}
          volumes:
            root: {size: 15G}
            srv: {size: 15G, filesystem: xfs, mount: /var/srv}
            swap: {size: 2G, swap: true}
          thin_pools:
            docker-pool: {size: 18116M, chunk: 512K, metadata: 4M, zero: false, autoextend: {threshold: 60, percent: 20}, when_full: error}
    "#]].assert_eq(&told.stdout);
}

/// What no profile can say is in comments, and what is imported can be read.
#[test]
fn every_recorded_host_can_be_imported() {
    let cases = std::fs::read_dir(crate::root().join("tests/cases")).expect("there");
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("profile.yaml");
    let mut in_sync = 0;
    for case in cases {
        let facts = case.expect("readable").path().join("facts.json");
        let told = import(&facts);
        if told.code == 1 && told.stderr.contains("no volume group") {
            continue;
        }
        assert!(matches!(told.code, 0 | 2 | 3), "{}: {}{}", facts.display(), told.stdout, told.stderr);
        // Whatever is not in sync is said.
        assert_eq!(told.code == 0, told.stderr.is_empty(), "{}: {}", facts.display(), told.stderr);
        in_sync += u32::from(told.code == 0);
        std::fs::write(&profile, &told.stdout).expect("written");
        let valid = run(["validate", profile.to_str().expect("a path")]);
        assert_eq!(valid.code, 0, "{}\n{}{}", facts.display(), told.stdout, valid.stderr);
    }
    assert!(in_sync >= 15, "only {in_sync} hosts are in sync with what is imported from them");
}

#[test]
fn a_role_becomes_a_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = folder.path().join("vars.yml");
    std::fs::write(
        &variables,
        "volume_group: atomicos\ndefault_pvs: [/dev/sdb]\nroot_password: $6$salt$hidden\nntp: x\n",
    )
    .expect("written");
    let import = || output(atomhost().current_dir(folder.path()).args(["import", "--role-variables", "vars.yml"]));
    let told = import();
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    expect![[r##"
        # What the role for Atomic hosts does with vars.yml.
        # Left out: the variable ntp, which is none of the role's
        # Left out: names of disks that stay true over reboots: {serial: …} in place of /dev/… where a host has several
        # Left out: the value of root_password: put it into /etc/atomhost/root.hash on the host, mode 0600
        # Left out: journald.conf: give its sizes as journald: {SystemMaxUse: 1G}
        # Left out: ca.crt: copy it to the host and name it: ca_certificates: {/etc/pki/tls/certs/ca.crt: {source: …, trust: true}}
        # Left out: root-bashrc and root-bash_profile: files: {/root/.bashrc: {content: …}}
        # Left out: Docker's tcp address in docker-network: without TLS it lets everybody become root
        # Left out: who may log in but root's cron: add "+:root:LOCAL 10.0.0.0/8" and others above "-:ALL:ALL"; plan refuses a profile that locks administrators out
        # Left out: the thin pool, which docker-storage-setup makes: as thin_pools it is planned and watched (profiles/scheme-v2.yaml)
        version: 1
        lvm:
          archive: false
          volume_group: atomicos
          disks:
          - /dev/sdb
          volumes:
            root: {size: 15G}
            srv: {size: 15G, filesystem: xfs, mount: /var/srv}
            swap: {size: 2G, swap: true}
        users:
          root:
            password_hash_file: /etc/atomhost/root.hash
        access:
          rules:
          - +:root:cron crond
          - -:ALL:ALL
        docker:
          storage_setup: {ROOT_SIZE: 15G}
          network_options:
          - -H unix:///var/run/docker.sock
        files:
          /var/log/lastlog: {state: touch}
        cloud_init: {state: disabled, mask: true}
    "##]].assert_eq(&told.stdout);
    std::fs::write(&variables, "volume_group: \"{{ group }}\"\n").expect("written");
    let told = import();
    assert_eq!((told.code, told.stdout.as_str()), (65, ""));
    expect![[r#"
        error: this is a template, and only Ansible can work it out
         --> vars.yml:1:15
          |
        1 | volume_group: "{{ group }}"
          |               ^^^^^^^^^^^^^
          |
        help: write the value, or import what `ansible HOST -m debug -a var=NAME` prints
    "#]]
    .assert_eq(&told.stderr);
}

#[test]
fn what_is_not_there_is_named() {
    for (option, code, expected) in [
        ("--facts", 66, "cannot read the facts none.json"),
        ("--role-variables", 66, "cannot read the variables none.json"),
    ] {
        let told = run(["import", option, "none.json"]);
        assert!(told.code == code && told.stderr.contains(expected), "{} {}", told.code, told.stderr);
    }
    assert_eq!(run(["import", "--facts", "a", "--role-variables", "b"]).code, 64);
}
