//! Certificates in PEM: what they are and how long they are valid, and why a text is none.

use base64ct::{Base64, Encoding};
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A certificate, as far as anybody asks here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject, as RFC 4514 writes names.
    pub subject: String,
    /// Seconds since the epoch: valid from then on …
    pub not_before: u64,
    /// … up to then.
    pub not_after: u64,
    /// Whether it may sign others (basic constraints, CA).
    pub is_authority: bool,
}

/// Why a text is no certificate: the line, from 1, and the reason, which shows nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemError {
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for PemError {}

/// Whether a private key stands in the text: nobody but its owner may see it then.
pub fn holds_private_key(text: &str) -> bool {
    text.lines().any(|line| line.contains(BEGIN) && line.contains("PRIVATE KEY"))
}

/// Reads every certificate of a text, at least one. What stands between them is comment, as RFC 7468
/// has it.
///
/// # Errors
/// None is there, one is damaged, or something else is there: a private key above all.
pub fn parse(text: &str) -> Result<Vec<Certificate>, PemError> {
    let mut certificates = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        let fail = |reason: String| PemError { line, reason };
        match (&mut open, label(text, BEGIN), label(text, END)) {
            (None, Some(label), _) => {
                refuse_label(label).map_err(fail)?;
                open = Some((line, String::new()));
            }
            (None, None, Some(_)) => return Err(fail("a block ends here that never began".to_owned())),
            (None, None, None) => {}
            (Some((begin, _)), Some(_), _) => {
                return Err(fail(format!("a block begins here before that of line {begin} has ended")));
            }
            (Some((begin, base64)), None, Some(label)) => {
                refuse_label(label).map_err(fail)?;
                let begin = *begin;
                certificates.push(decode(base64).map_err(|reason| PemError { line: begin, reason })?);
                open = None;
            }
            (Some((_, base64)), None, None) => base64.extend(text.split_whitespace()),
        }
    }
    match open {
        Some((line, _)) => Err(PemError { line, reason: "the block that begins here never ends".to_owned() }),
        None if certificates.is_empty() => {
            Err(PemError { line: 1, reason: format!("no {BEGIN}CERTIFICATE{DASHES} is there, nor below it") })
        }
        None => Ok(certificates),
    }
}

/// The label of a boundary line.
fn label<'a>(line: &'a str, boundary: &str) -> Option<&'a str> {
    line.strip_prefix(boundary)?.strip_suffix(DASHES)
}

fn refuse_label(label: &str) -> Result<(), String> {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => Ok(()),
        key if key.contains("PRIVATE KEY") => {
            Err("a private key stands here: it does not belong into a file that everybody reads".to_owned())
        }
        _ => Err("a block stands here that is no CERTIFICATE".to_owned()),
    }
}

fn decode(base64: &str) -> Result<Certificate, String> {
    let bytes = Base64::decode_vec(base64).map_err(|_| "the block that begins here is no base64".to_owned())?;
    let damaged = |error| format!("the block that begins here is no certificate: {error}");
    let certificate = CertificateInner::<Raw>::from_der(&bytes).map_err(damaged)?;
    let certificate = certificate.tbs_certificate();
    let constraints = certificate.get_extension::<BasicConstraints>().map_err(damaged)?;
    let validity = certificate.validity();
    Ok(Certificate {
        subject: certificate.subject().to_string(),
        not_before: validity.not_before.to_unix_duration().as_secs(),
        not_after: validity.not_after.to_unix_duration().as_secs(),
        is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
    })
}

/// A time as a day, `2027-03-01`, in UTC.
pub fn day(seconds: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    // What no calendar reaches never comes.
    let text = time.map(|time| humantime::format_rfc3339_seconds(time).to_string()).unwrap_or_default();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Self-signed with `openssl ca -selfsign`, ed25519 and (the expired one) P-256.
    const PEM: &str = include_str!("../tests/certificates/root.crt");
    const EXPIRED: &str = include_str!("../tests/certificates/expired.crt");
    const LEAF: &str = include_str!("../tests/certificates/leaf.crt");

    #[test]
    fn certificates_are_read() {
        let found = parse(&format!("a comment\n{PEM}\n# another\n{}", EXPIRED.replace('\n', "\r\n"))).expect("two");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].subject, "CN=Example Root,O=Example");
        assert!(found[0].is_authority && day(found[0].not_after).as_str() > "2100", "{found:?}");
        assert_eq!(day(found[1].not_after), "2021-01-01");
        assert!(!parse(LEAF).expect("one")[0].is_authority);
        // OpenSSL reads lines of any length.
        let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
        let long = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----");
        assert_eq!(parse(&long), parse(PEM));
    }

    #[test]
    fn what_is_no_certificate_says_where() {
        let cut = PEM.lines().take(3).collect::<Vec<_>>().join("\n");
        let damaged = PEM.replacen("MII", "!!!", 1);
        let shorter = PEM.lines().enumerate().filter(|(at, _)| *at != 3).map(|(_, line)| format!("{line}\n"));
        let shorter: String = shorter.collect();
        let key = format!("{PEM}-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n");
        let request = PEM.replace("CERTIFICATE", "CERTIFICATE REQUEST");
        let twice = format!("{cut}\n{PEM}");
        let rows = [
            ("", "line 1: no -----BEGIN CERTIFICATE-----"),
            ("hello\n", "line 1: no "),
            (&cut, "line 1: the block that begins here never ends"),
            (&damaged, "line 1: the block that begins here is no base64"),
            (&shorter, "line 1: the block that begins here is no certificate"),
            (&key, "a private key stands here"),
            (&request, "line 1: a block stands here that is no CERTIFICATE"),
            (&twice, "line 4: a block begins here before that of line 1"),
            ("-----END CERTIFICATE-----", "line 1: a block ends here"),
            ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "line 1: the block that begins here is no"),
        ];
        for (text, expected) in rows {
            let error = parse(text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(holds_private_key(&key) && !holds_private_key(PEM));
    }
}
