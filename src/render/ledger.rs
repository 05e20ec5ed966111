//! The space of a volume group as a table and two bars.

use super::bar::{self, Segment};
use super::{BOLD, DIM, GREEN, Options, pad, pad_left, printable};
use crate::plan::ledger::{Ledger, LedgerDisk, LedgerRow};
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
    lines.extend(ledger.disks.iter().map(disk));
    lines
}

/// What the total is on.
fn disk(disk: &LedgerDisk) -> Line {
    let LedgerDisk { device, before, after } = disk;
    let remark = match before {
        0 => "new disk",
        before if before < after => "has grown",
        _ => "",
    };
    Line { letter: ' ', name: format!("  {}", printable(device)), remark, before: *before, after: *after }
}

fn line(index: usize, row: &LedgerRow) -> Line {
    Line {
        letter: bar::letter(index),
        name: printable(&row.name).into_owned(),
        remark: row.remark(),
        before: row.before,
        after: row.after,
    }
}

/// Columns that a line takes before its figures, besides the name; and that figures take.
const MARGIN: usize = 7;
const AMOUNT: usize = 16;
const DIFFERENCE: usize = 9;

/// What there is room for, in the order in which it is given up: remarks, the difference.
struct Columns {
    name: usize,
    changes: bool,
    difference: bool,
    remarks: bool,
}

impl Columns {
    fn of(lines: &[Line], options: &Options) -> Columns {
        let longest = |length: fn(&Line) -> usize| lines.iter().map(length).max().unwrap_or(0);
        let name = longest(|line| super::columns(&line.name)).max(6);
        let changes = lines.iter().any(|line| line.before != line.after);
        let needed = MARGIN + name + if changes { 2 * AMOUNT + 2 } else { AMOUNT };
        let difference = changes && needed + 2 + DIFFERENCE <= options.width;
        let needed = needed + if difference { 2 + DIFFERENCE } else { 0 };
        let remarks = needed + 2 + longest(|line| super::columns(line.remark)) <= options.width;
        Columns { name, changes, difference, remarks }
    }

    fn line(
        &self,
        letter: char,
        name: &str,
        now: &str,
        [before, after, difference]: [&str; 3],
        remark: &str,
    ) -> String {
        let figures = match (self.changes, self.difference) {
            (false, _) => now.to_owned(),
            (true, false) => format!("{before}  {after}"),
            (true, true) => format!("{before}  {after}  {difference}"),
        };
        let remark = if self.remarks { remark } else { "" };
        format!("  {letter}  {}  {figures}  {remark}", pad(name, self.name)).trim_end().to_owned()
    }
}

fn table(lines: &[Line], extent_size: u64, options: &Options) -> String {
    let columns = Columns::of(lines, options);
    let heading = |word: &str, width: usize| pad_left(word, width);
    let headings = [heading("before", AMOUNT), heading("after", AMOUNT), heading("change", DIFFERENCE)];
    let first = columns.line(' ', "", &heading("now", AMOUNT), headings.each_ref().map(String::as_str), "");
    let mut text = format!("{}\n", options.paint(DIM, &first));
    for line in lines {
        let Line { letter, name, remark, before, after } = line;
        let [before, after] = [before, after].map(|extents| amount(*extents, extent_size));
        let difference = difference(line, extent_size, options);
        let remark = options.paint(DIM, remark);
        text.push_str(&columns.line(*letter, name, &after, [&before, &after, &difference], &remark));
        text.push('\n');
    }
    text
}

fn difference(line: &Line, extent_size: u64, options: &Options) -> String {
    let Line { before, after, .. } = line;
    match after.cmp(before) {
        std::cmp::Ordering::Equal => pad_left("", DIFFERENCE),
        std::cmp::Ordering::Greater => options.paint(GREEN, &signed('+', after - before, extent_size)),
        std::cmp::Ordering::Less => signed('-', before - after, extent_size),
    }
}

/// `+12G`, `~-6.18G`.
fn signed(sign: char, extents: u64, extent_size: u64) -> String {
    let size = human(extents.saturating_mul(extent_size));
    let text = match size.strip_prefix('~') {
        Some(size) => format!("~{sign}{size}"),
        None => format!("{sign}{size}"),
    };
    pad_left(&text, DIFFERENCE)
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
    let disks: Vec<(&str, u64)> = ledger.disks.iter().map(|disk| (disk.file_name(), disk.after)).collect();
    let disks = bar::spans(&disks, scale, width, options.unicode);
    let disks = if disks.is_empty() { disks } else { format!("   disks  {}\n", printable(&disks)) };
    if before == after {
        return format!("{disks}     now  {after}\n");
    }
    format!("{disks}  before  {before}\n   after  {after}\n")
}
