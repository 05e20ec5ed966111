//! journald's options as they are written.

use crate::profile::journald::OPTIONS;
use crate::profile::yaml::At;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// Options of journald.conf's section `[Journal]`, by journald's own names.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct RawJournald(pub IndexMap<At<String>, At<String>>);

impl JsonSchema for RawJournald {
    fn schema_name() -> Cow<'static, str> {
        "Journald".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<String, serde_json::Value> =
            OPTIONS.iter().map(|(name, kind)| ((*name).to_owned(), kind.schema())).collect();
        json_schema!({
            "description": "Options of journald.conf's section [Journal], by journald's own names.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}
