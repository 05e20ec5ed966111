//! The cases, one file per theme.

mod confirm;
mod disks;
mod lab;
mod operation;
mod pools;
mod schemes;
mod support;
mod volumes;
