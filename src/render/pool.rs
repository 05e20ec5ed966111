//! Thin pools for people: bars for what is full, and what a reset would lose.

use super::bar::{self, Segment};
use super::{BOLD, DIM, Options, RED, YELLOW, pad, pad_left, printable};
use crate::resources::pool_status::{PoolStatus, ThinVolume, Usage};
use crate::size::human;

const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 10..=50;
/// Hundredths of a percent from which a bar is no longer calm.
const HIGH: u32 = 8000;

/// The status of one pool.
pub fn status(pool: &PoolStatus, options: &Options) -> String {
    let PoolStatus { volume_group, pool: name, active, chunk, zero, when_full, monitored, room, .. } = pool;
    let title = format!("{}/{}", printable(volume_group), printable(name));
    let mut text = format!("{}{}\n", options.paint(BOLD, &title), if *active { "" } else { ": inactive" });
    text.push_str(&usage("data", pool.data, options));
    text.push_str(&usage("metadata", pool.metadata, options));
    let full = match when_full.as_str() {
        "error" => "writes fail at once",
        "queue" => "writes wait for it to grow, 60 s by default, then fail",
        _ => "unknown while inactive",
    };
    let zeroes = if *zero { "zeroes new blocks" } else { "does not zero new blocks" };
    let grows = match pool.autoextend.threshold {
        100.. => "never".to_owned(),
        threshold => format!(
            "past {threshold} % by {} % ({}), {}",
            pool.autoextend.percent,
            human(pool.autoextend.next),
            pool.autoextend
                .profile
                .as_ref()
                .map_or("by lvm.conf".to_owned(), |name| format!("by profile {}", printable(name)))
        ),
    };
    let monitor = if *monitored { "by dmeventd" } else { "no" };
    let rows = [
        ("chunk", format!("{}, {zeroes}", human(*chunk))),
        ("when full", full.to_owned()),
        ("monitored", monitor.to_owned()),
        ("autoextend", grows),
        ("room", format!("{} free in {}", human(*room), printable(volume_group))),
    ];
    for (word, value) in rows {
        text.push_str(&format!("  {} {value}\n", options.paint(DIM, &pad(word, 10))));
    }
    text.push_str(&thin_volumes(pool, options));
    for warning in &pool.warnings {
        text.push_str(&format!("{}: {title}: {}\n", options.paint(YELLOW, "warning"), printable(warning)));
    }
    text
}

fn usage(word: &str, usage: Usage, options: &Options) -> String {
    let Usage { size, used } = usage;
    let word = options.paint(DIM, &pad(word, 10));
    let Some(used) = used else { return format!("  {word} {}  of {}\n", pad_left("unknown", 8), human(size)) };
    let width = options.width.saturating_sub(50).clamp(*BAR_COLUMNS.start(), *BAR_COLUMNS.end());
    let full = u64::from(used.min(10_000));
    let segments = [Segment { letter: '#', extents: full }, Segment { letter: ' ', extents: 10_000 - full }];
    let drawn =
        bar::draw(&segments, 10_000, width, options.unicode).replace('#', if options.unicode { "▓" } else { "#" });
    let drawn = if used > HIGH { options.paint(RED, &drawn) } else { drawn };
    let taken = human(u64::try_from(u128::from(size) * u128::from(used) / 10_000).unwrap_or(size) >> 10 << 10);
    format!("  {word} {}  {drawn}  {taken} of {}\n", percent(used), human(size))
}

fn percent(used: u32) -> String {
    pad_left(&format!("{}.{:02} %", used / 100, used % 100), 8)
}

fn thin_volumes(pool: &PoolStatus, options: &Options) -> String {
    let volumes = &pool.thin_volumes;
    if volumes.is_empty() {
        return format!("  {} none that LVM knows of\n", options.paint(DIM, &pad("volumes", 10)));
    }
    let promised: u64 = volumes.iter().map(|volume| volume.size).sum();
    let share = u128::from(promised) * 100 / u128::from(pool.data.size.max(1));
    let count = volumes.len();
    let mut text = format!(
        "  {} {count}, with {} promised: {share} % of the pool\n",
        options.paint(DIM, &pad("volumes", 10)),
        human(promised)
    );
    text.push_str(&volume_lines(volumes));
    text
}

fn volume_lines(volumes: &[ThinVolume]) -> String {
    let width = volumes.iter().map(|volume| super::columns(&printable(&volume.name))).max().unwrap_or(0);
    let line = |volume: &ThinVolume| {
        let used = volume.used.map_or(pad_left("", 8), percent);
        let state = match (volume.active, volume.uses.is_empty()) {
            (false, _) => "inactive".to_owned(),
            (true, true) => "unused".to_owned(),
            (true, false) => volume.uses.iter().map(|how| printable(how)).collect::<Vec<_>>().join(", "),
        };
        format!("    {}  {}  {used}  {state}\n", pad(&printable(&volume.name), width), pad_left(&human(volume.size), 8))
    };
    volumes.iter().map(line).collect()
}

/// What is gone for ever when the pool is made anew. `stale`: records of engines that stay behind.
pub fn loss(pool: &PoolStatus, stale: &[&str], options: &Options) -> String {
    let title = format!("{}/{}", printable(&pool.volume_group), printable(&pool.pool));
    let used = pool.data.used.map_or("an unknown part".to_owned(), |used| percent(used).trim().to_owned());
    let mut text = format!(
        "{}\n  {used} of {} is in use; {}\n",
        options.paint(RED, &format!("A reset of {title} destroys everything in it:")),
        human(pool.data.size),
        match pool.thin_volumes.len() {
            0 => "LVM knows of no thin volumes, but container engines make their own".to_owned(),
            1 => "one thin volume:".to_owned(),
            count => format!("{count} thin volumes:"),
        }
    );
    text.push_str(&volume_lines(&pool.thin_volumes));
    for folder in stale {
        text.push_str(&format!(
            "{}: {folder} records what was in the pool, and is not cleared: named volumes may be in it. Its engine may \
             not start before somebody clears what is stale there (--keep-stopped leaves the time for that).\n",
            options.paint(YELLOW, "note")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::pool_status::Autoextend;
    use expect_test::expect;

    fn pool() -> PoolStatus {
        let thin = |name: &str, used, active, uses: &[&str]| ThinVolume {
            name: name.to_owned(),
            size: 10 << 30,
            used,
            active,
            uses: uses.iter().map(|how| (*how).to_owned()).collect(),
        };
        PoolStatus {
            volume_group: "atomicos".to_owned(),
            pool: "docker-pool".to_owned(),
            active: true,
            data: Usage { size: 20 << 30, used: Some(8512) },
            metadata: Usage { size: 8 << 20, used: Some(105) },
            chunk: 512 << 10,
            zero: false,
            when_full: "error".to_owned(),
            monitored: true,
            autoextend: Autoextend { threshold: 60, percent: 20, profile: Some("p".to_owned()), next: 4 << 30 },
            room: 0,
            thin_volumes: vec![
                thin("base", Some(5000), true, &["is mounted on /mnt"]),
                thin("other\n", None, false, &[]),
            ],
            warnings: vec!["the volume group has no room".to_owned()],
        }
    }

    #[test]
    fn a_pool_for_people() {
        let options = Options { unicode: false, width: 80, ..Options::default() };
        expect![[r#"
            atomicos/docker-pool
              data        85.12 %  ##########################....  ~17.02G of 20G
              metadata     1.05 %  #.............................  86K of 8M
              chunk      512K, does not zero new blocks
              when full  writes fail at once
              monitored  by dmeventd
              autoextend past 60 % by 20 % (4G), by profile p
              room       0B free in atomicos
              volumes    2, with 20G promised: 100 % of the pool
                base          10G   50.00 %  is mounted on /mnt
                other\n       10G            inactive
            warning: atomicos/docker-pool: the volume group has no room
        "#]]
        .assert_eq(&status(&pool(), &options));
    }

    #[test]
    fn a_loss_is_spelled_out() {
        let text = loss(&pool(), &["/var/lib/docker"], &Options::default());
        for expected in ["destroys everything", "85.12 % of 20G", "2 thin volumes", "base", "/var/lib/docker"] {
            assert!(text.contains(expected), "{expected} is missing: {text}");
        }
    }
}
