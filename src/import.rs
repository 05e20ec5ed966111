//! Moving in: a profile put together from what is there already, a host's facts or the variables of an Ansible role.
//! Pure: what is there in, a profile's text out.

pub mod host;
pub mod role;

use serde::Serialize;

/// A profile that was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The profile, with what was left out as comments at its head.
    pub text: String,
    /// What is there and could not be put into it, a sentence each.
    pub left_out: Vec<String>,
}

impl Imported {
    /// `about` is the first line, a comment.
    fn new(about: &str, profile: &impl Serialize, left_out: Vec<String>) -> Result<Imported, String> {
        let yaml = serde_yaml::to_string(profile).map_err(|error| error.to_string())?;
        let comments: String = left_out.iter().map(|what| format!("# Left out: {}\n", one_line(what))).collect();
        Ok(Imported { text: format!("# {}\n{comments}{yaml}", one_line(about)), left_out })
    }
}

/// A name may hold anything, and a comment ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
