//! What rules say of a login: the first line that matches decides, and no match allows.

use super::rule::{List, Meaning, OriginToken, Permission, Rule, Syntax, UserToken};
use crate::accounts::Accounts;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a line with its newline that every version of PAM reads in one piece.
pub const LONGEST_LINE: usize = 8191;

/// Somebody who wants in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    pub user: &'a str,
    pub origin: Origin<'a>,
}

/// Where from, as the service tells PAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// PAM_RHOST: an address, or a name.
    Remote(&'a str),
    /// The terminal without /dev/, or the name of a service that tells of none.
    Local(&'a str),
}

/// What the rules are held against.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub accounts: &'a Accounts,
    pub hostname: &'a str,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied,
    /// DNS, a netgroup, or the version of PAM decides.
    Unsure,
}

/// A verdict with the line that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    pub verdict: Verdict,
    /// `None`: no line matched.
    pub by: Option<Line<'a>>,
}

/// A line of a file of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub path: &'a str,
    /// From 1.
    pub number: usize,
    /// Without its newline.
    pub text: &'a str,
    /// Whether a newline ends it, and it is not too long: else older versions of PAM pass it over.
    pub is_whole: bool,
}

/// The lines of a file.
pub fn lines<'a>(path: &'a str, text: &'a str) -> impl Iterator<Item = Line<'a>> {
    text.split_inclusive('\n').enumerate().map(move |(at, raw)| {
        let is_whole = raw.ends_with('\n') && raw.len() <= LONGEST_LINE;
        Line { path, number: at + 1, text: raw.strip_suffix('\n').unwrap_or(raw), is_whole }
    })
}

/// Decides about a login by files in the order in which PAM reads them: (path, text).
pub fn evaluate<'a>(
    files: &[(&'a str, &'a str)],
    syntax: &Syntax,
    login: &Login<'_>,
    names: &Names<'_>,
) -> Decision<'a> {
    let mut doubt: Option<(Permission, Line<'a>)> = None;
    let mut is_mixed = false;
    for line in files.iter().flat_map(|(path, text)| lines(path, text)) {
        let Ok(Some(rule)) = Rule::parse(line.text, syntax) else { continue };
        let mut matched = matches(&rule, syntax, login, names);
        if !line.is_whole {
            matched = matched.min(Match::Maybe);
        }
        match (matched, doubt) {
            (Match::No, _) => {}
            (Match::Maybe, None) => doubt = Some((rule.permission, line)),
            (Match::Maybe, Some((permission, _))) => is_mixed |= permission != rule.permission,
            (Match::Yes, None) => return Decision { verdict: rule.permission.into(), by: Some(line) },
            (Match::Yes, Some((permission, first))) => {
                let verdict =
                    if is_mixed || permission != rule.permission { Verdict::Unsure } else { rule.permission.into() };
                return Decision { verdict, by: Some(first) };
            }
        }
    }
    match doubt {
        None => Decision { verdict: Verdict::Allowed, by: None },
        Some((Permission::Allow, line)) if !is_mixed => Decision { verdict: Verdict::Allowed, by: Some(line) },
        Some((_, line)) => Decision { verdict: Verdict::Unsure, by: Some(line) },
    }
}

impl From<Permission> for Verdict {
    fn from(permission: Permission) -> Verdict {
        match permission {
            Permission::Allow => Verdict::Allowed,
            Permission::Deny => Verdict::Denied,
        }
    }
}

/// Three-valued truth, in the order in which minimum is "and" and maximum is "or".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    No,
    Maybe,
    Yes,
}

impl Match {
    fn negated(self) -> Match {
        match self {
            Match::No => Match::Yes,
            Match::Maybe => Match::Maybe,
            Match::Yes => Match::No,
        }
    }
}

impl From<bool> for Match {
    fn from(matched: bool) -> Match {
        if matched { Match::Yes } else { Match::No }
    }
}

fn matches(rule: &Rule, syntax: &Syntax, login: &Login<'_>, names: &Names<'_>) -> Match {
    let users = in_list(&rule.users, &|word| user(word, login.user, syntax, names));
    users.min(in_list(&rule.origins, &|word| origin(word, login.origin)))
}

fn in_list<T>(list: &List<T>, word: &dyn Fn(&T) -> Match) -> Match {
    let head = list.words.iter().map(word).max().unwrap_or(Match::No);
    match &list.except {
        None => head,
        Some(except) => head.min(in_list(except, word).negated()),
    }
}

fn user(word: &UserToken, name: &str, syntax: &Syntax, names: &Names<'_>) -> Match {
    match word {
        UserToken::All => Match::Yes,
        UserToken::Netgroup(_) => Match::Maybe,
        UserToken::Group(group) => is_member(names.accounts, name, group).into(),
        UserToken::Name(word) if word.eq_ignore_ascii_case(name) => Match::Yes,
        UserToken::Name(word) => (syntax.bare_groups && is_member(names.accounts, name, word)).into(),
        UserToken::OnHost { user: word, host } => {
            user(word, name, syntax, names).min(origin(host, Origin::Remote(names.hostname)))
        }
    }
}

/// Membership as PAM sees it: by the primary group, or by being listed in any group of the number.
pub fn is_member(accounts: &Accounts, name: &str, group: &str) -> bool {
    let (Some(user), Some(group)) = (accounts.user(name), accounts.group(group)) else { return false };
    let listed = |other: &crate::accounts::Group| other.gid == group.gid && other.members.iter().any(|m| m == name);
    user.gid == group.gid || accounts.groups.iter().any(listed)
}

fn origin(word: &OriginToken, from: Origin<'_>) -> Match {
    let (Origin::Remote(name) | Origin::Local(name)) = from;
    match &word.meaning {
        Meaning::Netgroup => return Match::Maybe,
        Meaning::All => return Match::Yes,
        _ if word.text.eq_ignore_ascii_case(name) => return Match::Yes,
        _ => {}
    }
    if let Origin::Local(_) = from {
        return (word.meaning == Meaning::Local).into();
    }
    let address: Option<IpAddr> = name.parse().ok();
    match (&word.meaning, address) {
        (Meaning::Local | Meaning::All | Meaning::Netgroup, _) => Match::No,
        (Meaning::Domain, _) => ends_with(name, &word.text).into(),
        (Meaning::Prefix, Some(IpAddr::V4(address))) => format!("{address}.").starts_with(&word.text).into(),
        // Here, and not for networks, ::ffff:192.0.2.7 is 192.0.2.7.
        (Meaning::Prefix, Some(IpAddr::V6(address))) => {
            address.to_ipv4_mapped().is_some_and(|address| format!("{address}.").starts_with(&word.text)).into()
        }
        (Meaning::Network { address: wanted, mask }, Some(address)) => same_network(*wanted, address, *mask).into(),
        // A name that PAM resolves.
        (Meaning::Prefix | Meaning::Network { .. }, None) => Match::Maybe,
        // PAM resolves the rule's host since 1.5.3. Bare words are terminals and services.
        (Meaning::Name, _) if word.text.contains('.') && !word.text.contains('/') => Match::Maybe,
        (Meaning::Name, _) => Match::No,
    }
}

fn ends_with(name: &str, end: &str) -> bool {
    name.len() > end.len() && name.get(name.len() - end.len()..).is_some_and(|found| found.eq_ignore_ascii_case(end))
}

fn same_network(wanted: IpAddr, address: IpAddr, mask: Option<IpAddr>) -> bool {
    match (wanted, address, mask) {
        (IpAddr::V4(wanted), IpAddr::V4(address), Some(IpAddr::V4(mask))) => wanted & mask == address & mask,
        (IpAddr::V6(wanted), IpAddr::V6(address), Some(IpAddr::V6(mask))) => wanted & mask == address & mask,
        _ => wanted == address,
    }
}

/// Addresses to try when the question is whether any at all is let in: for each word of the rules
/// one that it is for, and some that belong to nobody.
pub fn sample_addresses(files: &[(&str, &str)], syntax: &Syntax) -> Vec<String> {
    let mut addresses: Vec<String> = ["192.0.2.1", "198.51.100.1", "2001:db8::1"].map(str::to_owned).into();
    let rules = files.iter().flat_map(|(path, text)| lines(path, text));
    for rule in rules.filter_map(|line| Rule::parse(line.text, syntax).ok().flatten()) {
        for word in rule.origins.all_words() {
            match &word.meaning {
                Meaning::Network { address, mask } => addresses.extend(first_and_last(*address, *mask)),
                Meaning::Prefix => addresses.extend(completed(&word.text)),
                _ => {}
            }
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn first_and_last(address: IpAddr, mask: Option<IpAddr>) -> Vec<String> {
    let (first, last) = match (address, mask) {
        (IpAddr::V4(address), Some(IpAddr::V4(mask))) => {
            (IpAddr::from(address & mask), IpAddr::from(Ipv4Addr::from_bits(address.to_bits() | !mask.to_bits())))
        }
        (IpAddr::V6(address), Some(IpAddr::V6(mask))) => {
            (IpAddr::from(address & mask), IpAddr::from(Ipv6Addr::from_bits(address.to_bits() | !mask.to_bits())))
        }
        _ => (address, address),
    };
    vec![first.to_string(), last.to_string()]
}

/// `192.168.` → `192.168.1.1`.
fn completed(prefix: &str) -> Option<String> {
    let parts = prefix.matches('.').count();
    let rest = ["1"; 4].get(parts..)?.join(".");
    let address = format!("{prefix}{rest}");
    address.parse::<Ipv4Addr>().ok().map(|address| address.to_string())
}
