//! Every command that the actions of the golden plans run, and every way in which it can fail: the report then says
//! what is known, and nothing comes after it.

use super::{Progress, apply};
use crate::action::Action;
use crate::host::Host;
use crate::host::command::{Command, CommandError, Output};
use crate::plan::{Plan, PlannedAction, golden};
use crate::record::Record;
use crate::report::{ActionState, Outcome, REPORT_PATH, Report};
use crate::steps::{Step, steps};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Silent;

impl Progress for Silent {
    fn starts(&mut self, _: usize, _: usize, _: &PlannedAction) {}
    fn ended(&mut self, _: usize, _: usize, _: &PlannedAction, _: Duration, _: bool) {}
}

type Fault = fn(&Command) -> Result<Output, CommandError>;

const FAULTS: [(&str, Fault, &str); 6] = [
    ("fails", |_| Ok(ended(Some(5), None, "device busy")), "exit code 5: device busy"),
    ("is killed", |_| Ok(ended(None, Some(9), "")), "killed by signal 9"),
    ("hangs", |c| Err(CommandError::Deadline { command: c.to_string(), seconds: 60 }), "killed after 60 s"),
    (
        "cannot be killed",
        |c| Err(CommandError::Stuck { command: c.to_string(), seconds: 60, pids: vec![7] }),
        "cannot be killed",
    ),
    ("is not installed", |c| Err(CommandError::Missing { program: c.program }), "is not installed"),
    (
        "cannot be started",
        |c| {
            let source = std::io::Error::from_raw_os_error(nix::libc::EAGAIN);
            Err(CommandError::Io { command: c.to_string(), source })
        },
        "cannot run: ",
    ),
];

fn ended(code: Option<i32>, signal: Option<i32>, stderr: &str) -> Output {
    Output { code, signal, stdout: String::new(), stderr: stderr.to_owned() }
}

/// The planned actions of all golden cases whose every step is a command, one of each kind.
fn actions() -> Vec<PlannedAction> {
    let mut kinds = BTreeSet::new();
    let mut found = Vec::new();
    for case in golden::cases() {
        for planned in golden::plan(&case).actions {
            let steps = steps(&planned.action);
            let commands_alone = !steps.is_empty() && steps.iter().all(|step| matches!(step, Step::Run(_)));
            if commands_alone && kinds.insert(kind(&planned.action)) {
                found.push(planned);
            }
        }
    }
    found
}

fn kind(action: &Action) -> String {
    let json = serde_json::to_value(action).expect("an action serialises");
    json["action"].as_str().or_else(|| json["kind"].as_str()).expect("it names its kind").to_owned()
}

/// Writes a file: it comes last, and must never be come to.
fn sentinel() -> PlannedAction {
    PlannedAction {
        object: "/etc/sentinel".to_owned(),
        before: String::new(),
        after: "there".to_owned(),
        why: String::new(),
        owes: Vec::new(),
        action: Action::WriteFile {
            path: "/etc/sentinel".to_owned(),
            mode: 0o644,
            owner: crate::accounts::Owner::root(),
            before: None,
            after: "there\n".to_owned(),
        },
    }
}

#[test]
fn what_fails_is_told_and_nothing_comes_after_it() {
    let actions = actions();
    assert!(actions.len() >= 12, "only {} kinds of actions run commands alone", actions.len());
    for planned in actions {
        let commands = steps(&planned.action).len();
        for at in 0..commands {
            for (fault, how, said) in FAULTS {
                let name = format!("{}: its command {at} {fault}", kind(&planned.action));
                one(&planned, at, how, said, &name);
            }
        }
    }
}

fn one(planned: &PlannedAction, at: usize, how: Fault, said: &str, name: &str) {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("etc")).expect("made");
    std::fs::create_dir_all(root.path().join("var/lib/atomhost")).expect("made");
    let (started, on_disk) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let (count, seen, path) = (started.clone(), on_disk.clone(), root.path().join(REPORT_PATH.trim_start_matches('/')));
    let runner = move |command: &Command| {
        // Whatever happens now, the disk has it that this action was begun.
        *seen.lock().expect("unpoisoned") = std::fs::read_to_string(&path).ok();
        let place = count.fetch_add(1, Ordering::Relaxed);
        if place == at { how(command) } else { Ok(ended(Some(0), None, "")) }
    };
    let host = Host::new(root.path(), Arc::new(runner));
    let plan = Plan { actions: vec![planned.clone(), sentinel()], ..Plan::empty("host1") };
    let mut report = Report::begin(&plan, "profile.yaml", 0);
    let mut record = Record::default();
    apply(&plan, &host, &mut record, &mut report, &mut Silent, &AtomicBool::new(false)).expect("a report");
    let states: Vec<ActionState> = report.actions.iter().map(|done| done.state).collect();
    assert_eq!(states, [ActionState::Failed, ActionState::NotRun], "{name}");
    assert_eq!(report.outcome, Outcome::Failed, "{name}");
    let error = report.error.clone().unwrap_or_default();
    assert!(error.starts_with(&planned.object) && error.contains(said), "{name}: {error}");
    assert_eq!(report.actions[0].commands.len(), at + 1, "{name}: {:?}", report.actions[0].commands);
    assert!(!root.path().join("etc/sentinel").exists(), "{name}");
    assert_eq!(started.load(Ordering::Relaxed), at + 1, "{name}: a command was run after it");
    // What the action leaves half-done is remembered.
    assert!(planned.begins().iter().all(|begun| record.begun.contains(begun)), "{name}");
    let during: Report = serde_json::from_str(&on_disk.lock().expect("unpoisoned").take().expect(name)).expect(name);
    assert_eq!((during.outcome, during.actions[0].state), (Outcome::Started, ActionState::Started), "{name}");
    let kept = host.reader().read_optional(REPORT_PATH).expect("readable").expect(name);
    assert_eq!(serde_json::from_str::<Report>(&kept).expect(name), report, "{name}");
}

/// Until somebody has looked again nobody knows that the host is as it shall be: not even when nothing failed.
#[test]
fn a_run_is_not_done_before_the_second_look() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("etc")).expect("made");
    std::fs::create_dir_all(root.path().join("var/lib/atomhost")).expect("made");
    let host = Host::new(root.path(), Arc::new(|_| Ok(ended(Some(0), None, ""))));
    let plan = Plan { actions: vec![sentinel()], ..Plan::empty("host1") };
    let mut report = Report::begin(&plan, "profile.yaml", 0);
    let ran = apply(&plan, &host, &mut Record::default(), &mut report, &mut Silent, &AtomicBool::new(false));
    ran.expect("a report");
    assert_eq!((report.outcome, report.actions[0].state), (Outcome::Started, ActionState::Done), "{report:#?}");
    let mut unseen = report.clone();
    unseen.conclude_unseen("lvm fullreport: exit code 5");
    assert_eq!(unseen.outcome, Outcome::Failed);
    let error = unseen.error.unwrap_or_default();
    assert!(error.contains("all actions succeeded; afterwards the host could not be looked at: lvm"), "{error}");
    let mut left = report.clone();
    left.conclude(vec!["/etc/sentinel: still to do: there".to_owned()]);
    assert_eq!(left.outcome, Outcome::Failed);
    report.conclude(Vec::new());
    assert_eq!(report.outcome, Outcome::Done);
}
