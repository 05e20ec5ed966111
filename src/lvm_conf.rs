//! lvm.conf as text: one setting changed, everything else byte for byte as it was.
//!
//! The words are libdevmapper's: sections `name { … }`, `key = value` with a value or a list, `#` up
//! to the end of the line, strings in either quote; `a/b = 1` is `a { b = 1 }`. A later setting of the
//! same name counts.

use std::ops::Range;

const SECTION: &str = "backup";
const SETTING: &str = "backup/archive";
/// How lvm.conf's own lines are indented.
const INDENT: &str = "\t";

/// The text with `backup/archive` set wherever it is set, or else set once, in its section.
///
/// # Errors
/// The text is none that LVM reads: brackets or quotes do not match.
pub fn set_archive(text: &str, on: bool) -> Result<String, String> {
    let value = if on { "1" } else { "0" };
    let found = scan(text)?;
    if !found.values.is_empty() {
        let mut edited = text.to_owned();
        for range in found.values.into_iter().rev() {
            edited.replace_range(range, value);
        }
        return Ok(edited);
    }
    let line = format!("{INDENT}archive = {value}\n");
    let Some(open) = found.section else {
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{text}{newline}{SECTION} {{\n{line}}}\n"));
    };
    let after_line = |from: usize| text[from..].find('\n').map(|newline| from + newline + 1);
    let rest = text[open..].lines().next().unwrap_or_default().trim_start();
    let is_open_line = rest.is_empty() || rest.starts_with('#');
    match (found.commented.and_then(after_line), after_line(open)) {
        (Some(at), _) => Ok(inserted(text, at, &line)),
        (None, Some(at)) if is_open_line => Ok(inserted(text, at, &line)),
        _ => {
            let blank = if text[open..].starts_with(char::is_whitespace) { "" } else { " " };
            Ok(inserted(text, open, &format!(" archive = {value}{blank}")))
        }
    }
}

/// Whether the text sets `backup/archive` at all.
///
/// # Errors
/// As [`set_archive`].
pub fn sets_archive(text: &str) -> Result<bool, String> {
    Ok(!scan(text)?.values.is_empty())
}

/// What a value means to LVM; `None` for one that it would not take.
pub fn is_on(value: &str) -> Option<bool> {
    match value.trim_matches('"') {
        "y" | "yes" | "on" | "true" => Some(true),
        "n" | "no" | "off" | "false" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

fn inserted(text: &str, at: usize, addition: &str) -> String {
    format!("{}{addition}{}", &text[..at], &text[at..])
}

/// Places in the text, in bytes.
#[derive(Default)]
struct Found {
    /// Values of the setting.
    values: Vec<Range<usize>>,
    /// Behind the bracket that opens the section.
    section: Option<usize>,
    /// In a comment of the section that shows the setting.
    commented: Option<usize>,
}

/// A word, a quoted string, or one of the signs.
enum Token<'t> {
    Word(&'t str),
    Sign(char),
    Comment(&'t str),
}

fn scan(text: &str) -> Result<Found, String> {
    let mut found = Found::default();
    let mut sections: Vec<String> = Vec::new();
    let mut key = String::new();
    // From the first byte of a value on: `None` outside, a list goes on up to its bracket.
    let mut value: Option<Option<usize>> = None;
    let mut at = 0;
    while let Some((token, range)) = next(text, at)? {
        at = range.end;
        let path = |key: &str| sections.iter().map(String::as_str).chain([key]).collect::<Vec<_>>().join("/");
        match (token, value) {
            (Token::Comment(comment), _) => {
                if sections == [SECTION] && is_sample(comment) {
                    found.commented = Some(range.start);
                }
            }
            (Token::Sign('['), Some(None)) => value = Some(Some(range.start)),
            (Token::Sign(']'), Some(Some(start))) => {
                note(&path(&key), start..range.end, &mut found);
                (key, value) = (String::new(), None);
            }
            (Token::Word(_) | Token::Sign(','), Some(Some(_))) => {}
            (Token::Word(_), Some(None)) => {
                note(&path(&key), range, &mut found);
                (key, value) = (String::new(), None);
            }
            (Token::Word(word), None) => key = word.trim_matches(['"', '\'']).to_owned(),
            (Token::Sign('='), None) if !key.is_empty() => value = Some(None),
            (Token::Sign('{'), None) => {
                sections.push(std::mem::take(&mut key));
                if sections == [SECTION] {
                    found.section = found.section.or(Some(range.end));
                }
            }
            (Token::Sign('}'), None) if sections.pop().is_some() => {}
            (Token::Sign(sign), _) => {
                return Err(format!("line {}: `{sign}` is out of place", line(text, range.start)));
            }
        }
    }
    match sections.is_empty() && value.is_none() {
        true => Ok(found),
        false => Err("it ends within a section".to_owned()),
    }
}

fn note(path: &str, range: Range<usize>, found: &mut Found) {
    if path == SETTING {
        found.values.push(range);
    }
}

/// Whether a comment shows the setting: `# archive = 1`.
fn is_sample(comment: &str) -> bool {
    let setting = comment.trim_start_matches('#').trim_start().strip_prefix("archive");
    setting.is_some_and(|rest| rest.trim_start().starts_with('='))
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The next token at or after `from`.
fn next(text: &str, from: usize) -> Result<Option<(Token<'_>, Range<usize>)>, String> {
    const SIGNS: [char; 6] = ['{', '}', '[', ']', '=', ','];
    let blank = |c: char| c.is_whitespace();
    let Some(start) = text[from..].find(|c| !blank(c)).map(|skipped| from + skipped) else { return Ok(None) };
    let rest = &text[start..];
    let first = rest.chars().next().unwrap_or_default();
    let length = match first {
        '#' => rest.find('\n').unwrap_or(rest.len()),
        '"' | '\'' => {
            let closed = quoted(rest, first);
            closed.ok_or_else(|| format!("line {}: the quote that begins here never ends", line(text, start)))?
        }
        sign if SIGNS.contains(&sign) => 1,
        _ => rest.find(|c| blank(c) || SIGNS.contains(&c) || matches!(c, '#' | '"' | '\'')).unwrap_or(rest.len()),
    };
    let is_apart = |c: char| blank(c) || SIGNS.contains(&c) || c == '#';
    if matches!(first, '"' | '\'') && rest[length..].chars().next().is_some_and(|c| !is_apart(c)) {
        return Err(format!("line {}: something follows a quote without a blank", line(text, start + length)));
    }
    let token = match first {
        '#' => Token::Comment(&rest[..length]),
        sign if SIGNS.contains(&sign) => Token::Sign(sign),
        _ => Token::Word(&rest[..length]),
    };
    Ok(Some((token, start..start + length)))
}

/// Bytes of a quoted string, quotes included. Only double quotes know an escape.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_changes_and_nothing_else() {
        let rows = [
            // As packages ship it: a comment shows the default.
            (
                "# A\nbackup {\n\t# B {\n\t# archive = 1\n\n\tbackup = 1\n}\nglobal {\n\tx = 1\n}\n",
                "# A\nbackup {\n\t# B {\n\t# archive = 1\n\tarchive = 0\n\n\tbackup = 1\n}\nglobal {\n\tx = 1\n}\n",
            ),
            ("backup {\n    archive = 1 # why\n}\n", "backup {\n    archive = 0 # why\n}\n"),
            ("backup{archive=1}#x", "backup{archive=0}#x"),
            ("backup/archive=1", "backup/archive=0"),
            ("\"backup\" { archive = \"on\" }", "\"backup\" { archive = 0 }"),
            ("backup { archive = [1, 2] }", "backup { archive = 0 }"),
            ("backup { archive = 1 }\nbackup {\narchive=1}", "backup { archive = 0 }\nbackup {\narchive=0}"),
            ("backup {\n}\n", "backup {\n\tarchive = 0\n}\n"),
            ("backup { # all of it\nbackup = 1\n}\n", "backup { # all of it\n\tarchive = 0\nbackup = 1\n}\n"),
            ("backup { backup = 1 }", "backup { archive = 0 backup = 1 }"),
            ("backup\n{\nbackup = 1 }", "backup\n{\n\tarchive = 0\nbackup = 1 }"),
            // Elsewhere, quoted, or within a comment it is another thing.
            (
                "log { archive = 1 x = \"backup { archive = 1 }\" }\n# backup { archive = 1\n",
                "log { archive = 1 x = \"backup { archive = 1 }\" }\n# backup { archive = 1\nbackup {\n\tarchive = 0\n}\n",
            ),
            ("a { backup { archive = 1 } }", "a { backup { archive = 1 } }\nbackup {\n\tarchive = 0\n}\n"),
            (
                "a { x = \"\\\"}\" y='\\' z=[ \"}\", 1 ] }",
                "a { x = \"\\\"}\" y='\\' z=[ \"}\", 1 ] }\nbackup {\n\tarchive = 0\n}\n",
            ),
            ("", "backup {\n\tarchive = 0\n}\n"),
        ];
        for (before, after) in rows {
            let edited = set_archive(before, false).unwrap_or_else(|error| panic!("{before}: {error}"));
            assert_eq!(edited, after, "{before}");
            assert_eq!(set_archive(&edited, false).as_ref(), Ok(&edited), "a second time: {before}");
            assert_eq!(sets_archive(&edited), Ok(true), "{before}");
        }
    }

    #[test]
    fn what_lvm_does_not_read_is_refused() {
        for bad in ["backup {", "}", "backup { x = \"never ends }", "backup { x = = 1 }", "x = { }", "x ="] {
            assert!(set_archive(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_as_lvm_means_them() {
        let rows = [("0", Some(false)), ("1", Some(true)), ("2", Some(true)), ("\"on\"", Some(true))];
        for (value, expected) in rows.into_iter().chain([("\"no\"", Some(false)), ("maybe", None)]) {
            assert_eq!(is_on(value), expected, "{value}");
        }
    }
}
