//! Password hashes as crypt(5) writes them: recognised by their form, never computed.

use serde::{Deserialize, Serialize};

/// How a password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    Yescrypt,
    GostYescrypt,
    Scrypt,
    Bcrypt,
    Sha512Crypt,
    Sha256Crypt,
    Md5Crypt,
}

impl Scheme {
    /// Guessed by the billion on a single graphics card.
    pub fn is_weak(self) -> bool {
        self == Scheme::Md5Crypt
    }

    /// As crypt(5) calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Yescrypt => "yescrypt",
            Scheme::GostYescrypt => "gost-yescrypt",
            Scheme::Scrypt => "scrypt",
            Scheme::Bcrypt => "bcrypt",
            Scheme::Sha512Crypt => "sha512crypt",
            Scheme::Sha256Crypt => "sha256crypt",
            Scheme::Md5Crypt => "md5crypt",
        }
    }
}

/// Why a text is no password hash. Never says the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHash {
    Empty,
    /// `!`, `*` or `x`: a field of shadow(5) that no password fits.
    Locked,
    /// It begins like a hash of this scheme, but is too short, too long, or has odd characters.
    Damaged(Scheme),
    /// A scheme that no current host should use, or none at all: probably a password in plain text.
    Unknown,
}

/// What makes a hash.
pub const CURE: &str = "write the hash that `mkpasswd -m yescrypt` or `openssl passwd -6` prints, in single quotes";

impl std::fmt::Display for NoHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoHash::Empty => f.write_str("is empty"),
            NoHash::Locked => f.write_str("is the mark of a locked password, not a hash"),
            NoHash::Damaged(scheme) => write!(f, "begins like a {} hash, but is not a whole one", scheme.as_str()),
            NoHash::Unknown => {
                f.write_str("is no password hash of crypt(5): a password in plain text is never taken from a profile")
            }
        }
    }
}

/// The scheme of a whole, well-formed hash.
///
/// # Errors
/// It is none.
pub fn scheme(text: &str) -> Result<Scheme, NoHash> {
    if text.is_empty() {
        return Err(NoHash::Empty);
    }
    if text.starts_with('!') || matches!(text, "*" | "x" | "*LK*" | "NP") {
        return Err(NoHash::Locked);
    }
    let (prefix, rest) = split(text).ok_or(NoHash::Unknown)?;
    let (scheme, is_whole) = match prefix {
        "y" => (Scheme::Yescrypt, is_yescrypt(rest)),
        "gy" => (Scheme::GostYescrypt, is_yescrypt(rest)),
        "7" => {
            (Scheme::Scrypt, fields(rest, 2).is_some_and(|part| is_base64(part[0], 11..=97) && is_digest(part[1], 43)))
        }
        "2a" | "2b" | "2y" => (Scheme::Bcrypt, is_bcrypt(rest)),
        "6" => (Scheme::Sha512Crypt, is_sha(rest, 86)),
        "5" => (Scheme::Sha256Crypt, is_sha(rest, 43)),
        "1" => (Scheme::Md5Crypt, fields(rest, 2).is_some_and(|part| is_salt(part[0], 8) && is_digest(part[1], 22))),
        _ => return Err(NoHash::Unknown),
    };
    if is_whole { Ok(scheme) } else { Err(NoHash::Damaged(scheme)) }
}

/// `$prefix$rest`.
fn split(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('$')?.split_once('$')
}

fn fields(text: &str, count: usize) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.split('$').collect();
    (parts.len() == count).then_some(parts)
}

/// crypt's own alphabet of 64 letters.
fn is_base64(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
}

fn is_digest(text: &str, length: usize) -> bool {
    is_base64(text, length..=length)
}

/// Any printable letters but those that end a field of shadow(5) or of the hash.
fn is_salt(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn is_yescrypt(rest: &str) -> bool {
    fields(rest, 3)
        .is_some_and(|part| is_base64(part[0], 1..=16) && is_base64(part[1], 1..=86) && is_digest(part[2], 43))
}

fn is_bcrypt(rest: &str) -> bool {
    fields(rest, 2).is_some_and(|part| {
        part[0].len() == 2 && part[0].parse().is_ok_and(|cost: u32| (4..=31).contains(&cost)) && is_digest(part[1], 53)
    })
}

fn is_sha(rest: &str, length: usize) -> bool {
    let rest = match rest.strip_prefix("rounds=") {
        None => rest,
        Some(rest) => match rest.split_once('$') {
            Some((rounds, rest)) if rounds.parse().is_ok_and(|rounds: u32| (1000..=999_999_999).contains(&rounds)) => {
                rest
            }
            _ => return false,
        },
    };
    fields(rest, 2).is_some_and(|part| is_salt(part[0], 16) && is_digest(part[1], length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with crypt(3) of libxcrypt from the password `atomhost`.
    const HASHES: [(&str, Scheme); 9] = [
        ("$y$j9T$abcdefghijklmnop$oMbiINs7LTUtsPO.VMcwxtNts71UPrb5kknLO8RP3r.", Scheme::Yescrypt),
        ("$gy$j9T$abcdefghijklmnop$JXJ8sXqXCZrZn3KWb05VSeYBA4jL3angLg3LhhWDez.", Scheme::GostYescrypt),
        ("$7$CU..../....abcdefghijklmnop$0Sfsj.LVhb2eNGxH969INThz3mCJHvD1HznEc2SZ106", Scheme::Scrypt),
        ("$2b$05$abcdefghijklmnopqrstuuYv0NmNNL4rvpM8lJDsqeGyPJGAPwYhK", Scheme::Bcrypt),
        ("$2y$04$abcdefghijklmnopqrstuuISRNm/1NwMcVwina2tvJ.v65cvyzsx6", Scheme::Bcrypt),
        (
            "$6$saltsalt$R9dWt/znLN2H2lRupDD.YQTdspQ0eTjj8yL.kMuypengCDEauRKKzOqOtRbqBzS4i.7suaez7medavBRqBOQy1",
            Scheme::Sha512Crypt,
        ),
        (
            "$6$rounds=5000$salt-salt$fPlW9QvKEnb79Slzc7aHV3nvHARofowYa9f4YQu8BkZQP6B4A6kI/rLrVmdqOxJkc5WoQJtMZE4rWzrKAKAzP1",
            Scheme::Sha512Crypt,
        ),
        ("$5$salt$WY4cd899Rbsl4LnhoTkYpeh8DPZx88xerQVweI1x8a9", Scheme::Sha256Crypt),
        ("$1$salt$0oCbrYjGwW1sku3m19Y3/0", Scheme::Md5Crypt),
    ];

    #[test]
    fn hashes_of_real_tools_are_known() {
        for (hash, expected) in HASHES {
            assert_eq!(scheme(hash), Ok(expected), "{hash}");
            for cut in 1..hash.len() {
                assert!(scheme(&hash[..cut]).is_err(), "{}", &hash[..cut]);
            }
            for odd in [format!("{hash}."), format!("{hash}\n"), format!(" {hash}"), hash.replace('.', ":") + ":"] {
                assert!(scheme(&odd).is_err(), "{odd:?}");
            }
        }
    }

    #[test]
    fn what_is_no_hash() {
        let rows = [
            ("", NoHash::Empty),
            ("hunter2", NoHash::Unknown),
            ("correct horse battery staple", NoHash::Unknown),
            ("$ecret", NoHash::Unknown),
            ("$9$a$b", NoHash::Unknown),
            ("rqXexS6ZhobKA", NoHash::Unknown),
            ("!", NoHash::Locked),
            ("*", NoHash::Locked),
            ("!$6$salt$hash", NoHash::Locked),
            ("$6$salt$hash", NoHash::Damaged(Scheme::Sha512Crypt)),
            ("$2b$99$abc", NoHash::Damaged(Scheme::Bcrypt)),
        ];
        for (text, expected) in rows {
            let error = scheme(text).expect_err(text);
            assert_eq!(error, expected, "{text}");
            assert!(text.len() < 3 || !error.to_string().contains(text), "{error}");
        }
    }
}
