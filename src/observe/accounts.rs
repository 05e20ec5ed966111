//! Users and groups, from the files.

use super::ObserveError;
use crate::accounts::{Accounts, GROUP_PATHS, PASSWD_PATHS};
use crate::host::{HostError, Reader};

/// Reads users and groups.
///
/// # Errors
/// A file is there, but cannot be read.
pub fn read(reader: &Reader) -> Result<Accounts, ObserveError> {
    Ok(of_host(reader)?)
}

/// As [`read`], for apply, which turns names into numbers when it needs them: a user may have been
/// made a moment ago.
///
/// # Errors
/// A file is there, but cannot be read.
pub fn of_host(reader: &Reader) -> Result<Accounts, HostError> {
    let mut accounts = Accounts::default();
    for path in PASSWD_PATHS {
        accounts.add_users(&reader.read_optional(path)?.unwrap_or_default());
    }
    for path in GROUP_PATHS {
        accounts.add_groups(&reader.read_optional(path)?.unwrap_or_default());
    }
    Ok(accounts)
}
