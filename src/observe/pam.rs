//! PAM's stacks, the rules beside access.conf, and who manages the shared stacks.

use super::ObserveError;
use crate::access::ACCESS_FOLDER;
use crate::access::stack::{self, PamFacts, PamManager, STACK_FOLDERS};
use crate::host::Reader;
use std::collections::BTreeMap;

/// Programs are looked for where [`crate::host::command`] would find them.
const PROGRAM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/bin"];

/// Reads what [`PamFacts`] holds.
///
/// # Errors
/// A file is there, but cannot be read, or is no text.
pub fn read(reader: &Reader) -> Result<PamFacts, ObserveError> {
    let mut stacks = BTreeMap::new();
    for folder in STACK_FOLDERS {
        for (path, text) in texts(reader, folder, "")? {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            stacks.entry(name).or_insert(text);
        }
    }
    Ok(PamFacts {
        services: stack::services(&stacks),
        more_rules: texts(reader, ACCESS_FOLDER, ".conf")?,
        manager: manager(reader, &stacks),
    })
}

/// The regular files of a folder whose names end so, hidden ones aside; none where there is no such folder.
fn texts(reader: &Reader, folder: &str, ending: &str) -> Result<BTreeMap<String, String>, ObserveError> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(reader.path(folder)) else { return Ok(found) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if name.starts_with('.') || !name.ends_with(ending) || !reader.path(&path).is_file() {
            continue;
        }
        if let Some(text) = reader.read_optional(&path)? {
            found.insert(path, text);
        }
    }
    Ok(found)
}

fn manager(reader: &Reader, stacks: &BTreeMap<String, String>) -> PamManager {
    let is_installed =
        |program: &str| PROGRAM_FOLDERS.iter().any(|folder| reader.path(&format!("{folder}/{program}")).is_file());
    // authselect brings a program named authconfig too; without a profile in use it manages nothing.
    if is_installed("authselect") && reader.path("/etc/authselect/authselect.conf").is_file() {
        PamManager::Authselect
    } else if is_installed("authconfig") && !is_installed("authselect") {
        PamManager::Authconfig
    } else if stacks.contains_key("common-account") && is_installed("pam-auth-update") {
        PamManager::PamAuthUpdate
    } else {
        PamManager::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn vendor_stacks_and_managers() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        write("usr/lib/pam.d/systemd-user", "account required pam_access.so\n");
        write("usr/lib/pam.d/sshd", "account required pam_access.so\n");
        write("etc/pam.d/sshd", "@include common-account\n");
        write("etc/pam.d/common-account", "account required pam_permit.so\n");
        write("etc/security/access.d/b.conf", "-:ALL:ALL\n");
        write("etc/security/access.d/a.conf", "+:root:ALL\n");
        write("etc/security/access.d/README", "x\n");
        let reader = Reader::new(root.path(), Arc::new(crate::host::command::run));
        let facts = read(&reader).expect("read");
        assert!(facts.obeys("systemd-user") && !facts.obeys("sshd"));
        assert!(!facts.services.contains_key("common-account"));
        let more: Vec<&str> = facts.more_rules.keys().map(String::as_str).collect();
        assert_eq!(more, ["/etc/security/access.d/a.conf", "/etc/security/access.d/b.conf"]);
        assert_eq!(facts.manager, PamManager::Unknown);
        for (path, expected) in [
            ("usr/sbin/pam-auth-update", PamManager::PamAuthUpdate),
            ("usr/sbin/authconfig", PamManager::Authconfig),
            ("usr/bin/authselect", PamManager::PamAuthUpdate),
            ("etc/authselect/authselect.conf", PamManager::Authselect),
        ] {
            write(path, "");
            assert_eq!(read(&reader).expect("read").manager, expected, "{path}");
        }
    }
}
