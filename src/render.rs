//! Plans for people and for programs. Pure: plan in, text out.

pub mod bar;
pub mod explain;
pub mod fleet;
pub mod html;
pub mod json;
pub mod ledger;
pub mod pool;
pub mod profile;
#[cfg(test)]
mod tests;
pub mod text;

use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal; 100 suits a file.
    pub width: usize,
    /// Arrows and blocks, or plain ASCII.
    pub unicode: bool,
    pub color: bool,
    /// With the commands behind each action, and what a refused plan would have done.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { width: 100, unicode: true, color: false, verbose: false }
    }
}

/// Whether a locale's name, as in LC_ALL or LANG, promises UTF-8.
pub fn is_utf8_locale(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.ends_with("utf-8") || locale.ends_with("utf8")
}

/// Text that comes from the world (names, signatures, file contents), harmless on a terminal:
/// control characters and those that reorder a line become visible escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_unsafe(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Columns of a text on a terminal, where some characters are two wide.
fn columns(text: &str) -> usize {
    text.width()
}

/// The text, filled up with spaces to the right.
fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text, filled up with spaces to the left.
fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

impl Options {
    fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// `text` in a style, where colour is wanted.
    fn paint(&self, style: Style, text: &str) -> String {
        match self.color && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// `before → after`, or `after` alone for what is new.
    fn change(&self, before: &str, after: &str) -> String {
        let (before, after) = (printable(before), printable(after));
        match (before.is_empty(), after.is_empty()) {
            (true, _) => after.into_owned(),
            (false, true) => before.into_owned(),
            (false, false) => format!("{before} {} {after}", self.arrow()),
        }
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn nothing_from_the_world_reaches_the_terminal_raw() {
        let rows = [
            ("xfs", "xfs"),
            ("größe", "größe"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("ab\u{202e}dc", "ab\\u{202e}dc"),
        ];
        for (text, expected) in rows {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn locales() {
        for (locale, expected) in [("C.UTF-8", true), ("de_DE.utf8", true), ("C", false), ("", false), ("POSIX", false)]
        {
            assert_eq!(is_utf8_locale(locale), expected, "{locale}");
        }
    }
}
