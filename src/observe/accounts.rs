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
    let [passwd, image_passwd] = PASSWD_PATHS;
    let [group, image_group] = GROUP_PATHS;
    accounts.add_users(&reader.read_optional(passwd)?.unwrap_or_default());
    accounts.add_groups(&reader.read_optional(group)?.unwrap_or_default());
    let (users, groups) = (accounts.users.len(), accounts.groups.len());
    accounts.add_users(&reader.read_optional(image_passwd)?.unwrap_or_default());
    accounts.add_groups(&reader.read_optional(image_group)?.unwrap_or_default());
    accounts.mark_image(users, groups);
    Ok(accounts)
}
