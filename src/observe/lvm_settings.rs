//! LVM's own view of its settings: lvm.conf, lvmlocal.conf and whatever else it reads, merged.

use super::ObserveError;
use crate::host::{Query, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// lvmconfig's exit code when no file sets the setting.
const UNSET: i32 = 5;

/// Asks LVM for each of `names`; what no file sets is absent from the answer.
///
/// # Errors
/// lvmconfig is missing or hangs, or says something else than the setting.
pub fn read(reader: &Reader, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, ObserveError> {
    let mut settings = BTreeMap::new();
    for name in names {
        let output = reader.query(&Query::LvmSetting { name: name.clone() })?;
        match output.code {
            Some(0) => {
                let value = parse(&output.stdout, name);
                let unexpected = || ObserveError::Lvm(format!("lvmconfig {name} printed: {}", output.stdout));
                settings.insert(name.clone(), value.ok_or_else(unexpected)?);
            }
            Some(UNSET) if output.stdout.trim().is_empty() => {}
            _ => {
                let reason = format!("lvmconfig {name}: {}: {}", output.ended(), output.stderr_end());
                return Err(ObserveError::Lvm(reason));
            }
        }
    }
    Ok(settings)
}

/// The value in `archive=1`, which answers `backup/archive`.
fn parse(text: &str, name: &str) -> Option<String> {
    let key = name.rsplit('/').next()?;
    // A line without its end was cut: so may be the value.
    let (found, value) = text.trim_start().strip_suffix('\n')?.trim_end().split_once('=')?;
    (found == key && !value.is_empty() && !value.contains('\n')).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::Output;
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn what_lvmconfig_prints() {
        let rows = [
            (0, "archive=0\n", Ok(Some("0"))),
            (0, "archive=\"on\"\n", Ok(Some("\"on\""))),
            (5, "", Ok(None)),
            (0, "", Err(())),
            (0, "backup=1\n", Err(())),
            (4, "", Err(())),
        ];
        for (code, stdout, expected) in rows {
            let output = Output { code: Some(code), stdout: stdout.to_owned(), ..Output::default() };
            let reader = Reader::new(Path::new("/nowhere"), Arc::new(move |_| Ok(output.clone())));
            let found = read(&reader, &["backup/archive".to_owned()].into());
            let value = found.map(|settings| settings.get("backup/archive").cloned()).map_err(|_| ());
            assert_eq!(value, expected.map(|value| value.map(str::to_owned)), "{code} {stdout}");
        }
    }
}
