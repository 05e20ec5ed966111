//! Sizes as LVM understands them: base-two units, kept in bytes, rounded up to extents once.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A size in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// Bytes, more than zero.
    Bytes(u64),
    /// Percent (1 to 100) of the volume group as it will be.
    PercentVg(u32),
    /// Percent (1 to 100) of what every fixed-size and every unnamed volume leaves.
    PercentFree(u32),
}

/// The largest size that is taken: 8 EiB less one byte, LVM's own limit for a logical volume.
pub const MAX_BYTES: u64 = i64::MAX as u64;

const UNITS: [(char, u32); 6] = [('K', 10), ('M', 20), ('G', 30), ('T', 40), ('P', 50), ('E', 60)];

impl Amount {
    /// Reads `15G`, `1.5 GiB`, `15360m`, `40%VG` or `100%FREE`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Amount, String> {
        let text = text.trim();
        if let Some((number, of)) = text.split_once('%') {
            return percentage(text, number.trim(), of.trim());
        }
        parse_bytes(text).map(Amount::Bytes)
    }
}

fn percentage(text: &str, number: &str, of: &str) -> Result<Amount, String> {
    let percent: u32 = number.parse().map_err(|_| format!("`{text}`: a percentage is a whole number from 1 to 100"))?;
    if !(1..=100).contains(&percent) {
        return Err(format!("`{text}`: a percentage is from 1 to 100"));
    }
    match of.to_ascii_uppercase().as_str() {
        "VG" => Ok(Amount::PercentVg(percent)),
        "FREE" => Ok(Amount::PercentFree(percent)),
        "" => Err(format!("`{text}` does not say of what: write {percent}%VG or {percent}%FREE")),
        _ => Err(format!("`{text}`: only %VG and %FREE are understood")),
    }
}

/// Reads an absolute size with its unit into bytes.
///
/// # Errors
/// A sentence that says what is wrong and what would be right.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    if number.is_empty() {
        return Err(if text.starts_with('-') {
            format!("`{text}`: a size is more than zero")
        } else {
            format!("`{text}` is no size: write a number with its unit, such as 15G")
        });
    }
    let shift = unit_shift(unit).ok_or_else(|| match unit {
        "" => format!("`{text}` has no unit: write {text}G for gibibytes or {text}M for mebibytes"),
        _ => format!("`{text}`: unknown unit `{unit}`: use K, M, G, T, P or E (base two, as LVM does)"),
    })?;
    let bytes = scale(number, shift).ok_or_else(|| format!("`{text}` is no size: write it as 15G or 1.5G"))?;
    match bytes {
        0 => Err(format!("`{text}`: a size is more than zero")),
        bytes if bytes > u128::from(MAX_BYTES) => Err(format!("`{text}` is larger than LVM can hold (8 EiB)")),
        bytes => Ok(bytes as u64),
    }
}

/// `G`, `g`, `GiB`, `gib` are one unit. `GB` is refused: some tools mean base ten by it.
fn unit_shift(unit: &str) -> Option<u32> {
    let mut chars = unit.chars();
    let letter = chars.next()?.to_ascii_uppercase();
    if letter == 'B' && chars.as_str().is_empty() {
        return Some(0);
    }
    let rest = chars.as_str();
    if !(rest.is_empty() || rest.eq_ignore_ascii_case("ib")) {
        return None;
    }
    UNITS.iter().find(|(name, _)| *name == letter).map(|(_, shift)| *shift)
}

/// `number` × 2^`shift` in exact integers, rounded up to a byte; `None` when it is no number.
/// Values past 64 bits saturate high enough for the caller to refuse them.
fn scale(number: &str, shift: u32) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) || fraction.len() > 12 {
        return None;
    }
    if whole.len() > 20 {
        return Some(u128::MAX);
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut bytes = whole << shift;
    if !fraction.is_empty() {
        let numerator: u128 = fraction.parse().ok()?;
        let denominator = 10u128.pow(fraction.len() as u32);
        bytes += (numerator << shift).div_ceil(denominator);
    }
    Some(bytes)
}

/// Bytes to extents, rounded up.
pub fn extents_up(bytes: u64, extent_size: u64) -> u64 {
    bytes.div_ceil(extent_size.max(1))
}

/// Bytes for a person: the largest unit, at most two decimals, `~` where that is not exact.
pub fn human(bytes: u64) -> String {
    let Some((name, shift)) = UNITS.iter().rev().find(|(_, shift)| bytes >> shift > 0) else {
        return format!("{bytes}B");
    };
    let unit = 1u64 << shift;
    if bytes.is_multiple_of(unit) {
        return format!("{}{name}", bytes / unit);
    }
    let hundredths = (u128::from(bytes) * 100 + u128::from(unit) / 2) / u128::from(unit);
    let exact =
        (hundredths * u128::from(unit)).is_multiple_of(100) && hundredths * u128::from(unit) / 100 == u128::from(bytes);
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{text}{name}", if exact { "" } else { "~" })
}

/// Bytes in a form that [`parse_bytes`] reads back as just these.
pub fn exact(bytes: u64) -> String {
    let text = human(bytes);
    if !text.starts_with('~') {
        return text;
    }
    let fits = UNITS.iter().rev().find(|(_, shift)| bytes.is_multiple_of(1 << shift));
    fits.map_or_else(|| format!("{bytes}B"), |(name, shift)| format!("{}{name}", bytes >> shift))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Bytes(bytes) => f.write_str(&human(*bytes)),
            Amount::PercentVg(percent) => write!(f, "{percent}%VG"),
            Amount::PercentFree(percent) => write!(f, "{percent}%FREE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spellings_are_equal() {
        for text in ["15G", "15g", "15 GiB", "15360M", "15gib", "15.0G", " 15G "] {
            assert_eq!(Amount::parse(text), Ok(Amount::Bytes(15 << 30)), "{text}");
        }
        assert_eq!(parse_bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(parse_bytes("512K"), Ok(512 << 10));
        assert_eq!(Amount::parse("40%vg"), Ok(Amount::PercentVg(40)));
        assert_eq!(Amount::parse("100%FREE"), Ok(Amount::PercentFree(100)));
    }

    #[test]
    fn what_is_no_size_says_what_would_be() {
        let rows = [
            ("15", "has no unit: write 15G"),
            ("-1G", "more than zero"),
            ("0G", "more than zero"),
            ("20E", "larger than LVM can hold"),
            ("99999999999999999999999E", "larger than LVM can hold"),
            ("15GB", "unknown unit `GB`"),
            ("1.2.3G", "is no size"),
            ("", "is no size"),
            ("G", "is no size"),
            ("0%VG", "from 1 to 100"),
            ("101%FREE", "from 1 to 100"),
            ("40%", "40%VG or 40%FREE"),
            ("40%PVS", "only %VG and %FREE"),
            ("1.5%VG", "whole number"),
        ];
        for (text, expected) in rows {
            let error = Amount::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn human_sizes() {
        let rows = [
            (15 << 30, "15G"),
            (3 << 29, "1.5G"),
            (40 << 30, "40G"),
            ((40 << 30) - (4 << 20), "~40G"),
            (512 << 10, "512K"),
            (100, "100B"),
            (300 << 20, "300M"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(human(bytes), expected);
        }
    }

    #[test]
    fn exact_sizes_read_back() {
        for bytes in [15 << 30, (40 << 30) - (4 << 20), 5 << 20, 512 << 10, 1000, 4097, 3 << 29, (1 << 62) + (4 << 20)]
        {
            assert_eq!(parse_bytes(&exact(bytes)), Ok(bytes), "{}", exact(bytes));
        }
    }

    #[test]
    fn extents_round_up() {
        assert_eq!(extents_up(15 << 30, 4 << 20), 3840);
        assert_eq!(extents_up(1, 4 << 20), 1);
    }
}
