//! Files of shell assignments, such as those in /etc/sysconfig: `KEY=value` lines read by meaning and
//! changed one at a time; all other lines stay byte for byte.

use std::ops::Range;

/// Why a value cannot be written.
///
/// # Errors
/// It holds a line break or another control character: the file is read line by line.
pub fn check_value(value: &str) -> Result<(), String> {
    match value.chars().find(|c| c.is_control()) {
        Some(odd) => Err(format!("holds {}, which no line of the file can", odd.escape_default())),
        None => Ok(()),
    }
}

/// Whether a shell takes this as a variable's name.
pub fn is_key(key: &str) -> bool {
    let first = key.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value has no end: what follows it, and whatever is added, is part of it.
const OPEN: &str = "leaves a quote open, or ends in a backslash";

/// The text with `key` set to `value`: in the last line that sets it, or else in a new last line.
///
/// # Errors
/// A value in the text has no end.
pub fn set(text: &str, key: &str, value: &str) -> Result<String, &'static str> {
    let line = format!("{key}={}", quote(value));
    let edited = match last(text, key)? {
        Some(found) if found.value.as_deref() == Some(value) => return Ok(text.to_owned()),
        // An indented line may stand within an `if`: what is set after it counts.
        Some(Assignment { range, is_plain: true, .. }) => {
            format!("{}{line}{}", &text[..range.start], &text[range.end..])
        }
        _ => {
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            format!("{text}{newline}{line}\n")
        }
    };
    match last(&edited, key)?.is_some_and(|found| found.value.as_deref() == Some(value)) {
        true => Ok(edited),
        false => Err(OPEN),
    }
}

/// A value as shell and systemd read it back.
pub fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

/// What sets a variable.
struct Assignment {
    /// Bytes from the key up to the end of the value.
    range: Range<usize>,
    /// `None`: only a shell could tell.
    value: Option<String>,
    /// It begins its line, and what follows the value there is a comment at most.
    is_plain: bool,
}

/// The assignment that counts: the last one.
///
/// # Errors
/// A value has no end.
fn last(text: &str, key: &str) -> Result<Option<Assignment>, &'static str> {
    let mut found = None;
    let mut at = 0;
    while at < text.len() {
        let line = text[at..].split_inclusive('\n').next().unwrap_or_default();
        let mut end = at + line.len();
        let body = line.trim_start_matches([' ', '\t']);
        let body = body.strip_prefix("export ").map_or(body, str::trim_start);
        if let Some((name, _)) = body.split_once('=').filter(|(name, _)| is_key(name)) {
            let is_first = body.len() == line.len();
            let start = end - body.len() + name.len() + 1;
            let (length, value) = unquote(&text[start..]).ok_or(OPEN)?;
            // A quoted value may go on over several lines.
            let rest = text[start + length..].split_inclusive('\n').next().unwrap_or_default();
            end = start + length + rest.len();
            if name == key {
                let is_plain = is_first && (rest.trim().is_empty() || rest.trim_start().starts_with('#'));
                found = Some(Assignment { range: at..start + length, value, is_plain });
            }
        }
        at = end;
    }
    Ok(found)
}

/// Bytes of a shell word at the start of the text, and what it means unless a shell must expand it. `None`: it has
/// no end.
fn unquote(text: &str) -> Option<(usize, Option<String>)> {
    let mut value = String::new();
    let mut is_known = true;
    let mut quote: Option<char> = None;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() || ";&|()<>".contains(c) => {
                return Some((at, is_known.then_some(value)));
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => match characters.next() {
                Some((_, '\n')) => {}
                Some((_, escaped)) => {
                    // Within double quotes a backslash is one unless it has something to escape.
                    if quote.is_some() && !"$`\"\\".contains(escaped) {
                        value.push('\\');
                    }
                    value.push(escaped);
                }
                None => return None,
            },
            (None | Some('"'), '$' | '`') => {
                is_known = false;
                value.push(c);
            }
            (_, c) => value.push(c),
        }
    }
    quote.is_none().then(|| (text.len(), is_known.then_some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_changes_and_others_stay() {
        let rows = [
            ("", "ROOT_SIZE=15G\n"),
            ("# a\nVG=x", "# a\nVG=x\nROOT_SIZE=15G\n"),
            ("ROOT_SIZE=3G # small\nVG=x\n", "ROOT_SIZE=15G # small\nVG=x\n"),
            ("ROOT_SIZE=\"15G\"\n", "ROOT_SIZE=\"15G\"\n"),
            ("ROOT_SIZE='1'5\\G\n", "ROOT_SIZE='1'5\\G\n"),
            ("export ROOT_SIZE=15G", "export ROOT_SIZE=15G"),
            ("ROOT_SIZE=1G\n#ROOT_SIZE=15G\nROOT_SIZE=2G\n", "ROOT_SIZE=1G\n#ROOT_SIZE=15G\nROOT_SIZE=15G\n"),
            ("ROOT_SIZE=15G\nROOT_SIZE=2G\n", "ROOT_SIZE=15G\nROOT_SIZE=15G\n"),
            ("if x; then\n  ROOT_SIZE=1G\nfi\n", "if x; then\n  ROOT_SIZE=1G\nfi\nROOT_SIZE=15G\n"),
            ("ROOT_SIZE=$SIZE\n", "ROOT_SIZE=15G\n"),
            ("ROOT_SIZE=\"1\nVG=x\n2\"\nVG=y\n", "ROOT_SIZE=15G\nVG=y\n"),
            ("DEVS=\"/dev/sdb\nROOT_SIZE=1G\"\n", "DEVS=\"/dev/sdb\nROOT_SIZE=1G\"\nROOT_SIZE=15G\n"),
            ("ROOT_SIZE=1G; VG=x\n", "ROOT_SIZE=1G; VG=x\nROOT_SIZE=15G\n"),
            ("MY_ROOT_SIZE=1\nROOT_SIZE_=2\n", "MY_ROOT_SIZE=1\nROOT_SIZE_=2\nROOT_SIZE=15G\n"),
            ("ROOT_SIZE=\n", "ROOT_SIZE=15G\n"),
        ];
        for (before, after) in rows {
            assert_eq!(set(before, "ROOT_SIZE", "15G").as_deref(), Ok(after), "{before}");
            assert_eq!(set(after, "ROOT_SIZE", "15G").as_deref(), Ok(after), "a second time: {before}");
        }
        for open in ["ROOT_SIZE='1G\nVG=x\n", "VG=\"x\n", "VG=x\\", "A=it's\nROOT_SIZE=1G\n"] {
            assert_eq!(set(open, "ROOT_SIZE", "15G"), Err(OPEN), "{open}");
        }
    }

    #[test]
    fn values_survive_a_shell() {
        for value in ["", "15G", "a b", "it's", "$HOME `x` \"q\" \\", "/dev/sdb /dev/sdc", "#x", "ä"] {
            let text = set("A=1\n", "KEY", value).expect("all quotes are closed");
            let script = format!("{text}printf %s \"$KEY\"");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), value, "{text}");
            assert_eq!(set(&text, "KEY", value).as_ref(), Ok(&text), "read back: {text}");
        }
    }
}
