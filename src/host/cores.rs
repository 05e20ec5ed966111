//! No core dump holds a secret: neither of this process, which knows those of the profile, nor of a command that is
//! given one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Forbids dumps of this process, for as long as it runs, and its inspection by other processes of a user who is not root.
/// Commands do not inherit it: a daemon that one of them leaves behind stays as its maker wants it.
///
/// # Errors
/// The kernel refuses.
pub fn forbid() -> std::io::Result<()> {
    nix::sys::prctl::set_dumpable(false).map_err(std::io::Error::from)
}

/// While it lives, commands that are started may write no core; only the soft limit is lowered, which each may raise.
#[must_use]
pub struct Forbidden {
    /// Soft and hard limit of before.
    before: Option<(u64, u64)>,
}

impl Forbidden {
    pub fn for_children() -> Forbidden {
        let before = getrlimit(Resource::RLIMIT_CORE).ok();
        let before = before.filter(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, 0, *hard).is_ok());
        Forbidden { before }
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        if let Some((soft, hard)) = self.before {
            // It was allowed before, and the hard limit has not changed.
            let _ = setrlimit(Resource::RLIMIT_CORE, soft, hard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::{self, Command};

    /// One test, as limits are the whole process's.
    #[test]
    fn a_command_with_a_secret_dumps_no_core() {
        let limits = || {
            let shown =
                command::run(&Command::new("sh", ["-c", "ulimit -S -c; ulimit -H -c"])).expect("it runs").stdout;
            let (soft, hard) = shown.split_once('\n').expect("two lines");
            (soft.to_owned(), hard.to_owned())
        };
        let (soft, hard) = limits();
        let forbidden = Forbidden::for_children();
        assert_eq!(limits(), ("0".to_owned(), hard.clone()));
        drop(forbidden);
        assert_eq!(limits(), (soft, hard));
    }
}
