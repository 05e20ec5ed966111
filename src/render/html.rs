//! A plan as one page that needs nothing else: no script, no file beside it, nothing from a network.

mod picture;

use super::printable;
use super::text::{Kind, key_lines};
use crate::action::Action;
use crate::plan::ledger::Ledger;
use crate::plan::{Note, Plan, PlannedAction, Refusal};
use crate::size::human;
use crate::words::counted;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use similar::{ChangeTag, TextDiff};

const STYLE: &str = include_str!("html/style.css");

/// The whole page. `commands` holds the command lines behind each action, in the plan's order.
pub fn plan(plan: &Plan, commands: &[Vec<String>]) -> String {
    let title = format!("{}: {}", printable(&plan.hostname), summary(plan));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever a plan quotes: nothing of it is run or fetched.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (printable(&plan.hostname)) }
                    p.(state(plan)) { (summary(plan)) }
                    p.dim { "plan " code { (plan.fingerprint()) } }
                }
                main {
                    (refusals(&plan.refusals))
                    @for ledger in &plan.ledgers { (space(ledger)) }
                    (actions(plan, commands))
                    (notes("Warnings", "warning", &plan.warnings))
                    (notes("Deferred", "warning", &plan.deferred))
                    (notes("Notes", "note", &plan.notes))
                }
            }
        }
    };
    page.into_string()
}

fn summary(plan: &Plan) -> String {
    match (plan.refusals.len(), plan.actions.len()) {
        (0, 0) => "in sync, nothing to do".to_owned(),
        (0, actions) => counted(actions, "action"),
        (refusals, _) => format!("refused for {}, nothing will be changed", counted(refusals, "reason")),
    }
}

fn state(plan: &Plan) -> &'static str {
    match (plan.refusals.is_empty(), plan.actions.is_empty()) {
        (false, _) => "refused",
        (true, true) => "in-sync",
        (true, false) => "pending",
    }
}

fn refusals(refusals: &[Refusal]) -> Markup {
    html! {
        @if !refusals.is_empty() {
            section {
                h2 { "Refused" }
                @for Refusal { code, object, found, cure } in refusals {
                    article.refusal {
                        p { strong { (printable(object)) } ": " (printable(found)) }
                        @if !cure.is_empty() { p { em { "Cure: " } (printable(cure)) } }
                        p.dim { code { "atomhost explain " (code) } }
                    }
                }
            }
        }
    }
}

fn space(ledger: &Ledger) -> Markup {
    html! {
        section {
            h2 { "Space of " (printable(&ledger.volume_group)) }
            (picture::of(ledger))
            table {
                thead {
                    tr { th {} th { "Volume" } th.figure { "Before" } th.figure { "After" } th {} }
                }
                tbody {
                    @for (index, row) in ledger.rows.iter().enumerate() {
                        tr {
                            td { span.swatch.(picture::colour(index)) {} }
                            td { (printable(&row.name)) }
                            td.figure { (size(row.before, ledger)) }
                            td.figure.changed[row.before != row.after] { (size(row.after, ledger)) }
                            td.dim { (row.remark()) }
                        }
                    }
                    tr {
                        td { span.swatch.free {} }
                        td { "free" }
                        td.figure { (size(ledger.free_before(), ledger)) }
                        td.figure { (size(ledger.free_after(), ledger)) }
                        td {}
                    }
                }
                tfoot {
                    tr {
                        td {}
                        td { "total" }
                        td.figure { (size(ledger.total_before, ledger)) }
                        td.figure.changed[ledger.total_before != ledger.total_after] { (size(ledger.total_after, ledger)) }
                        td.dim { "in extents of " (human(ledger.extent_size)) }
                    }
                }
            }
        }
    }
}

fn size(extents: u64, ledger: &Ledger) -> String {
    if extents == 0 { "–".to_owned() } else { human(extents.saturating_mul(ledger.extent_size)) }
}

fn actions(plan: &Plan, commands: &[Vec<String>]) -> Markup {
    html! {
        @if !plan.actions.is_empty() {
            section {
                h2 {
                    @if plan.refusals.is_empty() { "Actions" } @else { "What would be done, and will not" }
                }
                ol.actions {
                    @for (index, planned) in plan.actions.iter().enumerate() {
                        li { (action(planned, commands.get(index).map(Vec::as_slice).unwrap_or_default())) }
                    }
                }
            }
        }
    }
}

fn action(planned: &PlannedAction, commands: &[String]) -> Markup {
    let PlannedAction { object, before, after, why, owes: _, action } = planned;
    let kind = match Kind::of(action) {
        Kind::Create => "create",
        Kind::Change => "change",
        Kind::Destroy => "destroy",
    };
    html! {
        details.(kind) {
            summary {
                strong { (printable(object)) }
                " "
                @if !before.is_empty() { span.before { (printable(before)) } " → " }
                span.after { (printable(after)) }
            }
            p { (printable(why)) }
            @if !commands.is_empty() {
                pre { @for command in commands { "$ " (printable(command)) "\n" } }
            }
            @match action {
                Action::WriteFile { before, after, .. } => (diff(before.as_deref().unwrap_or(""), after)),
                Action::ChangeKeys { changes, .. } => pre.diff {
                    @for (added, line) in changes.iter().flat_map(key_lines) {
                        span.(if added { "add" } else { "remove" }) { (printable(&line)) } "\n"
                    }
                },
                _ => {}
            }
        }
    }
}

/// The lines that change, with three around them.
fn diff(before: &str, after: &str) -> Markup {
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(3);
    html! {
        pre.diff {
            @for (number, group) in groups.iter().enumerate() {
                @if number > 0 { span.dim { "⋮\n" } }
                @for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                    @let line = printable(change.value().trim_end_matches('\n')).into_owned();
                    @match change.tag() {
                        ChangeTag::Insert => span.add { "+" (line) },
                        ChangeTag::Delete => span.remove { "-" (line) },
                        ChangeTag::Equal => span { " " (line) },
                    }
                    "\n"
                }
            }
        }
    }
}

fn notes(title: &str, class: &str, notes: &[Note]) -> Markup {
    html! {
        @if !notes.is_empty() {
            section {
                h2 { (title) }
                ul {
                    @for Note { code, object, text } in notes {
                        li.(class) {
                            @if !object.is_empty() { strong { (printable(object)) } ": " }
                            (printable(text))
                            @if let Some(code) = code { " " code { (code.to_string()) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::golden;

    /// Every object, refusal and note of every golden plan is on its page, and nothing that is run or fetched.
    #[test]
    fn all_of_a_plan_is_on_its_page() {
        for case in golden::cases() {
            let plan = golden::plan(&case);
            let page = super::plan(&plan, &[]);
            let shown = |text: &str| {
                let escaped = html! { (printable(text)) }.into_string();
                assert!(page.contains(&escaped), "{}: {text} is missing", case);
            };
            for planned in &plan.actions {
                [&planned.object, &planned.after, &planned.why].into_iter().for_each(|text| shown(text));
            }
            for refusal in &plan.refusals {
                [&refusal.object, &refusal.found, &refusal.cure].into_iter().for_each(|text| shown(text));
            }
            plan.warnings.iter().chain(&plan.deferred).chain(&plan.notes).for_each(|note| shown(&note.text));
            assert_eq!(page.matches("<details").count(), plan.actions.len());
            assert_eq!(page.matches("<svg").count(), plan.ledgers.len());
            for forbidden in ["<script", "http://", "https://", "url(", "src="] {
                let quoted = plan.actions.iter().any(|planned| format!("{planned:?}").contains(forbidden));
                assert!(quoted || !page.contains(forbidden), "{}: {forbidden}", case);
            }
        }
    }

    #[test]
    fn what_a_host_says_of_itself_is_no_markup() {
        let mut plan = Plan::empty("<script>alert(1)</script>\u{1b}[2J");
        plan.notes.push(Note { code: None, object: "a\"b".to_owned(), text: "</li><img src=x>".to_owned() });
        let page = super::plan(&plan, &[]);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{1b}'), "{page}");
    }
}
