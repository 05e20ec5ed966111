//! Explanations of refusals and warnings: one at length, or a line for each.

use super::text::wrap;
use super::{BOLD, DIM, Options, columns, pad};
use crate::explain::{Explanation, Topic};
use clap::ValueEnum;

/// Indent of everything below a heading.
const INDENT: &str = "  ";

/// One code at length.
pub fn one(topic: Topic, options: &Options) -> String {
    let Explanation { title, means, why, look, cure } = topic.explanation();
    let mut text = format!("{}: {title}\n", options.paint(BOLD, &topic.to_string()));
    let mut section = |heading: &str, body: String| {
        text.push_str(&format!("\n{}\n{body}", options.paint(BOLD, heading)));
    };
    section("What it means", paragraph(means, "", options));
    let reason = match topic {
        Topic::Refusal(_) => "Why nothing is done",
        Topic::Warning(_) => "Why it matters",
    };
    section(reason, paragraph(why, "", options));
    section(
        "How to look",
        look.iter().map(|command| format!("{INDENT}{} {command}\n", options.paint(DIM, "$"))).collect(),
    );
    section("How to put it right", cure.iter().map(|way| paragraph(way, "- ", options)).collect());
    text
}

/// A line for each, and where to read on.
pub fn all(options: &Options) -> String {
    let width = Topic::value_variants().iter().map(|topic| columns(&topic.to_string())).max().unwrap_or(0);
    let lines = |heading: &str, wanted: fn(&Topic) -> bool| {
        let line = |topic: &Topic| {
            let name = options.paint(BOLD, &pad(&topic.to_string(), width));
            format!("{INDENT}{name}  {}\n", topic.explanation().title)
        };
        format!(
            "{heading}:\n{}",
            Topic::value_variants().iter().filter(|topic| wanted(topic)).map(line).collect::<String>()
        )
    };
    lines("Refusals", |topic| matches!(topic, Topic::Refusal(_)))
        + "\n"
        + &lines("Warnings", |topic| matches!(topic, Topic::Warning(_)))
        + "\nMore about one: atomhost explain CODE\n"
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
