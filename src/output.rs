//! stdout for people and programs: a pipe that closes ends the output, never the work.

use crate::cli::{Color, Global};
use crate::render::{self, Options};
use std::io::{IsTerminal, Write};

/// Columns when stdout is no terminal and COLUMNS says nothing.
const FILE_WIDTH: usize = 100;

/// How to draw on this stdout.
pub fn options(global: &Global) -> Options {
    let terminal = std::io::stdout().is_terminal();
    let color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let width = terminal_size::terminal_size()
        .filter(|_| terminal)
        .map_or_else(|| file_width(std::env::var("COLUMNS").ok().as_deref()), |(width, _)| usize::from(width.0));
    Options { width, unicode: is_utf8(), color, verbose: global.verbose > 0 }
}

/// What COLUMNS asks for, if that makes sense.
fn file_width(columns: Option<&str>) -> usize {
    columns.and_then(|columns| columns.parse().ok()).filter(|width| (40..=1000).contains(width)).unwrap_or(FILE_WIDTH)
}

/// The first of LC_ALL, LC_CTYPE and LANG that is set decides, as locale(7) has it.
fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| render::is_utf8_locale(&value))
}

/// Whether stdout is a terminal that understands cursor movement.
pub fn is_interactive() -> bool {
    std::io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

/// Writes to stdout. A closed pipe or full disk behind it is no reason to stop anything, so errors
/// end here.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes a line to stdout.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Writes a line to stderr; a closed one is no reason to fail differently.
pub fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_file() {
        for (columns, expected) in
            [(None, 100), (Some("80"), 80), (Some("7"), 100), (Some("-1"), 100), (Some("99999"), 100), (Some(""), 100)]
        {
            assert_eq!(file_width(columns), expected, "{columns:?}");
        }
    }
}
