//! The units that take unconfirmed changes back when nobody else is left to do it.
//!
//! A service that survives a reboot, and a timer in /run that starts it. Both are plain unit files:
//! they need nothing of systemd-run, whose options differ between versions, and systemd keeps a
//! running timer over daemon-reload and daemon-reexec.

use crate::host::command::Command;
use crate::host::{Host, HostError};
use std::time::Duration;

/// The service as it is shipped, for the usual place of the program.
const SERVICE: &str = include_str!("../../systemd/atomhost-revert.service");
const USUAL_PROGRAM: &str = "/usr/local/bin/atomhost";
const SERVICE_PATH: &str = "/etc/systemd/system/atomhost-revert.service";
const TIMER_PATH: &str = "/run/systemd/system/atomhost-revert.timer";
const SERVICE_NAME: &str = "atomhost-revert.service";
const TIMER_NAME: &str = "atomhost-revert.timer";
/// For systemctl; reloading all units of a large host takes seconds.
const DEADLINE: Duration = Duration::from_secs(90);

/// Whether a program's path can stand in a unit as it is.
pub fn is_plain(program: &str) -> bool {
    program.starts_with('/') && program.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c))
}

/// Puts the service in place and enables it for the next boot. It does nothing before there is
/// something to take back.
///
/// # Errors
/// systemd does not have it as it shall be.
pub fn install(host: &Host, program: &str) -> Result<(), HostError> {
    let text = SERVICE.replace(USUAL_PROGRAM, program);
    // Not by replacement of content alone: a stale file may have another owner or mode.
    host.remove_file(SERVICE_PATH)?;
    host.replace(SERVICE_PATH, text.as_bytes(), 0o644, host.owner())?;
    // Enabling makes systemd read the new file too.
    systemctl(host, &["enable", SERVICE_NAME])
}

/// Starts the service once: while there is time it only sets the timer. So it is systemd itself that
/// proves, before the first change, that it can run the program.
///
/// # Errors
/// It cannot, or the timer does not run.
pub fn arm(host: &Host) -> Result<(), HostError> {
    systemctl(host, &["start", SERVICE_NAME])?;
    systemctl(host, &["is-active", TIMER_NAME])
}

/// Sets the timer to go off after `left`.
///
/// # Errors
/// It does not run.
pub fn set_timer(host: &Host, left: Duration) -> Result<(), HostError> {
    host.replace(TIMER_PATH, timer(left).as_bytes(), 0o644, host.owner())?;
    systemctl(host, &["daemon-reload"])?;
    systemctl(host, &["restart", TIMER_NAME])
}

/// Takes timer and service away; neither need be there.
///
/// # Errors
/// They are, and stay.
pub fn remove(host: &Host) -> Result<(), HostError> {
    let reader = host.reader();
    let (timer, service) = (reader.exists(TIMER_PATH), reader.exists(SERVICE_PATH));
    if !timer && !service {
        return Ok(());
    }
    if timer {
        systemctl(host, &["stop", TIMER_NAME])?;
        host.remove_file(TIMER_PATH)?;
    }
    if service {
        systemctl(host, &["--no-reload", "disable", SERVICE_NAME])?;
        host.remove_file(SERVICE_PATH)?;
    }
    systemctl(host, &["daemon-reload"])
}

/// No default dependencies: at boot it is set before the target that those wait for.
fn timer(left: Duration) -> String {
    let milliseconds = left.as_millis();
    format!(
        "[Unit]\nDescription=Time to confirm changes of atomhost\nDefaultDependencies=no\n\
         Conflicts=shutdown.target\nBefore=shutdown.target\n\n\
         [Timer]\nOnActiveSec={milliseconds}ms\nAccuracySec=1s\n"
    )
}

fn systemctl(host: &Host, arguments: &[&str]) -> Result<(), HostError> {
    host.run(&Command::new("systemctl", ["--quiet"].iter().chain(arguments).copied()).deadline(DEADLINE)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_this_program() {
        assert_eq!(SERVICE.matches(USUAL_PROGRAM).count(), 1);
        assert!(is_plain("/opt/atomhost-1.2/atomhost"));
        for path in ["atomhost", "/opt/my tools/atomhost", "/opt/%n", "/opt/a;b", "/usr/bin/atomhost (deleted)"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn the_timer_is_exact() {
        assert!(timer(Duration::from_millis(7_900)).contains("OnActiveSec=7900ms\nAccuracySec=1s\n"));
    }
}
