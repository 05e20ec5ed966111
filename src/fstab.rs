//! /etc/fstab as text with entries: read by meaning, changed by at most one line an entry.

/// One entry, with the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Zero-based.
    pub line: usize,
    /// Octal escapes decoded.
    pub source: String,
    pub path: String,
    pub fstype: String,
    pub options: String,
    /// Fifth and sixth field, where given.
    pub frequency: Option<String>,
    pub pass: Option<String>,
}

/// A line to have in fstab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub source: String,
    pub path: String,
    pub fstype: String,
    pub options: String,
    pub frequency: String,
    pub pass: String,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Line { source, path, fstype, options, frequency, pass } = self;
        write!(f, "{} {} {fstype} {options} {frequency} {pass}", escape(source), escape(path))
    }
}

/// The entries of a file's text. Comments, blank lines and lines with fewer than three fields, which
/// mount(8) ignores too, are passed over.
pub fn parse(text: &str) -> Vec<Entry> {
    text.lines().enumerate().filter_map(|(line, text)| entry(line, text)).collect()
}

fn entry(line: usize, text: &str) -> Option<Entry> {
    let text = text.trim_start();
    if text.starts_with('#') {
        return None;
    }
    let mut fields = text.split_ascii_whitespace();
    let (source, path, fstype) = (fields.next()?, fields.next()?, fields.next()?);
    let options = fields.next().unwrap_or("defaults");
    Some(Entry {
        line,
        source: unescape(source),
        path: normalise(&unescape(path)),
        fstype: fstype.to_owned(),
        options: options.to_owned(),
        frequency: fields.next().map(str::to_owned),
        pass: fields.next().map(str::to_owned),
    })
}

/// Without a trailing slash, and with single slashes.
pub fn normalise(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') { format!("/{}", parts.join("/")) } else { path.to_owned() }
}

/// A file under edit. Lines that are not edited stay byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// With their ends.
    lines: Vec<String>,
    entries: Vec<Entry>,
}

impl Table {
    pub fn new(text: &str) -> Self {
        Self { lines: text.split_inclusive('\n').map(str::to_owned).collect(), entries: parse(text) }
    }

    /// The entries as they are now, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        self.lines.concat()
    }

    /// Adds a line at the end; a last line without a newline gets one.
    pub fn append(&mut self, line: &Line) {
        if let Some(last) = self.lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
        }
        let text = format!("{line}\n");
        self.entries.extend(entry(self.lines.len(), &text));
        self.lines.push(text);
    }

    /// Replaces the line of the entry at this place in [`Table::entries`]. The line keeps its end.
    pub fn replace(&mut self, at: usize, line: &Line) {
        let number = self.entries[at].line;
        let old = &self.lines[number];
        let text = format!("{line}{}", &old[old.trim_end_matches(['\r', '\n']).len()..]);
        if let Some(edited) = entry(number, &text) {
            self.entries[at] = edited;
        }
        self.lines[number] = text;
    }
}

/// fstab(5): space, tab, newline and backslash are written in octal; `#` too, for getmntent's sake.
fn escape(field: &str) -> String {
    field
        .chars()
        .map(|c| match c {
            ' ' => "\\040".to_owned(),
            '\t' => "\\011".to_owned(),
            '\n' => "\\012".to_owned(),
            '\\' => "\\134".to_owned(),
            '#' => "\\043".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// Decodes the `\ooo` of fstab and mountinfo.
pub fn unescape(field: &str) -> String {
    let bytes = field.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|digits| bytes[at] == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)))
            .and_then(|digits| {
                digits.iter().try_fold(0u8, |value, digit| value.checked_mul(8)?.checked_add(digit - b'0'))
            });
        match octal {
            Some(byte) => {
                out.push(byte);
                at += 4;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            source: "/dev/mapper/vg-srv".into(),
            path: "/var/srv".into(),
            fstype: "xfs".into(),
            options: "defaults".into(),
            frequency: "0".into(),
            pass: "0".into(),
        }
    }

    #[test]
    fn entries_as_mount_reads_them() {
        let text = "# comment\n\n/dev/sda1\t/boot/ ext4\nUUID=1 / xfs defaults 0 0 trailing text\nshort line\n  //srv/a\\040b /mnt//x cifs ro 0 2";
        let entries = parse(text);
        let seen: Vec<_> =
            entries.iter().map(|e| (e.line, e.source.as_str(), e.path.as_str(), e.options.as_str())).collect();
        assert_eq!(
            seen,
            [(2, "/dev/sda1", "/boot", "defaults"), (3, "UUID=1", "/", "defaults"), (5, "//srv/a b", "/mnt/x", "ro")]
        );
        assert_eq!(entries[1].pass.as_deref(), Some("0"));
        assert_eq!(entries[0].pass, None);
    }

    #[test]
    fn one_line_changes_and_no_other() {
        let text = "a /a xfs\n# c\nb /b\t\txfs  defaults\r\nno-newline /c xfs";
        let appended = |text: &str| {
            let mut table = Table::new(text);
            table.append(&line());
            (table.entries() == parse(&table.text())).then(|| table.text())
        };
        let replaced = |at: usize| {
            let mut table = Table::new(text);
            table.replace(at, &line());
            (table.entries() == parse(&table.text())).then(|| table.text())
        };
        let rows = [
            (appended(text), format!("{text}\n{}\n", line())),
            (appended(""), format!("{}\n", line())),
            (replaced(1), format!("a /a xfs\n# c\n{}\r\nno-newline /c xfs", line())),
            (replaced(2), format!("a /a xfs\n# c\nb /b\t\txfs  defaults\r\n{}", line())),
        ];
        for (edited, expected) in rows {
            assert_eq!(edited, Some(expected));
        }
    }

    #[test]
    fn octal_goes_both_ways() {
        for text in ["/a b", "/tab\there", "back\\slash", "hash#", "ümlaut"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("\\777 \\04"), "\\777 \\04");
    }
}
