//! Profiles from afar: an address, and the digest of what must be found there.

use std::path::Path;

const SCHEME: &str = "https://";
/// Between the address and the digest, 64 hexadecimal digits.
const PIN: &str = "#sha256=";

/// A profile that lies on a web server. Its digest is part of its name: who may write to that server, or stands
/// between, can withhold the profile but not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Without the digest.
    pub url: String,
    /// SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why an address is none, with the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress {
    pub message: String,
    pub cure: String,
}

fn bad(message: &str, cure: impl Into<String>) -> BadAddress {
    BadAddress { message: message.to_owned(), cure: cure.into() }
}

/// Whether this is an address, good or not, and no path.
pub fn is_address(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.contains("://"))
}

impl Remote {
    /// Reads `https://HOST/PATH#sha256=DIGEST`.
    ///
    /// # Errors
    /// It is another kind of address, holds a password, or has no digest.
    pub fn parse(address: &str) -> Result<Remote, BadAddress> {
        let (url, pin) = address.split_once('#').map_or((address, None), |(url, _)| (url, Some(&address[url.len()..])));
        let Some(rest) = url.strip_prefix(SCHEME) else {
            return Err(bad("a profile comes from an address with https", format!("write {SCHEME}…{PIN}DIGEST")));
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.is_empty() {
            return Err(bad("this address names no server", format!("write {SCHEME}SERVER/PATH{PIN}DIGEST")));
        }
        if authority.contains('@') {
            return Err(bad(
                "this address holds a user or a password, which would be seen by everybody on the host",
                "a profile holds no secret, and can be served to anybody",
            ));
        }
        if !url.chars().all(|c| c.is_ascii_graphic()) {
            return Err(bad("this address holds a blank or a letter that no address has", "write it in %XX"));
        }
        let cure = || format!("end it with {PIN}DIGEST, of: curl -fsS {url} | sha256sum");
        let Some(digest) = pin.and_then(|pin| pin.strip_prefix(PIN)) else {
            return Err(bad("this address does not say what is to be found there", cure()));
        };
        if digest.len() != 64 || !digest.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(bad("this is no SHA-256 in hexadecimal", cure()));
        }
        Ok(Remote { url: url.to_owned(), sha256: digest.to_ascii_lowercase() })
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{PIN}{}", self.url, self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_digest_and_no_password() {
        let digest = "AB".repeat(32);
        let good = Remote::parse(&format!("https://files.example.com:8443/a/b.yaml?x=1{PIN}{digest}")).expect("good");
        assert_eq!(good.url, "https://files.example.com:8443/a/b.yaml?x=1");
        assert_eq!(good.to_string(), format!("{}{PIN}{}", good.url, digest.to_lowercase()));
        let rows = [
            (format!("http://example.com/a{PIN}{digest}"), "with https"),
            ("https://example.com/a".to_owned(), "does not say what is to be found"),
            (format!("https://example.com/a#{digest}"), "does not say what is to be found"),
            (format!("https://example.com/a{PIN}abc"), "no SHA-256"),
            (format!("https://example.com/a{PIN}{digest}#x"), "no SHA-256"),
            (format!("https://me:word@example.com/a{PIN}{digest}"), "a password"),
            (format!("https:///a{PIN}{digest}"), "no server"),
            (format!("https://example.com/a b{PIN}{digest}"), "a blank"),
        ];
        for (address, expected) in rows {
            let error = Remote::parse(&address).expect_err(&address);
            assert!(error.message.contains(expected) && !error.cure.is_empty(), "{address}: {error:?}");
            assert!(is_address(Path::new(&address)), "{address}");
        }
        assert!(!is_address(Path::new("/etc/atomhost/profile.yaml")));
    }
}
