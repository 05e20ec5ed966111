//! One plan in every way of drawing it.

use super::text::{self, Progress};
use super::{Options, json};
use crate::accounts::Owner;
use crate::action::Action;
use crate::plan::ledger::{Ledger, LedgerDisk, LedgerKind, LedgerRow};
use crate::plan::{Note, PLAN_SCHEMA, Plan, PlannedAction, Refusal, RefusalCode};
use crate::profile::FilesystemType;
use expect_test::expect;
use std::time::Duration;

fn planned(object: &str, before: &str, after: &str, why: &str, action: Action) -> PlannedAction {
    PlannedAction {
        object: object.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
        why: why.to_owned(),
        owes: Vec::new(),
        action,
    }
}

fn actions() -> Vec<PlannedAction> {
    let group = || "atomicos".to_owned();
    let wipe = Action::WipeSignatures { device: "/dev/sdb".to_owned(), signatures: vec!["ext4".to_owned()] };
    let extend =
        Action::ExtendVolume { volume_group: group(), volume: "root".to_owned(), from_extents: 768, to_extents: 3840 };
    let create = Action::CreateVolume { volume_group: group(), volume: "srv".to_owned(), extents: 3840 };
    let make = Action::MakeFilesystem {
        volume_group: group(),
        volume: "srv".to_owned(),
        device: "/dev/mapper/atomicos-srv".to_owned(),
        fstype: FilesystemType::Xfs,
        unfinished: false,
    };
    let fstab = Action::WriteFile {
        path: "/etc/fstab".to_owned(),
        mode: 0o644,
        owner: Owner::root(),
        before: Some("/dev/mapper/atomicos-root / xfs defaults 0 0\n".to_owned()),
        after: "/dev/mapper/atomicos-root / xfs defaults 0 0\n/dev/mapper/atomicos-srv /var/srv xfs defaults 0 0\n"
            .to_owned(),
    };
    vec![
        planned("/dev/sdb", "ext4", "blank", "wipe: true is set for this disk", wipe),
        planned("atomicos/root", "3G", "15G", "the profile wants at least 15G", extend),
        planned("atomicos/srv", "", "15G", "the profile names it", create),
        planned("atomicos/srv", "blank", "xfs", "the volume is new", make),
        planned("/etc/fstab", "", "/var/srv", "mounted at each boot", fstab),
    ]
}

fn row(name: &str, kind: LedgerKind, named: bool, before: u64, after: u64) -> LedgerRow {
    LedgerRow { name: name.to_owned(), kind, named, before, after }
}

fn plan() -> Plan {
    let note = |object: &str, text: &str| Note { code: None, object: object.to_owned(), text: text.to_owned() };
    Plan {
        schema: PLAN_SCHEMA.to_owned(),
        hostname: "host1".to_owned(),
        actions: actions(),
        refusals: Vec::new(),
        warnings: vec![note("/dev/sdb", "a kernel name may mean another disk after a reboot: name it by serial DATA1")],
        deferred: Vec::new(),
        notes: vec![note("atomicos/old", "is not in the profile: it stays")],
        ledgers: vec![Ledger {
            volume_group: "atomicos".to_owned(),
            extent_size: 4 << 20,
            total_before: 2484,
            total_after: 12723,
            disks: vec![
                LedgerDisk { device: "/dev/sda2".to_owned(), before: 2484, after: 2484 },
                LedgerDisk { device: "/dev/sdb".to_owned(), before: 0, after: 10239 },
            ],
            rows: vec![
                row("root", LedgerKind::Volume, true, 768, 3840),
                row("srv", LedgerKind::Volume, true, 0, 3840),
                row("docker-pool", LedgerKind::PoolData, true, 0, 4890),
                row("docker-pool_tmeta", LedgerKind::PoolMetadata, true, 0, 10),
                row("lvol0_pmspare", LedgerKind::MetadataSpare, true, 0, 10),
                row("old", LedgerKind::Volume, false, 25, 25),
            ],
        }],
        disks: Vec::new(),
    }
}

#[test]
fn a_plan() {
    expect![[r#"
        host1: 5 actions

          ! 1  /dev/sdb       ext4 → blank  wipe: true is set for this disk
          ~ 2  atomicos/root  3G → 15G      the profile wants at least 15G
          + 3  atomicos/srv   15G           the profile names it
          + 4  atomicos/srv   blank → xfs   the volume is new
          ~ 5  /etc/fstab     /var/srv      mounted at each boot
               @@ -1 +1,2 @@
                /dev/mapper/atomicos-root / xfs defaults 0 0
               +/dev/mapper/atomicos-srv /var/srv xfs defaults 0 0

        Space of atomicos, in extents of 4M
                                          before             after     change
          a  root                    768      3G      3840     15G       +12G
          b  srv                       -              3840     15G       +15G
          c  docker-pool               -              4890  ~19.1G    ~+19.1G  thin pool
          d  docker-pool_tmeta         -                10     40M       +40M  pool metadata
          e  lvol0_pmspare             -                10     40M       +40M  for pool repair
          f  old                      25    100M        25    100M             not in the profile: stays
             free                   1691  ~6.61G       108    432M    ~-6.18G
             total                  2484   ~9.7G     12723  ~49.7G      ~+40G
               /dev/sda2            2484   ~9.7G      2484   ~9.7G
               /dev/sdb                -             10239    ~40G      ~+40G  new disk
           disks  ├──── sda2 ─────┤├──────────────────────────────── sdb ────────────────────────────────┤
          before  ▓▓a▓▓f░░░░░░░░░░░
           after  ▓▓▓▓▓▓▓▓▓▓▓▓▓a▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒b▒▒▒▒▒▒▒▒▒▒▒▒▒▓▓▓▓▓▓▓▓▓▓▓▓▓▓c▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓def░

        warning: /dev/sdb: a kernel name may mean another disk after a reboot: name it by serial DATA1

        note: atomicos/old: is not in the profile: it stays

        Plan: 2 to create, 2 to change, 1 destructive.
    "#]]
    .assert_eq(&text::plan(&plan(), &[], &Options::default()));
}

#[test]
fn narrow_verbose_and_ascii() {
    let options = Options { width: 60, unicode: false, verbose: true, ..Options::default() };
    let commands =
        vec![vec!["wipefs --all /dev/sdb".to_owned()], vec!["lvextend --extents 3840 atomicos/root".to_owned()]];
    expect![[r#"
        host1: 5 actions

          ! 1  /dev/sdb       ext4 -> blank
                 wipe: true is set for this disk
               $ wipefs --all /dev/sdb
          ~ 2  atomicos/root  3G -> 15G
                 the profile wants at least 15G
               $ lvextend --extents 3840 atomicos/root
          + 3  atomicos/srv   15G
                 the profile names it
          + 4  atomicos/srv   blank -> xfs
                 the volume is new
          ~ 5  /etc/fstab     /var/srv
                 mounted at each boot
               @@ -1 +1,2 @@
                /dev/mapper/atomicos-root / xfs defaults 0 0
               +/dev/mapper/atomicos-srv /var/srv xfs defaults 0 0

        Space of atomicos, in extents of 4M
                                          before             after
          a  root                    768      3G      3840     15G
          b  srv                       -              3840     15G
          c  docker-pool               -              4890  ~19.1G
          d  docker-pool_tmeta         -                10     40M
          e  lvol0_pmspare             -                10     40M
          f  old                      25    100M        25    100M
             free                   1691  ~6.61G       108    432M
             total                  2484   ~9.7G     12723  ~49.7G
               /dev/sda2            2484   ~9.7G      2484   ~9.7G
               /dev/sdb                -             10239    ~40G
           disks  | sda2 -||---------------- sdb ----------------|
          before  aaaf.....
           after  aaaaaaaaaaaaaabbbbbbbbbbbbbbccccccccccccccccdef.

        warning: /dev/sdb: a kernel name may mean another disk after
                 a reboot: name it by serial DATA1

        note: atomicos/old: is not in the profile: it stays

        Plan: 2 to create, 2 to change, 1 destructive.
    "#]]
    .assert_eq(&text::plan(&plan(), &commands, &options));
}

#[test]
fn refused() {
    let refusal = |code, object: &str, found: &str, cure: &str| Refusal {
        code,
        object: object.to_owned(),
        found: found.to_owned(),
        cure: cure.to_owned(),
    };
    let refusals = vec![
        refusal(
            RefusalCode::DiskHasSignature,
            "/dev/sdb",
            "carries an ext4 signature",
            "wipefs /dev/sdb, or wipe: true for this disk",
        ),
        refusal(RefusalCode::DiskHasSignature, "/dev/sdc", "label \u{1b}]0;gone\u{7}", ""),
    ];
    let plan = Plan { refusals, ledgers: Vec::new(), warnings: Vec::new(), notes: Vec::new(), ..plan() };
    expect![[r#"
        host1: refused; otherwise 5 actions (-v shows them)

        refused: /dev/sdb: carries an ext4 signature
           cure: wipefs /dev/sdb, or wipe: true for this disk
           more: atomhost explain disk-has-signature
        refused: /dev/sdc: label \u{1b}]0;gone\u{7}

        Refused: 2 reasons; nothing will be changed.
    "#]]
    .assert_eq(&text::plan(&plan, &[], &Options::default()));
}

#[test]
fn in_sync() {
    let plan = Plan { actions: Vec::new(), warnings: Vec::new(), ..plan() };
    expect![[r#"
        host1: as the profile says

        note: atomicos/old: is not in the profile: it stays

        In sync: nothing to do.
    "#]]
    .assert_eq(&text::plan(&plan, &[], &Options::default()));
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let plain = text::plan(&plan(), &[], &Options::default());
    let coloured = text::plan(&plan(), &[], &Options { color: true, ..Options::default() });
    assert_ne!(plain, coloured);
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn progress() {
    let options = Options::default();
    let root = &actions()[1];
    let rows = [
        (Progress::Running, "[ 3/14] atomicos/root: 3G → 15G …"),
        (Progress::Done(Duration::from_millis(2130)), "[ 3/14] atomicos/root: 3G → 15G … 2.1 s"),
        (Progress::Failed(Duration::from_secs(30)), "[ 3/14] atomicos/root: 3G → 15G … failed after 30.0 s"),
    ];
    for (state, expected) in rows {
        assert_eq!(text::progress(3, 14, root, state, &options), expected);
    }
}

#[test]
fn json_reads_back_as_the_same_plan() {
    let text = json::plan(&plan()).expect("a plan is JSON");
    assert!(text.starts_with("{\n  \"schema\": \"atomhost.plan/1\""), "{text}");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("the same form"), plan());
}
