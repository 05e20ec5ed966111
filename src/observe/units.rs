//! systemd units that the profile's configuration concerns, in one call of systemctl.

use super::ObserveError;
use crate::facts::UnitFacts;
use crate::host::{Query, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// The properties that are asked for; see [`Query::Units`].
pub const PROPERTIES: &str =
    "Id,Names,LoadState,ActiveState,UnitFileState,CanReload,FileDescriptorStoreMax,NeedDaemonReload,Job";

/// Asks systemd for `names`; none asked for, none known.
///
/// # Errors
/// systemctl is missing or hangs, or says something else than properties.
pub fn read(reader: &Reader, names: &BTreeSet<String>) -> Result<BTreeMap<String, UnitFacts>, ObserveError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let output = reader.query(&Query::Units { names: names.iter().cloned().collect() })?;
    if output.code != Some(0) {
        return Err(ObserveError::Systemd(format!("systemctl show: {}: {}", output.ended(), output.stderr_end())));
    }
    parse(&output.stdout, names)
}

/// Blocks of `Key=value` lines, one a unit, in the order asked for; systemd leaves one blank line between.
pub fn parse(text: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, UnitFacts>, ObserveError> {
    let mut units = BTreeMap::new();
    if !text.ends_with('\n') {
        return Err(ObserveError::Systemd("the answer of systemctl show was cut short".to_owned()));
    }
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut unit = UnitFacts::default();
        let mut known: Vec<&str> = Vec::new();
        for line in block.lines().filter(|line| !line.is_empty()) {
            let unexpected = || ObserveError::Systemd(format!("systemctl show printed an unexpected line: {line}"));
            let (key, value) = line.split_once('=').ok_or_else(unexpected)?;
            match key {
                "Id" => known.push(value),
                "Names" => known.extend(value.split(' ')),
                "LoadState" => unit.load_state = value.to_owned(),
                "ActiveState" => unit.active_state = value.to_owned(),
                "UnitFileState" => unit.file_state = value.to_owned(),
                "CanReload" => unit.can_reload = value == "yes",
                "FileDescriptorStoreMax" => unit.fd_store_max = value.parse().map_err(|_| unexpected())?,
                "NeedDaemonReload" => unit.needs_daemon_reload = value == "yes",
                // Empty, 0 or left out where there is none.
                "Job" => unit.has_job = !matches!(value, "" | "0"),
                _ => return Err(unexpected()),
            }
        }
        if unit.load_state.is_empty() || unit.active_state.is_empty() {
            return Err(ObserveError::Systemd(format!(
                "systemctl show does not tell the state of {}",
                known.join(", ")
            )));
        }
        // An alias answers under its unit's own name.
        for name in names.iter().filter(|name| known.contains(&name.as_str())) {
            units.insert(name.clone(), unit.clone());
        }
    }
    match names.iter().find(|name| !units.contains_key(*name)) {
        Some(name) => Err(ObserveError::Systemd(format!("systemctl show says nothing of {name}"))),
        None => Ok(units),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_a_unit() {
        let names: BTreeSet<String> =
            ["cloud-final.service", "docker.service", "systemd-journald.service"].map(str::to_owned).into();
        let text = "Id=docker.service\nNames=docker.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n\
                    CanReload=no\nFileDescriptorStoreMax=0\nNeedDaemonReload=no\n\nId=systemd-journald.service\n\
                    Names=systemd-journald.service\nLoadState=loaded\nActiveState=active\nUnitFileState=static\n\
                    CanReload=no\nFileDescriptorStoreMax=4224\nNeedDaemonReload=no\nJob=\n\nId=cloud-final.service\n\
                    Names=cloud-final.service\nLoadState=loaded\nActiveState=inactive\nJob=1181\n";
        let units = parse(text, &names).expect("it parses");
        let journald = &units["systemd-journald.service"];
        assert_eq!((journald.fd_store_max, journald.can_reload), (4224, false));
        assert!(!units["docker.service"].exists());
        assert!(units["cloud-final.service"].has_job && !journald.has_job);
        for bad in ["Id=docker.service\n", "garbage\n", "Id=docker.service\nFileDescriptorStoreMax=many\n"] {
            assert!(parse(bad, &names).is_err(), "{bad}");
        }
    }
}
