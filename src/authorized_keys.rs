//! Lines of OpenSSH's authorized_keys: options, type, key and comment, read as sshd reads them.
//!
//! What reaches a plan, the facts or a report is a key's fingerprint, its comment and the names of
//! its options: the values (commands, addresses) and the key itself stay in the file.

mod blob;
mod options;

use crate::action::KeyChange;
use crate::secret::digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a key is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyName {
    /// Such as `ssh-ed25519`.
    pub key_type: String,
    /// `SHA256:…`, as ssh-keygen -l prints it.
    pub fingerprint: String,
    pub comment: String,
    /// Names of its options, without their values.
    pub options: Vec<String>,
}

impl KeyName {
    /// A certificate authority's key lets in whom it signed: not the same as the key itself.
    pub fn is_authority(&self) -> bool {
        self.options.iter().any(|option| option == "cert-authority")
    }

    /// Whether both name the same key in the same role.
    pub fn is_same_key(&self, other: &KeyName) -> bool {
        self.fingerprint == other.fingerprint && self.is_authority() == other.is_authority()
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.key_type, self.fingerprint)?;
        if !self.comment.is_empty() {
            write!(f, " {}", self.comment)?;
        }
        if !self.options.is_empty() {
            write!(f, " ({})", self.options.join(", "))?;
        }
        Ok(())
    }
}

/// A well-formed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: KeyName,
    /// One spelling of the line: single blanks between its parts, none around them.
    pub line: String,
    /// Bits of an RSA key.
    pub rsa_bits: Option<u32>,
}

/// A line of a file on the host, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyLine {
    /// From 1.
    pub number: u32,
    /// Digest of its one spelling, or of the whole line where it is no entry.
    pub digest: String,
    /// `None`: nothing that this program knows as a key, though a newer sshd might.
    pub key: Option<KeyName>,
}

/// Reads an entry of the profile: anything that sshd would pass over is an error.
///
/// # Errors
/// The reason, and the cure after ": write " or ": use ". Values and keys are not quoted.
pub fn parse(text: &str) -> Result<Entry, String> {
    if text.contains("PRIVATE KEY") {
        return Err("this is a private key: write the public one, the line in the file that ends in .pub".to_owned());
    }
    if text.trim().is_empty() {
        return Err("this entry is empty: write a line of authorized_keys, or remove it".to_owned());
    }
    if text.trim().contains(['\n', '\r', '\0']) {
        return Err("an entry is a single line: write each key as an entry of its own".to_owned());
    }
    if text.trim_start().starts_with('#') {
        return Err("this is a comment, not a key: write comments of the profile outside the quotes".to_owned());
    }
    let parts = split(text)?;
    let options = options::check(parts.options)?;
    let key = blob::check(parts.key_type, parts.key)?;
    Ok(entry(&parts, options, &key))
}

/// The lines of a file that may mean something to sshd: all but blank ones and comments.
pub fn lines(text: &[u8]) -> Vec<KeyLine> {
    let lines = (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| is_relevant(line));
    lines.map(|(number, line)| line_of(number, line)).collect()
}

fn is_relevant(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

/// Options that are unknown here are a newer sshd's: the line is a key all the same. Comments may be in
/// any encoding.
fn line_of(number: u32, line: &[u8]) -> KeyLine {
    let found = split(&String::from_utf8_lossy(line)).ok().and_then(|parts| {
        let key = blob::check(parts.key_type, parts.key).ok()?;
        let options = options::names(parts.options);
        Some(entry(&parts, options, &key))
    });
    match found {
        Some(entry) => KeyLine { number, digest: digest(entry.line.as_bytes()), key: Some(entry.name) },
        None => KeyLine { number, digest: digest(line), key: None },
    }
}

/// Carries out the changes on a file's text: every other line keeps its place and its bytes.
///
/// `new` holds the lines that changes add, by digest.
///
/// # Errors
/// The digest of a line that is not where a change says, or that `new` does not hold.
pub fn change(text: &[u8], changes: &[KeyChange], new: &BTreeMap<String, String>) -> Result<Vec<u8>, String> {
    let find = |digest: &String| new.get(digest).map(|line| line.as_bytes()).ok_or_else(|| digest.clone());
    let mut lines: Vec<Option<&[u8]>> = text.split(|byte| *byte == b'\n').map(Some).collect();
    // What follows the last newline is no line.
    if text.is_empty() || text.ends_with(b"\n") {
        lines.pop();
    }
    let place = |lines: &[Option<&[u8]>], number: u32, digest: &str| {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let line = (*lines.get(at)?)?;
        (line_of(number, line).digest == digest).then_some(at)
    };
    let mut added = Vec::new();
    for change in changes {
        match change {
            KeyChange::Add { line, .. } => added.push(find(line)?),
            KeyChange::Replace { number, before, line, .. } => {
                let at = place(&lines, *number, before).ok_or_else(|| before.clone())?;
                lines[at] = Some(find(line)?);
            }
            KeyChange::Remove { number, before, .. } => {
                let at = place(&lines, *number, before).ok_or_else(|| before.clone())?;
                lines[at] = None;
            }
        }
    }
    let mut changed = Vec::with_capacity(text.len());
    for line in lines.into_iter().flatten().chain(added) {
        changed.extend_from_slice(line);
        changed.push(b'\n');
    }
    Ok(changed)
}

/// The four parts of an entry, as they are written.
struct Parts<'a> {
    options: &'a str,
    key_type: &'a str,
    key: &'a str,
    comment: &'a str,
}

/// sshd first takes the line for a key without options; only when that fails it looks for some.
fn split(line: &str) -> Result<Parts<'_>, String> {
    let line = line.trim_matches([' ', '\t', '\r']);
    let (first, rest) = word(line);
    let (options, key_type, rest) = if blob::is_key_type(first) {
        ("", first, rest)
    } else {
        let end = options::end(line)?;
        let (key_type, rest) = word(line[end..].trim_start_matches([' ', '\t']));
        (&line[..end], key_type, rest)
    };
    if key_type.is_empty() {
        options::check(options)?;
        return Err("there is no key here: write it as TYPE KEY COMMENT, such as `ssh-ed25519 AAAA… ops`".to_owned());
    }
    let (key, comment) = word(rest);
    Ok(Parts { options, key_type, key, comment })
}

/// The first word, and what follows the blanks after it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start_matches([' ', '\t']))
}

fn entry(parts: &Parts<'_>, options: Vec<String>, key: &blob::Blob) -> Entry {
    let Parts { options: written, key_type, key: encoded, comment } = parts;
    let words = [*written, *key_type, *encoded, *comment];
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let name = KeyName {
        key_type: (*key_type).to_owned(),
        fingerprint: key.fingerprint.clone(),
        comment: (*comment).to_owned(),
        options,
    };
    Entry { name, line, rsa_bits: key.rsa_bits }
}

#[cfg(test)]
mod tests;
