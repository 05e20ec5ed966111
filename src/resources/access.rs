//! access.conf: the rules of the profile in one managed block, and nobody locked out by them.

mod accounts;
mod judge;
mod matrix;
mod pam;

use super::Watch;
use super::managed_file::{self, ManagedFile, Text};
use crate::access::ACCESS_CONF;
use crate::access::evaluate::lines;
use crate::access::rule::{Rule, Syntax};
use crate::access::stack::PamFacts;
use crate::block;
use crate::facts::{FileFacts, FileKind};
use crate::plan::model::Model;
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::Profile;
use crate::profile::access::{AccessRule, PamWanted};
use crate::words::counted;
use matrix::Situation;

/// What a plan of the rules looks at. The stacks are observed whenever a profile has the section.
pub fn watch(profile: &Profile, watch: &mut Watch) {
    let Some(access) = &profile.access else { return };
    watch.texts.insert(ACCESS_CONF.to_owned());
    if access.pam == PamWanted::Enabled {
        watch.texts.insert(pam::COMMON_ACCOUNT.to_owned());
    }
}

/// Plans the rules, then pam_access itself, and refuses what would leave no way in.
pub fn plan(profile: &Profile, model: &mut Model<'_>) {
    let Some(wanted) = &profile.access else { return };
    let facts = model.facts;
    let (Some(file), Some(stacks)) = (facts.files.get(ACCESS_CONF), &facts.pam) else {
        let cure = "gather the facts for this profile again";
        model.refuse(RefusalCode::FileUnsuitable, ACCESS_CONF, "was not looked at", cure);
        return;
    };
    let Some(found) = readable(file, model) else { return };
    let (text, written) = match wanted.rules.is_empty() {
        true => (found.clone(), false),
        false => match rules(&wanted.rules, &found, model) {
            Some(placed) => placed,
            None => return,
        },
    };
    let (after, enabled) = pam::plan(wanted.pam, stacks, model);
    let before = Situation { text: &found, pam: stacks };
    let after = Situation { text: &text, pam: &after };
    judge::judge(profile, &before, &after, written || enabled, model);
    tell(&after, wanted.pam, model);
}

/// The file's text; empty where there is no file, which PAM treats alike.
fn readable(file: &FileFacts, model: &mut Model<'_>) -> Option<String> {
    if !managed_file::suitable(ACCESS_CONF, file, &[FileKind::Missing, FileKind::File], model) {
        return None;
    }
    if file.kind == FileKind::File && file.text.is_none() {
        let cure = "look at it with file and iconv, or move it away";
        model.refuse(RefusalCode::FileUnsuitable, ACCESS_CONF, "is no text in UTF-8, or very large", cure);
        return None;
    }
    Some(file.text.clone().unwrap_or_default())
}

/// Plans the file; its text as it will be, and whether it changes.
fn rules(rules: &[AccessRule], found: &str, model: &mut Model<'_>) -> Option<(String, bool)> {
    let placed = match place(rules, found) {
        Ok(placed) => placed,
        Err(reason) => {
            let cure = "mend or remove these comments by hand: which lines are whose would be a guess";
            model.refuse(RefusalCode::FileUnsuitable, ACCESS_CONF, reason, cure);
            return None;
        }
    };
    let Placed { text, adopted, completed } = placed;
    let what = format!("{} in a managed block", counted(rules.len(), "rule"));
    let file = ManagedFile {
        path: ACCESS_CONF,
        text: Text::Shown(text.clone()),
        mode: None,
        owner: None,
        what: &what,
        why: "who may log in is as the profile says; the first line that matches decides",
    };
    let changed = managed_file::plan(&file, model)?;
    if changed && adopted > 0 {
        let lines = counted(adopted, "line");
        model.note(ACCESS_CONF, format!("{lines} equal to rules of the profile moved into the managed block"));
    }
    if changed && let Some(line) = completed {
        let text = format!("the last line, `{line}`, had no newline and was passed over by PAM: it counts from now on");
        model.warn(WarningCode::AccessLinePassedOver, ACCESS_CONF, text);
    }
    Some((text, changed))
}

/// A file with the block in its place.
struct Placed {
    text: String,
    /// Foreign lines that are rules of the block, and were moved there.
    adopted: usize,
    /// A foreign last line that got its newline.
    completed: Option<String>,
}

/// Puts the block where it is; a new one before the first foreign line that matches everybody, or
/// where the last of its rules stood, or at the end.
///
/// # Errors
/// The file's managed block is damaged.
fn place(rules: &[AccessRule], found: &str) -> Result<Placed, String> {
    let block = block::text(rules.iter().map(|rule| rule.text.as_str()));
    if let Some(range) = block::find(found)? {
        let text = format!("{}{block}{}", &found[..range.start], &found[range.end..]);
        return Ok(Placed { text, adopted: 0, completed: None });
    }
    let syntax = Syntax::default();
    let is_ours = |line: &str| line.ends_with('\n') && rules.iter().any(|rule| rule.text == line.trim_end());
    let is_for_all =
        |line: &str| Rule::parse(line.trim_end(), &syntax).is_ok_and(|rule| rule.is_some_and(|rule| rule.is_for_all()));
    let lines: Vec<&str> = found.split_inclusive('\n').collect();
    let last_of_ours = lines.iter().rposition(|line| is_ours(line));
    let for_all = lines.iter().position(|line| !is_ours(line) && is_for_all(line));
    let at = [last_of_ours, for_all].into_iter().flatten().min().unwrap_or(lines.len());
    let mut placed = Placed { text: String::new(), adopted: 0, completed: None };
    for (number, line) in lines.iter().enumerate() {
        if number == at {
            placed.text.push_str(&block);
        }
        match is_ours(line) {
            true => placed.adopted += 1,
            false => placed.text.push_str(line),
        }
    }
    if at == lines.len() {
        if let Some(line) = lines.last().filter(|line| !line.ends_with('\n')) {
            placed.text.push('\n');
            placed.completed = Some((*line).to_owned());
        }
        placed.text.push_str(&block);
    }
    Ok(placed)
}

/// Where the rules have an effect, and which lines have none.
fn tell(after: &Situation<'_>, wanted: PamWanted, model: &mut Model<'_>) {
    let Situation { text, pam } = after;
    for line in lines(ACCESS_CONF, text) {
        if let Err(reason) = Rule::parse(line.text, &Syntax::default()) {
            model.warn(
                WarningCode::AccessLinePassedOver,
                ACCESS_CONF,
                format!("line {}, `{}`, is passed over by PAM: {reason}", line.number, line.text),
            );
        } else if !line.is_whole && !line.text.is_empty() {
            let text =
                format!("line {}, `{}`, has no newline: older versions of PAM pass it over", line.number, line.text);
            model.warn(WarningCode::AccessLinePassedOver, ACCESS_CONF, text);
        }
    }
    services(pam, wanted, model);
    if let Some(first) = pam.more_rules.keys().next() {
        let is_closed = lines(ACCESS_CONF, text).any(|line| {
            Rule::parse(line.text, &Syntax::default()).is_ok_and(|rule| rule.is_some_and(|rule| rule.is_for_all()))
        });
        match is_closed {
            true => model.warn(
                WarningCode::AccessDecidedElsewhere,
                first,
                format!("is never read: a line of {ACCESS_CONF} matches every login"),
            ),
            false => model.note(first, format!("is read where no line of {ACCESS_CONF} matches (PAM 1.3.1 and later)")),
        }
    }
}

fn services(pam: &PamFacts, wanted: PamWanted, model: &mut Model<'_>) {
    let hint = if wanted == PamWanted::AsFound { " (`pam: enabled` changes that)" } else { "" };
    let obeying: Vec<&str> = pam.services.keys().map(String::as_str).filter(|service| pam.obeys(service)).collect();
    let idle: Vec<&str> =
        matrix::WAYS_IN.into_iter().filter(|way| pam.services.contains_key(*way) && !pam.obeys(way)).collect();
    for (service, uses) in &pam.services {
        if let Some(other) = uses.iter().find_map(|found| found.other_file()) {
            model.warn(
                WarningCode::AccessWithoutEffect,
                ACCESS_CONF,
                format!("{service} reads its rules from {other} instead"),
            );
        }
    }
    if obeying.is_empty() {
        let text = format!("no PAM service here loads pam_access: the rules have no effect{hint}");
        model.warn(WarningCode::AccessWithoutEffect, ACCESS_CONF, text);
        return;
    }
    model.note(ACCESS_CONF, format!("obeyed by the PAM services {}", obeying.join(", ")));
    if !idle.is_empty() {
        let text = format!(
            "no effect on {}, which do{} not load pam_access{hint}",
            idle.join(" and "),
            if idle.len() == 1 { "es" } else { "" },
        );
        model.warn(WarningCode::AccessWithoutEffect, ACCESS_CONF, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> AccessRule {
        let rule = Rule::parse(text, &Syntax::default()).expect("not ignored").expect("a rule");
        AccessRule { text: text.to_owned(), rule }
    }

    #[test]
    fn the_block_finds_its_place() {
        let rules = [rule("+:root:LOCAL"), rule("-:ALL:ALL")];
        let block = "# BEGIN atomhost\n+:root:LOCAL\n-:ALL:ALL\n# END atomhost\n";
        let rows: [(&str, &str, usize); 8] = [
            ("", "{}", 0),
            ("# only comments\n\n", "# only comments\n\n{}", 0),
            ("+:core:ALL\n", "+:core:ALL\n{}", 0),
            ("+:core:ALL\n+:ALL:ALL\n-:x:ALL\n", "+:core:ALL\n{}+:ALL:ALL\n-:x:ALL\n", 0),
            // What Ansible left is adopted, and what stood between stays between.
            ("+:root:LOCAL\n+:core:ALL\n-:ALL:ALL  \n# end\n", "+:core:ALL\n{}# end\n", 2),
            ("+:ops:ALL", "+:ops:ALL\n{}", 0),
            // PAM passes over our own rule without its newline: it is a foreign line that never counted.
            ("+:core:ALL\n-:ALL:ALL", "+:core:ALL\n{}-:ALL:ALL", 0),
            ("a\n# BEGIN atomhost\n+:old:ALL\n# END atomhost\n-:ALL:ALL\n", "a\n{}-:ALL:ALL\n", 0),
        ];
        for (found, expected, adopted) in rows {
            let placed = place(&rules, found).expect("a whole block");
            assert_eq!(placed.text, expected.replace("{}", block), "{found:?}");
            assert_eq!(placed.adopted, adopted, "{found:?}");
            let again = place(&rules, &placed.text).expect("a whole block");
            assert_eq!(again.text, placed.text, "a second run changes nothing: {found:?}");
        }
        assert_eq!(place(&rules, "+:ops:ALL").expect("placed").completed.as_deref(), Some("+:ops:ALL"));
        assert!(place(&rules, "# BEGIN atomhost\n").is_err());
    }
}
