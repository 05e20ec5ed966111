//! Saved plans: `plan --out` writes one, `apply --plan` runs it if it is still what would be planned.

use crate::plan::Plan;
use crate::secret::digest;
use serde::{Deserialize, Serialize};

/// Name and version of a saved plan's JSON form.
pub const SAVED_SCHEMA: &str = "atomhost.saved-plan/1";

/// Bytes that a saved plan may have: far more than one of a thousand volumes.
pub const MAX_SAVED_BYTES: u64 = 64 << 20;

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
        if json.trim().is_empty() {
            return Err(SavedPlanError("is empty: make it anew with plan --out".to_owned()));
        }
        if json.len() as u64 > MAX_SAVED_BYTES {
            return Err(SavedPlanError(format!("is larger than {MAX_SAVED_BYTES} bytes: it is none")));
        }
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

    /// Whether this is the plan that would be made now, `fresh`. It is that one which is run: whoever edits a saved
    /// plan, its digest included, can have it refused and nothing else.
    ///
    /// # Errors
    /// Why it is not.
    pub fn require_same(&self, fresh: &Plan) -> Result<(), String> {
        if self.plan.hostname != fresh.hostname {
            return Err(format!("it was made on {}, and this is {}", self.plan.hostname, fresh.hostname));
        }
        if self.plan != *fresh {
            return Err("the host changed since it was made, or it was made by another version of atomhost".to_owned());
        }
        Ok(())
    }

    fn seal(&self) -> String {
        let SavedPlan { schema, digest: _, profile_path, profile_digest, plan } = self;
        digest(&serde_json::to_vec(&(schema, profile_path, profile_digest, plan)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::golden;
    use serde_json::Value;

    /// The plan of a golden case, for a profile of this text.
    fn made(case: &str) -> SavedPlan {
        let text = golden::text(case, "profile.yaml");
        SavedPlan::new("/etc/atomhost/profile.yaml", text.as_bytes(), golden::plan(case))
    }

    /// JSON pointers of all that is in a value, itself included.
    fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
                }
            }
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    pointers(value, &format!("{at}/{number}"), all);
                }
            }
            _ => {}
        }
    }

    /// Something of the same kind, where there is such.
    fn other(value: &Value) -> Value {
        match value {
            Value::Null => Value::from("x"),
            Value::Bool(bool) => Value::from(!bool),
            Value::Number(number) => Value::from(number.as_u64().unwrap_or_default() + 1),
            Value::String(text) => Value::from(format!("{text}x")),
            Value::Array(list) if list.is_empty() => Value::from(vec!["x"]),
            Value::Array(list) => Value::from(list[1..].to_vec()),
            Value::Object(_) => Value::Null,
        }
    }

    /// As somebody would who knows how the digest is made.
    fn seal_anew(value: &mut Value) {
        if let Ok(saved) = serde_json::from_value::<SavedPlan>(value.clone()) {
            value["digest"] = Value::from(saved.seal());
        }
    }

    /// Every value of the file in turn is made another, without and with a digest that fits: what comes of it is never
    /// taken for the plan that is made now.
    #[test]
    fn a_tampered_plan_is_never_run() {
        let cases = [
            "01-scheme-v2-blank-host",
            "14-pool-settings-drift",
            "70-users-new",
            "80-files-and-docker",
            "11-fstab-conflict",
        ];
        for case in cases {
            let saved = made(case);
            let whole = serde_json::to_value(&saved).expect("JSON");
            assert_eq!(SavedPlan::parse(&whole.to_string()).expect("as written").require_same(&saved.plan), Ok(()));
            let mut all = Vec::new();
            pointers(&whole, "", &mut all);
            assert!(all.len() > 80, "{case}: {}", all.len());
            for pointer in all {
                let mut tampered = whole.clone();
                let value = tampered.pointer_mut(&pointer).expect("a value");
                *value = other(value);
                assert!(SavedPlan::parse(&tampered.to_string()).is_err(), "{case} {pointer}: not noticed");
                seal_anew(&mut tampered);
                let Ok(parsed) = SavedPlan::parse(&tampered.to_string()) else { continue };
                let is_refused = parsed.require_same(&saved.plan).is_err()
                    || parsed.profile_digest != saved.profile_digest
                    // The profile is read from there, must be root's alone, and its text is known by its digest.
                    || parsed.profile_path != saved.profile_path;
                // What is left is the digest itself, mended again.
                assert!(is_refused || pointer == "/digest", "{case} {pointer}: would be run");
            }
        }
    }

    /// Wherever it is cut off.
    #[test]
    fn a_truncated_plan_is_refused() {
        let json = serde_json::to_string_pretty(&made("14-pool-settings-drift")).expect("JSON");
        for length in 0..json.len() {
            if let Some(cut) = json.get(..length) {
                assert!(SavedPlan::parse(cut).is_err(), "{length} bytes");
            }
        }
    }

    #[test]
    fn what_is_no_plan_of_ours_says_why() {
        let saved = made("14-pool-settings-drift");
        let json = serde_json::to_string(&saved).expect("JSON");
        let newer = json.replacen(SAVED_SCHEMA, "atomhost.saved-plan/2", 1);
        let unknown = json.replacen("\"plan\":{", "\"plan\":{\"new\":1,", 1);
        let rows: [(&str, &str); 6] = [
            ("", "is empty"),
            ("\n", "is empty"),
            ("{\"schema\":", "was cut short"),
            ("[]", "no saved plan of this version"),
            (&newer, "make it anew with plan --out"),
            (&unknown, "unknown field `new`"),
        ];
        for (text, expected) in rows {
            let error = SavedPlan::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let elsewhere = Plan { hostname: "host2".to_owned(), ..saved.plan.clone() };
        assert_eq!(
            saved.require_same(&elsewhere),
            Err(format!("it was made on {}, and this is host2", saved.plan.hostname))
        );
        let later = Plan { actions: Vec::new(), ..saved.plan.clone() };
        assert!(saved.require_same(&later).is_err_and(|why| why.contains("the host changed")));
    }
}
