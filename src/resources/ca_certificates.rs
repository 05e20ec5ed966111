//! Certificate files, and the system's trust in them.

use super::managed_file::{self, ManagedFile, Text};
use super::{Watch, files};
use crate::accounts::Owner;
use crate::action::{Action, TrustStore};
use crate::certificate::{self, Certificate, day};
use crate::facts::{FileFacts, FileKind};
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{CertificateWanted, Profile};
use crate::record::Begun;

/// Where Fedora's trust store and Debian's look for certificates of the administrator.
pub const ANCHOR_FOLDERS: [&str; 2] = ["/etc/pki/ca-trust/source/anchors", "/usr/local/share/ca-certificates"];
/// Where Debian's tool leaves a link for each certificate that is trusted.
const TRUSTED_LINKS: &str = "/etc/ssl/certs";
const MODE: u32 = 0o644;
/// Seconds before its end that a certificate is warned of.
const SOON: u64 = 30 * 24 * 3600;

/// What to look at for the profile's certificates.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    watch.time |= !profile.ca_certificates.is_empty();
    for wanted in &profile.ca_certificates {
        files::watch_content(&wanted.path, &wanted.content, watch);
        if let Some(name) = &wanted.anchor {
            ANCHOR_FOLDERS.iter().for_each(|folder| watch.text(&anchor(folder, name)));
            watch.attributes(&trusted_link(name));
        }
    }
}

fn anchor(folder: &str, name: &str) -> String {
    format!("{folder}/{name}.crt")
}

fn trusted_link(name: &str) -> String {
    format!("{TRUSTED_LINKS}/{name}.pem")
}

/// Plans the files, then the trust store.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let mut is_stale = model.facts.record.begun.contains(&Begun::RefreshTrust);
    for wanted in &profile.ca_certificates {
        let Some((text, certificates)) = readable(wanted, model) else { continue };
        remark(wanted, &certificates, model);
        let why = "the profile says which certificates are in it";
        managed_file::plan(&file(&wanted.path, &text, why), model);
        if let Some(name) = &wanted.anchor {
            is_stale |= trust(name, &text, certificates.len(), model);
        }
    }
    let wants_trust = profile.ca_certificates.iter().any(|wanted| wanted.anchor.is_some());
    if let Some(store) = store(model).filter(|_| is_stale && wants_trust) {
        model.act(
            Action::RefreshTrust { store },
            Words {
                object: "trust store".to_owned(),
                before: String::new(),
                after: "made anew".to_owned(),
                why: "its certificates changed".to_owned(),
            },
        );
    }
}

fn file<'a>(path: &'a str, text: &str, why: &'a str) -> ManagedFile<'a> {
    ManagedFile {
        path,
        text: Text::Shown(text.to_owned()),
        mode: Some(MODE),
        owner: Some(Owner::root()),
        what: "",
        why,
    }
}

/// The text, and the certificates in it; `None` where a guard refused.
fn readable(wanted: &CertificateWanted, model: &mut Model<'_>) -> Option<(String, Vec<Certificate>)> {
    let text = match files::wanted_text(&wanted.path, &wanted.content, model)? {
        Text::Shown(text) => text,
        Text::Secret(_) | Text::Copied { .. } | Text::AsFound => {
            let cure = "make it a file of PEM certificates alone";
            model.refuse(RefusalCode::FileUnsuitable, &wanted.path, "its source holds a private key, or no text", cure);
            return None;
        }
    };
    match certificate::parse(&text) {
        Ok(certificates) => Some((text, certificates)),
        Err(error) => {
            let found = format!("its source is no certificate: {error}");
            let cure = "copy it whole, from BEGIN to END, as PEM";
            model.refuse(RefusalCode::FileUnsuitable, &wanted.path, found, cure);
            None
        }
    }
}

/// Warnings about what nobody can use.
fn remark(wanted: &CertificateWanted, certificates: &[Certificate], model: &mut Model<'_>) {
    let now = model.facts.time;
    for Certificate { subject, not_before, not_after, is_authority } in certificates {
        match now {
            Some(now) if now > *not_after => {
                model.warn(
                    WarningCode::CertificateValidity,
                    &wanted.path,
                    format!("{subject} expired on {}: nothing accepts it", day(*not_after)),
                );
            }
            Some(now) if now < *not_before => {
                let when = day(*not_before);
                model.warn(
                    WarningCode::CertificateValidity,
                    &wanted.path,
                    format!("{subject} is valid from {when} on: or is this host's clock wrong?"),
                );
            }
            Some(now) if now.saturating_add(SOON) > *not_after => {
                model.warn(
                    WarningCode::CertificateValidity,
                    &wanted.path,
                    format!("{subject} expires on {}", day(*not_after)),
                );
            }
            Some(_) | None => {}
        }
        if wanted.anchor.is_some() && !is_authority {
            model.warn(
                WarningCode::CertificateUnusual,
                &wanted.path,
                format!("{subject} is no certificate authority: it is trusted for itself alone"),
            );
        }
    }
}

/// Plans the certificate's place in the trust store; whether that must be made anew.
fn trust(name: &str, text: &str, certificates: usize, model: &mut Model<'_>) -> bool {
    let Some(store) = store(model) else {
        let cure = "install the package ca-certificates, or leave `trust` out";
        let found = format!("this host has neither {} nor {}", ANCHOR_FOLDERS[0], ANCHOR_FOLDERS[1]);
        model.refuse(RefusalCode::FileUnsuitable, "trust store", found, cure);
        return false;
    };
    let path = anchor(folder(store), name);
    if store == TrustStore::CaCertificates && certificates > 1 {
        model.warn(
            WarningCode::CertificateUnusual,
            &path,
            "holds several certificates: programs that look in /etc/ssl/certs find the first at most",
        );
    }
    let changed = managed_file::plan_owing(&file(&path, text, "the system trusts it"), &[Begun::RefreshTrust], model);
    // Debian's tool leaves a link for each: one that is missing tells that it has not run.
    let link = model.facts.files.get(&trusted_link(name)).is_some_and(|found| found.kind == FileKind::Missing);
    changed == Some(true) || (link && store == TrustStore::CaCertificates)
}

/// The host's trust store. A host with both is Fedora's kin with another's tool.
fn store(model: &Model<'_>) -> Option<TrustStore> {
    let is_there = |store: &TrustStore| {
        let found: Option<&FileFacts> = model.facts.files.get(folder(*store));
        found.is_some_and(|found| found.kind == FileKind::Directory)
    };
    [TrustStore::CaTrust, TrustStore::CaCertificates].into_iter().find(is_there)
}

fn folder(store: TrustStore) -> &'static str {
    match store {
        TrustStore::CaTrust => ANCHOR_FOLDERS[0],
        TrustStore::CaCertificates => ANCHOR_FOLDERS[1],
    }
}
