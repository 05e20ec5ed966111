//! Saved plans: `plan --out` writes one, `apply --plan` runs it if it is still what would be planned.

use crate::plan::Plan;
use crate::secret::digest;
use serde::{Deserialize, Serialize};

/// Name and version of a saved plan's JSON form.
pub const SAVED_SCHEMA: &str = "atomhost.saved-plan/1";

/// A plan, and which profile it was made from. The profile itself is read again when the plan is run:
/// it may hold secrets, and a plan that was put aside holds none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    pub schema: String,
    /// SHA-256, in hexadecimal, of the JSON of all that follows: a cut or edited file is noticed.
    pub digest: String,
    /// The profile's absolute path.
    pub profile_path: String,
    /// SHA-256 of the profile's text: a plan for another profile is stale.
    pub profile_digest: String,
    pub plan: Plan,
}

/// Why a file is no saved plan.
#[derive(Debug, PartialEq, Eq)]
pub struct SavedPlanError(pub String);

impl std::fmt::Display for SavedPlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SavedPlanError {}

impl SavedPlan {
    pub fn new(profile_path: &str, profile_text: &[u8], plan: Plan) -> SavedPlan {
        let profile_digest = digest(profile_text);
        let mut saved = SavedPlan {
            schema: SAVED_SCHEMA.to_owned(),
            digest: String::new(),
            profile_path: profile_path.to_owned(),
            profile_digest,
            plan,
        };
        saved.digest = saved.seal();
        saved
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    /// Another version, text that is no saved plan, or one that was changed since it was written.
    pub fn parse(json: &str) -> Result<SavedPlan, SavedPlanError> {
        let schema = serde_json::from_str::<serde_json::Value>(json)
            .map_err(|error| SavedPlanError(format!("is no JSON, or was cut short: {error}")))?
            .get("schema")
            .and_then(|schema| schema.as_str().map(str::to_owned));
        if schema.as_deref() != Some(SAVED_SCHEMA) {
            return Err(SavedPlanError(format!(
                "is no saved plan of this version ({SAVED_SCHEMA}): make it anew with plan --out"
            )));
        }
        let saved: SavedPlan =
            serde_json::from_str(json).map_err(|error| SavedPlanError(format!("does not parse: {error}")))?;
        if saved.seal() != saved.digest {
            return Err(SavedPlanError("was changed after it was written: make it anew with plan --out".to_owned()));
        }
        Ok(saved)
    }

    fn seal(&self) -> String {
        let SavedPlan { schema, digest: _, profile_path, profile_digest, plan } = self;
        digest(&serde_json::to_vec(&(schema, profile_path, profile_digest, plan)).unwrap_or_default())
    }
}
