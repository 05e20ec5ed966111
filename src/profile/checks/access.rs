//! Access rules: PAM passes over what it does not understand, and an open door is what remains.

use super::Problems;
use crate::access::evaluate::LONGEST_LINE;
use crate::access::rule::{Ignored, List, Meaning, OriginToken, Rule, Syntax, UserToken};
use crate::profile::access::{Access, AccessRule, LoginWanted, PamWanted};
use crate::profile::raw::{MapOf, RawAccess, RawPam};
use crate::profile::yaml::At;
use std::net::IpAddr;
use std::ops::Range;

const FORM: &str = "a rule is PERMISSION:USERS:ORIGINS, such as +:root:LOCAL or -:ALL:ALL";

pub fn check(access: MapOf<RawAccess>, problems: &mut Problems) -> Access {
    let MapOf(At { value: RawAccess { rules, must_allow, pam }, span }) = access;
    if rules.is_none() && pam.is_none() {
        problems.add(&span, "`access` names no rules", "add `rules:` with lines of access.conf");
    }
    if let Some(rules) = rules.as_ref().filter(|rules| rules.value.is_empty()) {
        problems.add(&rules.span, "`rules` is empty", "name a rule, or remove the key: access.conf is then left alone");
    }
    let mut taken: Vec<AccessRule> = Vec::new();
    for rule in rules.map(|rules| rules.value).unwrap_or_default() {
        if let Some(found) = taken.iter().find(|taken| taken.rule.is_for_all()) {
            let message = format!("this rule is never reached: `{}` before it matches every login", found.text);
            problems.add(&rule.span, message, "move that one to the end: the first match decides");
        }
        if let Some(found) = one_rule(&rule, problems) {
            if taken.iter().any(|taken| taken.rule == found.rule) {
                problems.add(&rule.span, format!("the rule `{}` is there twice", found.text), "keep the first");
            }
            taken.push(found);
        }
    }
    let must_allow = must_allow.unwrap_or_default();
    Access {
        rules: taken,
        must_allow: must_allow
            .iter()
            .filter_map(|login| problems.note(&login.span, LoginWanted::parse(&login.value)))
            .collect(),
        pam: match pam.map(|pam| pam.value) {
            Some(RawPam::Enabled) => PamWanted::Enabled,
            None => PamWanted::AsFound,
        },
    }
}

fn one_rule(rule: &At<String>, problems: &mut Problems) -> Option<AccessRule> {
    let At { value, span } = rule;
    if let Some(reason) = unfit(value) {
        problems.add(span, format!("PAM would pass this line over: {reason}"), FORM);
        return None;
    }
    let found = match Rule::parse(value, &Syntax::default()) {
        Ok(Some(found)) => found,
        Ok(None) => {
            problems.add(span, "this is no rule", FORM);
            return None;
        }
        Err(reason) => {
            let hint = match (reason, value.matches(':').count()) {
                (Ignored::FieldCount, 0 | 1) => "a colon is missing",
                (Ignored::FieldCount, _) => "a field is empty",
                (Ignored::Permission, _) => "its permission is neither + nor -",
            };
            problems.add(span, format!("PAM would pass this line over: {hint}"), FORM);
            return None;
        }
    };
    let count = problems.0.len();
    permission(value, span, problems);
    list(&found.users, "USERS", span, problems);
    list(&found.origins, "ORIGINS", span, problems);
    found.users.all_words().for_each(|word| user(word, span, problems));
    found.origins.all_words().for_each(|word| origin(word, span, problems));
    (problems.0.len() == count).then(|| AccessRule { text: value.trim_end().to_owned(), rule: found })
}

/// What keeps a text from being one line of the file.
fn unfit(text: &str) -> Option<&'static str> {
    if text.contains(['\n', '\r']) {
        return Some("it is more than one");
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Some("it holds control characters");
    }
    if text.trim().is_empty() {
        return Some("it is empty");
    }
    if text.starts_with('#') {
        return Some("it is a comment");
    }
    if text.starts_with([' ', '\t']) {
        return Some("it begins with a blank");
    }
    (text.len() >= LONGEST_LINE).then_some("it is too long")
}

/// Only what pam_access takes for granted: a field of exactly one sign.
fn permission(line: &str, span: &Range<usize>, problems: &mut Problems) {
    let field = line.split(':').next().unwrap_or_default().trim_end();
    if !matches!(field, "+" | "-") {
        problems.add(span, format!("`{field}` is no permission"), "write + or - before the first colon");
    }
}

fn list<T>(list: &List<T>, field: &str, span: &Range<usize>, problems: &mut Problems) {
    if list.words.is_empty() {
        problems.add(
            span,
            format!("{field} matches nothing: no word stands where one must"),
            "write names, or ALL; and names on both sides of EXCEPT",
        );
    }
    if let Some(except) = &list.except {
        self::list(except, field, span, problems);
    }
}

fn user(word: &UserToken, span: &Range<usize>, problems: &mut Problems) {
    let name = match word {
        UserToken::All => return,
        UserToken::Name(name) | UserToken::Group(name) | UserToken::Netgroup(name) => name,
        UserToken::OnHost { user: on_host, host } => {
            user(on_host, span, problems);
            if host.text.is_empty() {
                problems.add(span, "a user's @ has no host after it", "write USER@HOST, or USER alone");
            } else {
                origin(host, span, problems);
            }
            return;
        }
    };
    if matches!(word, UserToken::Name(_)) && name.eq_ignore_ascii_case("LOCAL") {
        let cure = "users come before origins: PERMISSION:USERS:ORIGINS";
        problems.add(span, "LOCAL is an origin, and stands among the users", cure);
        return;
    }
    let is_odd = |c: char| !(c.is_alphanumeric() || "_-.$+\\".contains(c));
    let odd = if name.starts_with('.') || name.starts_with('-') {
        name.chars().next()
    } else {
        name.chars().find(|c| is_odd(*c))
    };
    match odd {
        Some('*' | '?' | '[' | '%') => {
            let cure = "name each user, a group in parentheses, or ALL";
            problems.add(span, format!("`{name}`: PAM knows no wildcards"), cure);
        }
        Some('(' | ')') => {
            problems.add(span, format!("`{name}`: a parenthesis has no partner"), "write a group as (NAME)");
        }
        Some(_) => {
            let cure = "write a user, a (group), a @netgroup, or ALL";
            problems.add(span, format!("`{name}` is no name of a user or group"), cure);
        }
        None if name.is_empty() => {
            let cure = "write a group as (NAME), a netgroup as @NAME";
            problems.add(span, "a group or netgroup has no name", cure);
        }
        None => {}
    }
}

fn origin(word: &OriginToken, span: &Range<usize>, problems: &mut Problems) {
    if let Some((message, cure)) = odd_origin(word) {
        problems.add(span, format!("`{}`: {message}", word.text), cure);
    }
}

/// What pam_access takes without a word, and what then matches nothing, or something else.
fn odd_origin(word: &OriginToken) -> Option<(&'static str, &'static str)> {
    let text = word.text.as_str();
    let no_network = (
        "this is no address and no network, and would match nothing",
        "write 192.0.2.7, 192.0.2.0/24, 192.0.2.0/255.255.255.0, 192.0.2. or 2001:db8::/32",
    );
    if text.contains(['*', '?']) {
        return Some(("PAM knows no wildcards", "write a network, a .domain, LOCAL or ALL"));
    }
    match &word.meaning {
        Meaning::All | Meaning::Local => None,
        Meaning::Netgroup if text == "@" => Some(("a netgroup has no name", "write it as @NAME")),
        Meaning::Netgroup => None,
        Meaning::Domain if text.len() < 2 || text.ends_with('.') => {
            Some(("this is no domain", "write it as .example.com"))
        }
        Meaning::Domain => None,
        Meaning::Prefix => {
            let octets: Vec<&str> = text.trim_end_matches('.').split('.').collect();
            let is_octet = |octet: &&str| octet.parse::<u8>().is_ok_and(|number| number.to_string() == **octet);
            let fits = octets.len() < 4 && octets.iter().all(is_octet) && !text.ends_with("..");
            (!fits).then_some(no_network)
        }
        Meaning::Network { address, mask } => odd_network(text, *address, *mask, no_network),
        Meaning::Name => odd_name(text, no_network),
    }
}

fn odd_network(
    text: &str,
    address: IpAddr,
    mask: Option<IpAddr>,
    no_network: (&'static str, &'static str),
) -> Option<(&'static str, &'static str)> {
    let (_, written) = text.split_once('/')?;
    if mask.is_none() && written.parse::<IpAddr>().is_err() {
        return Some(("PAM takes /0 for no mask at all, which leaves one address", "write ALL"));
    }
    if mask.is_none() {
        return Some(no_network);
    }
    if written.parse::<u8>().is_ok_and(|bits| bits.to_string() != written) || written.starts_with("0x") {
        return Some(("PAM reads this number of bits in another base", "write it without a leading 0"));
    }
    let all_ones = if address.is_ipv4() { "0.0.0.0" } else { "::" };
    (mask.map(|mask| mask.to_string()).as_deref() == Some(all_ones))
        .then_some(("this mask matches every host", "write ALL"))
}

fn odd_name(text: &str, no_network: (&'static str, &'static str)) -> Option<(&'static str, &'static str)> {
    if text.starts_with("/dev/") {
        return Some(("PAM names a terminal without its directory", "write tty1, pts/0 and so on"));
    }
    let looks_numeric = text.chars().all(|c| c.is_ascii_digit() || "./".contains(c));
    let is_display = text.strip_prefix(':').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'));
    if looks_numeric || (text.contains(':') && !is_display) {
        return Some(no_network);
    }
    if let Some((head, _)) = text.split_once('/')
        && head != "pts"
    {
        return Some(no_network);
    }
    if text.contains('#') {
        return Some(("a rule has no comments", "write it above, as a comment of the profile"));
    }
    let is_odd = |c: char| !(c.is_ascii_alphanumeric() || "._-/:@".contains(c));
    text.chars().any(is_odd).then_some((
        "this is no host, terminal or service",
        "write LOCAL, ALL, a name, an address, a network, a .domain or a @netgroup",
    ))
}
