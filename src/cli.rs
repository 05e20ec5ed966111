//! The command line: types and help texts, no behaviour.

mod pool;
mod values;

pub use pool::{Pool, PoolCommand, PoolReset, PoolStatus};
pub use values::{Color, Format, LogLevel, PlanFormat, SchemaOf};

use crate::explain::Topic;
use crate::manual;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use values::{confirm_time, duration, interval};

/// The profile that commands read when none is named.
pub const DEFAULT_PROFILE: &str = "/etc/atomhost/profile.yaml";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

/// Provisions an Atomic host from a profile, storage first, without ever losing data.
///
/// A profile says how a host's volume groups, file systems, swap, mounts, users, files and logins
/// shall be. atomhost looks at the host, plans what is missing, and does that. No plan of a profile ever shrinks or
/// deletes anything, and nothing at all is done where a guard refuses any part of it.
#[derive(Debug, Parser)]
#[command(name = "atomhost", version, styles = STYLES, after_long_help = manual::help(), max_term_width = 100)]
#[command(propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Colour the output; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Show more: the commands behind each action
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How much to log to stderr
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub log_level: LogLevel,
    /// In a container that runs with --privileged --pid=host: act on the host that runs it
    ///
    /// Enters the namespaces of process 1 before anything else: all paths, tools and devices are the host's then.
    #[arg(long, global = true)]
    pub enter_host: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check profiles without looking at any host
    ///
    /// Names each good profile. Says of a bad one file, line, column, what is wrong and how to put it
    /// right; exit code 65.
    #[command(after_help = manual::examples("validate"))]
    Validate(Validate),
    /// Show a profile with all its files merged, and where each value comes from
    ///
    /// A profile may extend others, and is completed by drop-ins: for /etc/atomhost/profile.yaml those are
    /// /etc/atomhost/profile.d/*.yaml. What is printed is a profile again, with the values of secrets made unreadable.
    #[command(after_help = manual::examples("render"))]
    Render(Render),
    /// Show what apply would do, and why; change nothing
    #[command(after_help = manual::examples("plan"))]
    Plan(Plan),
    /// Make the host as the profile says
    ///
    /// Plans first, and does nothing at all when any part is refused. Stops at the first failure.
    /// Afterwards the host is looked at again: whatever is still to do then is an error.
    #[command(after_help = manual::examples("apply"))]
    Apply(Apply),
    /// Say whether the host is as the profile says: exit code 0 if so, 2 if not
    #[command(after_help = manual::examples("check"))]
    Check(Check),
    /// Print what plans depend on as JSON, for `plan --facts`
    #[command(after_help = manual::examples("facts"))]
    Facts(Facts),
    /// Print a profile of what is there already
    ///
    /// Of this host's storage, with the sizes that it has: the host is in sync with that profile, and if it is not, that is
    /// said (exit code 2 or 3). Or of the variables of the Ansible role for Atomic hosts. What is there and no profile can
    /// say is named in comments.
    #[command(after_help = manual::examples("import"))]
    Import(Import),
    /// Show the last run and how full the thin pools are
    Status,
    /// List the runs that did something to this host, or would have
    ///
    /// The last one first, as many as are kept (30). With a number: that run with all its actions.
    #[command(after_help = manual::examples("history"))]
    History(History),
    /// Group many hosts by what their plans or reports say
    ///
    /// Reads the JSON of `plan --format json`, of saved plans and of reports, one document a host, and needs neither a
    /// host nor root. Hosts to which the same is done have the same fingerprint. A file that is none of these is named,
    /// the others are counted all the same; exit code 65.
    #[command(after_help = manual::examples("summarize"))]
    Summarize(Summarize),
    /// Keep the changes of the last `apply --confirm-within`
    ///
    /// Exit code 0 also when nothing is unconfirmed; 3 when the changes were taken back already.
    #[command(after_help = manual::examples("confirm"))]
    Confirm,
    /// Take back the changes of the last `apply --confirm-within` now
    ///
    /// Every path gets the content, owner, mode and attributes that it had, which is verified. What
    /// somebody else has written there meanwhile is kept beside it as *.atomhost-saved. Exit code 0 also
    /// when nothing is unconfirmed.
    Revert(Revert),
    /// Look at thin pools, or make one anew
    #[command(after_help = manual::examples("pool"))]
    Pool(Pool),
    /// Say more about a refusal or warning: why, how to look, how to put it right
    ///
    /// Without a code all of them are listed.
    #[command(after_help = manual::examples("explain"))]
    Explain(Explain),
    /// Print a JSON schema, for editors and other programs
    #[command(after_help = manual::examples("schema"))]
    Schema(Schema),
    /// Print a completion script for a shell
    #[command(after_help = manual::examples("completions"))]
    Completions(Completions),
    /// Print the manual page, or write all of them to a directory
    Man(Man),
}

/// `atomhost validate`
#[derive(Args, Debug)]
pub struct Validate {
    /// Files to check
    #[arg(required = true, value_name = "PROFILE")]
    pub profiles: Vec<PathBuf>,
}

/// `atomhost render`
#[derive(Args, Debug)]
pub struct Render {
    /// The profile
    #[arg(value_name = "PROFILE", default_value = DEFAULT_PROFILE)]
    pub profile: PathBuf,
}

/// `atomhost plan`
#[derive(Args, Debug)]
pub struct Plan {
    /// What the host shall be like
    #[arg(value_name = "PROFILE", default_value = DEFAULT_PROFILE)]
    pub profile: PathBuf,
    /// Plan for the host that these facts describe (from `atomhost facts`), not for this one
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// For people on a terminal, for programs, or for people in a browser: one page that needs nothing else
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: PlanFormat,
    /// Save the plan as JSON, for `apply --plan`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 2 instead of 0 when there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// `atomhost apply`
#[derive(Args, Debug)]
pub struct Apply {
    /// What the host shall be like
    #[arg(value_name = "PROFILE", default_value = DEFAULT_PROFILE)]
    pub profile: PathBuf,
    /// Run this saved plan, if it is still what would be planned now; exit code 4 if it is not
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub plan: Option<PathBuf>,
    /// For people, or for programs that read along: an event a line, as JSON (atomhost schema events)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Run as a boot service: tell systemd when done
    #[arg(long)]
    pub boot: bool,
    /// Take the changes back unless `atomhost confirm` comes within this time, such as 10m
    ///
    /// For changes that could lock everybody out: access rules, keys, files, owners and modes. They are taken back by systemd
    /// even when the session, or the host itself, is gone. What cannot be taken back, such as storage,
    /// is refused: apply that first.
    #[arg(long, value_name = "TIME", value_parser = confirm_time, conflicts_with = "boot")]
    pub confirm_within: Option<Duration>,
    /// How long to wait for disks that are not there yet, such as 60s or 2m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub wait_disks: Duration,
    /// How long to wait for another atomhost to finish
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub wait_lock: Duration,
}

/// `atomhost revert`
#[derive(Args, Debug)]
pub struct Revert {
    /// Only when the time to confirm is over; else set the timer to what is left. For the systemd unit
    #[arg(long, hide = true)]
    pub expired: bool,
}

/// `atomhost check`
#[derive(Args, Debug)]
pub struct Check {
    /// What the host shall be like
    #[arg(value_name = "PROFILE", default_value = DEFAULT_PROFILE)]
    pub profile: PathBuf,
    /// Write what was found as metrics, for node_exporter's textfile collector; also when the host cannot be looked at
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Look again and again, so long after each other, until a signal comes; for a container. At least 10s
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub every: Option<Duration>,
}

/// `atomhost history`
#[derive(Args, Debug)]
pub struct History {
    /// Show this one in full; 1 is the last
    #[arg(value_name = "RUN")]
    pub run: Option<usize>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `atomhost summarize`
#[derive(Args, Debug)]
pub struct Summarize {
    /// Files, directories (all of *.json in them), or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// How many hosts of each group are named
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub names: usize,
}

/// `atomhost facts`
#[derive(Args, Debug)]
pub struct Facts {
    /// Look closely at what this profile names; by default at what /etc/atomhost/profile.yaml does
    #[arg(value_name = "PROFILE")]
    pub profile: Option<PathBuf>,
}

/// `atomhost import`
#[derive(Args, Debug)]
pub struct Import {
    /// Of the host that these facts describe (from `atomhost facts`), not of this one
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Of these variables of the Ansible role, a file in YAML
    #[arg(long, value_name = "FILE", conflicts_with = "facts")]
    pub role_variables: Option<PathBuf>,
}

/// `atomhost explain`
#[derive(Args, Debug)]
pub struct Explain {
    /// The word that a refusal or warning ends with, such as disk-has-signature
    #[arg(value_name = "CODE", hide_possible_values = true)]
    pub code: Option<Topic>,
}

/// `atomhost schema`
#[derive(Args, Debug)]
pub struct Schema {
    /// What the schema describes
    #[arg(value_name = "OF", default_value = "profile")]
    pub of: SchemaOf,
}

/// `atomhost completions`
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `atomhost man`
#[derive(Args, Debug)]
pub struct Man {
    /// Write one page for atomhost, one for each command and one for profiles here; the directory must exist
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_and_durations() {
        let cli = Cli::try_parse_from(["atomhost", "apply", "--wait-disks", "2m"]).expect("good arguments");
        let Command::Apply(apply) = cli.command else { panic!("another command") };
        assert_eq!(apply.profile, PathBuf::from(DEFAULT_PROFILE));
        assert_eq!(apply.wait_disks, Duration::from_secs(120));
        assert_eq!(apply.wait_lock, Duration::ZERO);
    }

    #[test]
    fn wrong_usage() {
        let rows: [&[&str]; 12] = [
            &["atomhost", "check", "--every", "1s"],
            &["atomhost", "apply", "--confirm-within", "1s"],
            &["atomhost", "apply", "--confirm-within", "30days"],
            &["atomhost", "apply", "--confirm-within", "10m", "--boot"],
            &["atomhost", "pool"],
            &["atomhost", "pool", "reset"],
            &["atomhost"],
            &["atomhost", "validate"],
            &["atomhost", "apply", "p.yaml", "--plan", "saved.json"],
            &["atomhost", "apply", "--wait-disks", "soon"],
            &["atomhost", "plan", "--format", "xml"],
            &["atomhost", "wipe"],
        ];
        for row in rows {
            assert!(Cli::try_parse_from(row).is_err(), "{row:?} was taken");
        }
    }
}
