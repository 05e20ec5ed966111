//! `make torture`: each action of a run is killed and cut off, one host for each cut, and the next run must end where
//! an undisturbed one does. Prints a table of step and cut; exits 1 when any of them went wrong.
//!
//! `TORTURE=growth` runs the cuts whose name contains that: `SCENARIO/CUT/NUMBER`, such as `provisioning/power/7`.

#[path = "cases/support.rs"]
#[allow(dead_code)]
mod support;

mod crash;
mod harness;

use crash::{Cut, Scenario, cut, recover, reference};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A column of the table.
const KINDS: [&str; 3] = ["killed in it", "killed at a write", "power cut in it"];
/// No run renames more often than this for one action.
const MOST_RENAMES: usize = 8;

/// One cut to make, and its place in the table.
#[derive(Clone, Copy)]
struct Trial {
    cut: Cut,
    kind: usize,
}

impl Trial {
    fn name(self, scenario: Scenario) -> String {
        let (kind, number) = match self.cut {
            Cut::KilledIn(number) => ("kill", number),
            Cut::KilledAtRename(number) => ("rename", number),
            Cut::PowerCutIn(number) => ("power", number),
        };
        format!("{}/{kind}/{number}", scenario.name())
    }
}

/// Results by action (from 1; 0: before the first) and kind: how many were good, and what went wrong.
type Results = BTreeMap<(usize, usize), (usize, Vec<String>)>;

fn main() {
    let filter = std::env::var("TORTURE").unwrap_or_default();
    let mut failures = Vec::new();
    for scenario in Scenario::ALL {
        let (undisturbed, actions) = reference(scenario);
        let trials = trials(actions.len());
        let trials: Vec<Trial> = trials.into_iter().filter(|trial| trial.name(scenario).contains(&filter)).collect();
        if trials.is_empty() {
            continue;
        }
        println!("\n{}: {} actions, {} cuts", scenario.name(), actions.len(), trials.len());
        let results = run(scenario, &trials, &undisturbed);
        print(&actions, &results);
        failures.extend(results.into_values().flat_map(|(_, failed)| failed));
    }
    for failure in &failures {
        println!("\n{failure}");
    }
    println!("\n{} went wrong", failures.len());
    std::process::exit(i32::from(!failures.is_empty()));
}

fn trials(actions: usize) -> Vec<Trial> {
    let kills = (1..=actions).map(|number| Trial { cut: Cut::KilledIn(number), kind: 0 });
    let renames = (1..=actions * MOST_RENAMES).map(|number| Trial { cut: Cut::KilledAtRename(number), kind: 1 });
    let cuts = (1..=actions).map(|number| Trial { cut: Cut::PowerCutIn(number), kind: 2 });
    kills.chain(renames).chain(cuts).collect()
}

/// As many hosts at once as there are cores. A run that is over before its cut ends the trials of that kind.
fn run(scenario: Scenario, trials: &[Trial], undisturbed: &str) -> Results {
    let results = Mutex::new(Results::new());
    let (next, last_rename) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if matches!(trial.cut, Cut::KilledAtRename(number) if number > last_rename.load(Ordering::Relaxed))
                    {
                        continue;
                    }
                    let name = trial.name(scenario);
                    let outcome = catch_unwind(AssertUnwindSafe(|| attempt(scenario, *trial, undisturbed)));
                    let (action, result) = match outcome {
                        Ok((None, result)) => {
                            if let Cut::KilledAtRename(number) = trial.cut {
                                last_rename.fetch_min(number, Ordering::Relaxed);
                            }
                            eprintln!("{name}: over before the cut");
                            (usize::MAX, result)
                        }
                        Ok((Some(action), result)) => (action, result),
                        Err(_) => (0, Err("the host or the harness failed, see above".to_owned())),
                    };
                    eprintln!("{name}: {}", if result.is_ok() { "ok" } else { "WRONG" });
                    let mut results = results.lock().expect("no thread holds it while it panics");
                    let entry = results.entry((action, trial.kind)).or_default();
                    match result {
                        Ok(()) => entry.0 += 1,
                        Err(difference) => entry.1.push(format!("{name}: {difference}")),
                    }
                }
            });
        }
    });
    results.into_inner().expect("no thread panicked")
}

fn attempt(scenario: Scenario, trial: Trial, undisturbed: &str) -> (Option<usize>, Result<(), String>) {
    let mut host = scenario.host(&trial.name(scenario).replace('/', "-"));
    let action = cut(&mut host, trial.cut);
    (action, recover(&host, undisturbed))
}

fn print(actions: &[String], results: &Results) {
    println!("\n| # | action | {} |\n|---:|---|{}", KINDS.join(" | "), "---|".repeat(KINDS.len()));
    for number in 0..=actions.len() {
        let cell = |kind| match results.get(&(number, kind)) {
            None => "-".to_owned(),
            Some((good, failed)) if failed.is_empty() => format!("{good} ok"),
            Some((good, failed)) => format!("{good} ok, **{} wrong**", failed.len()),
        };
        let cells: Vec<String> = (0..KINDS.len()).map(cell).collect();
        let name = if number == 0 { "before the first" } else { &actions[number - 1] };
        println!("| {number} | {name} | {} |", cells.join(" | "));
    }
}
