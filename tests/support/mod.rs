//! What tests of the planner share: a host to start from, and a model of what actions do to it.
#![allow(dead_code, reason = "each test crate uses its part")]

pub mod fixture;
pub mod simulator;
