//! pam_access in every login's stack: the switch that gives the rules their effect.

use super::super::managed_file::{self, ManagedFile, Text};
use super::matrix::WAYS_IN;
use crate::access::stack::{PamAccess, PamFacts, PamManager, services};
use crate::action::Action;
use crate::block;
use crate::plan::model::{Model, Words};
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::access::PamWanted;

/// The account lines that all of Debian's services share. pam-auth-update rewrites its own part in the
/// middle and keeps what stands before it.
pub const COMMON_ACCOUNT: &str = "/etc/pam.d/common-account";

/// Begins pam-auth-update's part.
const GENERATED: &str = "# here are the per-package modules (the \"Primary\" block)";
const LINE: &str = "account required pam_access.so";
const OBJECT: &str = "pam_access";
/// What the plan says of both ways, so that nobody overlooks it.
const AFTER: &str = "in every login's stack (can lock out)";
const WHY: &str = "without it the access rules have no effect on ssh and the console";

/// Plans the switch. Gives the stacks as they will be, and whether they change.
pub fn plan(wanted: PamWanted, found: &PamFacts, model: &mut Model<'_>) -> (PamFacts, bool) {
    let missing: Vec<&str> =
        WAYS_IN.into_iter().filter(|way| found.services.contains_key(*way) && !found.obeys(way)).collect();
    if wanted == PamWanted::AsFound || missing.is_empty() {
        return (found.clone(), false);
    }
    let is_planned = match found.manager {
        PamManager::Authselect | PamManager::Authconfig => {
            let words = Words {
                object: OBJECT.to_owned(),
                before: format!("not asked by {}", missing.join(", ")),
                after: AFTER.to_owned(),
                why: WHY.to_owned(),
            };
            model.act(Action::EnablePamAccess { manager: found.manager }, words);
            true
        }
        PamManager::PamAuthUpdate => common_account(&missing, model),
        PamManager::Unknown => {
            let found = format!(
                "{} do not load it, and no authselect, authconfig or pam-auth-update manages the stacks here",
                missing.join(" and ")
            );
            let cure = format!("add `{LINE}` to their files in /etc/pam.d by hand, and remove `pam: enabled`");
            model.refuse(RefusalCode::FileUnsuitable, OBJECT, found, cure);
            false
        }
    };
    match is_planned {
        true => (enabled(found), true),
        false => (found.clone(), false),
    }
}

/// The stacks with the shared part loading pam_access: taken as all of them, which errs to the safe side.
fn enabled(found: &PamFacts) -> PamFacts {
    let mut pam = found.clone();
    for uses in pam.services.values_mut() {
        if !uses.contains(&PamAccess::plain()) {
            uses.push(PamAccess::plain());
        }
    }
    pam
}

fn common_account(missing: &[&str], model: &mut Model<'_>) -> bool {
    let Some(file) = model.facts.files.get(COMMON_ACCOUNT) else {
        let cure = "gather the facts for this profile again";
        model.refuse(RefusalCode::FileUnsuitable, COMMON_ACCOUNT, "was not looked at", cure);
        return false;
    };
    let Some(found) = &file.text else {
        model.refuse(
            RefusalCode::FileUnsuitable,
            COMMON_ACCOUNT,
            "is no file of text",
            "restore it with pam-auth-update --force",
        );
        return false;
    };
    let text = match place(found) {
        Ok(text) => text,
        Err(reason) => {
            let cure = "mend or remove these comments by hand";
            model.refuse(RefusalCode::FileUnsuitable, COMMON_ACCOUNT, reason, cure);
            return false;
        }
    };
    if text == *found {
        let text = format!("{} do not include it: load pam_access in their own stacks", missing.join(" and "));
        model.warn(WarningCode::AccessWithoutEffect, COMMON_ACCOUNT, text);
        return false;
    }
    let what = format!("{OBJECT} {AFTER}");
    let file =
        ManagedFile { path: COMMON_ACCOUNT, text: Text::Shown(text), mode: None, owner: None, what: &what, why: WHY };
    managed_file::plan(&file, model).is_some()
}

/// The file with the line in a managed block, before anything that could end the stack early.
fn place(found: &str) -> Result<String, String> {
    let block = block::text([LINE]);
    if let Some(range) = block::find(found)? {
        return Ok(format!("{}{block}{}", &found[..range.start], &found[range.end..]));
    }
    let single = std::iter::once(("x".to_owned(), found.to_owned())).collect();
    if services(&single).values().flatten().any(PamAccess::is_enforced) {
        return Ok(found.to_owned());
    }
    let mut at = 0;
    for line in found.split_inclusive('\n') {
        let is_module = !line.trim().is_empty() && !line.starts_with('#');
        if line.trim_end() == GENERATED || is_module {
            break;
        }
        at += line.len();
    }
    let newline = if at == found.len() && !found.is_empty() && !found.ends_with('\n') { "\n" } else { "" };
    Ok(format!("{}{newline}{block}{}", &found[..at], &found[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_before_the_generated_part() {
        let block = "# BEGIN atomhost\naccount required pam_access.so\n# END atomhost\n";
        let generated = format!("{GENERATED}\naccount [success=1 default=ignore] pam_unix.so\n");
        let rows = [
            (format!("# head\n\n{generated}"), format!("# head\n\n{block}{generated}")),
            (
                "# head\naccount required pam_unix.so\n".to_owned(),
                format!("# head\n{block}account required pam_unix.so\n"),
            ),
            ("# head".to_owned(), format!("# head\n{block}")),
            (format!("{block}x\n"), format!("{block}x\n")),
            ("account required pam_access.so\n".to_owned(), "account required pam_access.so\n".to_owned()),
        ];
        for (found, expected) in rows {
            let text = place(&found).expect("placed");
            assert_eq!(text, expected);
            assert_eq!(place(&text).as_deref(), Ok(text.as_str()));
        }
    }
}
