//! Profiles of several files: what each extends, and what is dropped in beside it, merged into one.
//!
//! The merged tree is written as text and read like any profile; every error in it is then shown where the value stands
//! that it is about.

mod emit;
mod merge;
mod tree;

pub use emit::Text;
pub use tree::{Node, Origin, Value};

use super::error::{Problem, ProfileError, Source};
use super::{Profile, raw};

/// The key that names the files that a profile is based on.
pub const EXTENDS: &str = "extends";

/// A file of a profile, read as YAML and no further.
#[derive(Debug)]
pub struct Part {
    pub source: Source,
    tree: Node,
}

/// A name that a file extends, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    pub name: String,
    pub span: std::ops::Range<usize>,
}

/// A merged profile.
#[derive(Debug)]
pub struct Merged {
    pub text: Text,
    /// The files that it is made of, the first merged first.
    pub sources: Vec<Source>,
}

impl Part {
    /// Reads a file's text.
    ///
    /// # Errors
    /// It is no YAML, or no map.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Part, ProfileError> {
        let text = raw::readable(bytes).map_err(|problem| ProfileError::new(name, "", vec![problem]))?;
        let wrong = |problem| ProfileError::new(name, text, vec![problem]);
        if raw::is_empty(text) {
            return Err(wrong(Problem::of_file("the file is empty", "remove it, or say something in it")));
        }
        let tree = Node::read(text).map_err(wrong)?;
        if !matches!(tree.value, Value::Mapping(_)) {
            return Err(wrong(Problem::new(&tree.origin.span, "a map of `key: value` belongs here", "")));
        }
        Ok(Part { source: Source::new(name, text), tree })
    }

    /// Takes the names out that this file extends, in order.
    ///
    /// # Errors
    /// They are no names.
    pub fn take_extends(&mut self) -> Result<Vec<Extended>, ProfileError> {
        let Value::Mapping(entries) = &mut self.tree.value else { return Ok(Vec::new()) };
        let Some((_, node)) = entries.shift_remove(EXTENDS) else { return Ok(Vec::new()) };
        let nodes = match node.value {
            Value::Sequence(items) => items,
            _ => vec![node],
        };
        let name = |node: &Node| match &node.value {
            Value::Scalar(word) if !word.trim_matches(['"', '\'']).is_empty() => {
                Ok(Extended { name: word.trim_matches(['"', '\'']).to_owned(), span: node.origin.span.clone() })
            }
            _ => Err(self.source.error(Problem::new(
                &node.origin.span,
                "the name of a file belongs here",
                "write extends: base.yaml, or a list of such names",
            ))),
        };
        nodes.iter().map(name).collect()
    }

    /// Whether nobody but root should read this file.
    pub fn holds_secrets(&self) -> bool {
        self.tree.any("password_hash", &|word| word.trim_matches(['"', '\'']).starts_with('$'))
    }

    /// The error of a name that this file extends.
    pub fn error(&self, at: &Extended, message: impl Into<String>, cure: impl Into<String>) -> ProfileError {
        self.source.error(Problem::new(&at.span, message, cure))
    }
}

/// Whether a file has nothing but comments in it.
pub fn says_nothing(bytes: &[u8]) -> bool {
    raw::readable(bytes).is_ok_and(raw::is_empty)
}

/// Merges files, the first one first.
pub fn merge(parts: Vec<Part>) -> Merged {
    let mut sources = Vec::new();
    let mut merged: Option<Node> = None;
    for Part { source, mut tree } in parts {
        tree.set_source(sources.len());
        sources.push(source);
        match &mut merged {
            None => merged = Some(tree),
            Some(base) => merge::merge(base, tree),
        }
    }
    Merged { text: merged.as_ref().map(Text::of).unwrap_or_default(), sources }
}

impl Merged {
    /// Reads and checks the profile.
    ///
    /// # Errors
    /// As [`raw::parse`], each shown in its file.
    pub fn parse(&self) -> Result<Profile, ProfileError> {
        raw::read(&self.text.text).map_err(|problems| {
            let placed = problems.into_iter().map(|problem| self.place(problem)).collect();
            ProfileError::of_sources(self.sources.clone(), placed)
        })
    }

    /// The problem in the file that it is about: that of the last one for what is nowhere.
    fn place(&self, problem: Problem) -> (usize, Problem) {
        let origin = problem.span.as_ref().and_then(|span| self.text.origin(span));
        match origin {
            Some(Origin { source, span }) => (*source, Problem { span: Some(span.clone()), ..problem }),
            None => (self.sources.len().saturating_sub(1), Problem { span: None, ..problem }),
        }
    }
}
