//! `atomhost pool status`: how full thin pools are, and how far they can grow.

use super::look;
use crate::cli::{self, Format, Global};
use crate::exit::{Exit, Failure};
use crate::facts::Facts;
use crate::host::{Query, Reader};
use crate::observe::Scope;
use crate::output;
use crate::render;
use crate::resources::pool_status::{self, POOL_STATUS_SCHEMA, PoolStatus};
use crate::resources::thin_pool::profile_values;

pub async fn status(arguments: &cli::PoolStatus, global: &Global) -> Result<Exit, Failure> {
    let reader = Reader::this_machine();
    require_root(&reader)?;
    let facts = look::look(&Scope::Pools).await?;
    let only = arguments.pool.as_deref().map(|name| named(&facts, name)).transpose()?;
    let only = only.as_ref().map(|(group, pool)| (group.as_str(), pool.as_str()));
    let pools = of(&reader, &facts, only)?;
    match arguments.format {
        Format::Json => {
            let json = serde_json::json!({"schema": POOL_STATUS_SCHEMA, "hostname": facts.hostname, "pools": pools});
            output::line(&serde_json::to_string_pretty(&json).unwrap_or_default());
        }
        Format::Text if pools.is_empty() => output::line("There is no thin pool on this host."),
        Format::Text => {
            let options = output::options(global);
            let shown: Vec<String> = pools.iter().map(|pool| render::pool::status(pool, &options)).collect();
            output::print(&shown.join("\n"));
        }
    }
    Ok(Exit::Success)
}

/// # Errors
/// Exit 77, with the reason that puzzles people.
fn require_root(reader: &Reader) -> Result<(), Failure> {
    reader.require_root().map_err(|error| {
        let Failure { exit, message } = error.into();
        Failure::new(
            exit,
            format!("{message} (for the same reason lvs leaves Data% and Meta% blank for everybody else)"),
        )
    })
}

/// The status of all pools, or of one.
///
/// # Errors
/// LVM does not tell its settings.
pub fn of(reader: &Reader, facts: &Facts, only: Option<(&str, &str)>) -> Result<Vec<PoolStatus>, Failure> {
    let output = reader.query(&Query::AutoextendDefaults)?;
    // A last line without its end was cut: so may be its value.
    let whole = output.code == Some(0) && output.stdout.ends_with('\n');
    let (true, (Some(threshold), Some(percent))) = (whole, profile_values(&output.stdout)) else {
        let said = format!("lvm lvmconfig: {}: {}", output.ended(), output.stderr_end());
        return Err(Failure::new(Exit::Failed, format!("cannot tell how LVM extends pools: {said}")));
    };
    Ok(pool_status::status(facts, only, (threshold, percent)))
}

/// Group and pool of a name as a person gives it: in full, or the pool's alone.
///
/// # Errors
/// Exit 64 when it could be several; exit 1 when there is none.
fn named(facts: &Facts, name: &str) -> Result<(String, String), Failure> {
    let (group, pool) = full_name(facts, name)?;
    match facts.volume_group(&group).is_some_and(|group| group.thin_pool(&pool).is_some()) {
        true => Ok((group, pool)),
        false => Err(Failure::new(Exit::Failed, format!("{group}/{pool}: there is no such thin pool"))),
    }
}

/// As given, or completed with the one group that has such a pool.
///
/// # Errors
/// Exit 64 when there is no group, or several.
pub fn full_name(facts: &Facts, name: &str) -> Result<(String, String), Failure> {
    if let Some((group, pool)) = name.split_once('/') {
        return Ok((group.to_owned(), pool.to_owned()));
    }
    let groups = facts.volume_groups.iter();
    let groups = groups.filter(|group| group.thin_pool(name).is_some());
    match groups.collect::<Vec<_>>()[..] {
        [group] => Ok((group.name.clone(), name.to_owned())),
        [] => Err(Failure::new(Exit::Usage, format!("no volume group has a thin pool `{name}`: write it as VG/POOL"))),
        [..] => Err(Failure::new(
            Exit::Usage,
            format!("several volume groups have a thin pool `{name}`: write it as VG/POOL"),
        )),
    }
}
