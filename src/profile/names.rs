//! Names that LVM takes, checked before LVM has to refuse them halfway through a run.
//!
//! The rules are lvm(8)'s, section "VALID NAMES".

/// LVM's NAME_LEN, its closing zero not counted.
const MAX_LENGTH: usize = 127;

/// device-mapper's DM_NAME_LEN, its closing zero not counted.
const MAX_MAPPED_LENGTH: usize = 127;

/// The longest suffix that LVM appends to a thin pool's device: `-tpool`, `_tdata`, `_tmeta`.
const LONGEST_SUFFIX: usize = 6;

const RESERVED_PREFIXES: [&str; 2] = ["snapshot", "pvmove"];

const RESERVED_PARTS: [&str; 18] = [
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_iorig", "_imeta", "_mlog", "_mimage", "_pmspare", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig", "_wimage",
];

/// Names in /dev that every host has: vgcreate refuses a group whose directory would be there.
const TAKEN_IN_DEV: [&str; 29] = [
    "block",
    "bsg",
    "bus",
    "char",
    "console",
    "core",
    "cpu",
    "disk",
    "dri",
    "fd",
    "full",
    "fuse",
    "hugepages",
    "input",
    "kmsg",
    "log",
    "loop-control",
    "mapper",
    "mem",
    "mqueue",
    "net",
    "null",
    "pts",
    "random",
    "shm",
    "snd",
    "tty",
    "urandom",
    "zero",
];

/// Why LVM would not take a volume group's name.
///
/// # Errors
/// The reason, to follow the name: "`-x` …".
pub fn check_group(name: &str) -> Result<(), String> {
    check_characters(name)?;
    if TAKEN_IN_DEV.contains(&name) {
        return Err(format!("cannot be made: every host has /dev/{name}"));
    }
    Ok(())
}

/// Why LVM would not take the name of a logical volume or thin pool of this volume group.
///
/// # Errors
/// The reason, to follow the name: "`lvol0_pmspare` …".
pub fn check_volume(group: &str, name: &str) -> Result<(), String> {
    check_characters(name)?;
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        return Err(format!("begins with `{prefix}`, which LVM keeps for its own volumes"));
    }
    if let Some(part) = RESERVED_PARTS.iter().find(|part| name.contains(**part)) {
        return Err(format!("contains `{part}`, which LVM keeps for its own volumes"));
    }
    let mapped = mapped_length(group) + 1 + mapped_length(name) + LONGEST_SUFFIX;
    if mapped > MAX_MAPPED_LENGTH {
        return Err(format!(
            "is too long together with its volume group: /dev/mapper allows {MAX_MAPPED_LENGTH} characters, this takes {mapped}"
        ));
    }
    Ok(())
}

/// device-mapper doubles each hyphen of a name.
fn mapped_length(name: &str) -> usize {
    name.len() + name.matches('-').count()
}

fn check_characters(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name == "." || name == ".." {
        return Err("is a directory's name, no name for LVM".to_owned());
    }
    if name.starts_with('-') {
        return Err("begins with a hyphen: commands would read it as an option".to_owned());
    }
    if let Some(odd) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || "+_.-".contains(*c))) {
        return Err(format!("contains `{odd}`: LVM takes letters, digits and + _ . - only"));
    }
    if name.len() > MAX_LENGTH {
        return Err(format!("is {} characters long: LVM takes {MAX_LENGTH}", name.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lvm_takes() {
        for name in ["root", "docker-pool", "a", "x.y+z_1", "..a", "lvol0", "my_tank"] {
            assert_eq!(check_volume("atomicos", name), Ok(()), "{name}");
            assert_eq!(check_group(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_lvm_refuses() {
        let long = "x".repeat(128);
        let hyphens = "-".repeat(60);
        let doubled = format!("a{hyphens}");
        let rows = [
            ("", "is empty"),
            (".", "directory's name"),
            ("..", "directory's name"),
            ("-x", "begins with a hyphen"),
            ("a b", "contains ` `"),
            ("a/b", "contains `/`"),
            ("ä", "contains `ä`"),
            ("lvol0_pmspare", "contains `_pmspare`"),
            ("pool_tdata", "contains `_tdata`"),
            ("snapshot1", "begins with `snapshot`"),
            ("pvmove0", "begins with `pvmove`"),
            (&long, "128 characters long"),
            (&doubled, "too long together"),
        ];
        for (name, expected) in rows {
            let reason = check_volume("atomicos", name).expect_err(name);
            assert!(reason.contains(expected), "{name}: {reason}");
        }
        assert!(check_group("mapper").expect_err("mapper").contains("/dev/mapper"));
    }
}
