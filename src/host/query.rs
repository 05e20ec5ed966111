//! The commands that look, each with its deadline.

use super::command::Command;
use std::time::Duration;

/// The commands that only look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every volume group with all its parts, and physical volumes of no group, in one call.
    LvmReport,
    /// Low-level probing of a device.
    Blkid { device: String },
    /// Every signature, with those at the end of a device.
    Wipefs { device: String },
    /// The value of one of LVM's settings, all its files merged.
    LvmSetting { name: String },
    /// LVM's own autoextend settings, for pools whose metadata profile has none.
    AutoextendDefaults,
    /// Properties of systemd units.
    Units { names: Vec<String> },
    /// What restorecon would change below a directory.
    Labels { path: String },
}

impl Query {
    /// The command behind it.
    pub fn command(&self) -> Command {
        const MACHINE: [&str; 5] = ["--reportformat", "json", "--units", "b", "--nosuffix"];
        let deadline = Duration::from_secs(120);
        match self {
            Query::Units { names } => {
                let properties = format!("--property={}", crate::observe::units::PROPERTIES);
                Command::new(
                    "systemctl",
                    ["show".to_owned(), properties, "--".to_owned()].into_iter().chain(names.clone()),
                )
            }
            Query::LvmSetting { name } => Command::new("lvmconfig", [name]),
            Query::Labels { path } => Command::new("restorecon", ["-n", "-v", "-R", path]),
            Query::LvmReport => Command::new("lvm", ["fullreport", "--all"].into_iter().chain(MACHINE)),
            Query::AutoextendDefaults => Command::new(
                "lvm",
                [
                    "lvmconfig",
                    "--type",
                    "full",
                    "activation/thin_pool_autoextend_threshold",
                    "activation/thin_pool_autoextend_percent",
                ],
            ),
            Query::Blkid { device } => Command::new("blkid", ["--probe", "--output", "export", device]),
            Query::Wipefs { device } => {
                Command::new("wipefs", ["--no-act", "--noheadings", "--output", "TYPE", device])
            }
        }
        .deadline(deadline)
    }
}
