//! Files and certificates, checked.

use super::Mode;
use crate::secret::Secret;

/// A path of the host and what shall be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileWanted {
    /// Absolute and normalised: no `.`/`..`, no trailing slash.
    pub path: String,
    pub state: FileState,
}

/// What shall be at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// A file that says this.
    File(FileContent, Attributes),
    /// A file, whatever it says; an empty one where there is none.
    Touch(Attributes),
    Directory(Attributes),
    /// No file: what is there makes way and is kept beside it. A directory never makes way.
    Absent,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    Text(String),
    Secret(Secret),
    /// What another file of the host says when the plan is made.
    Source {
        /// As [`FileWanted::path`].
        path: String,
        visibility: Visibility,
    },
}

/// Whether plans may show a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Shown,
    /// Its digest stands for it.
    Secret,
}

/// Mode and owner; `None` is as found, and the default for something new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    pub mode: Option<Mode>,
    /// A name, or a number in decimal.
    pub user: Option<String>,
    pub group: Option<String>,
}

/// A file with one certificate or several; root's, mode 0644.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateWanted {
    /// As [`FileWanted::path`].
    pub path: String,
    /// Never [`FileContent::Secret`].
    pub content: FileContent,
    /// Name without extension that it gets in the system's trust store; `None`: it is not put there.
    pub anchor: Option<String>,
}
