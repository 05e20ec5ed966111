//! Virtual hosts for tests: booted once, snapshotted, and restored for each case.

// Each crate that includes the harness uses a part of it only.
#![allow(dead_code, unused_imports)]

mod disk;
mod golden;
mod host;
mod image;
mod oracle;
mod qemu;
mod qmp;
mod ssh;

pub use disk::Disk;
pub use host::{Builder, Host};
pub use image::ImageKind;
pub use oracle::Oracle;
pub use ssh::{Background, Output};

/// The serial of the system disk, for [`Host`]'s functions that name a disk.
pub const SYSTEM: &str = "SYSTEM";
