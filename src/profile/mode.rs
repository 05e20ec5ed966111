//! Permission bits as people write them.

/// Permission bits, `0o0000` to `0o7777`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(pub u32);

impl Mode {
    /// Reads `0644`, `644` and `0o644`: octal in each spelling.
    ///
    /// # Errors
    /// The reason, to follow the text.
    pub fn parse(text: &str) -> Result<Mode, String> {
        const CURE: &str = "write three or four octal digits, such as \"0644\"";
        let digits = text.strip_prefix("0o").unwrap_or(text);
        if digits.is_empty() || digits.len() > 5 || !digits.chars().all(|c| c.is_digit(8)) {
            return Err(format!("`{text}` is no mode: {CURE}"));
        }
        match u32::from_str_radix(digits, 8) {
            // Three digits at least: `4` or `64` is more likely a slip than a wish.
            Ok(mode) if mode <= 0o7777 && digits.len() >= 3 => Ok(Mode(mode)),
            _ => Err(format!("`{text}` is no mode: {CURE}")),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_octal() {
        let rows = [("0644", 0o644), ("644", 0o644), ("0o644", 0o644), ("4755", 0o4755), ("000", 0), ("01777", 0o1777)];
        for (text, mode) in rows {
            assert_eq!(Mode::parse(text), Ok(Mode(mode)), "{text}");
        }
        for text in ["", "64", "648", "0x1ff", "u=rw", "17777", "-644", "000000644", "420.0"] {
            assert!(Mode::parse(text).is_err(), "{text}");
        }
    }
}
