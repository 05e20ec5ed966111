//! The cases, one file per theme.

mod cloud_init;
mod disks;
mod first_boot;
mod journald;
mod lab;
mod operation;
mod schemes;
mod support;
mod units;
mod volumes;
