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
