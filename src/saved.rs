//! Saved plans: `plan --out` writes one, `apply --plan` runs it if it is still what would be planned.

use crate::plan::Plan;
use crate::profile::Profile;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name and version of a saved plan's JSON form.
pub const SAVED_SCHEMA: &str = "atomhost.saved-plan/1";

/// A plan together with the profile it was made from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    pub schema: String,
    /// SHA-256, in hexadecimal, of the JSON of profile and plan: a cut or edited file is noticed.
    pub digest: String,
    /// The profile's path as it was given.
    pub profile_path: String,
    pub profile: Profile,
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
    pub fn new(profile_path: &str, profile: Profile, plan: Plan) -> SavedPlan {
        let digest = digest(&profile, &plan);
        SavedPlan { schema: SAVED_SCHEMA.to_owned(), digest, profile_path: profile_path.to_owned(), profile, plan }
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
        if digest(&saved.profile, &saved.plan) != saved.digest {
            return Err(SavedPlanError("was changed after it was written: make it anew with plan --out".to_owned()));
        }
        Ok(saved)
    }
}

fn digest(profile: &Profile, plan: &Plan) -> String {
    let json = serde_json::to_vec(&(profile, plan)).unwrap_or_default();
    Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
}
