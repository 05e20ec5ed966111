//! The only door to the YAML library: text in, values with their positions out.

use super::error::{self, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::{Budget, Error, Location, Options, Spanned};
use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// Nodes that a profile may have, aliases expanded. The largest sensible one has a few hundred.
const MAX_NODES: usize = 50_000;

/// A value and the bytes of the file where it stands.
///
/// Equal and hashed by the value alone, so that it serves as a key.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: Hash> Hash for At<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<T>::deserialize(deserializer)?;
        Ok(At { value, span: byte_range(&referenced).unwrap_or(0..0) })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The start and end of a location in bytes, where the library knows them.
fn byte_range(location: &Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len().unwrap_or(0)).ok()?;
    Some(start..start.saturating_add(length))
}

fn options() -> Options {
    serde_yaml::options! {
        // `swap: yes` is a string in YAML 1.2 and a boolean in 1.1: neither guess is ours to make.
        strict_booleans: true,
        with_snippet: false,
        budget: Some(budget()),
    }
}

fn budget() -> Budget {
    let mut budget = Budget::default();
    budget.max_documents = 1;
    budget.max_nodes = MAX_NODES;
    budget.max_depth = 64;
    budget
}

/// Reads one document.
///
/// # Errors
/// The first thing that is wrong, with its place and, where there is one, the cure.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_yaml::from_str_with_options(text, options()).map_err(|error| problem(text, &error))
}

/// The library's error in this program's words: its own speak of its options and of Rust types.
fn problem(text: &str, error: &Error) -> Problem {
    let at = error.location().and_then(|location| byte_range(&location)).or_else(|| place(text, error));
    let (message, cure) = words(error);
    let cure = tab_cure(text, at.as_ref()).unwrap_or(cure);
    Problem { message, cure, span: at }
}

/// Message and cure.
fn words(error: &Error) -> (String, String) {
    let (message, cure) = match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => return words(error),
        Error::SerdeUnknownField { field, expected, .. } => return error::unknown_word("key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => return error::unknown_word("value", variant, expected),
        Error::SerdeMissingField { field, .. } => return (format!("`{field}` is missing"), format!("add `{field}:`")),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            let unexpected = if unexpected == "unit value" { "nothing" } else { unexpected };
            return (format!("{unexpected} stands where {expected} belongs"), String::new());
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default();
            return (
                format!("the key{key} is there twice"),
                "keep one of the two: which one counts would be a guess".to_owned(),
            );
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } | Error::MultipleDocuments { .. } => (
            "a second YAML document begins here, and a profile is one",
            "remove `---` and what follows, or keep that in a file of its own",
        ),
        Error::Budget { .. } => (
            "the profile is too large or too deeply nested once its aliases are expanded",
            "a profile has some hundred values: write them out, without `*` aliases of aliases",
        ),
        Error::InvalidBooleanStrict { .. } => ("this is neither true nor false", "write true or false"),
        Error::InvalidScalar { ty: "bool", .. } => ("this is neither true nor false", "write true or false"),
        Error::InvalidScalar { .. } => ("this is no whole number from 0 on", "write digits only, without a unit"),
        Error::NullIntoString { .. } => ("there is no value here", "write one, or remove the key"),
        Error::Eof { .. } => ("the profile ends too early", "is the file complete?"),
        Error::UnknownAnchor { .. } => ("nothing before this alias has its name", "write the value out"),
        Error::Unexpected { expected: "mapping start", .. } => ("a map of `key: value` belongs here", ""),
        Error::Unexpected { expected: "sequence start", .. } => {
            ("a list belongs here, even of one", "write each entry on a line of its own after `- `, or all within [ ]")
        }
        Error::Unexpected { expected: "string scalar", .. } => ("a single word or number belongs here", ""),
        other => return syntax(other),
    };
    (message.to_owned(), cure.to_owned())
}

/// Errors of YAML itself, in the library's words without the place, which the snippet shows anyway.
fn syntax(error: &Error) -> (String, String) {
    const CURES: [(&str, &str); 5] = [
        (
            "mapping values are not allowed",
            "keys of one map begin in the same column; a text that contains `: ` needs quotes",
        ),
        ("expected ',' or '}'", "close the `{` before this place"),
        ("expected ',' or ']'", "close the `[` before this place"),
        ("unclosed quote", "add the closing quote"),
        ("recursion limit", "is this the right file? a profile is nested a few levels deep"),
    ];
    let text = match error {
        Error::Message { msg, .. } => msg.clone(),
        other => other.render_with_formatter(&serde_yaml::UserMessageFormatter),
    };
    let text = text.split(" at line ").next().unwrap_or(&text);
    let cure = CURES.iter().find(|(part, _)| text.contains(part)).map_or("", |(_, cure)| cure);
    (text.to_owned(), cure.to_owned())
}

/// Line and column as bytes, for errors whose place is known as such only.
fn place(text: &str, error: &Error) -> Option<Range<usize>> {
    let location = error.location()?;
    let line = usize::try_from(location.line()).ok()?.checked_sub(1)?;
    let column = usize::try_from(location.column()).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let offset = rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset);
    Some(start + offset..start + offset)
}

/// YAML's own message about a tab rarely names it.
fn tab_cure(text: &str, at: Option<&Range<usize>>) -> Option<String> {
    let start = at?.start.min(text.len());
    let before = text.get(..start)?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let indentation: String = text[line..].chars().take_while(|c| *c == ' ' || *c == '\t').collect();
    indentation.contains('\t').then(|| "YAML forbids tabs for indentation: replace each by spaces".to_owned())
}
