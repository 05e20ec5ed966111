//! Why a step was not taken.

use crate::accounts::Owner;
use crate::host::HostError;
use crate::observe::ObserveError;
use crate::observe::probe::ProbeError;

/// Why an action failed.
#[derive(Debug)]
pub enum StepError {
    Host(HostError),
    /// The device that the plan saw blank is not blank any more.
    NotBlank {
        device: String,
        found: String,
    },
    /// The device that is to be wiped does not carry what the plan saw.
    OtherSignatures {
        device: String,
        found: String,
    },
    /// A partition changed its size between plan and apply.
    OtherSize {
        device: String,
    },
    /// Something was mounted between plan and apply where the action mounts.
    Mounted {
        path: String,
        source: String,
    },
    /// A file changed between plan and apply.
    Changed {
        path: String,
    },
    /// A file to be copied changed between plan and apply.
    SourceChanged {
        path: String,
    },
    /// Apply cannot find a secret that the plan names, or finds another.
    Secret {
        reason: String,
    },
    /// A pool is in use, or not what the plan saw.
    PoolInUse {
        reason: String,
    },
    /// The host does not tell what the action must know.
    Unknown {
        reason: String,
    },
    /// No such user or group on this host.
    NoOwner {
        owner: Owner,
    },
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StepError::Host(error) => error.fmt(f),
            StepError::NotBlank { device, found } => {
                write!(f, "{device} was blank when the plan was made, now it is not ({found}): it is not overwritten")
            }
            StepError::OtherSignatures { device, found } => {
                write!(
                    f,
                    "{device} carries something else than when the plan was made ({found}): it is not wiped; run again"
                )
            }
            StepError::OtherSize { device } => {
                write!(f, "{device} changed its size since the plan was made: its partition is left alone; run again")
            }
            StepError::Changed { path } => {
                write!(f, "{path} changed since the plan was made: it is not overwritten; run again")
            }
            StepError::Mounted { path, source } => {
                write!(f, "{source} was mounted on {path} since the plan was made: it is not hidden; run again")
            }
            StepError::SourceChanged { path } => {
                write!(f, "{path} changed since the plan was made: it is not copied; run again")
            }
            StepError::Secret { reason } | StepError::PoolInUse { reason } | StepError::Unknown { reason } => {
                f.write_str(reason)
            }
            StepError::NoOwner { owner } => write!(f, "there is no user or group for the owner {owner}"),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StepError::Host(error) => error.source(),
            StepError::NotBlank { .. }
            | StepError::OtherSignatures { .. }
            | StepError::OtherSize { .. }
            | StepError::Changed { .. }
            | StepError::Mounted { .. }
            | StepError::SourceChanged { .. }
            | StepError::Secret { .. }
            | StepError::PoolInUse { .. }
            | StepError::Unknown { .. }
            | StepError::NoOwner { .. } => None,
        }
    }
}

impl From<ObserveError> for StepError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Host(error) => StepError::Host(error),
            other => StepError::Unknown { reason: other.to_string() },
        }
    }
}

impl From<ProbeError> for StepError {
    fn from(error: ProbeError) -> Self {
        StepError::Host(error.0)
    }
}

impl From<HostError> for StepError {
    fn from(error: HostError) -> Self {
        StepError::Host(error)
    }
}
