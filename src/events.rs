//! A run as it goes on, for programs that read along: one JSON object a line.

use crate::plan::{Plan, PlannedAction, Refusal};
use crate::report::{ActionState, Outcome, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Name and version of the events' JSON form.
pub const EVENTS_SCHEMA: &str = "atomhost.events/1";

/// Something that happened. `planned` comes first, `finished` last, unless the run could not begin or was killed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// What is going to be done.
    Planned {
        /// [`EVENTS_SCHEMA`].
        schema: String,
        hostname: String,
        /// [`Plan::fingerprint`].
        fingerprint: String,
        actions: usize,
        /// With any of them nothing is done.
        refusals: Vec<Refusal>,
    },
    /// An action has begun: its place, from 1, among how many.
    Started { number: usize, of: usize, object: String, before: String, after: String },
    /// It ended.
    Ended { number: usize, of: usize, object: String, state: ActionState, seconds: f64 },
    /// The run is over.
    Finished {
        outcome: Outcome,
        done: usize,
        of: usize,
        seconds: f64,
        /// What is still to do after all actions succeeded.
        leftover: Vec<String>,
        error: Option<String>,
    },
}

impl Event {
    pub fn planned(plan: &Plan) -> Event {
        Event::Planned {
            schema: EVENTS_SCHEMA.to_owned(),
            hostname: plan.hostname.clone(),
            fingerprint: plan.fingerprint(),
            actions: plan.actions.len(),
            refusals: plan.refusals.clone(),
        }
    }

    pub fn started(number: usize, of: usize, planned: &PlannedAction) -> Event {
        let PlannedAction { object, before, after, .. } = planned.clone();
        Event::Started { number, of, object, before, after }
    }

    pub fn ended(number: usize, of: usize, planned: &PlannedAction, took: Duration, success: bool) -> Event {
        let state = if success { ActionState::Done } else { ActionState::Failed };
        Event::Ended { number, of, object: planned.object.clone(), state, seconds: took.as_secs_f64() }
    }

    pub fn finished(report: &Report) -> Event {
        Event::Finished {
            outcome: report.outcome,
            done: report.count(ActionState::Done),
            of: report.actions.len(),
            seconds: report.seconds,
            leftover: report.leftover.clone(),
            error: report.error.clone(),
        }
    }

    /// Its line, without the end.
    pub fn line(&self) -> String {
        // Of these types nothing can fail to be JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}
