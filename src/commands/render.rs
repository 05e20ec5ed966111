//! `atomhost render`: a profile with all its files merged, and where each value comes from.

use super::load;
use crate::cli::{self, Global};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::render;

pub fn render(arguments: &cli::Render, global: &Global) -> Result<Exit, Failure> {
    let options = output::options(global);
    let merged = load::merged(&arguments.profile, options.color)?;
    let invalid = |error: crate::profile::ProfileError| Failure::new(Exit::InvalidProfile, error.render(options.color));
    merged.parse().map_err(invalid)?;
    output::print(&render::profile::merged(&merged, &options));
    Ok(Exit::Success)
}
