//! A plan for people: what is done, to what, from which state to which, and why.

use super::{BOLD, DIM, GREEN, Options, RED, YELLOW, columns, ledger, pad, pad_left, printable};
use crate::action::{Action, KeyChange};
use crate::plan::{Note, Plan, PlannedAction, Refusal};
use crate::words::counted;
use similar::TextDiff;
use std::time::Duration;

/// What an action does to its object, for the mark before it and the sum below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Change,
    Destroy,
}

impl Kind {
    /// Every variant is listed: a new one has to be sorted in.
    pub fn of(action: &Action) -> Kind {
        if action.is_destructive() {
            return Kind::Destroy;
        }
        match action {
            Action::CreateVolumeGroup { .. }
            | Action::CreateVolume { .. }
            | Action::CreateThinPool { .. }
            | Action::MakeFilesystem { .. }
            | Action::CreateDirectory { .. }
            | Action::CreateGroup { .. }
            | Action::CreateUser(_)
            | Action::ChangeKeys { before: None, .. }
            | Action::WriteFile { before: None, .. }
            | Action::WriteSecretFile { before: None, .. }
            | Action::CopyFile { before: None, .. }
            | Action::MakeSwap { uuid: None, .. } => Kind::Create,
            Action::GrowPartition { .. }
            | Action::ResizePhysicalVolume { .. }
            | Action::WipeSignatures { .. }
            | Action::RemoveThinPool { .. }
            | Action::RemoveUnfinished { .. }
            | Action::ExtendVolumeGroup { .. }
            | Action::ActivateVolume { .. }
            | Action::ExtendVolume { .. }
            | Action::ExtendPoolMetadata { .. }
            | Action::ExtendPoolData { .. }
            | Action::SetPoolZeroing { .. }
            | Action::SetPoolWhenFull { .. }
            | Action::AttachPoolProfile { .. }
            | Action::MonitorPool { .. }
            | Action::GrowFilesystem { .. }
            | Action::WriteFile { before: Some(_), .. }
            | Action::WriteSecretFile { before: Some(_), .. }
            | Action::CopyFile { before: Some(_), .. }
            | Action::SetAttributes { .. }
            | Action::RemoveFile { .. }
            | Action::RefreshTrust { .. }
            | Action::SetShell { .. }
            | Action::JoinGroups { .. }
            | Action::SetPasswordHash { .. }
            | Action::LockPassword { .. }
            | Action::ChangeKeys { before: Some(_), .. }
            | Action::RestoreLabels { .. }
            | Action::EnablePamAccess { .. }
            | Action::FlushJournal { .. }
            | Action::ReloadUnit { .. }
            | Action::RestartUnit { .. }
            | Action::StopUnit { .. }
            | Action::StartUnit { .. }
            | Action::EnableUnit { .. }
            | Action::DisableUnit { .. }
            | Action::MaskUnit { .. }
            | Action::ReloadSystemd
            | Action::Mount { .. }
            | Action::DisableSwap { .. }
            | Action::MakeSwap { uuid: Some(_), .. }
            | Action::EnableSwap { .. } => Kind::Change,
        }
    }

    fn mark(self, options: &Options) -> String {
        match self {
            Kind::Create => options.paint(GREEN, "+"),
            Kind::Change => options.paint(YELLOW, "~"),
            Kind::Destroy => options.paint(RED, "!"),
        }
    }
}

/// The whole plan. `commands` holds the command lines behind each action, in the plan's order; it
/// may be empty, and is shown with [`Options::verbose`] only.
pub fn plan(plan: &Plan, commands: &[Vec<String>], options: &Options) -> String {
    let mut parts = vec![header(plan, options)];
    // A refused plan's actions are not what will happen: shown on request only.
    if !plan.actions.is_empty() && (plan.refusals.is_empty() || options.verbose) {
        parts.push(actions(&plan.actions, commands, options));
    }
    let has_news = !plan.actions.is_empty() || !plan.refusals.is_empty() || options.verbose;
    if has_news {
        parts.extend(plan.ledgers.iter().map(|space| ledger::ledger(space, options)));
    }
    let notes = [("warning", YELLOW, &plan.warnings), ("deferred", YELLOW, &plan.deferred), ("note", DIM, &plan.notes)];
    for (word, style, notes) in notes {
        if !notes.is_empty() {
            parts.push(notes.iter().map(|note| sentence(word, style, note, options)).collect());
        }
    }
    if !plan.refusals.is_empty() {
        parts.push(refusals(&plan.refusals, options));
    }
    parts.push(summary(plan, options));
    parts.join("\n")
}

fn header(plan: &Plan, options: &Options) -> String {
    let host = options.paint(BOLD, &printable(&plan.hostname));
    let count = plan.actions.len();
    let actions = counted(count, "action");
    match (plan.refusals.is_empty(), count) {
        (true, 0) => format!("{host}: as the profile says\n"),
        (true, _) => format!("{host}: {actions}\n"),
        (false, 0) => format!("{host}: refused\n"),
        (false, _) if options.verbose => format!("{host}: refused; otherwise {actions}, none of which will run:\n"),
        (false, _) => format!("{host}: refused; otherwise {actions} (-v shows them)\n"),
    }
}

/// Widths of the columns of actions.
struct Table {
    number: usize,
    object: usize,
    change: usize,
    /// Whether the reason stands beside the rest or on a line of its own.
    is_wide: bool,
}

impl Table {
    fn of(actions: &[PlannedAction], options: &Options) -> Table {
        let longest = |length: &dyn Fn(&PlannedAction) -> usize| actions.iter().map(length).max().unwrap_or(0);
        let number = columns(&actions.len().to_string());
        let object = longest(&|planned| columns(&printable(&planned.object))).min(40);
        let change = longest(&|planned| columns(&options.change(&planned.before, &planned.after))).min(48);
        let why = longest(&|planned| columns(&printable(&planned.why)));
        let is_wide = 2 + 2 + number + 2 + object + 2 + change + 2 + why <= options.width;
        Table { number, object, change, is_wide }
    }

    /// Where objects begin: what belongs to an action is indented as far.
    fn indent(&self) -> usize {
        2 + 2 + self.number + 2
    }
}

fn actions(actions: &[PlannedAction], commands: &[Vec<String>], options: &Options) -> String {
    let table = Table::of(actions, options);
    let mut text = String::new();
    for (index, planned) in actions.iter().enumerate() {
        text.push_str(&action(index + 1, planned, &table, options));
        let indent = " ".repeat(table.indent());
        if options.verbose {
            for command in commands.get(index).map(Vec::as_slice).unwrap_or_default() {
                let line = format!("{indent}$ {}", printable(command));
                text.push_str(&options.paint(DIM, &line));
                text.push('\n');
            }
        }
        match &planned.action {
            Action::WriteFile { before, after, .. } => {
                text.push_str(&diff(before.as_deref().unwrap_or(""), after, &indent, options));
            }
            Action::ChangeKeys { changes, .. } => {
                text.extend(changes.iter().map(|change| key(change, &indent, options)))
            }
            _ => {}
        }
    }
    text
}

fn action(number: usize, planned: &PlannedAction, table: &Table, options: &Options) -> String {
    let PlannedAction { object, before, after, why, owes: _, action } = planned;
    let change = options.change(before, after);
    let why = printable(why);
    let line = format!(
        "  {} {}  {}  {}",
        Kind::of(action).mark(options),
        pad_left(&number.to_string(), table.number),
        pad(&printable(object), table.object),
        pad(&change, table.change),
    );
    if table.is_wide {
        return format!("{}\n", format!("{line}  {}", options.paint(DIM, &why)).trim_end());
    }
    let indent = table.indent() + 2;
    let mut text = format!("{}\n", line.trim_end());
    for line in wrap(&why, options.width.saturating_sub(indent)) {
        text.push_str(&format!("{}{}\n", " ".repeat(indent), options.paint(DIM, &line)));
    }
    text
}

/// The lines that change, with three around them.
fn diff(before: &str, after: &str, indent: &str, options: &Options) -> String {
    let diff = TextDiff::from_lines(before, after);
    let unified = diff.unified_diff().context_radius(3).missing_newline_hint(true).to_string();
    let mut text = String::new();
    for line in unified.lines() {
        // A tab would make the columns of a plan depend on the terminal's stops.
        let line = line.replace('\t', "    ");
        let shown = printable(&line);
        let painted = match line.chars().next() {
            Some('+') => options.paint(GREEN, &shown),
            Some('-') => options.paint(RED, &shown),
            Some('@') => options.paint(DIM, &shown),
            _ => shown.into_owned(),
        };
        text.push_str(format!("{indent}{painted}").trim_end());
        text.push('\n');
    }
    text
}

/// A diff of keys: fingerprint, comment and options stand for each.
fn key(change: &KeyChange, indent: &str, options: &Options) -> String {
    let line = |(added, name): (bool, String)| {
        let (mark, style) = if added { ("+", GREEN) } else { ("-", RED) };
        format!("{indent}{}\n", options.paint(style, &format!("{mark}{}", printable(&name))))
    };
    key_lines(change).into_iter().map(line).collect()
}

/// The lines of such a diff, each with whether it is added.
pub(super) fn key_lines(change: &KeyChange) -> Vec<(bool, String)> {
    match change {
        KeyChange::Add { key, .. } => vec![(true, key.to_string())],
        KeyChange::Replace { was, key, .. } => vec![(false, was.to_string()), (true, key.to_string())],
        KeyChange::Remove { was: Some(was), .. } => vec![(false, was.to_string())],
        KeyChange::Remove { number, was: None, .. } => vec![(false, format!("line {number}, which is no known key"))],
    }
}

fn sentence(word: &str, style: anstyle::Style, note: &Note, options: &Options) -> String {
    let Note { code, object, text } = note;
    let mut body = match object.is_empty() {
        true => printable(text).into_owned(),
        false => format!("{}: {}", printable(object), printable(text)),
    };
    // The name for atomhost explain.
    if let Some(code) = code {
        body.push_str(&format!(" [{code}]"));
    }
    hanging(word, style, &body, options)
}

/// Each with its cure; a code is named once, where it comes first.
fn refusals(refusals: &[Refusal], options: &Options) -> String {
    let mut text = String::new();
    for (at, refusal) in refusals.iter().enumerate() {
        text.push_str(&refused(refusal, options));
        if refusals[..at].iter().all(|earlier| earlier.code != refusal.code) {
            let more = format!("atomhost explain {}", refusal.code);
            text.push_str(&hanging("   more", DIM, &more, options));
        }
    }
    text
}

fn refused(refusal: &Refusal, options: &Options) -> String {
    let Refusal { code: _, object, found, cure } = refusal;
    let mut text = hanging("refused", RED, &format!("{}: {}", printable(object), printable(found)), options);
    if !cure.is_empty() {
        text.push_str(&hanging("   cure", GREEN, &printable(cure), options));
    }
    text
}

/// `word: body`, further lines indented under the body.
fn hanging(word: &str, style: anstyle::Style, body: &str, options: &Options) -> String {
    let indent = columns(word) + 2;
    let lines = wrap(body, options.width.saturating_sub(indent));
    let mut text = format!("{}: {}\n", options.paint(style, word), lines.first().map_or("", String::as_str));
    for line in lines.iter().skip(1) {
        text.push_str(&format!("{}{line}\n", " ".repeat(indent)));
    }
    text
}

/// Breaks at spaces; a word that is wider than the line (a path) stays whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn summary(plan: &Plan, options: &Options) -> String {
    let line = match plan.refusals.len() {
        0 if plan.actions.is_empty() => options.paint(GREEN, "In sync: nothing to do."),
        0 => {
            let count = |kind| plan.actions.iter().filter(|planned| Kind::of(&planned.action) == kind).count();
            format!(
                "Plan: {} to create, {} to change, {} destructive.",
                count(Kind::Create),
                count(Kind::Change),
                count(Kind::Destroy)
            )
        }
        reasons => options.paint(RED, &format!("Refused: {}; nothing will be changed.", counted(reasons, "reason"))),
    };
    line + "\n"
}

/// How far an action has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Running,
    Done(Duration),
    Failed(Duration),
}

/// One line about an action that runs, without a newline: `[ 3/14] atomicos/root: 3G → 15G … 2.1 s`.
pub fn progress(number: usize, total: usize, planned: &PlannedAction, progress: Progress, options: &Options) -> String {
    let width = columns(&total.to_string());
    let change = options.change(&planned.before, &planned.after);
    let change = if change.is_empty() { String::new() } else { format!(": {change}") };
    let line = format!("[{number:>width$}/{total}] {}{change} {}", printable(&planned.object), options.ellipsis());
    match progress {
        Progress::Running => line,
        Progress::Done(time) => format!("{line} {:.1} s", time.as_secs_f64()),
        Progress::Failed(time) => {
            format!("{line} {}", options.paint(RED, &format!("failed after {:.1} s", time.as_secs_f64())))
        }
    }
}
