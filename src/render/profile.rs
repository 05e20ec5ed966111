//! A merged profile for people: its text, and behind each line the file and line that it comes from.

use super::{DIM, Options, columns, printable};
use crate::profile::compose::Merged;
use crate::profile::mask;

/// Origins begin in this column, where the text leaves room.
const COLUMN: usize = 48;

/// The whole profile.
pub fn merged(merged: &Merged, options: &Options) -> String {
    let shown = mask(&merged.text.text);
    let mut text = String::new();
    let mut at = 0;
    for (line, whole) in shown.lines().zip(merged.text.text.split_inclusive('\n')) {
        let indent = whole.len() - whole.trim_start().len();
        // What the line ends with is what it says: a value, or the key of what follows.
        let said = whole.trim_end();
        let last = at + said.strip_suffix(':').unwrap_or(said).len();
        let start = at + indent;
        let origin = merged
            .text
            .origin(&(last.saturating_sub(1).max(start)..last))
            .or_else(|| merged.text.origin(&(start..start + 1)));
        at += whole.len();
        let Some(origin) = origin else {
            text.push_str(&format!("{line}\n"));
            continue;
        };
        let source = &merged.sources[origin.source];
        let place = format!("# {}:{}", source.name(), source.line(&origin.span));
        let gap = " ".repeat(COLUMN.saturating_sub(columns(line)).max(2));
        text.push_str(&format!("{line}{gap}{}\n", options.paint(DIM, &printable(&place))));
    }
    text
}
