//! The verdict on a plan of access rules: nobody who administers the host is locked out by it.

use super::accounts;
use super::matrix::{self, Situation, WAYS_IN, reason};
use crate::access::ACCESS_CONF;
use crate::access::evaluate::{Decision, Login, Names, Origin, Verdict, lines};
use crate::block;
use crate::plan::model::Model;
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::Profile;
use crate::profile::access::{LoginOrigin, LoginWanted};

/// Names that the refusal of a lock-out shows.
const MOST_SHOWN: usize = 4;
/// An address that is nobody's, for "from anywhere".
const ANYWHERE: &str = "203.0.113.1";

/// Refuses what would close the last way in; warns of what is odd. `changes`: whether the plan
/// changes rules or stacks; what is closed already is told, not refused.
pub fn judge(profile: &Profile, before: &Situation<'_>, after: &Situation<'_>, changes: bool, model: &mut Model<'_>) {
    let facts = model.facts;
    let accounts = accounts::planned(&facts.accounts, model.actions());
    let names = Names { accounts: &accounts, hostname: &facts.hostname };
    must_allow(profile, after, &names, model);
    everybody(after, &names, changes, model);
    if changes {
        this_session(before, after, &names, model);
        summary(after, &names, model);
    }
    services_of_their_own(after, &names, model);
    foreign_lines(after, &names, model);
}

fn must_allow(profile: &Profile, after: &Situation<'_>, names: &Names<'_>, model: &mut Model<'_>) {
    for wanted in profile.access.iter().flat_map(|access| &access.must_allow) {
        let decision = after.decide_always(wanted, names);
        if decision.verdict != Verdict::Allowed {
            let found = format!("must_allow: {wanted} would be {}", reason(&decision));
            refuse(found, &cure(wanted, &decision), model);
        }
    }
}

/// At least one administrator must get in at all.
fn everybody(after: &Situation<'_>, names: &Names<'_>, changes: bool, model: &mut Model<'_>) {
    if !WAYS_IN.iter().any(|way| after.pam.services.contains_key(*way)) {
        return;
    }
    let administrators = matrix::administrators(names.accounts);
    if administrators.iter().any(|user| after.has_way_in(user, names)) {
        return;
    }
    let console = |user: &str| LoginWanted {
        user: user.to_owned(),
        service: "login".to_owned(),
        origin: LoginOrigin::Terminal("tty1".to_owned()),
    };
    let ssh = |user: &str| LoginWanted {
        user: user.to_owned(),
        service: "sshd".to_owned(),
        origin: LoginOrigin::Remote(ANYWHERE.to_owned()),
    };
    let mut rows = Vec::new();
    for user in administrators.iter().take(MOST_SHOWN) {
        for wanted in [console(user), ssh(user)] {
            if after.pam.services.contains_key(&wanted.service) {
                rows.push(format!("{wanted} is {}", reason(&after.decide_always(&wanted, names))));
            }
        }
    }
    if administrators.len() > MOST_SHOWN {
        rows.push(format!("and so on for {} more", administrators.len() - MOST_SHOWN));
    }
    let rows = rows.join("; ");
    if !changes {
        model.warn(WarningCode::LockedOutAlready, ACCESS_CONF, format!("locks out every administrator: {rows}"));
        return;
    }
    let decision = after.decide_always(&console("root"), names);
    let place = before_line(&decision);
    let address = model.facts.session_origin.as_deref().unwrap_or("ADDRESS");
    let cure = format!("let root in {place}: +:root:LOCAL for the console, +:root:{address} for ssh");
    refuse(format!("would lock out every administrator: {rows}"), &cure, model);
}

/// Whoever runs this must be able to come back.
fn this_session(before: &Situation<'_>, after: &Situation<'_>, names: &Names<'_>, model: &mut Model<'_>) {
    let facts = model.facts;
    let (Some(user), Some(address)) = (&facts.session_user, &facts.session_origin) else { return };
    let login = Login { user, origin: Origin::Remote(address) };
    if !before.is_open("sshd", &login, names) || after.is_open("sshd", &login, names) {
        return;
    }
    let Some(decision) = after.decide("sshd", &login, names) else { return };
    let wanted =
        LoginWanted { user: user.clone(), service: "sshd".to_owned(), origin: LoginOrigin::Remote(address.clone()) };
    let found = format!("would close the way that this very session came in: {wanted} would be {}", reason(&decision));
    refuse(found, &format!("{}; or run this from the console", cure(&wanted, &decision)), model);
}

/// Who will be let in where, as far as a service here asks.
fn summary(after: &Situation<'_>, names: &Names<'_>, model: &mut Model<'_>) {
    for user in after.people(names.accounts) {
        let asked = rows(after, names).into_iter().filter(|row| row.user == user && after.pam.obeys(&row.service));
        let (inside, outside): (Vec<_>, Vec<_>) =
            asked.partition(|row| after.decide_always(row, names).verdict == Verdict::Allowed);
        let list = |rows: &[LoginWanted]| {
            let prefix = format!("{user} via ");
            rows.iter().map(|row| row.to_string().replacen(&prefix, "", 1)).collect::<Vec<_>>().join(", ")
        };
        let text = match (inside.as_slice(), outside.as_slice()) {
            ([], []) => continue,
            (inside, []) => format!("{user} is let in by {}", list(inside)),
            ([], outside) => format!("{user} is not let in by {}", list(outside)),
            (inside, outside) => format!("{user} is let in by {}; not by {}", list(inside), list(outside)),
        };
        model.note(ACCESS_CONF, text);
    }
}

/// Not a way in for anybody, yet missed: root's jobs, and the user manager of who does get in.
fn services_of_their_own(after: &Situation<'_>, names: &Names<'_>, model: &mut Model<'_>) {
    let mut wanted = vec![("cron", "root".to_owned()), ("crond", "root".to_owned())];
    wanted.extend(after.people(names.accounts).into_iter().map(|user| ("systemd-user", user)));
    for (service, user) in wanted {
        if !after.pam.obeys(service) || (service == "systemd-user" && !after.has_way_in(&user, names)) {
            continue;
        }
        let wanted = LoginWanted { user, service: service.to_owned(), origin: LoginOrigin::Service };
        let decision = after.decide_always(&wanted, names);
        if decision.verdict != Verdict::Allowed {
            let text = format!("{wanted} is {}; {} would let it in", reason(&decision), rule_for(&wanted));
            model.warn(WarningCode::AccessStopsServices, ACCESS_CONF, text);
        }
    }
}

/// The first match decides, and a line before the block may have matched.
fn foreign_lines(after: &Situation<'_>, names: &Names<'_>, model: &mut Model<'_>) {
    let Ok(Some(range)) = block::find(after.text) else { return };
    let head = &after.text[..range.start];
    let ours = Situation { text: &after.text[range], pam: after.pam };
    for line in lines(ACCESS_CONF, head) {
        let deciding = rows(after, names).into_iter().find(|wanted| {
            let decision = after.decide_always(wanted, names);
            let is_this = decision.by.is_some_and(|by| by.path == ACCESS_CONF && by.number == line.number);
            is_this && decision.verdict != ours.decide_always(wanted, names).verdict
        });
        if let Some(wanted) = deciding {
            let verdict = reason(&after.decide_always(&wanted, names));
            model.warn(
                WarningCode::AccessDecidedElsewhere,
                ACCESS_CONF,
                format!("a line before the managed block decides otherwise: {wanted} is {verdict}"),
            );
        }
    }
}

/// People × services and places.
fn rows(after: &Situation<'_>, names: &Names<'_>) -> Vec<LoginWanted> {
    let places = [
        ("cron", LoginOrigin::Service),
        ("crond", LoginOrigin::Service),
        ("sshd", LoginOrigin::Remote(ANYWHERE.to_owned())),
        ("login", LoginOrigin::Terminal("tty1".to_owned())),
        ("systemd-user", LoginOrigin::Service),
    ];
    let people = after.people(names.accounts);
    let row = |user: &String| {
        places.clone().map(|(service, origin)| LoginWanted { user: user.clone(), service: service.to_owned(), origin })
    };
    people.iter().flat_map(row).collect()
}

/// The rule that lets exactly this login in.
fn rule_for(wanted: &LoginWanted) -> String {
    let origin = match &wanted.origin {
        LoginOrigin::Remote(host) => host.clone(),
        LoginOrigin::Terminal(_) => "LOCAL".to_owned(),
        LoginOrigin::Service if matches!(wanted.service.as_str(), "cron" | "crond") => "cron crond".to_owned(),
        LoginOrigin::Service => wanted.service.clone(),
    };
    format!("+:{}:{origin}", wanted.user)
}

fn cure(wanted: &LoginWanted, decision: &Decision<'_>) -> String {
    format!("add the rule {} {}", rule_for(wanted), before_line(decision))
}

fn before_line(decision: &Decision<'_>) -> String {
    match &decision.by {
        Some(line) => format!("before `{}`", line.text),
        None => "at the end".to_owned(),
    }
}

fn refuse(found: String, cure: &str, model: &mut Model<'_>) {
    model.refuse(RefusalCode::AccessLocksOut, ACCESS_CONF, found, cure);
}
