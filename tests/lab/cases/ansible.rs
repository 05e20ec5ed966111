//! The Ansible collection, driven by a real Ansible over ssh, on several hosts at once.

use super::support::{PROFILE, assert_no_op};
use crate::harness::{Disk, Host};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const WANTED: &str = "version: 1
lvm:
  volume_group: atomicos
  disks: [{serial: DATA1}]
  volumes:
    root: {size: 3200M}
    srv: {size: 512M, filesystem: xfs, mount: /var/srv}
files:
  /etc/motd: {content: \"ours\\n\"}
users:
  root: {password_hash: '$6$saltsalt$R9dWt/znLN2H2lRupDD.YQTdspQ0eTjj8yL.kMuypengCDEauRKKzOqOtRbqBzS4i.7suaez7medavBRqBOQy1'}
";

struct Ansible {
    programs: PathBuf,
    folder: tempfile::TempDir,
}

impl Ansible {
    fn new(hosts: &[(&str, &Host)]) -> Ansible {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ansible");
        let output = Command::new(script).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let programs = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let folder = tempfile::tempdir().expect("a folder");
        let mut inventory = String::new();
        for (name, host) in hosts {
            inventory.push_str(&host.address().inventory(name));
        }
        let ansible = Ansible { programs, folder };
        ansible.write("inventory", &inventory);
        ansible.write(
            "site.yaml",
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: converge\n      atomhost.host.converge:\n        \
             content: \"{{ lookup('ansible.builtin.file', 'profile.yaml') }}\"\n",
        );
        ansible
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Exit code, what it says for people, and what it says of each host.
    fn play(&self, options: &[&str]) -> (i32, String, Value) {
        let run = |callback: &str| {
            let output = Command::new(self.programs.join("ansible-playbook"))
                .current_dir(self.folder.path())
                .args(["-i", "inventory", "site.yaml"])
                .args(options)
                .env("ANSIBLE_COLLECTIONS_PATH", self.programs.with_file_name("collections"))
                .env("ANSIBLE_STDOUT_CALLBACK", callback)
                .env("ANSIBLE_HOST_KEY_CHECKING", "false")
                // One login for all of it, and no copies of files: each takes seconds without KVM.
                .env("ANSIBLE_SSH_ARGS", "-o UserKnownHostsFile=/dev/null -o ControlMaster=auto -o ControlPersist=20s")
                .env("ANSIBLE_PIPELINING", "true")
                .env("ANSIBLE_NOCOLOR", "1")
                .env("ANSIBLE_HOME", self.folder.path())
                .env("LC_ALL", "C.UTF-8")
                .output()
                .expect("ansible starts");
            let text =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            (output.status.code().unwrap_or(-1), text)
        };
        let (code, text) = run("ansible.builtin.default");
        (code, text.clone(), recap(&text))
    }
}

/// The numbers of the recap, by host: `ok=1 changed=1 …`.
fn recap(text: &str) -> Value {
    let mut hosts = serde_json::Map::new();
    for line in text.lines().skip_while(|line| !line.starts_with("PLAY RECAP")).skip(1) {
        let Some((host, numbers)) = line.split_once(" : ") else { continue };
        let numbers = numbers.split_whitespace().filter_map(|word| word.split_once('='));
        let numbers = numbers.map(|(word, number)| (word.to_owned(), number.into())).collect();
        hosts.insert(host.trim().to_owned(), Value::Object(numbers));
    }
    Value::Object(hosts)
}

/// Ansible's own tests of a collection: its documentation, its arguments, its style.
#[test]
fn the_collection_passes_ansibles_sanity_tests() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ansible");
    let output = Command::new(script).arg("sanity").output().expect("it starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    for test in ["ansible-doc", "validate-modules", "pylint", "yamllint"] {
        assert!(said.contains(&format!("Running sanity test \"{test}\"")), "{test} did not run: {said}");
    }
}

#[test]
fn a_playbook_converges_several_hosts() {
    let start = |name: &str| Host::builder(name).disk(Disk::blank("5G").serial("DATA1")).start();
    let (one, two) = (start("ansible-one"), start("ansible-two"));
    // One of them is as it should be in part.
    two.ok("vgextend -qq atomicos /dev/sdb && lvextend -qq -L 3200M atomicos/root && xfs_growfs / >/dev/null");
    let ansible = Ansible::new(&[("one", &one), ("two", &two)]);
    ansible.write("profile.yaml", WANTED);
    // Check mode plans the chain on a blank host, shows it, and changes nothing.
    let before = [one.oracle(), two.oracle()];
    let (code, text, recap) = ansible.play(&["--check", "--diff"]);
    assert_eq!(code, 0, "{text}");
    for expected in ["+atomicos/srv: 512M (128 extents)", "+ours", "-atomicos/root: 3G (768 extents)"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("R9dWt/znLN2H2lRup"), "a hash is shown: {text}");
    assert_eq!((recap["one"]["changed"].as_str(), recap["two"]["changed"].as_str()), (Some("1"), Some("1")));
    one.oracle().assert_same(&before[0]);
    two.oracle().assert_same(&before[1]);
    // It is applied; then there is nothing to do.
    let (code, text, _) = ansible.play(&[]);
    assert_eq!(code, 0, "{text}");
    for host in [&one, &two] {
        assert_eq!(host.ok(&format!("stat -c '%a %U' {PROFILE}")), "600 root\n");
        assert_no_op(host);
    }
    let (code, text, recap) = ansible.play(&["--diff"]);
    assert_eq!(
        (code, recap["one"]["changed"].as_str(), recap["two"]["changed"].as_str()),
        (0, Some("0"), Some("0")),
        "{text}"
    );
    // One host refuses: it fails with the reason, the other goes on.
    two.ok("umount /var/srv && mkfs.ext4 -qF /dev/atomicos/srv");
    ansible.write("profile.yaml", &WANTED.replace("ours", "mine"));
    let (code, text, recap) = ansible.play(&[]);
    assert_ne!(code, 0, "{text}");
    assert_eq!((recap["one"]["changed"].as_str(), recap["two"]["failed"].as_str()), (Some("1"), Some("1")), "{text}");
    assert!(text.contains("refused, nothing was changed: ") && text.contains("ext4"), "{text}");
    assert_eq!((one.read("/etc/motd"), two.read("/etc/motd")), ("mine\n".to_owned(), "ours\n".to_owned()));
}
