//! journald's options: known ones, with values of their kind.

use super::Problems;
use crate::profile::error;
use crate::profile::journald::{Journald, OPTIONS};
use crate::profile::raw::RawJournald;
use crate::profile::yaml::At;

/// The options, as far as they are good.
pub fn journald(raw: At<RawJournald>, problems: &mut Problems) -> Journald {
    let At { value: RawJournald(options), span } = raw;
    if options.is_empty() {
        problems.add(&span, "`journald` is empty", "name an option, such as `SystemMaxUse: 1G`, or remove the key");
    }
    let mut checked = Vec::new();
    for (name, value) in options {
        let Some((_, kind)) = OPTIONS.iter().find(|(option, _)| *option == name.value) else {
            let known: Vec<&str> = OPTIONS.iter().map(|(option, _)| *option).collect();
            let (message, cure) = error::unknown_word("option of journald", &name.value, &known);
            problems.add(&name.span, message, cure);
            continue;
        };
        let value = problems.note(&value.span, kind.check(&value.value));
        checked.extend(value.map(|value| (name.value, value)));
    }
    Journald { options: checked }
}
