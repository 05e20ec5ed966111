//! Many hosts at once: plans and reports, grouped by what they say. Each is dropped once it is counted, so that
//! memory depends on how many kinds there are, not on how many hosts.

use crate::plan::{PLAN_SCHEMA, Plan, Refusal, RefusalCode};
use crate::report::{Outcome, REPORT_SCHEMA, Report};
use crate::saved::{SAVED_SCHEMA, SavedPlan};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

/// Name and version of a summary's JSON form.
pub const SUMMARY_SCHEMA: &str = "atomhost.summary/1";
/// Files that are named; more are counted.
const NAMED_FAULTS: usize = 20;
/// Actions that a group shows.
const SHOWN_ACTIONS: usize = 50;

/// What is known of a host, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its last run failed.
    Failed,
    /// Its last run was cut off, or is under way.
    CutOff,
    /// A guard refuses the plan.
    Refused,
    /// Its changes were taken back.
    Reverted,
    /// A signal stopped its last run.
    Stopped,
    /// There is something to do.
    Pending,
    /// Its last run did all that was to do.
    Done,
    InSync,
}

/// Hosts of which the same is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub state: State,
    /// [`Plan::fingerprint`]; empty in reports of older versions.
    pub fingerprint: String,
    /// How many hosts.
    pub hosts: u64,
    /// The first of them, by name, as many as were asked for.
    pub names: Vec<String>,
    /// Why they are refused.
    pub refusals: Vec<RefusalCode>,
    /// What is done to them, or was: `object: before → after`, of the first host.
    pub actions: Vec<String>,
    /// How many actions there are.
    pub action_count: u64,
    /// How the first host's run failed.
    pub error: Option<String>,
}

/// A file that is no plan and no report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub file: String,
    pub reason: String,
}

/// All hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// [`SUMMARY_SCHEMA`].
    pub schema: String,
    pub hosts: u64,
    /// The most urgent state first, then the largest.
    pub groups: Vec<Group>,
    /// What could not be counted; the first of them.
    pub faults: Vec<Fault>,
    pub fault_count: u64,
}

/// Counts hosts.
#[derive(Debug)]
pub struct Counter {
    names: usize,
    hosts: u64,
    groups: HashMap<(State, String), Group>,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl Counter {
    /// `names`: how many hosts of each group are named.
    pub fn new(names: usize) -> Counter {
        Counter { names, hosts: 0, groups: HashMap::new(), faults: Vec::new(), fault_count: 0 }
    }

    /// Counts what a document says of its host.
    ///
    /// # Errors
    /// It is no plan, saved plan or report of this version.
    pub fn add(&mut self, document: Value) -> Result<(), String> {
        let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default().to_owned();
        let wrong = |error: serde_json::Error| format!("it is no {schema}, though it says so: {error}");
        let (host, group) = match schema.as_str() {
            PLAN_SCHEMA => of_plan(serde_json::from_value(document).map_err(wrong)?),
            SAVED_SCHEMA => of_plan(serde_json::from_value::<SavedPlan>(document).map_err(wrong)?.plan),
            REPORT_SCHEMA => of_report(serde_json::from_value(document).map_err(wrong)?),
            "" => return Err("it is no plan and no report: it has no schema".to_owned()),
            other => return Err(format!("{other} is no plan and no report of this version")),
        };
        self.hosts += 1;
        let known = self.groups.entry((group.state, group.fingerprint.clone())).or_insert(group);
        known.hosts += 1;
        let at = known.names.partition_point(|name| *name < host);
        if at < self.names {
            known.names.insert(at, host);
            known.names.truncate(self.names);
        }
        Ok(())
    }

    /// Counts what cannot be counted otherwise.
    pub fn fault(&mut self, file: &str, reason: String) {
        self.fault_count += 1;
        if self.faults.len() < NAMED_FAULTS {
            self.faults.push(Fault { file: file.to_owned(), reason });
        }
    }

    /// The sum of it.
    pub fn finish(self) -> Summary {
        let Counter { names: _, hosts, groups, faults, fault_count } = self;
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by(|a, b| {
            (a.state, std::cmp::Reverse(a.hosts), &a.fingerprint).cmp(&(
                b.state,
                std::cmp::Reverse(b.hosts),
                &b.fingerprint,
            ))
        });
        Summary { schema: SUMMARY_SCHEMA.to_owned(), hosts, groups, faults, fault_count }
    }
}

fn of_plan(plan: Plan) -> (String, Group) {
    let state = match (plan.refusals.is_empty(), plan.actions.is_empty()) {
        (false, _) => State::Refused,
        (true, false) => State::Pending,
        (true, true) => State::InSync,
    };
    let group = Group {
        state,
        fingerprint: plan.fingerprint(),
        hosts: 0,
        names: Vec::new(),
        refusals: codes(&plan.refusals),
        action_count: plan.actions.len() as u64,
        actions: plan.actions.iter().take(SHOWN_ACTIONS).map(|it| words(&it.object, &it.before, &it.after)).collect(),
        error: None,
    };
    (plan.hostname, group)
}

fn of_report(report: Report) -> (String, Group) {
    let state = match report.outcome {
        Outcome::Started => State::CutOff,
        Outcome::InSync => State::InSync,
        Outcome::Done => State::Done,
        Outcome::Failed => State::Failed,
        Outcome::Stopped => State::Stopped,
        Outcome::Refused => State::Refused,
        Outcome::Reverted => State::Reverted,
    };
    let group = Group {
        state,
        fingerprint: report.fingerprint,
        hosts: 0,
        names: Vec::new(),
        refusals: codes(&report.refusals),
        action_count: report.actions.len() as u64,
        actions: report.actions.iter().take(SHOWN_ACTIONS).map(|it| words(&it.object, &it.before, &it.after)).collect(),
        error: report.error,
    };
    (report.hostname, group)
}

fn codes(refusals: &[Refusal]) -> Vec<RefusalCode> {
    let mut codes: Vec<RefusalCode> = refusals.iter().map(|refusal| refusal.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn words(object: &str, before: &str, after: &str) -> String {
    if before.is_empty() { format!("{object}: {after}") } else { format!("{object}: {before} → {after}") }
}
