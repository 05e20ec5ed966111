//! The cases, one file per theme.

mod access;
mod cloud_init;
mod confirm;
mod containers;
mod crash;
mod disks;
mod files;
mod first_boot;
mod journald;
mod lab;
mod operation;
mod pools;
mod releases;
mod schemes;
pub mod support;
mod units;
mod users;
mod volumes;
