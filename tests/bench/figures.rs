//! Series of measurements, and the table that they end up in.

use std::fmt::Write as _;

/// Measurements of one thing, in the order in which they were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Series(Vec<f64>);

impl Series {
    /// At least one measurement.
    pub fn new(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        Self(values)
    }

    /// Each measurement divided by the one of `other` that was taken beside it, so that a machine whose speed
    /// changes under the benchmark changes both.
    pub fn ratio(&self, other: &Self) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "measurements are taken in pairs");
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }

    /// The same in another unit.
    pub fn scaled(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|value| value * factor).collect())
    }

    /// The value in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }

    /// Median, smallest and largest, as the table shows them.
    pub fn text(&self, decimals: usize, unit: &str) -> String {
        let smallest = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let median = self.median();
        if self.0.len() == 1 {
            return format!("{median:.decimals$} {unit}");
        }
        format!("{median:.decimals$} {unit} ({smallest:.decimals$}–{largest:.decimals$})")
    }
}

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    what: String,
    measured: String,
    target: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Within,
    Over,
    /// Nothing is promised: the figure is there to read the others by.
    Open,
}

impl Row {
    /// A figure whose median must not be larger than `target`.
    pub fn at_most(what: &str, series: &Series, target: f64, decimals: usize, unit: &str) -> Self {
        let verdict = if series.median() <= target { Verdict::Within } else { Verdict::Over };
        Self {
            what: what.to_owned(),
            measured: series.text(decimals, unit),
            target: format!("≤ {target} {unit}"),
            verdict,
        }
    }

    /// A property that holds or does not.
    pub fn holds(what: &str, measured: &str, target: &str, holds: bool) -> Self {
        let verdict = if holds { Verdict::Within } else { Verdict::Over };
        Self { what: what.to_owned(), measured: measured.to_owned(), target: target.to_owned(), verdict }
    }

    /// A figure without a target.
    pub fn information(what: &str, measured: String) -> Self {
        Self { what: what.to_owned(), measured, target: String::new(), verdict: Verdict::Open }
    }

    /// Whether its target was missed.
    pub fn is_over(&self) -> bool {
        self.verdict == Verdict::Over
    }

    fn cells(&self) -> [&str; 4] {
        let verdict = match self.verdict {
            Verdict::Within => "within",
            Verdict::Over => "over",
            Verdict::Open => "",
        };
        [&self.what, &self.measured, &self.target, verdict]
    }
}

/// The rows as a Markdown table, aligned for the eye as well.
pub fn table(rows: &[Row]) -> String {
    let head = ["what", "measured: median (min–max)", "target", "verdict"];
    let lines: Vec<[&str; 4]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if at == 0 {
            widths.iter().for_each(|width| text.extend(["|", &"-".repeat(width + 2)]));
            text.push_str("|\n");
        }
    }
    text
}
