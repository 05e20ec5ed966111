//! Certificates: readable as such, and named apart in the trust store.

use super::Problems;
use super::files::one_content;
use super::paths::{self, Claims};
use crate::certificate;
use crate::profile::raw::{MapOf, RawCertificate};
use crate::profile::yaml::At;
use crate::profile::{CertificateWanted, FileContent};
use crate::resources::ca_certificates;
use indexmap::IndexMap;

const SECTION: &str = "ca_certificates";

/// The certificate files, in the profile's order.
pub fn check(
    raw: IndexMap<At<String>, MapOf<RawCertificate>>,
    claims: &mut Claims,
    problems: &mut Problems,
) -> Vec<CertificateWanted> {
    raw.into_iter().filter_map(|(path, MapOf(raw))| one(&path, raw.value, claims, problems)).collect()
}

fn one(
    path: &At<String>,
    raw: RawCertificate,
    claims: &mut Claims,
    problems: &mut Problems,
) -> Option<CertificateWanted> {
    let RawCertificate { content, source, trust } = raw;
    let normal = paths::writable(path, problems);
    let span = content.as_ref().map(|content| content.span.clone());
    let content = one_content(path, content, source, "add `content:` or `source:`", problems);
    if let (Some(FileContent::Text(text)), Some(span)) = (&content, span)
        && let Err(error) = certificate::parse(text)
    {
        problems.add(&span, format!("this is no certificate: {error}"), "copy it whole, from BEGIN to END, as PEM");
        return None;
    }
    let (normal, content) = normal.zip(content)?;
    if !claims.claim(&normal, SECTION, &path.span, problems) {
        return None;
    }
    let anchor = match trust.filter(|trust| trust.value) {
        Some(trust) => Some(anchor(&normal, &trust, claims, problems)?),
        None => None,
    };
    Some(CertificateWanted { path: normal, content, anchor })
}

/// The name that it gets in the trust store: its file's, without the extension.
fn anchor(path: &str, trust: &At<bool>, claims: &mut Claims, problems: &mut Problems) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or_default();
    let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
    // update-ca-certificates rewrites other characters in the names of its links.
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        problems.add(
            &trust.span,
            format!("the trust store takes no file named `{file}`"),
            "choose a name of letters, digits and . _ - before its extension",
        );
        return None;
    }
    for folder in ca_certificates::ANCHOR_FOLDERS {
        if !claims.claim(&format!("{folder}/{name}.crt"), "trust: true", &trust.span, problems) {
            return None;
        }
    }
    Some(name.to_owned())
}
