//! The disks and what lies on them, before and after, as SVG.

use crate::plan::ledger::Ledger;
use crate::render::printable;
use crate::size::human;
use maud::{Markup, html};

/// Of the drawing, in its own units; the page scales it.
const WIDTH: f64 = 1000.0;
const LABEL: f64 = 60.0;
const BAR: f64 = 34.0;
const GAP: f64 = 10.0;
/// A part narrower than this has no name in it.
const NARROWEST_NAME: f64 = 46.0;
/// Units of a letter, about.
const LETTER: f64 = 7.0;
/// What is there is seen, however little of a large disk it is.
const NARROWEST: f64 = 3.0;
const COLOURS: usize = 8;

/// A part of a bar: its class, name, size in words, and width.
struct Part {
    class: String,
    name: String,
    size: String,
    x: f64,
    width: f64,
}

/// Class of the volume at this place.
pub fn colour(index: usize) -> String {
    format!("c{}", index % COLOURS)
}

/// Disks, before and after; one bar where nothing changes.
pub fn of(ledger: &Ledger) -> Markup {
    let scale = ledger.total_before.max(ledger.total_after).max(1);
    let rows = &ledger.rows;
    let bar = |extents: &dyn Fn(usize) -> u64, free: u64| {
        let volumes = rows.iter().enumerate().map(|(index, row)| (colour(index), row.name.as_str(), extents(index)));
        parts(volumes.chain([("free".to_owned(), "free", free)]), scale, ledger.extent_size)
    };
    let disks = ledger.disks.iter().map(|disk| ("disk".to_owned(), disk.file_name(), disk.after));
    let (before, after) =
        (bar(&|at| rows[at].before, ledger.free_before()), bar(&|at| rows[at].after, ledger.free_after()));
    let same = rows.iter().all(|row| row.before == row.after) && ledger.total_before == ledger.total_after;
    let mut lines = vec![("disks", parts(disks, scale, ledger.extent_size))];
    if same {
        lines.push(("now", after));
    } else {
        lines.extend([("before", before), ("after", after)]);
    }
    let height = lines.len() as f64 * (BAR + GAP);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="disks and volumes, before and after" {
            @for (number, (label, parts)) in lines.iter().enumerate() {
                (line(label, parts, number as f64 * (BAR + GAP)))
            }
        }
    }
}

fn parts<'a>(all: impl Iterator<Item = (String, &'a str, u64)>, scale: u64, extent_size: u64) -> Vec<Part> {
    let all: Vec<_> = all.filter(|(_, _, extents)| *extents > 0).collect();
    let share = |extents: u64| (WIDTH - LABEL) * extents as f64 / scale as f64;
    let mut widths: Vec<f64> = all.iter().map(|(_, _, extents)| share(*extents).max(NARROWEST)).collect();
    // What the narrow ones got beyond their share, the widest gives.
    let excess = widths.iter().sum::<f64>() - share(all.iter().map(|(_, _, extents)| extents).sum());
    if let Some(widest) = widths.iter_mut().max_by(|a, b| a.total_cmp(b)) {
        *widest = (*widest - excess).max(NARROWEST);
    }
    let mut x = LABEL;
    let mut parts = Vec::new();
    for ((class, name, extents), width) in all.into_iter().zip(widths) {
        let size = human(extents.saturating_mul(extent_size));
        parts.push(Part { class, name: printable(name).into_owned(), size, x, width });
        x += width;
    }
    parts
}

fn line(label: &str, parts: &[Part], y: f64) -> Markup {
    let text = y + BAR / 2.0 + 4.0;
    let round = |value: f64| format!("{value:.1}");
    html! {
        text x="0" y=(round(text)) { (label) }
        @for Part { class, name, size, x, width } in parts {
            g {
                title { (name) ", " (size) }
                rect class=(class) x=(round(*x)) y=(round(y)) width=(round(*width)) height=(round(BAR)) rx="2" {}
                @if *width >= NARROWEST_NAME && name.chars().count() as f64 * LETTER < *width {
                    text class=(if class == "disk" || class == "free" { "disk" } else { "on" })
                        x=(round(x + width / 2.0)) y=(round(text)) { (name) }
                }
            }
        }
    }
}
