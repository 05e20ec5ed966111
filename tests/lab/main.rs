//! Cases on real virtual hosts: nothing about LVM counts until a real kernel did it.
//!
//! Run as root with `cargo test --profile lab --test lab -- --test-threads=2`. The first run builds the image of
//! the stock host, which takes some minutes; every case then starts within seconds from the snapshot of its boot.

mod cases;
mod crash;
mod harness;
mod long_life;
#[path = "../support/mod.rs"]
mod model;

use cases::support;
