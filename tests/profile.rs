//! Profiles: each bad one says what is wrong, where, and what to do; each shipped one is good.
//!
//! After a change of the messages: `UPDATE_EXPECT=1 cargo test --test profile`, then read the diff.

use atomhost::profile::{self, Content, DiskSelector, Grow, MAX_PROFILE_BYTES, OnSignature, Profile};
use expect_test::{expect, expect_file};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder with this extension, by name.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder that can be read").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .{extension} in {}", folder.display());
    files
}

fn parse(text: &str) -> Profile {
    profile::parse(text.as_bytes(), "profile.yaml").unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &[u8]) -> String {
    let error = profile::parse(text, "profile.yaml").expect_err("a bad profile was taken");
    format!("{error}\n")
}

#[test]
fn bad_profiles_say_what_where_and_the_cure() {
    for path in files("tests/bad-profiles", "yaml") {
        let text = fs::read(&path).expect("a test's own file");
        let message = match profile::parse(&text, "profile.yaml") {
            Err(error) => format!("{error}\n"),
            Ok(profile) => panic!("{} was taken: {profile:?}", path.display()),
        };
        expect_file![path.with_extension("txt")].assert_eq(&message);
    }
}

#[test]
fn garbage_is_named_as_such() {
    expect![[r#"
        error: profile.yaml: this is no text: byte 12 is not UTF-8
        help: is this the right file? a profile is YAML in UTF-8
    "#]]
    .assert_eq(&error(b"version: 1\n\x9f\x92\x96\xff"));
    expect![[r#"
        error: unexpected character: `\u{0}'
         --> profile.yaml:2:6
          |
        2 | lvm: ␀␀␀
          |      ^
    "#]]
    .assert_eq(&error(b"version: 1\nlvm: \0\0\0\n"));
    expect![[r#"
        error: profile.yaml: the profile is larger than 1048576 bytes
        help: is this the right file? a profile has a few kilobytes
    "#]]
    .assert_eq(&error(&vec![b'a'; 10 << 20]));
    expect![[r#"
        error: recursion limit exceeded
         --> profile.yaml:1:201
          |
        1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
          |                                                                    ^
          |
        help: is this the right file? a profile is nested a few levels deep
    "#]].assert_eq(&error(&vec![b'['; MAX_PROFILE_BYTES]));
}

#[test]
fn shipped_profiles_are_good() {
    for path in files("profiles", "yaml") {
        let text = fs::read(&path).expect("a shipped profile");
        if let Err(error) = profile::parse(&text, &path.display().to_string()) {
            panic!("{error}");
        }
    }
}

#[test]
fn both_forms_of_a_group_are_one_profile() {
    let short =
        parse("version: 1\nlvm: {volume_group: a, disks: [/dev/sdb], grow: partitions, volumes: {b: {size: 1G}}}\n");
    let long = parse(
        "version: 1\nlvm: {volume_groups: {a: {disks: [/dev/sdb], grow: partitions, volumes: {b: {size: 1024M}}}}}\n",
    );
    assert_eq!(short, long);
    assert_eq!(short.volume_groups[0].grow, Grow::Partitions);
}

#[test]
fn every_way_to_name_a_disk() {
    let profile = parse(
        "version: 1
lvm:
  volume_group: atomicos
  disks:
    - /dev/sdb
    - {serial: 0123, wipe: true}
    - {by-path: pci-0000:00:05.0-scsi-0:0:1:0}
    - {by-id: scsi-0QEMU_HARDDISK_1}
    - {path: /dev/sdc, wipe: false}
    - {size: \">= 30G <=100G\", blank: true, count: 2}
",
    );
    let found: Vec<_> =
        profile.volume_groups[0].disks.iter().map(|disk| (disk.selector.to_string(), disk.on_signature)).collect();
    let expected = [
        ("/dev/sdb", OnSignature::Refuse),
        ("serial 0123", OnSignature::Wipe),
        ("/dev/disk/by-path/pci-0000:00:05.0-scsi-0:0:1:0", OnSignature::Refuse),
        ("/dev/disk/by-id/scsi-0QEMU_HARDDISK_1", OnSignature::Refuse),
        ("/dev/sdc", OnSignature::Refuse),
        ("2 blank disks >=30G <=100G", OnSignature::Refuse),
    ];
    assert_eq!(found, expected.map(|(name, on_signature)| (name.to_owned(), on_signature)));
    assert_eq!(
        profile.volume_groups[0].disks[5].selector,
        DiskSelector::Match { min: Some(30 << 30), max: Some(100 << 30), count: 2 }
    );
}

#[test]
fn the_order_of_the_file_is_kept_and_defaults_are_filled_in() {
    let profile = parse(
        "version: 1
lvm:
  volume_group: atomicos
  volumes:
    z: {size: 1G}
    a: {size: 2G, swap: true}
    m: {size: 3G, filesystem: xfs, mount: //var//m/}
  thin_pools:
    pool: {size: 100%FREE, autoextend: {threshold: 60}}
mounts:
  /var/srv/: {source: \"nfs.example.com:/export\"}
",
    );
    let group = &profile.volume_groups[0];
    let names: Vec<&str> = group.volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(names, ["z", "a", "m"]);
    assert_eq!(group.volumes[0].content, Content::AsFound);
    assert_eq!(group.volumes[1].content, Content::Swap);
    let mount = group.volumes[2].mount.as_ref().expect("a mount");
    assert_eq!((mount.path.as_str(), mount.options.as_str()), ("/var/m", "defaults"));
    let pool = &group.thin_pools[0];
    assert_eq!(pool.autoextend.map(|rule| rule.percent), Some(20));
    assert_eq!((pool.chunk, pool.metadata, pool.zero, pool.when_full), (None, None, None, None));
    let share = &profile.mounts[0];
    assert_eq!((share.mount.path.as_str(), share.mount.options.as_str()), ("/var/srv", "defaults,_netdev"));
    assert_eq!(share.fstype, "nfs4");
}

#[test]
fn anchors_and_aliases_serve_repeated_words() {
    let profile = parse(
        "version: 1
lvm:
  volume_group: atomicos
  volumes:
    a: &plain {size: 15G, filesystem: xfs}
    b: *plain
",
    );
    let volumes = &profile.volume_groups[0].volumes;
    assert_eq!((volumes[0].size, volumes[0].content), (volumes[1].size, volumes[1].content));
}

#[test]
fn the_schema_knows_every_key() {
    let schema = profile::json_schema().to_string();
    for key in ["volume_group", "by-path", "thin_pools", "when_full", "physical-volumes", "additionalProperties"] {
        assert!(schema.contains(key), "{key} is missing in {schema}");
    }
}

/// Every prefix of the shipped profiles, and each byte in turn replaced: taken or refused, never a panic.
#[test]
fn no_damage_to_a_profile_panics() {
    const ODD: &[u8] = b"\t\n:-{}[]\"'%&*#~0\x1b\xc3\xff";
    for path in files("profiles", "yaml") {
        let text = fs::read(&path).expect("a shipped profile");
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] = ODD[at % ODD.len()];
            for text in [&text[..at], &damaged[..]] {
                if let Err(error) = profile::parse(text, "profile.yaml") {
                    assert!(error.to_string().starts_with("error: "), "{error}");
                    assert!(!error.render(true).is_empty());
                }
            }
        }
    }
}
