//! Active swap areas, from /proc/swaps.

use super::{ObserveError, paths, superblock};
use crate::facts::Swap;
use crate::fstab::unescape;
use crate::host::Reader;

/// Reads the active areas, with the UUID of each that is a device.
///
/// # Errors
/// /proc/swaps cannot be read, or a line of it is not as the kernel writes them.
pub fn read(reader: &Reader) -> Result<Vec<Swap>, ObserveError> {
    let text = reader.read_optional("/proc/swaps")?.unwrap_or_default();
    let mut swaps = parse(&text)?;
    for swap in &mut swaps {
        swap.device_number = paths::device_number(reader, &swap.source);
        if swap.device_number.is_some() {
            let area = superblock::read_swap(&reader.path(&swap.source));
            swap.uuid = area.ok().flatten().map(|area| area.uuid).unwrap_or_default();
        }
    }
    Ok(swaps)
}

/// The lines of /proc/swaps after its first.
///
/// # Errors
/// A line without its five fields, or with figures that are none.
pub fn parse(text: &str) -> Result<Vec<Swap>, ObserveError> {
    text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(line).collect()
}

fn line(line: &str) -> Result<Swap, ObserveError> {
    let unexpected = || ObserveError::Content {
        path: "/proc/swaps".to_owned(),
        reason: format!("unexpected line `{line}`"),
        cure: "this kernel writes another format than is known".to_owned(),
    };
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [source, _kind, size, used, ..] = fields.as_slice() else { return Err(unexpected()) };
    let kib = |field: &str| field.parse::<u64>().map(|kib| kib << 10).map_err(|_| unexpected());
    Ok(Swap { source: unescape(source), size: kib(size)?, used: kib(used)?, ..Swap::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_lines() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-1                               partition\t2097148\t\t12\t\t-2\n/swap\\040file file\t1024\t0\t-3\n";
        let swaps = parse(text).expect("parses");
        let seen: Vec<_> = swaps.iter().map(|swap| (swap.source.as_str(), swap.size, swap.used)).collect();
        assert_eq!(seen, [("/dev/dm-1", 2097148 << 10, 12 << 10), ("/swap file", 1 << 20, 0)]);
        assert!(parse("Filename\nnonsense\n").is_err());
    }
}
