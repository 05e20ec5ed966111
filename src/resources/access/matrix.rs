//! Who would be let in: the rules held against people, services and places.

use crate::access::evaluate::{Decision, Login, Names, Origin, Verdict, evaluate, sample_addresses};
use crate::access::rule::{Rule, Syntax, UserToken};
use crate::access::stack::PamFacts;
use crate::access::{ACCESS_CONF, evaluate};
use crate::accounts::{Accounts, User};
use crate::profile::access::LoginWanted;

/// Services by which a person comes in.
pub const WAYS_IN: [&str; 2] = ["sshd", "login"];
/// Groups whose members administer a host. Not adm: its members read logs.
const ADMINISTRATORS: [&str; 3] = ["wheel", "sudo", "admin"];
/// Programs that end a login at once.
const NO_SHELLS: [&str; 5] = ["nologin", "false", "sync", "shutdown", "halt"];

/// Rules with the stacks that read them.
pub struct Situation<'a> {
    /// access.conf.
    pub text: &'a str,
    pub pam: &'a PamFacts,
}

impl<'a> Situation<'a> {
    /// In the order in which PAM reads them.
    fn files(&self) -> Vec<(&'a str, &'a str)> {
        let more = self.pam.more_rules.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        std::iter::once((ACCESS_CONF, self.text)).chain(more).collect()
    }

    /// What comes of a login by a service: every line of its stack that loads pam_access must let it in.
    /// `None`: its stack does not ask the rules.
    pub fn decide(&self, service: &str, login: &Login<'_>, names: &Names<'_>) -> Option<Decision<'a>> {
        let decisions = self
            .pam
            .uses(service)
            .map(|found| evaluate(&self.files(), &Syntax::from_arguments(&found.arguments), login, names));
        decisions.max_by_key(|decision| match decision.verdict {
            Verdict::Allowed => 0,
            Verdict::Unsure => 1,
            Verdict::Denied => 2,
        })
    }

    /// As [`Situation::decide`]; what no stack asks yet is asked all the same.
    pub fn decide_always(&self, wanted: &LoginWanted, names: &Names<'_>) -> Decision<'a> {
        let login = wanted.login();
        self.decide(&wanted.service, &login, names)
            .unwrap_or_else(|| evaluate(&self.files(), &Syntax::default(), &login, names))
    }

    pub fn is_open(&self, service: &str, login: &Login<'_>, names: &Names<'_>) -> bool {
        self.decide(service, login, names).is_none_or(|decision| decision.verdict == Verdict::Allowed)
    }

    /// Whether a person gets in at all: on the console, or by ssh from any address.
    pub fn has_way_in(&self, user: &str, names: &Names<'_>) -> bool {
        let console = Login { user, origin: Origin::Local("tty1") };
        let has = |service: &str| self.pam.services.contains_key(service);
        if has("login") && self.is_open("login", &console, names) {
            return true;
        }
        let addresses = sample_addresses(&self.files(), &Syntax::default());
        has("sshd")
            && addresses
                .iter()
                .any(|address| self.is_open("sshd", &Login { user, origin: Origin::Remote(address) }, names))
    }

    /// Users whom a rule names.
    fn named(&self) -> Vec<String> {
        let rules = self.files().into_iter().flat_map(|(path, text)| evaluate::lines(path, text));
        let rules = rules.filter_map(|line| Rule::parse(line.text, &Syntax::default()).ok().flatten());
        let words = rules.flat_map(|rule| rule.users.all_words().cloned().collect::<Vec<_>>());
        words.filter_map(|word| if let UserToken::Name(name) = word { Some(name) } else { None }).collect()
    }

    /// root, the administrators, and whom a rule names, as far as the host knows them.
    pub fn people(&self, accounts: &Accounts) -> Vec<String> {
        let mut people = administrators(accounts);
        let named = self.named();
        let users = accounts.users.iter().filter(|user| named.contains(&user.name));
        for user in users {
            if !people.contains(&user.name) {
                people.push(user.name.clone());
            }
        }
        people
    }
}

/// root, and who is in a group of administrators and has a shell.
pub fn administrators(accounts: &Accounts) -> Vec<String> {
    let is_one = |user: &&User| {
        user.name != "root"
            && has_shell(user)
            && ADMINISTRATORS.iter().any(|group| evaluate::is_member(accounts, &user.name, group))
    };
    let others = accounts.users.iter().filter(is_one).map(|user| user.name.clone());
    std::iter::once("root".to_owned()).chain(others).collect()
}

fn has_shell(user: &User) -> bool {
    let program = user.shell.rsplit('/').next().unwrap_or_default();
    !NO_SHELLS.contains(&program)
}

/// `denied by line 7, …`, for messages.
pub fn reason(decision: &Decision<'_>) -> String {
    let verdict = match decision.verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
        Verdict::Unsure => "left to DNS, a netgroup or PAM's version",
    };
    match &decision.by {
        Some(line) if line.path == ACCESS_CONF => format!("{verdict} by line {}, `{}`", line.number, line.text),
        Some(line) => format!("{verdict} by line {} of {}, `{}`", line.number, line.path, line.text),
        None => format!("{verdict}, since no line matches"),
    }
}
