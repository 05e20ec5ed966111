//! atomhost provisions Atomic container hosts from a declarative profile.
//!
//! Data flows one way: [`profile`] and [`facts`] → [`plan`] → [`apply`] → [`report`]. Planning is
//! pure; only [`host`] touches the machine, and only [`apply`] is given the half of it that writes.

pub mod action;
pub mod facts;
pub mod fstab;
pub mod plan;
pub mod profile;
pub mod record;
pub mod resources;
pub mod size;
