//! The cases, one file per theme.

mod access;
mod disks;
mod files;
mod lab;
mod operation;
mod schemes;
mod support;
mod users;
mod volumes;
