//! `make torture`: hosts on which run after run is killed or cut off, until each action has been under way at a cut;
//! the last run must end where an undisturbed one does. Prints a table of step and cut; exits 1 when anything went
//! wrong.
//!
//! After that one host lives long: run after run, most of them with nothing to do, and nothing grows.
//!
//! `TORTURE=growth/power` runs the chains whose name contains that: `SCENARIO/CUT`, or `long-life`.

#[path = "cases/support.rs"]
#[allow(dead_code)]
mod support;

mod crash;
mod harness;
mod long_life;

use crash::{Cut, Scenario, cut, data_is_intact, recover, reference};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A chain that does not get on has a defect of its own.
const MOST_CUTS_PER_ACTION: usize = 10;

/// How often a host is looked after in its long life, and how often there is something to do.
const RUNS: usize = 200;
const CHANGES: usize = 20;

/// How the runs of a chain are cut off, and the name of its column.
type Kind = (&'static str, &'static str, fn(usize) -> Cut);

const KINDS: [Kind; 3] = [
    ("kill", "killed in it", Cut::KilledIn),
    ("power", "power cut in it", Cut::PowerCutIn),
    ("rename", "killed at a write", Cut::KilledAtRename),
];

/// One host, cut off again and again in one way: how often in each action, and how it ended.
struct Chain {
    cuts: BTreeMap<String, usize>,
    outcome: Result<(), String>,
}

fn main() {
    let filter = std::env::var("TORTURE").unwrap_or_default();
    let mut wrong = 0;
    for scenario in Scenario::ALL {
        let name = |kind: &Kind| format!("{}/{}", scenario.name(), kind.0);
        let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| name(kind).contains(&filter)).collect();
        if kinds.is_empty() {
            continue;
        }
        let (undisturbed, actions) = reference(scenario);
        println!("{}: {} actions", scenario.name(), actions.len());
        let chains = run(scenario, &kinds, &undisturbed, actions.len());
        print!("{}", table(&actions, &kinds, &chains));
        for (kind, chain) in kinds.iter().zip(&chains) {
            if let Err(difference) = &chain.outcome {
                wrong += 1;
                println!("\n{}: {difference}", name(kind));
            }
        }
    }
    if "long-life".contains(&filter) {
        println!("long-life: {RUNS} runs in sync, {CHANGES} with something to do");
        let outcome = catch_unwind(|| long_life::nothing_grows(RUNS, CHANGES));
        println!("long-life: {}", if outcome.is_ok() { "nothing grew" } else { "wrong, see above" });
        wrong += usize::from(outcome.is_err());
    }
    println!("\n{wrong} went wrong");
    std::process::exit(i32::from(wrong > 0));
}

/// A host for each kind, as many at once as there are cores.
fn run(scenario: Scenario, kinds: &[Kind], undisturbed: &str, actions: usize) -> Vec<Chain> {
    let chains: Vec<Mutex<Option<Chain>>> = kinds.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(kinds.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, kind)) = kinds.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut cuts = BTreeMap::new();
                    let attempt = AssertUnwindSafe(|| chain(scenario, kind, undisturbed, actions, &mut cuts));
                    let outcome = catch_unwind(attempt)
                        .unwrap_or_else(|_| Err("the host or the harness failed, see above".to_owned()));
                    *chains[index].lock().expect("nobody else has it") = Some(Chain { cuts, outcome });
                }
            });
        }
    });
    chains.into_iter().filter_map(|chain| chain.into_inner().expect("no thread panicked")).collect()
}

/// Cuts runs off until one gets through. Each begins where the one before was cut off: it is cut at its first step,
/// and at a later one when the run before got no further.
fn chain(
    scenario: Scenario,
    kind: &Kind,
    undisturbed: &str,
    actions: usize,
    cuts: &mut BTreeMap<String, usize>,
) -> Result<(), String> {
    let mut host = scenario.host(&format!("{}-{}", scenario.name(), kind.0));
    let (mut step, mut last) = (1, Vec::new());
    for turn in 0..actions * MOST_CUTS_PER_ACTION {
        let Some(begun) = cut(&mut host, kind.2(step)) else {
            return recover(&host, undisturbed);
        };
        let place = begun.last().cloned().unwrap_or_default();
        eprintln!("{}/{} cut {turn} at {step}: {place}", scenario.name(), kind.0);
        data_is_intact(&host).map_err(|lost| format!("data lost by a cut in {place}: {lost}"))?;
        *cuts.entry(place).or_default() += 1;
        let got_on = begun.len() > 1 || !begun.is_empty() && begun.first() != last.first();
        if got_on {
            (step, last) = (1, begun);
        } else {
            step += 1;
        }
    }
    Err("no run got through".to_owned())
}

fn table(actions: &[String], kinds: &[Kind], chains: &[Chain]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.1).collect();
    let mut text = format!("\n| # | action | {} |\n|---:|---|{}\n", names.join(" | "), "---|".repeat(kinds.len()));
    let before = std::iter::once((0, "before the first", ""));
    let each = actions.iter().enumerate().map(|(index, action)| (index + 1, action.as_str(), action.as_str()));
    for (number, name, key) in before.chain(each) {
        let cell = |chain: &Chain| match chain.cuts.get(key) {
            None => "-".to_owned(),
            Some(count) => format!("{count} {}", if chain.outcome.is_ok() { "ok" } else { "**wrong**" }),
        };
        let cells: Vec<String> = chains.iter().map(cell).collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {number} | {name} | {} |", cells.join(" | "));
    }
    text
}
