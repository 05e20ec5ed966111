//! `atomhost pool` and what follows it.

use super::Format;
use super::values::duration;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `atomhost pool`
#[derive(Args, Debug)]
pub struct Pool {
    #[command(subcommand)]
    pub command: PoolCommand,
}

/// What to do with thin pools.
#[derive(Debug, Subcommand)]
pub enum PoolCommand {
    /// Show how full thin pools are, what is in them, and how far they can grow
    Status(PoolStatus),
    /// Remove a thin pool with ALL that is in it, and make it anew, empty
    ///
    /// Stops the container engines that run, removes the pool and its thin volumes, makes it as the
    /// profile says (or as it was, where the profile does not name it), and starts the engines again.
    /// Shows first what will be lost, and asks for the pool's name to be typed. Refused while anything
    /// in the pool is mounted or open.
    #[command(after_help = "Example:\n  atomhost pool reset atomicos/docker-pool --yes-destroy atomicos/docker-pool")]
    Reset(PoolReset),
}

/// `atomhost pool status`
#[derive(Args, Debug)]
pub struct PoolStatus {
    /// Only this one; by default all
    #[arg(value_name = "VG/POOL")]
    pub pool: Option<String>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `atomhost pool reset`
#[derive(Args, Debug)]
pub struct PoolReset {
    /// The pool; the group's name may be left out when only one group has such a pool
    #[arg(value_name = "VG/POOL")]
    pub pool: String,
    /// The profile that says how the pool shall be [default: /etc/atomhost/profile.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Consent without a terminal: the pool's full name once more
    #[arg(long, value_name = "VG/POOL")]
    pub yes_destroy: Option<String>,
    /// Stop this unit too before, and start it again after; may be given several times
    #[arg(long, value_name = "UNIT")]
    pub stop: Vec<String>,
    /// Leave the stopped units stopped, to clear their own records of the pool first
    #[arg(long)]
    pub keep_stopped: bool,
    /// How long to wait for another atomhost to finish
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub wait_lock: Duration,
}
