//! A YAML document as a tree, each value with the place where it stands.

use crate::profile::error::Problem;
use crate::profile::yaml::{self, At};
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::ops::Range;

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub origin: Origin,
}

/// A place in one of the files of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Which of the files, in the order in which they are merged.
    pub source: usize,
    /// Bytes of its text.
    pub span: Range<usize>,
}

/// What YAML has.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    /// As it would be written: what is plain stays plain, so that its type is not decided here.
    Scalar(String),
    Sequence(Vec<Node>),
    /// By the text of the key, which has a place of its own.
    Mapping(IndexMap<String, (Origin, Node)>),
}

impl Node {
    /// The tree of a file's text.
    ///
    /// # Errors
    /// The first thing that is no YAML.
    pub fn read(text: &str) -> Result<Node, Problem> {
        let found: At<Plain> = yaml::read(text)?;
        Ok(node(found, text))
    }

    /// Says of all of it which file it is from.
    pub fn set_source(&mut self, source: usize) {
        self.origin.source = source;
        match &mut self.value {
            Value::Null | Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.set_source(source)),
            Value::Mapping(entries) => entries.values_mut().for_each(|(origin, node)| {
                origin.source = source;
                node.set_source(source);
            }),
        }
    }

    /// Whether a map in it has this key with a value that `test` holds for.
    pub fn any(&self, key: &str, test: &impl Fn(&str) -> bool) -> bool {
        match &self.value {
            Value::Null | Value::Scalar(_) => false,
            Value::Sequence(items) => items.iter().any(|item| item.any(key, test)),
            Value::Mapping(entries) => entries.iter().any(|(name, (_, node))| match &node.value {
                Value::Scalar(word) if name == key => test(word),
                _ => node.any(key, test),
            }),
        }
    }
}

/// What deserialises from anything.
#[derive(Debug)]
enum Plain {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Sequence(Vec<At<Plain>>),
    Mapping(Vec<(At<Key>, At<Plain>)>),
}

/// A key's text, whatever type YAML would give it.
#[derive(Debug)]
struct Key(String);

fn node(found: At<Plain>, text: &str) -> Node {
    let At { value, span } = found;
    let value = match value {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Scalar(as_written(text, &span).unwrap_or_else(|| value.to_string())),
        Plain::Number(value) => Value::Scalar(as_written(text, &span).unwrap_or(value)),
        Plain::Text(value) => Value::Scalar(as_written(text, &span).unwrap_or_else(|| quoted(&value))),
        Plain::Sequence(items) => Value::Sequence(items.into_iter().map(|item| node(item, text)).collect()),
        Plain::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| (key.value.0, (Origin { source: 0, span: key.span }, node(value, text))))
                .collect(),
        ),
    };
    Node { value, origin: Origin { source: 0, span } }
}

/// The scalar just as it stands in the file, where that is one line and no alias, tag or block.
fn as_written(text: &str, span: &Range<usize>) -> Option<String> {
    let word = text.get(span.clone())?.trim_end();
    let first = word.chars().next()?;
    let is_whole = match first {
        '"' | '\'' => word.len() > 1 && word.ends_with(first),
        _ => !"*&!|>%@`".contains(first) && !word.contains(" #"),
    };
    (is_whole && !word.contains('\n')).then(|| word.to_owned())
}

/// In double quotes, with JSON's escapes, which are YAML's too.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_none<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Plain, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Plain::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Plain::Mapping(entries))
    }
}
