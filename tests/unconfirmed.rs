//! Changes taken back: real files in a folder, commands recorded.

use atomhost::accounts::Owner;
use atomhost::action::Action;
use atomhost::apply::{self, Progress, revert, safeguard};
use atomhost::host::command::{Command, CommandError, Output};
use atomhost::host::{Host, preserved};
use atomhost::plan::{Plan, PlannedAction};
use atomhost::record::Record;
use atomhost::report::{Report, Taken};
use atomhost::secret::digest;
use atomhost::unconfirmed::{MANIFEST, undoing};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

struct Silent;

impl Progress for Silent {
    fn starts(&mut self, _at: usize, _of: usize, _planned: &PlannedAction) {}
    fn ended(&mut self, _at: usize, _of: usize, _planned: &PlannedAction, _took: Duration, _success: bool) {}
}

/// A host in a folder, whose commands all succeed.
struct Fixture {
    folder: tempfile::TempDir,
    host: Host,
    owner: Owner,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let runner =
            |_: &Command| -> Result<Output, CommandError> { Ok(Output { code: Some(0), ..Output::default() }) };
        let host = Host::new(folder.path(), Arc::new(runner));
        let found = std::fs::metadata(folder.path()).expect("there");
        let owner = Owner { user: found.uid().to_string(), group: found.gid().to_string() };
        let fixture = Fixture { folder, host, owner };
        fixture.file("/proc/uptime", "100.00 1.00\n", 0o644);
        fixture.file("/proc/sys/kernel/random/boot_id", "one\n", 0o644);
        fixture
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    fn file(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("set");
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    fn write(&self, path: &str, before: Option<&str>, after: &str) -> Action {
        let (before, after) = (before.map(str::to_owned), after.to_owned());
        Action::WriteFile { path: path.to_owned(), mode: 0o644, owner: self.owner.clone(), before, after }
    }

    fn set_up(&self, plan: &Plan) {
        let undoing = undoing(plan).expect("it can be taken back");
        let profile = ("/etc/atomhost/profile.yaml", "digest");
        safeguard::set_up(&self.host, &undoing, profile, 60, "/usr/local/bin/atomhost").expect("kept and armed");
    }

    fn run(&self, plan: &Plan) {
        let mut report = Report::begin(plan, "/etc/atomhost/profile.yaml", 0);
        let (mut record, stop) = (Record::default(), AtomicBool::new(false));
        apply::apply(plan, &self.host, &mut record, &mut report, &mut Silent, &stop).expect("it runs");
        assert_eq!(report.error, None);
    }

    fn revert(&self) -> Taken {
        let manifest = safeguard::read(self.host.reader()).expect("readable").expect("there");
        revert::revert(&self.host, &manifest, &Record::default(), true).expect("reverted")
    }

    /// All that is in /etc, with every attribute.
    fn tree(&self) -> BTreeMap<PathBuf, preserved::State> {
        let mut tree = BTreeMap::new();
        let mut pending = vec![self.path("/etc")];
        while let Some(path) = pending.pop() {
            if path.is_dir() && !path.is_symlink() {
                pending
                    .extend(std::fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()));
            }
            tree.insert(path.clone(), preserved::capture(&path, true).expect("readable").0);
        }
        // atomhost's own units come and go.
        tree.retain(|path, _| !path.starts_with(self.path("/etc/systemd")));
        tree
    }
}

fn plan(actions: Vec<Action>) -> Plan {
    let planned = |action| PlannedAction {
        object: "object".to_owned(),
        before: String::new(),
        after: "after".to_owned(),
        why: String::new(),
        owes: Vec::new(),
        action,
    };
    Plan { actions: actions.into_iter().map(planned).collect(), ..Plan::empty("") }
}

/// One of each kind of action, on files that a symbolic link, an odd mode or nothing makes special.
fn everything(fixture: &Fixture) -> Plan {
    fixture.file("/etc/access.conf", "+:root:ALL\n", 0o4750);
    fixture.file("/etc/log", "huge", 0o666);
    fixture.file("/etc/old.conf", "old", 0o600);
    fixture.file("/etc/real", "behind a link", 0o644);
    symlink("real", fixture.path("/etc/link")).expect("linked");
    symlink("nowhere", fixture.path("/etc/old-link")).expect("linked");
    let attributes = |path: &str| Action::SetAttributes { path: path.to_owned(), mode: Some(0o600), owner: None };
    let directory =
        |path: &str| Action::CreateDirectory { path: path.to_owned(), mode: 0o750, owner: fixture.owner.clone() };
    let remove = Action::RemoveFile {
        path: "/etc/old.conf".to_owned(),
        digest: digest(b"old"),
        backup: "/etc/old.conf.backup".to_owned(),
    };
    plan(vec![
        fixture.write("/etc/access.conf", Some("+:root:ALL\n"), "-:ALL:ALL\n"),
        attributes("/etc/access.conf"),
        attributes("/etc/log"),
        fixture.write("/etc/link", Some("behind a link"), "changed"),
        remove,
        directory("/etc/made/deep"),
        fixture.write("/etc/made/deep/new.conf", None, "new"),
        fixture.write("/etc/other/new.conf", None, "new"),
        Action::ReloadSystemd,
    ])
}

#[test]
fn everything_comes_back_wherever_a_run_was_cut_off() {
    let count = everything(&Fixture::new()).actions.len();
    for cut in 0..=count {
        let fixture = Fixture::new();
        let mut plan = everything(&fixture);
        let before = fixture.tree();
        fixture.set_up(&plan);
        plan.actions.truncate(cut);
        fixture.run(&plan);
        assert!(cut == 0 || fixture.tree() != before, "{cut}: nothing was changed");
        let taken = fixture.revert();
        assert_eq!((taken.failed, taken.beside, taken.stayed), (vec![], vec![], vec![]), "{cut}");
        assert_eq!(fixture.tree(), before, "{cut}");
        assert_eq!(fixture.text(MANIFEST), None);
        let report = fixture.text("/var/lib/atomhost/report.json").expect("a report");
        assert!(report.contains("\"outcome\": \"reverted\""), "{report}");
        let record = fixture.text("/var/lib/atomhost/record.json").expect("a record");
        assert!(record.contains("\"profile_digest\": \"digest\""), "{record}");
    }
}

#[test]
fn a_revert_that_is_cut_off_is_finished_by_the_next() {
    let fixture = Fixture::new();
    let plan = everything(&fixture);
    let before = fixture.tree();
    fixture.set_up(&plan);
    fixture.run(&plan);
    // As it is when the first and the last of the files are back already.
    std::fs::remove_file(fixture.path("/etc/other/new.conf")).expect("removed");
    fixture.file("/etc/access.conf", "+:root:ALL\n", 0o4750);
    let manifest = safeguard::read(fixture.host.reader()).expect("readable").expect("there");
    revert::revert(&fixture.host, &manifest, &Record::default(), false).expect("reverted");
    assert_eq!(fixture.tree(), before);
}

#[test]
fn what_somebody_else_wrote_is_kept_beside() {
    let fixture = Fixture::new();
    let plan = everything(&fixture);
    fixture.set_up(&plan);
    fixture.run(&plan);
    fixture.file("/etc/access.conf", "theirs", 0o640);
    fixture.file("/etc/other/new.conf", "theirs too", 0o600);
    fixture.file("/etc/made/more", "in use", 0o600);
    let taken = fixture.revert();
    assert_eq!(taken.failed, Vec::<String>::new());
    assert_eq!(fixture.text("/etc/access.conf").as_deref(), Some("+:root:ALL\n"));
    assert_eq!(fixture.text("/etc/access.conf.atomhost-saved").as_deref(), Some("theirs"));
    assert_eq!(fixture.text("/etc/other/new.conf.atomhost-saved").as_deref(), Some("theirs too"));
    assert_eq!(taken.beside, ["/etc/other/new.conf.atomhost-saved", "/etc/access.conf.atomhost-saved"]);
    assert_eq!(taken.stayed, ["/etc/other", "/etc/made"]);
    assert_eq!(fixture.text("/etc/made/more").as_deref(), Some("in use"));
    assert!(!fixture.path("/etc/made/deep").exists());
}

#[test]
fn what_does_not_come_back_keeps_nothing_else_from_it() {
    let fixture = Fixture::new();
    let plan = everything(&fixture);
    fixture.set_up(&plan);
    fixture.run(&plan);
    let manifest = safeguard::read(fixture.host.reader()).expect("readable").expect("there");
    let kept = manifest.paths.iter().find(|kept| kept.path == "/etc/access.conf").expect("it is kept");
    let name = kept.content.clone().expect("its content is kept");
    fixture.file(&format!("/var/lib/atomhost/unconfirmed/{name}"), "damaged", 0o600);
    let taken = fixture.revert();
    assert_eq!(taken.failed.len(), 1, "{:?}", taken.failed);
    assert!(taken.failed[0].starts_with("/etc/access.conf: what was kept of it is damaged"), "{:?}", taken.failed);
    assert_eq!(fixture.text("/etc/access.conf").as_deref(), Some("-:ALL:ALL\n"), "it is left alone");
    assert_eq!(fixture.text("/etc/real").as_deref(), Some("behind a link"));
    let manifest = safeguard::read(fixture.host.reader()).expect("readable").expect("it stays");
    assert_eq!((manifest.reverting, manifest.attempts), (true, 1));
}

#[test]
fn only_root_can_read_what_is_kept_and_confirming_removes_all_of_it() {
    let fixture = Fixture::new();
    let plan = everything(&fixture);
    let etc = fixture.tree();
    fixture.set_up(&plan);
    let mode = |path: &Path| std::fs::symlink_metadata(path).expect("there").mode() & 0o7777;
    let folder = fixture.path("/var/lib/atomhost/unconfirmed");
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("readable") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
    let unit = fixture.text("/etc/systemd/system/atomhost-revert.service").expect("the unit");
    assert!(unit.contains("ExecStart=/usr/local/bin/atomhost revert --expired"));
    fixture.run(&plan);
    let changed = fixture.tree();
    assert_ne!(changed, etc);
    safeguard::discard(&fixture.host).expect("confirmed");
    safeguard::discard(&fixture.host).expect("twice is the same");
    assert_eq!(fixture.tree(), changed);
    assert!(!fixture.path("/etc/systemd/system/atomhost-revert.service").exists());
    let left: Vec<_> = std::fs::read_dir(fixture.path("/var/lib/atomhost")).expect("readable").collect();
    assert_eq!(left.len(), 1, "only the report stays: {left:?}");
}

#[test]
fn what_cannot_be_kept_stops_everything() {
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.path("/etc")).expect("made");
    nix::unistd::mkfifo(&fixture.path("/etc/pipe"), nix::sys::stat::Mode::S_IRUSR).expect("made");
    let plan = plan(vec![fixture.write("/etc/pipe", None, "text")]);
    let undoing = undoing(&plan).expect("it can be taken back");
    let set_up = |program| safeguard::set_up(&fixture.host, &undoing, ("p", "d"), 60, program);
    let error = set_up("/usr/local/bin/atomhost").expect_err("a pipe");
    assert!(atomhost::exit::chain(&error).contains("it is a device, socket or pipe"), "{error}");
    let error = set_up("/root/my tools/atomhost").expect_err("systemd would read two words");
    assert!(error.to_string().contains("systemd cannot start /root/my tools/atomhost"), "{error}");
    assert!(!fixture.path("/var/lib/atomhost/unconfirmed").exists());
    assert!(!fixture.path("/var/lib/atomhost/unconfirmed.new").exists());
}
