//! Exit codes: what scripts may rely on.

use std::process::ExitCode;

/// How a command ended. The numbers 64 to 77 are those of sysexits.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or in sync.
    Success = 0,
    /// Apply failed midway; the report says where. Run it again.
    Failed = 1,
    /// Changes are pending.
    Pending = 2,
    /// A guard refused; nothing was changed.
    Refused = 3,
    /// The saved plan is stale; nothing was changed.
    Stale = 4,
    Usage = 64,
    /// No good profile; or one that others than root can write, or that holds secrets others can read.
    InvalidProfile = 65,
    UnreadableProfile = 66,
    ToolMissing = 69,
    /// A lock is held, or a disk is not there yet: try again.
    Busy = 75,
    NeedsRoot = 77,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Exit; 11] = [
        Exit::Success,
        Exit::Failed,
        Exit::Pending,
        Exit::Refused,
        Exit::Stale,
        Exit::Usage,
        Exit::InvalidProfile,
        Exit::UnreadableProfile,
        Exit::ToolMissing,
        Exit::Busy,
        Exit::NeedsRoot,
    ];

    /// What it means, as `--help` and the manual page say it.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "done, or in sync",
            Exit::Failed => "failed; after a failed apply the report says where: run it again",
            Exit::Pending => "changes are pending (check, plan --detailed-exitcode)",
            Exit::Refused => "refused by a guard; nothing was changed",
            Exit::Stale => "the saved plan is stale; nothing was changed",
            Exit::Usage => "wrong usage",
            Exit::InvalidProfile => "the profile, or the file of facts, is invalid",
            Exit::UnreadableProfile => "the profile, the facts or the saved plan cannot be read",
            Exit::ToolMissing => "a tool is missing; nothing was changed",
            Exit::Busy => "busy (a lock, a disk that is not there yet): try again",
            Exit::NeedsRoot => "root is needed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// An error that ends a command: the exit code and the text for a person, several lines at most.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }
}

/// An error with its sources, one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
