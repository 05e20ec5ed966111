//! Hiding secrets in a profile's text before any of it is shown, with every column kept.

use std::ops::Range;

/// Prefixes of crypt(5), old and foreign ones too.
const SCHEMES: [&str; 17] =
    ["y", "gy", "7", "2a", "2b", "2x", "2y", "2", "6", "5", "1", "3", "md5", "sha1", "apr1", "argon2i", "argon2id"];
/// Parts of keys whose values are hidden, whatever they are.
const SECRET_KEYS: [&str; 3] = ["passw", "hash", "secret"];
/// Ends of such keys whose values only say where a secret is.
const HARMLESS_ENDS: [&str; 2] = ["_file", "_credential"];

/// The text with secrets made unreadable: as many bytes as before, and as many columns.
pub fn mask(text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    let mut hide = |range: Range<usize>| hidden[range].fill(true);
    hashes(text, &mut hide);
    private_keys(text, &mut hide);
    values(text, &mut hide);
    text.char_indices().map(|(at, c)| if hidden[at] && !c.is_whitespace() { star(c) } else { c }).collect()
}

/// A letter of as many bytes.
fn star(c: char) -> char {
    match c.len_utf8() {
        1 => '*',
        2 => '·',
        3 => '•',
        _ => '𝟎',
    }
}

/// What follows `$id$`, up to the end of the word.
fn hashes(text: &str, hide: &mut impl FnMut(Range<usize>)) {
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        let Some((id, rest)) = rest.split_once('$') else { continue };
        if SCHEMES.contains(&id) {
            let start = text.len() - rest.len();
            let length = rest.find(|c: char| c.is_whitespace() || "\"'`".contains(c)).unwrap_or(rest.len());
            hide(start..start + length);
        }
    }
}

/// From the line that announces a private key to the one that ends it.
fn private_keys(text: &str, hide: &mut impl FnMut(Range<usize>)) {
    const MARK: &str = "PRIVATE KEY";
    for (at, _) in text.match_indices("-----BEGIN ") {
        let Some(mark) = text[at..].find(MARK).filter(|mark| !text[at..at + mark].contains('\n')) else { continue };
        let start = at + mark + MARK.len();
        let length = text[start..].find("-----END ").unwrap_or(text.len() - start);
        hide(start..start + length);
    }
}

/// The values of keys that sound secret.
fn values(text: &str, hide: &mut impl FnMut(Range<usize>)) {
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        for key in keys(line) {
            hide(value(text, line_start, &key));
        }
        line_start += line.len();
    }
}

/// A key within a line: bytes, and whether the line opens a `{` before it.
struct Key {
    start: usize,
    /// Behind the colon.
    end: usize,
    in_braces: bool,
}

fn keys(line: &str) -> Vec<Key> {
    let is_letter = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let mut found = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let before = line[..colon].trim_end_matches([' ', '\t', '"', '\'']);
        let start =
            before.rfind(|c| !is_letter(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = before[start..].to_lowercase().replace('-', "_");
        let sounds_secret = SECRET_KEYS.iter().any(|part| word.contains(part));
        // `secret: true` says that another value is one.
        if sounds_secret && word != "secret" && !HARMLESS_ENDS.iter().any(|end| word.ends_with(end)) {
            found.push(Key { start, end: colon + 1, in_braces: line[..start].contains('{') });
        }
    }
    found
}

/// Where the value of a key of the line at `line_start` is: to the end of its line and of the lines that are
/// indented deeper; within braces to its own end.
fn value(text: &str, line_start: usize, key: &Key) -> Range<usize> {
    let start = line_start + key.end;
    let rest = &text[start..];
    if key.in_braces {
        let blanks = rest.len() - rest.trim_start().len();
        let value = &rest[blanks..];
        let length = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find([',', '}', '\n']).unwrap_or(value.len()),
        };
        return start..start + blanks + length;
    }
    let mut end = start + rest.find('\n').map_or(rest.len(), |newline| newline + 1);
    for line in text[end..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if !line.trim().is_empty() && indent <= key.start {
            break;
        }
        end += line.len();
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_columns_kept() {
        let rows = [
            ("a: $6$salt$hash rest", "a: $6$********* rest"),
            ("a: \"$y$j9T$a$b\", b: 1", "a: \"$y$*******\", b: 1"),
            ("a: $PATH$HOME", "a: $PATH$HOME"),
            ("password_hash: hunter2\nb: 1", "password_hash: *******\nb: 1"),
            ("root: {password_hash: hunter2, uid: 0}", "root: {password_hash: *******, uid: 0}"),
            ("root: {\"password\": \"a, b}\", uid: 0}", "root: {\"password\": *** ***, uid: 0}"),
            (
                "root:\n  password-hash: |\n    hunter2\n    more\n  uid: 0",
                "root:\n  password-hash: *\n    *******\n    ****\n  uid: 0",
            ),
            (
                "root:\n  password_hash:\n    \"hun\n    ter2\"\n  uid: 0",
                "root:\n  password_hash:\n    ****\n    *****\n  uid: 0",
            ),
            ("Passwort: geheim", "Passwort: ******"),
            ("password_hash_file: /etc/hash", "password_hash_file: /etc/hash"),
            ("x: {secret: true, mode: 1}", "x: {secret: true, mode: 1}"),
            ("passwd: größe語𐊀", "passwd: **··*•𝟎"),
            (
                "k: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  b3Bl\n  -----END OPENSSH PRIVATE KEY-----\nb: 1",
                "k: |\n  -----BEGIN OPENSSH PRIVATE KEY*****\n  ****\n  -----END OPENSSH PRIVATE KEY-----\nb: 1",
            ),
            ("-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"),
        ];
        for (text, expected) in rows {
            let masked = mask(text);
            assert_eq!(masked, expected, "{text}");
            assert_eq!((masked.len(), masked.chars().count()), (text.len(), text.chars().count()), "{text}");
        }
    }
}
