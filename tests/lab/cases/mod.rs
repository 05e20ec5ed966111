//! The cases, one file per theme.

mod containers;
mod disks;
mod lab;
mod operation;
mod releases;
mod schemes;
mod support;
mod volumes;
