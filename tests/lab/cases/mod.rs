//! The cases, one file per theme.

mod access;
mod disks;
mod lab;
mod operation;
mod schemes;
mod support;
mod volumes;
