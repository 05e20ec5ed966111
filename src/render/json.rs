//! A plan for programs.

use crate::plan::Plan;

/// The plan as indented JSON with a closing newline; its `schema` names the form.
///
/// # Errors
/// None that a plan can cause: serde_json's own.
pub fn plan(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(plan).map(|json| json + "\n")
}
