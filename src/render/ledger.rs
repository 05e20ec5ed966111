//! The space of a volume group as a table and two bars.

use super::bar::{self, Segment};
use super::{BOLD, DIM, GREEN, Options, pad, pad_left, printable};
use crate::plan::ledger::{Ledger, LedgerKind, LedgerRow};
use crate::size::human;

/// Narrower bars show nothing, wider ones no more.
const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 20..=96;

/// A line of the table.
struct Line {
    letter: char,
    name: String,
    remark: &'static str,
    before: u64,
    after: u64,
}

/// Table and bars.
pub fn ledger(ledger: &Ledger, options: &Options) -> String {
    let lines = lines(ledger);
    let mut text = format!(
        "{}\n",
        options.paint(
            BOLD,
            &format!("Space of {}, in extents of {}", printable(&ledger.volume_group), human(ledger.extent_size))
        )
    );
    text.push_str(&table(&lines, ledger.extent_size, options));
    text.push_str(&bars(ledger, options));
    text
}

fn lines(ledger: &Ledger) -> Vec<Line> {
    let mut lines: Vec<Line> = ledger.rows.iter().enumerate().map(|(index, row)| line(index, row)).collect();
    let sum = |name: &str, before, after| Line { letter: ' ', name: name.to_owned(), remark: "", before, after };
    lines.push(sum("free", ledger.free_before(), ledger.free_after()));
    lines.push(sum("total", ledger.total_before, ledger.total_after));
    lines
}

fn line(index: usize, row: &LedgerRow) -> Line {
    let LedgerRow { name, kind, named, before, after } = row;
    let remark = match (named, kind) {
        (false, _) => "not in the profile: stays",
        (true, LedgerKind::Volume) => "",
        (true, LedgerKind::PoolData) => "thin pool",
        (true, LedgerKind::PoolMetadata) => "pool metadata",
        (true, LedgerKind::MetadataSpare) => "for pool repair",
    };
    Line { letter: bar::letter(index), name: printable(name).into_owned(), remark, before: *before, after: *after }
}

fn table(lines: &[Line], extent_size: u64, options: &Options) -> String {
    let name_width = lines.iter().map(|line| super::columns(&line.name)).max().unwrap_or(0).max(6);
    let mut text = options.paint(
        DIM,
        &format!(
            "     {}  {}  {}  {}",
            pad("", name_width),
            pad_left("before", 16),
            pad_left("after", 16),
            pad_left("change", 9)
        ),
    );
    text.push('\n');
    for line in lines {
        let Line { letter, name, remark, before, after } = line;
        let change = match after.cmp(before) {
            std::cmp::Ordering::Equal => pad_left("", 9),
            std::cmp::Ordering::Greater => options.paint(GREEN, &signed('+', after - before, extent_size)),
            std::cmp::Ordering::Less => signed('-', before - after, extent_size),
        };
        let row = format!(
            "  {letter}  {}  {}  {}  {change}  {}",
            pad(name, name_width),
            amount(*before, extent_size),
            amount(*after, extent_size),
            options.paint(DIM, remark)
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// `+12G`, `~-6.18G`.
fn signed(sign: char, extents: u64, extent_size: u64) -> String {
    let size = human(extents.saturating_mul(extent_size));
    let text = match size.strip_prefix('~') {
        Some(size) => format!("~{sign}{size}"),
        None => format!("{sign}{size}"),
    };
    pad_left(&text, 9)
}

/// `3840    15G`; a hyphen for none.
fn amount(extents: u64, extent_size: u64) -> String {
    match extents {
        0 => format!("{} {}", pad_left("-", 8), pad_left("", 7)),
        _ => format!("{extents:>8} {}", pad_left(&human(extents.saturating_mul(extent_size)), 7)),
    }
}

fn bars(ledger: &Ledger, options: &Options) -> String {
    let width = options.width.saturating_sub(12).clamp(*BAR_COLUMNS.start(), *BAR_COLUMNS.end());
    let scale = ledger.total_before.max(ledger.total_after);
    let draw = |extents: fn(&LedgerRow) -> u64, free: u64| {
        let mut segments: Vec<Segment> = ledger
            .rows
            .iter()
            .enumerate()
            .map(|(index, row)| Segment { letter: bar::letter(index), extents: extents(row) })
            .collect();
        segments.push(Segment { letter: ' ', extents: free });
        bar::draw(&segments, scale, width, options.unicode)
    };
    let before = draw(|row| row.before, ledger.free_before());
    let after = draw(|row| row.after, ledger.free_after());
    if before == after {
        return format!("     now  {after}\n");
    }
    format!("  before  {before}\n   after  {after}\n")
}
