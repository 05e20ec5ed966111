//! What is wrong with a profile, shown where it is wrong.

use super::mask::mask;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// What to do about it; empty where nothing more helpful than the message can be said.
    pub cure: String,
    /// Bytes of the file; `None` where no place is to blame.
    pub span: Option<Range<usize>>,
}

impl Problem {
    /// A problem at a place, with its cure.
    pub fn new(span: &Range<usize>, message: impl Into<String>, cure: impl Into<String>) -> Problem {
        Problem { message: message.into(), cure: cure.into(), span: Some(span.clone()) }
    }

    /// A problem of the file as a whole.
    pub fn of_file(message: impl Into<String>, cure: impl Into<String>) -> Problem {
        Problem { message: message.into(), cure: cure.into(), span: None }
    }
}

/// A profile that cannot be used, with everything found wrong in it.
///
/// Its `Display` is plain text over several lines; see [`ProfileError::render`] for colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    sources: Vec<Source>,
    /// Each with the number of its source, in the order of the files.
    problems: Vec<(usize, Problem)>,
}

/// A file of a profile, for messages: secrets in it are unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// `text` is the file's, empty where none can be shown.
    pub fn new(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: mask(text) }
    }

    /// As it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error of this file.
    pub fn error(&self, problem: Problem) -> ProfileError {
        ProfileError { sources: vec![self.clone()], problems: vec![(0, problem)] }
    }

    /// Number of the line, from 1, that these bytes begin in.
    pub fn line(&self, span: &Range<usize>) -> usize {
        Window::around(&self.text, span).line
    }
}

impl ProfileError {
    /// `source` is the file's text, empty where none can be shown. Secrets in it are made unreadable here.
    pub fn new(file_name: &str, source: &str, problems: Vec<Problem>) -> ProfileError {
        let problems = problems.into_iter().map(|problem| (0, problem)).collect();
        ProfileError::of_sources(vec![Source::new(file_name, source)], problems)
    }

    /// Of a profile of several files; each problem has the number of its own.
    pub fn of_sources(sources: Vec<Source>, mut problems: Vec<(usize, Problem)>) -> ProfileError {
        problems.sort_by_key(|(source, problem)| (*source, problem.span.as_ref().map_or(0, |span| span.start)));
        ProfileError { sources, problems }
    }

    /// The text for a person: message, file:line:column, the line with a caret, and the cure.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let blocks: Vec<String> =
            self.problems.iter().map(|(source, problem)| block(&self.sources[*source], problem, &renderer)).collect();
        blocks.join("\n\n")
    }
}

fn block(source: &Source, problem: &Problem, renderer: &Renderer) -> String {
    let Problem { message, cure, span } = problem;
    let message = printable(&mask(message));
    let mut groups = Vec::new();
    match span {
        Some(span) => {
            let window = Window::around(&source.text, span);
            groups.push(
                Level::ERROR.primary_title(message.as_str()).element(
                    Snippet::source(window.text)
                        .path(printable(&source.name))
                        .line_start(window.line)
                        .annotation(AnnotationKind::Primary.span(window.span)),
                ),
            );
        }
        None => {
            let title = format!("{}: {message}", printable(&source.name));
            groups.push(Group::with_title(Level::ERROR.primary_title(title)));
        }
    }
    let cure = printable(&mask(cure));
    let help = (!cure.is_empty()).then(|| Group::with_title(Level::HELP.secondary_title(cure.as_str())));
    match (help, span) {
        // Two reports: within one, a bar that leads nowhere would join them.
        (Some(help), None) => format!("{}\n{}", renderer.render(&groups), renderer.render(&[help])),
        (help, _) => {
            groups.extend(help);
            renderer.render(&groups)
        }
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ProfileError {}

/// One line of the source. Whole files are not handed to the renderer: a long one costs it seconds.
struct Window<'a> {
    text: &'a str,
    /// Number of the line, from 1.
    line: usize,
    /// Bytes within `text`.
    span: Range<usize>,
}

impl<'a> Window<'a> {
    /// Wider lines are cut: nobody reads a caret behind 10,000 characters.
    const MAX_BYTES: usize = 400;

    fn around(source: &'a str, span: &Range<usize>) -> Window<'a> {
        let at = floor(source, span.start.min(source.len()));
        let start = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = source[at..].find('\n').map_or(source.len(), |newline| at + newline);
        let first = floor(source, start.max(at.saturating_sub(Self::MAX_BYTES / 2)));
        let last = floor(source, end.min(at + Self::MAX_BYTES)).max(at);
        let until = floor(source, span.end.clamp(at, last)).max(at);
        let marked = source[at..until].trim_end().len();
        Window {
            text: &source[first..last],
            line: source[..start].matches('\n').count() + 1,
            span: at - first..at - first + marked,
        }
    }
}

/// The character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// What a file says reaches a terminal: control characters become visible escapes.
fn printable(text: &str) -> String {
    crate::render::printable(text).into_owned()
}

/// Message and cure for a word that is none of those known.
pub fn unknown_word(what: &str, word: &str, known: &[&str]) -> (String, String) {
    let mut words = known.to_vec();
    words.sort_unstable();
    let list = words.join(", ");
    let cure = match closest(word, &words) {
        Some(near) => format!("did you mean `{near}`? known here: {list}"),
        None if known.is_empty() => format!("no {what} is known here"),
        None => format!("known here: {list}"),
    };
    (format!("unknown {what} `{word}`"), cure)
}

/// The known word that is most likely meant: few letters apart, case, `-` and `_` aside; or one that begins with it.
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
        .or_else(|| known.iter().copied().find(|candidate| plain(candidate).starts_with(&format!("{word}_"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_not() {
        let known = ["volumes", "volume_group", "disks", "thin_pools", "grow"];
        let rows = [
            ("volume", Some("volumes")),
            ("thinpools", Some("thin_pools")),
            ("thin-pools", Some("thin_pools")),
            ("Disks", Some("disks")),
            ("disk", Some("disks")),
            ("thin", Some("thin_pools")),
            ("filesystem", None),
            ("x", None),
        ];
        for (word, expected) in rows {
            assert_eq!(closest(word, &known), expected, "{word}");
        }
    }

    #[test]
    fn a_span_past_the_end_is_shown_at_the_end() {
        let error = ProfileError::new("p.yaml", "a: 1\n", vec![Problem::new(&(900..950), "odd", "")]);
        assert!(error.to_string().contains("p.yaml:2:1"), "{error}");
    }
}
