//! Explanations of refusals: one at length, or a line for each.

use super::text::wrap;
use super::{BOLD, DIM, Options, columns, pad};
use crate::explain::{Explanation, of};
use crate::plan::RefusalCode;

/// Indent of everything below a heading.
const INDENT: &str = "  ";

/// One code at length.
pub fn one(code: RefusalCode, options: &Options) -> String {
    let Explanation { title, means, why, look, cure } = of(code);
    let mut text = format!("{}: {title}\n", options.paint(BOLD, &code.to_string()));
    let mut section = |heading: &str, body: String| {
        text.push_str(&format!("\n{}\n{body}", options.paint(BOLD, heading)));
    };
    section("What it means", paragraph(means, "", options));
    section("Why nothing is done", paragraph(why, "", options));
    section(
        "How to look",
        look.iter().map(|command| format!("{INDENT}{} {command}\n", options.paint(DIM, "$"))).collect(),
    );
    section("How to put it right", cure.iter().map(|way| paragraph(way, "- ", options)).collect());
    text
}

/// A line for each code, and where to read on.
pub fn all(codes: &[RefusalCode], options: &Options) -> String {
    let width = codes.iter().map(|code| columns(&code.to_string())).max().unwrap_or(0);
    let line = |code: &RefusalCode| {
        let name = options.paint(BOLD, &pad(&code.to_string(), width));
        format!("{name}  {}\n", of(*code).title)
    };
    codes.iter().map(line).collect::<String>() + "\nMore about one: atomhost explain CODE\n"
}

fn paragraph(text: &str, mark: &str, options: &Options) -> String {
    let hanging = " ".repeat(columns(mark));
    let width = options.width.saturating_sub(columns(INDENT) + columns(mark));
    let lines = wrap(text, width);
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{INDENT}{}{line}\n", if at == 0 { mark } else { &hanging }))
        .collect()
}
