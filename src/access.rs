//! access.conf(5) as pam_access reads it: rules, what they say of a login, and the block that is ours.
//!
//! The meaning of a line is that of Linux-PAM 1.5.2, which differs from its relatives in little that
//! matters here; where versions or the world outside (DNS, netgroups) decide, the answer is "unsure".

pub mod evaluate;
pub mod rule;
pub mod stack;

/// The rules of this host.
pub const ACCESS_CONF: &str = "/etc/security/access.conf";
/// More rules, which PAM reads since version 1.3.1 for a login that matched none in [`ACCESS_CONF`].
pub const ACCESS_FOLDER: &str = "/etc/security/access.d";
