//! atomhost provisions Atomic container hosts from a declarative profile.
//!
//! Data flows one way: [`profile`] and [`facts`] → [`plan`] → [`apply`] → [`report`]. Planning is
//! pure; only [`host`] touches the machine, and only [`apply`] is given the half of it that writes.

pub mod access;
pub mod accounts;
pub mod action;
pub mod apply;
pub mod authorized_keys;
pub mod background;
pub mod block;
pub mod certificate;
pub mod cli;
pub mod commands;
pub mod crypt;
pub mod env_file;
pub mod events;
pub mod exit;
pub mod explain;
pub mod facts;
pub mod fleet;
pub mod fstab;
pub mod history;
pub mod host;
pub mod import;
pub mod logging;
pub mod lvm_conf;
pub mod manual;
pub mod metrics;
pub mod observe;
pub mod output;
pub mod plan;
pub mod profile;
pub mod record;
pub mod render;
pub mod report;
pub mod resources;
pub mod saved;
pub mod secret;
pub mod size;
pub mod steps;
pub mod unconfirmed;
pub mod words;
