//! A fleet for people: a line for each group of hosts, the most urgent first.

use super::{BOLD, DIM, GREEN, Options, RED, YELLOW, columns, pad, pad_left, printable};
use crate::fleet::{Group, State, Summary};
use crate::words::counted;

/// The whole summary.
pub fn summary(summary: &Summary, options: &Options) -> String {
    let Summary { schema: _, hosts, groups, faults, fault_count } = summary;
    let mut sums: Vec<(State, u64)> = Vec::new();
    for group in groups {
        match sums.last_mut() {
            Some((state, sum)) if *state == group.state => *sum += group.hosts,
            _ => sums.push((group.state, group.hosts)),
        }
    }
    let sums: Vec<String> = sums.iter().map(|(state, sum)| format!("{sum} {}", word(*state))).collect();
    let sums = if sums.is_empty() { String::new() } else { format!(": {}", sums.join(", ")) };
    let mut text = format!("{}\n", options.paint(BOLD, &format!("{}{sums}", counted(*hosts, "host"))));
    let width = groups.iter().map(|group| columns(&group.hosts.to_string())).max().unwrap_or(0);
    for group in groups {
        text.push_str(&line(group, width, options));
    }
    for fault in faults {
        let file = printable(&fault.file);
        text.push_str(&format!("{}: {file}: {}\n", options.paint(RED, "not counted"), printable(&fault.reason)));
    }
    let unnamed = fault_count.saturating_sub(faults.len() as u64);
    if unnamed > 0 {
        text.push_str(&format!("{}: {} more\n", options.paint(RED, "not counted"), counted(unnamed, "file")));
    }
    text
}

fn line(group: &Group, width: usize, options: &Options) -> String {
    let Group { state, fingerprint, hosts, names, refusals, actions, action_count, error } = group;
    let mut said = Vec::new();
    if !refusals.is_empty() {
        said.push(refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    if *action_count > 0 && *state != State::Refused {
        said.push(counted(*action_count, "action"));
    }
    if let Some(error) = error {
        said.push(printable(error).into_owned());
    }
    let mut named = names.iter().map(|name| printable(name).into_owned()).collect::<Vec<_>>().join(", ");
    if !names.is_empty() && (names.len() as u64) < *hosts {
        named.push_str(&format!(", {}", options.ellipsis()));
    }
    let style = match state {
        State::Failed | State::CutOff | State::Refused => RED,
        State::Reverted | State::Stopped | State::Pending => YELLOW,
        State::Done | State::InSync => GREEN,
    };
    let fingerprint = if *state == State::InSync { "" } else { fingerprint };
    let head = format!(
        "  {}  {}  {}",
        pad_left(&hosts.to_string(), width),
        options.paint(style, &pad(word(*state), 8)),
        pad(fingerprint, 12)
    );
    let mut text = format!("{}\n", format!("{head}  {}", said.join("; ")).trim_end());
    let indent = " ".repeat(width + 4);
    if !named.is_empty() {
        text.push_str(&format!("{indent}{}\n", options.paint(DIM, &named)));
    }
    if options.verbose {
        text.extend(actions.iter().map(|action| format!("{indent}  {}\n", printable(action))));
        let more = action_count.saturating_sub(actions.len() as u64);
        if more > 0 {
            text.push_str(&format!("{indent}  and {more} more\n"));
        }
    }
    text
}

const fn word(state: State) -> &'static str {
    match state {
        State::Failed => "failed",
        State::CutOff => "cut off",
        State::Refused => "refused",
        State::Reverted => "reverted",
        State::Stopped => "stopped",
        State::Pending => "pending",
        State::Done => "done",
        State::InSync => "in sync",
    }
}
