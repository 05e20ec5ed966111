//! The report of a run: what was done, what failed, what never ran, with times and commands.
//!
//! Kept as /var/lib/atomhost/report.json and replaced as the run goes on, so that it tells the truth
//! after a crash too: an action that was under way is `started`.

use crate::plan::{Plan, Refusal};
use serde::{Deserialize, Serialize};

/// Name and version of the report's JSON form.
pub const REPORT_SCHEMA: &str = "atomhost.report/1";
/// Where the last report lies.
pub const REPORT_PATH: &str = "/var/lib/atomhost/report.json";

/// One run of `apply`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub schema: String,
    pub hostname: String,
    /// The profile's path as it was given.
    pub profile: String,
    /// [`Plan::fingerprint`] of what was planned; empty where nothing was.
    #[serde(default)]
    pub fingerprint: String,
    /// Seconds since the epoch.
    pub started: u64,
    /// Seconds from start to end, so far.
    pub seconds: f64,
    pub outcome: Outcome,
    pub actions: Vec<Done>,
    /// Why nothing was done.
    pub refusals: Vec<Refusal>,
    /// What the second look still found to do after all actions succeeded.
    pub leftover: Vec<String>,
    pub error: Option<String>,
    /// That the changes were taken back since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverted: Option<Taken>,
}

/// What a revert did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Seconds since the epoch.
    pub at: u64,
    /// Nobody had confirmed in time; else somebody asked for it.
    pub expired: bool,
    /// Paths that are as they were.
    pub paths: Vec<String>,
    /// Names under which what somebody else had written meanwhile is kept.
    pub beside: Vec<String>,
    /// What is left as found: directories that are not empty any more, and paths of which only mode and
    /// owner had been changed and where something else, or nothing, is by now.
    pub stayed: Vec<String>,
    /// What is not as it was, and why.
    pub failed: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Under way, or cut off.
    Started,
    /// Nothing was to be done.
    InSync,
    Done,
    Failed,
    /// A signal asked for an end between two actions.
    Stopped,
    Refused,
    /// Its changes were taken back.
    Reverted,
}

impl Outcome {
    /// In one or two words.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Started => "cut off",
            Outcome::InSync => "in sync",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Stopped => "stopped",
            Outcome::Refused => "refused",
            Outcome::Reverted => "reverted",
        }
    }
}

/// One action of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Done {
    pub object: String,
    pub before: String,
    pub after: String,
    pub state: ActionState,
    pub seconds: f64,
    /// The command lines started, in order.
    pub commands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActionState {
    NotRun,
    Started,
    Done,
    Failed,
}

impl Report {
    /// A report of a run that is about to carry out `plan`.
    pub fn begin(plan: &Plan, profile: &str, started: u64) -> Report {
        let outcome = if !plan.refusals.is_empty() {
            Outcome::Refused
        } else if plan.actions.is_empty() {
            Outcome::InSync
        } else {
            Outcome::Started
        };
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            hostname: plan.hostname.clone(),
            profile: profile.to_owned(),
            fingerprint: plan.fingerprint(),
            started,
            seconds: 0.0,
            outcome,
            actions: plan
                .actions
                .iter()
                .map(|planned| Done {
                    object: planned.object.clone(),
                    before: planned.before.clone(),
                    after: planned.after.clone(),
                    state: ActionState::NotRun,
                    seconds: 0.0,
                    commands: Vec::new(),
                })
                .collect(),
            refusals: plan.refusals.clone(),
            leftover: Vec::new(),
            error: None,
            reverted: None,
        }
    }

    /// A report of a run that is known by its profile and start alone.
    pub fn empty(profile: &str, started: u64) -> Report {
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            hostname: String::new(),
            profile: profile.to_owned(),
            fingerprint: String::new(),
            started,
            seconds: 0.0,
            outcome: Outcome::Started,
            actions: Vec::new(),
            refusals: Vec::new(),
            leftover: Vec::new(),
            error: None,
            reverted: None,
        }
    }

    /// Closes the report of a run after which the host was looked at again, with what is still to do there.
    pub fn conclude(&mut self, leftover: Vec<String>) {
        if self.outcome != Outcome::Started {
            return;
        }
        if leftover.is_empty() {
            self.outcome = Outcome::Done;
            return;
        }
        self.outcome = Outcome::Failed;
        self.leftover = leftover;
        self.error = Some("the host is not as planned after all actions succeeded".to_owned());
    }

    /// Closes the report of a run after which the host could not be looked at: that all is well is not known then.
    pub fn conclude_unseen(&mut self, why: &str) {
        let first = match self.outcome {
            Outcome::Started => "all actions succeeded".to_owned(),
            _ => self.error.take().unwrap_or_else(|| "it was stopped".to_owned()),
        };
        if self.outcome == Outcome::Started {
            self.outcome = Outcome::Failed;
        }
        self.error = Some(format!("{first}; afterwards the host could not be looked at: {why}"));
    }

    /// One message about how the run ended, for the journal; none where nothing was to do.
    pub fn log(&self) {
        let (done, of) = (self.count(ActionState::Done), self.actions.len());
        let outcome = self.outcome.word();
        if self.outcome != Outcome::InSync {
            tracing::info!(
                outcome,
                done,
                actions = of,
                seconds = self.seconds,
                profile = self.profile,
                fingerprint = self.fingerprint,
                "run ended: {outcome}, {done} of {of} actions, plan {}",
                self.fingerprint
            );
        }
    }

    pub fn count(&self, state: ActionState) -> usize {
        self.actions.iter().filter(|done| done.state == state).count()
    }
}
