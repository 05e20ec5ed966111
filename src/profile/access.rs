//! Who may log in from where: the typed form of `access`.

use crate::access::evaluate::{Login, Origin};
use crate::access::rule::Rule;

/// The section `access`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// In order; empty where the profile leaves access.conf as it is.
    pub rules: Vec<AccessRule>,
    /// Logins that must stay possible.
    pub must_allow: Vec<LoginWanted>,
    pub pam: PamWanted,
}

/// A rule as it is written, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    pub text: String,
    pub rule: Rule,
}

/// Whether the host's PAM stacks load pam_access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PamWanted {
    #[default]
    AsFound,
    Enabled,
}

/// A login: `root via sshd from 192.0.2.7`, `core via login on tty1`, `root via cron`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginWanted {
    pub user: String,
    /// A PAM service.
    pub service: String,
    pub origin: LoginOrigin,
}

/// Where a login comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOrigin {
    /// An address, or a host's name.
    Remote(String),
    /// A terminal, without /dev/.
    Terminal(String),
    /// The service tells of neither.
    Service,
}

impl LoginWanted {
    /// Reads the form above.
    ///
    /// # Errors
    /// The reason, to follow the text, with the cure after ": write".
    pub fn parse(text: &str) -> Result<LoginWanted, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let cure = "write USER via SERVICE, and where it matters from ADDRESS or on TERMINAL, \
                    such as root via sshd from 192.0.2.7";
        let (user, service, origin) = match words[..] {
            [user, "via", service] => (user, service, LoginOrigin::Service),
            [user, "via", service, "from", host] => (user, service, LoginOrigin::Remote(host.to_owned())),
            [user, "via", service, "on", terminal] => {
                let terminal = terminal.strip_prefix("/dev/").unwrap_or(terminal);
                (user, service, LoginOrigin::Terminal(terminal.to_owned()))
            }
            _ => return Err(format!("`{text}` does not name a login: {cure}")),
        };
        if service == "sshd" && !matches!(origin, LoginOrigin::Remote(_)) {
            return Err(format!("`{text}` does not say from where: write {user} via sshd from ADDRESS"));
        }
        let origin = match (service, origin) {
            ("login", LoginOrigin::Service) => LoginOrigin::Terminal("tty1".to_owned()),
            (_, origin) => origin,
        };
        Ok(LoginWanted { user: user.to_owned(), service: service.to_owned(), origin })
    }

    /// As PAM hears of it.
    pub fn login(&self) -> Login<'_> {
        let origin = match &self.origin {
            LoginOrigin::Remote(host) => Origin::Remote(host),
            LoginOrigin::Terminal(terminal) => Origin::Local(terminal),
            // Both kinds of cron call their terminal so.
            LoginOrigin::Service if matches!(self.service.as_str(), "cron" | "crond") => Origin::Local("cron"),
            LoginOrigin::Service => Origin::Local(&self.service),
        };
        Login { user: &self.user, origin }
    }
}

impl std::fmt::Display for LoginWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LoginWanted { user, service, origin } = self;
        write!(f, "{user} via {service}")?;
        match origin {
            LoginOrigin::Remote(host) => write!(f, " from {host}"),
            LoginOrigin::Terminal(terminal) => write!(f, " on {terminal}"),
            LoginOrigin::Service => Ok(()),
        }
    }
}
