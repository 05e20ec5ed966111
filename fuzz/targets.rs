//! What is fuzzed: every parser of text that the world writes, and the planner on facts from anywhere. Each target
//! takes any bytes; it panics when something is wrong with how they are taken.

use atomhost::access::evaluate::{Login, Names, Origin, evaluate};
use atomhost::access::rule::{Rule, Syntax};
use atomhost::accounts::Accounts;
use atomhost::facts::Facts;
use atomhost::fstab::{self, Line, Table};
use atomhost::profile::compose::{self, Part};
use atomhost::profile::{Profile, ProfileError};
use atomhost::render::{Options, text};
use atomhost::saved::SavedPlan;
use atomhost::{authorized_keys, block, certificate, crypt, env_file, lvm_conf, observe, plan, profile, size};
use std::collections::BTreeSet;

/// A target by the name of its corpus.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 14] = [
    ("access", access),
    ("accounts", accounts),
    ("authorized_keys", keys),
    ("certificate", certificates),
    ("composed", composed),
    ("env_file", environment),
    ("facts", facts),
    ("fstab", table),
    ("lvm_conf", settings),
    ("lvm_report", report),
    ("mountinfo", mounts),
    ("profile", profiles),
    ("saved_plan", saved),
    ("size", sizes),
];

/// What files are read as that hold no UTF-8: not at all, or with marks in place of it.
fn words(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// Files of one profile, with a zero byte between them.
pub fn composed(data: &[u8]) {
    let parts = data.split(|byte| *byte == 0).map(|file| {
        let mut part = Part::read("part.yaml", file)?;
        part.take_extends()?;
        Ok(part)
    });
    match parts.collect::<Result<Vec<Part>, ProfileError>>().map(compose::merge) {
        Ok(merged) => {
            let text = atomhost::render::profile::merged(&merged, &Options::default());
            assert!(text.lines().count() >= merged.text.text.lines().count());
            if let Err(error) = merged.parse() {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub fn profiles(data: &[u8]) {
    match profile::parse(data, "profile.yaml") {
        Ok(profile) => planned(&profile, &Facts::default()),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty());
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "an error could move the cursor: {text:?}");
        }
    }
}

/// Facts from anywhere are planned for, or refused; and a plan can be shown.
pub fn facts(data: &[u8]) {
    const PROFILE: &str = include_str!("../profiles/scheme-v2-complete.yaml");
    let Ok(facts) = serde_json::from_slice::<Facts>(data) else { return };
    let Ok(profile) = profile::parse(PROFILE.as_bytes(), "profile.yaml") else { unreachable!("it is shipped") };
    planned(&profile, &facts);
}

fn planned(profile: &Profile, facts: &Facts) {
    let made = plan::plan(profile, facts);
    assert_eq!(made, plan::plan(profile, facts), "the same input, another plan");
    let options = Options { width: 80, unicode: true, color: false, verbose: true };
    let commands = vec![Vec::new(); made.actions.len()];
    let shown = text::plan(&made, &commands, &options);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "a plan could move the cursor: {shown:?}");
}

pub fn saved(data: &[u8]) {
    let _ = SavedPlan::parse(&words(data));
}

pub fn report(data: &[u8]) {
    let _ = observe::lvm::parse(&words(data));
}

pub fn mounts(data: &[u8]) {
    let text = words(data);
    let _ = observe::mounts::parse(&text);
    let _ = observe::swaps::parse(&text);
    let names = BTreeSet::from(["docker.service".to_owned()]);
    let _ = observe::units::parse(&text, &names);
}

/// One line comes or changes, and all others stay as they are.
pub fn table(data: &[u8]) {
    let text = words(data);
    let line = Line {
        source: "/dev/mapper/a b".to_owned(),
        path: "/var/srv".to_owned(),
        fstype: "xfs".to_owned(),
        options: "defaults".to_owned(),
        frequency: "0".to_owned(),
        pass: "0".to_owned(),
    };
    let mut table = Table::new(&text);
    let before = table.entries().len();
    table.append(&line);
    let after = table.text();
    assert!(after.starts_with(&text) && after.ends_with(&format!("{line}\n")), "{after:?}");
    let entries = fstab::parse(&after);
    let last = entries.last().expect("what was just added");
    assert_eq!((entries.len(), last.source.as_str()), (before + 1, "/dev/mapper/a b"), "{after:?}");
}

pub fn environment(data: &[u8]) {
    let text = words(data);
    for value in ["15G", "/dev/sdb /dev/sdc", "it's"] {
        let Ok(once) = env_file::set(&text, "ROOT_SIZE", value) else { continue };
        assert_eq!(env_file::set(&once, "ROOT_SIZE", value).as_ref(), Ok(&once), "a second run changes something");
    }
}

pub fn settings(data: &[u8]) {
    let text = words(data);
    for on in [false, true] {
        let Ok(once) = lvm_conf::set_archive(&text, on) else { continue };
        assert_eq!(lvm_conf::set_archive(&once, on).as_deref(), Ok(once.as_str()), "a second run changes something");
    }
}

pub fn access(data: &[u8]) {
    let text = words(data);
    if let Ok(Some(range)) = block::find(&text) {
        let last = range.end == text.len();
        assert!(text.get(range).is_some_and(|block| last || block.ends_with('\n')), "a part of a line: {text:?}");
    }
    let mut accounts = Accounts::default();
    accounts.add_users("root:x:0:0::/root:/bin/bash\ncore:x:1000:1000::/home/core:/bin/bash\n");
    accounts.add_groups("wheel:x:10:core\n");
    let names = Names { accounts: &accounts, hostname: "atomic" };
    for syntax in [Syntax::default(), Syntax::from_arguments(&["listsep=,".to_owned(), "nodefgroup".to_owned()])] {
        for line in text.lines() {
            let _ = Rule::parse(line, &syntax);
        }
        for origin in [Origin::Remote("192.0.2.7"), Origin::Remote("2001:db8::1"), Origin::Local("tty1")] {
            let _ = evaluate(&[("access.conf", &text)], &syntax, &Login { user: "core", origin }, &names);
        }
    }
}

pub fn accounts(data: &[u8]) {
    let text = words(data);
    let mut accounts = Accounts::default();
    accounts.add_users(&text);
    accounts.add_groups(&text);
    let _ = accounts.owner_name(0, 0);
    let _ = crypt::scheme(text.trim());
}

/// A change that changes nothing gives the file back, but for a last newline.
pub fn keys(data: &[u8]) {
    for line in words(data).lines() {
        let _ = authorized_keys::parse(line);
    }
    let lines = authorized_keys::lines(data);
    assert!(lines.windows(2).all(|pair| pair[0].number < pair[1].number));
    let changed = authorized_keys::change(data, &[], &std::collections::BTreeMap::new()).expect("no change can fail");
    assert_eq!(changed.strip_suffix(b"\n").unwrap_or(&changed), data.strip_suffix(b"\n").unwrap_or(data));
}

pub fn certificates(data: &[u8]) {
    let text = words(data);
    let _ = certificate::holds_private_key(&text);
    let _ = certificate::parse(&text);
}

/// Extents hold all the bytes, and no extent more.
pub fn sizes(data: &[u8]) {
    const EXTENT: u64 = 4 << 20;
    if let Ok(bytes) = size::parse_bytes(&words(data)) {
        let extents = size::extents_up(bytes, EXTENT);
        assert!(u128::from(extents) * u128::from(EXTENT) >= u128::from(bytes), "{bytes}");
        assert!(extents.saturating_sub(1) * EXTENT < bytes.max(1), "{bytes}");
        assert!(!size::human(bytes).is_empty());
    }
}
