//! journald.conf's options, each with the kind of value that it takes.
//!
//! The list is that of journald.conf(5) of systemd 258. A journald that does not know an option says
//! so in the journal and goes on without it.

/// The `[Journal]` section that the profile wants, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journald {
    /// Names and values as journald reads them.
    pub options: Vec<(String, String)>,
}

impl Journald {
    /// The value of an option that the profile sets.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    /// A boolean, or this word.
    BooleanOr(&'static str),
    /// A boolean, or the size from which on it is true.
    BooleanOrSize,
    /// Bytes in units to the base 1024.
    Size,
    /// A time span of systemd.time(7).
    Span,
    Number,
    /// A syslog level, by name or number.
    Level,
    OneOf(&'static [&'static str]),
    /// An absolute path.
    Path,
    /// An address of a socket.
    Address,
}

/// Every option.
pub const OPTIONS: [(&str, Kind); 33] = [
    ("Storage", Kind::OneOf(&["volatile", "persistent", "auto", "none"])),
    ("Compress", Kind::BooleanOrSize),
    ("Seal", Kind::Boolean),
    ("SplitMode", Kind::OneOf(&["uid", "none"])),
    ("SyncIntervalSec", Kind::Span),
    ("RateLimitIntervalSec", Kind::Span),
    ("RateLimitBurst", Kind::Number),
    ("SystemMaxUse", Kind::Size),
    ("SystemKeepFree", Kind::Size),
    ("SystemMaxFileSize", Kind::Size),
    ("SystemMaxFiles", Kind::Number),
    ("RuntimeMaxUse", Kind::Size),
    ("RuntimeKeepFree", Kind::Size),
    ("RuntimeMaxFileSize", Kind::Size),
    ("RuntimeMaxFiles", Kind::Number),
    ("MaxRetentionSec", Kind::Span),
    ("MaxFileSec", Kind::Span),
    ("ForwardToSyslog", Kind::Boolean),
    ("ForwardToKMsg", Kind::Boolean),
    ("ForwardToConsole", Kind::Boolean),
    ("ForwardToWall", Kind::Boolean),
    ("ForwardToSocket", Kind::Address),
    ("TTYPath", Kind::Path),
    ("MaxLevelStore", Kind::Level),
    ("MaxLevelSyslog", Kind::Level),
    ("MaxLevelKMsg", Kind::Level),
    ("MaxLevelConsole", Kind::Level),
    ("MaxLevelWall", Kind::Level),
    ("MaxLevelSocket", Kind::Level),
    ("LineMax", Kind::Size),
    ("ReadKMsg", Kind::Boolean),
    ("Audit", Kind::BooleanOr("keep")),
    // Its name before systemd 232, and the only one that the journald of RHEL 7 knows.
    ("RateLimitInterval", Kind::Span),
];

const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Units of systemd.time(7), one spelling in a message.
const SPAN_UNITS: [&str; 29] = [
    "usec", "us", "µs", "msec", "ms", "seconds", "second", "sec", "s", "minutes", "minute", "min", "m", "hours",
    "hour", "hr", "h", "days", "day", "d", "weeks", "week", "w", "months", "month", "M", "years", "year", "y",
];

impl Kind {
    /// The value as journald reads it.
    ///
    /// # Errors
    /// Why it is none, and after ": write" or ": use" what would be one.
    pub fn check(self, value: &str) -> Result<String, String> {
        match self {
            Kind::Boolean => boolean(value).ok_or_else(|| format!("`{value}` is no truth value: write true or false")),
            Kind::BooleanOr(word) if value == word => Ok(value.to_owned()),
            Kind::BooleanOr(word) => boolean(value)
                .ok_or_else(|| format!("`{value}` is neither a truth value nor `{word}`: write true, false or {word}")),
            Kind::BooleanOrSize => boolean(value).map_or_else(|| size(value), Ok),
            Kind::Size => size(value),
            Kind::Span => span(value),
            Kind::Number => match value.parse::<u32>() {
                Ok(number) => Ok(number.to_string()),
                Err(_) => Err(format!("`{value}` is no whole number: write digits only")),
            },
            Kind::Level if LEVELS.contains(&value) => Ok(value.to_owned()),
            Kind::Level => match value.parse::<u8>() {
                Ok(number @ 0..=7) => Ok(number.to_string()),
                _ => Err(format!("`{value}` is no level: use one of {}, or 0 to 7", LEVELS.join(", "))),
            },
            Kind::OneOf(words) if words.contains(&value) => Ok(value.to_owned()),
            Kind::OneOf(words) => Err(format!("`{value}` is not known here: use one of {}", words.join(", "))),
            Kind::Path | Kind::Address if value.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                Err(format!("`{value}` holds white space: write it without"))
            }
            Kind::Path if !value.starts_with('/') => Err(format!("`{value}` is no absolute path: write /dev/{value}")),
            Kind::Address if value.is_empty() => {
                Err("the address is empty: write /run/SOCKET or vsock:CID:PORT".into())
            }
            Kind::Path | Kind::Address => Ok(value.to_owned()),
        }
    }

    /// The JSON schema of a value.
    pub fn schema(self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Kind::Boolean => json!({"type": "boolean"}),
            Kind::BooleanOr(word) => json!({"enum": [true, false, word]}),
            Kind::BooleanOrSize => json!({"type": ["boolean", "string"], "pattern": SIZE_PATTERN}),
            Kind::Size => json!({"type": "string", "pattern": SIZE_PATTERN}),
            Kind::Span => json!({"type": ["string", "integer"]}),
            Kind::Number => json!({"type": "integer", "minimum": 0}),
            Kind::Level => {
                json!({"enum": LEVELS.iter().map(|word| json!(word)).chain((0..8).map(|n| json!(n))).collect::<Vec<_>>()})
            }
            Kind::OneOf(words) => json!({"enum": words}),
            Kind::Path => json!({"type": "string", "pattern": "^/"}),
            Kind::Address => json!({"type": "string"}),
        }
    }
}

const SIZE_PATTERN: &str = "^[0-9]+(\\.[0-9]+)?[BKMGTPE]$";

/// `yes` or `no`. Both YAML's words and systemd's are understood: what is pasted from journald.conf is meant so.
fn boolean(value: &str) -> Option<String> {
    match value {
        "true" | "yes" | "on" => Some("yes".to_owned()),
        "false" | "no" | "off" => Some("no".to_owned()),
        _ => None,
    }
}

/// systemd takes a bare number for bytes, which hardly anybody means, and capital letters only.
fn size(value: &str) -> Result<String, String> {
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let is_number =
        number.parse::<f64>().is_ok_and(f64::is_finite) && !number.starts_with('.') && !number.ends_with('.');
    match unit {
        _ if !is_number => Err(format!("`{value}` is no size: write it as 1G or 500M")),
        "B" | "K" | "M" | "G" | "T" | "P" | "E" => Ok(value.to_owned()),
        "" if number == "0" => Ok(value.to_owned()),
        "" => Err(format!("`{value}` has no unit: write {value}M for mebibytes or {value}G for gibibytes")),
        _ => {
            let letter = unit.chars().next().map(|c| c.to_ascii_uppercase()).filter(|c| "BKMGTPE".contains(*c));
            Err(match letter {
                Some(letter) => format!("`{value}`: journald does not know the unit `{unit}`: write {number}{letter}"),
                None => format!("`{value}`: journald does not know the unit `{unit}`: use K, M, G, T, P or E"),
            })
        }
    }
}

/// `5min 20s`, `1month`, `30` (seconds), `infinity`.
fn span(value: &str) -> Result<String, String> {
    let bad = || format!("`{value}` is no time span: write it as 30s, 5min, 2h, 7d, 1month or \"1h 30min\"");
    if value == "infinity" {
        return Ok(value.to_owned());
    }
    let mut rest = value.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        if number.parse::<f64>().is_err() || number.starts_with('.') || number.ends_with('.') {
            return Err(bad());
        }
        let after = after.trim_start_matches(' ');
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if !unit.is_empty() && !SPAN_UNITS.contains(&unit) {
            return Err(bad());
        }
        rest = after.trim_start_matches(' ');
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_kind() {
        let rows = [
            (Kind::Boolean, "true", Ok("yes")),
            (Kind::Boolean, "no", Ok("no")),
            (Kind::Boolean, "1G", Err("is no truth value")),
            (Kind::BooleanOr("keep"), "keep", Ok("keep")),
            (Kind::BooleanOrSize, "true", Ok("yes")),
            (Kind::BooleanOrSize, "512B", Ok("512B")),
            (Kind::Size, "1.5G", Ok("1.5G")),
            (Kind::Size, "0", Ok("0")),
            (Kind::Size, "100", Err("has no unit: write 100M")),
            (Kind::Size, "1g", Err("write 1G")),
            (Kind::Size, "1GiB", Err("write 1G")),
            (Kind::Size, "10%", Err("use K, M, G")),
            (Kind::Size, "-1G", Err("is no size")),
            (Kind::Size, "G", Err("is no size")),
            (Kind::Span, "1month", Ok("1month")),
            (Kind::Span, "5min 20s", Ok("5min 20s")),
            (Kind::Span, "1h30min", Ok("1h30min")),
            (Kind::Span, "30", Ok("30")),
            (Kind::Span, "infinity", Ok("infinity")),
            (Kind::Span, "1 fortnight", Err("is no time span")),
            (Kind::Span, "", Err("is no time span")),
            (Kind::Span, "-5s", Err("is no time span")),
            (Kind::Number, "100", Ok("100")),
            (Kind::Number, "1e3", Err("is no whole number")),
            (Kind::Level, "warning", Ok("warning")),
            (Kind::Level, "4", Ok("4")),
            (Kind::Level, "warn", Err("is no level")),
            (Kind::OneOf(&["auto", "none"]), "persistant", Err("use one of auto, none")),
            (Kind::Path, "/dev/tty12", Ok("/dev/tty12")),
            (Kind::Path, "tty12", Err("write /dev/tty12")),
            (Kind::Address, "vsock:2:1234", Ok("vsock:2:1234")),
            (Kind::Address, "a\nStorage=none", Err("white space")),
        ];
        for (kind, value, expected) in rows {
            match (kind.check(value), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{value}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{value}: {found}"),
                (found, expected) => panic!("{kind:?} {value}: {found:?}, not {expected:?}"),
            }
        }
    }
}
