//! A merged tree as text again, with the place that each part of it comes from.

use super::tree::{Node, Origin, Value, quoted};
use indexmap::IndexMap;
use std::ops::Range;

/// A merged profile's text.
#[derive(Debug, Default)]
pub struct Text {
    pub text: String,
    /// Bytes of it, and where they come from: whole values first, their parts after them.
    pub origins: Vec<(Range<usize>, Origin)>,
}

impl Text {
    /// Of this tree.
    pub fn of(node: &Node) -> Text {
        let mut text = Text::default();
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => text.mapping(node, entries, 0),
            _ => text.inline(node),
        }
        text
    }

    /// Where the innermost part comes from that these bytes are in.
    pub fn origin(&self, span: &Range<usize>) -> Option<&Origin> {
        let around = self.origins.iter().filter(|(part, _)| part.start <= span.start && span.end <= part.end);
        around.min_by_key(|(part, _)| part.len()).map(|(_, origin)| origin)
    }

    fn part(&mut self, origin: &Origin, write: impl FnOnce(&mut Text)) {
        let (start, at) = (self.text.len(), self.origins.len());
        write(self);
        self.origins.insert(at, (start..self.text.len(), origin.clone()));
    }

    fn mapping(&mut self, node: &Node, entries: &IndexMap<String, (Origin, Node)>, depth: usize) {
        self.part(&node.origin, |text| {
            for (number, (key, (origin, value))) in entries.iter().enumerate() {
                if number > 0 {
                    text.text.push_str(&" ".repeat(depth));
                }
                text.part(origin, |text| text.text.push_str(&key_text(key)));
                text.text.push(':');
                text.after_colon(value, depth + 2);
            }
        });
    }

    fn after_colon(&mut self, value: &Node, depth: usize) {
        match &value.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(depth));
                self.mapping(value, entries, depth);
            }
            Value::Sequence(items) if !items.is_empty() => {
                self.text.push('\n');
                self.part(&value.origin, |text| {
                    for item in items {
                        text.text.push_str(&format!("{}- ", " ".repeat(depth)));
                        match &item.value {
                            Value::Mapping(entries) if !entries.is_empty() => text.mapping(item, entries, depth + 2),
                            _ => {
                                text.inline(item);
                                text.text.push('\n');
                            }
                        }
                    }
                });
            }
            _ => {
                self.text.push(' ');
                self.inline(value);
                self.text.push('\n');
            }
        }
    }

    fn inline(&mut self, node: &Node) {
        self.part(&node.origin, |text| match &node.value {
            Value::Null => text.text.push('~'),
            Value::Scalar(word) => text.text.push_str(word),
            Value::Mapping(_) => text.text.push_str("{}"),
            Value::Sequence(items) => {
                text.text.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        text.text.push_str(", ");
                    }
                    text.inline(item);
                }
                text.text.push(']');
            }
        });
    }
}

/// Plain where nothing could be misread.
fn key_text(key: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./@".contains(c);
    let begins_well = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let word = !matches!(key, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if begins_well && word && key.chars().all(is_plain) { key.to_owned() } else { quoted(key) }
}
