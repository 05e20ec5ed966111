//! cloud-init: disabled, or none of our concern.

use super::Problems;
use crate::profile::CloudInit;
use crate::profile::raw::{RawCloudInit, RawCloudInitMap, WordOr};
use crate::profile::yaml::At;

/// What is wanted of cloud-init; `None` when that has a problem.
pub fn cloud_init(raw: RawCloudInit, problems: &mut Problems) -> Option<CloudInit> {
    let At { value, span } = raw;
    let (state, mask) = match value {
        WordOr::Word(word) => (At { value: word, span }, false),
        WordOr::Map(RawCloudInitMap { state: Some(state), mask }) => (state, mask.is_some_and(|mask| mask.value)),
        WordOr::Map(RawCloudInitMap { state: None, .. }) => {
            problems.add(&span, "this does not say what becomes of cloud-init", "add `state: disabled`");
            return None;
        }
    };
    if state.value != "disabled" {
        let cure = "write `disabled`, or remove `cloud_init` to leave it alone";
        problems.add(&state.span, format!("`{}` is no state of cloud-init", state.value), cure);
        return None;
    }
    Some(CloudInit { mask })
}
