//! A line of access.conf, parsed as pam_access does.

use std::net::IpAddr;

/// How a service's PAM stack has the file read: `fieldsep=`, `listsep=` and `nodefgroup`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// Any of these characters ends a field.
    pub fields: String,
    /// Any of these characters ends a word of a list.
    pub lists: String,
    /// Whether a bare word means a group where no user has the name.
    pub bare_groups: bool,
}

impl Default for Syntax {
    fn default() -> Self {
        Syntax { fields: ":".to_owned(), lists: ", \t".to_owned(), bare_groups: true }
    }
}

impl Syntax {
    /// As the arguments of a module's line in a PAM stack have it.
    pub fn from_arguments<S: AsRef<str>>(arguments: &[S]) -> Syntax {
        let mut syntax = Syntax::default();
        for argument in arguments.iter().map(AsRef::as_ref) {
            if let Some(fields) = argument.strip_prefix("fieldsep=") {
                syntax.fields = fields.to_owned();
            } else if let Some(lists) = argument.strip_prefix("listsep=") {
                syntax.lists = lists.to_owned();
            } else if argument == "nodefgroup" {
                syntax.bare_groups = false;
            }
        }
        syntax
    }
}

/// What a rule says to whom it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Allow,
    Deny,
}

/// One line: `PERMISSION:USERS:ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub permission: Permission,
    pub users: List<UserToken>,
    pub origins: List<OriginToken>,
}

/// Words any of which matches, unless the list after `EXCEPT` matches too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    pub words: Vec<T>,
    pub except: Option<Box<List<T>>>,
}

/// A word of the second field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserToken {
    All,
    /// A user's name, in any case, or else a group's.
    Name(String),
    /// `(group)`.
    Group(String),
    /// `@netgroup`; `@@netgroup` asks for this host's name in it too.
    Netgroup(String),
    /// `USER@HOST`: a user while this host is HOST.
    OnHost {
        user: Box<UserToken>,
        host: OriginToken,
    },
}

/// A word of the third field. Its text matches what is equal to it before its meaning is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginToken {
    pub text: String,
    pub meaning: Meaning,
}

/// What a word of the third field stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    All,
    /// Every login without a remote host.
    Local,
    Netgroup,
    /// `.example.com`: the end of a host's name.
    Domain,
    /// `192.168.`: the beginning of an IPv4 address.
    Prefix,
    /// An address, or a network when there is a mask.
    Network {
        address: IpAddr,
        mask: Option<IpAddr>,
    },
    /// A host, terminal or service by name; also what was meant for a network and is none.
    Name,
}

/// Why pam_access passes a line over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It has not three fields.
    FieldCount,
    /// Its first field does not begin with `+` or `-`.
    Permission,
}

impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Ignored::FieldCount => "it has not the three fields PERMISSION:USERS:ORIGINS",
            Ignored::Permission => "it does not begin with + or -",
        })
    }
}

impl Rule {
    /// Parses a line without its newline; `None` for a blank line or a comment.
    ///
    /// # Errors
    /// pam_access would write a complaint to the log and go on with the next line.
    pub fn parse(line: &str, syntax: &Syntax) -> Result<Option<Rule>, Ignored> {
        if line.starts_with('#') {
            return Ok(None);
        }
        let line = line.trim_end_matches([' ', '\t', '\r', '\u{b}', '\u{c}']);
        if line.is_empty() {
            return Ok(None);
        }
        let (permission, rest) = next_word(line, &syntax.fields).ok_or(Ignored::FieldCount)?;
        let (users, origins) = next_word(rest, &syntax.fields).ok_or(Ignored::FieldCount)?;
        if origins.is_empty() {
            return Err(Ignored::FieldCount);
        }
        if !permission.starts_with(['+', '-']) {
            return Err(Ignored::Permission);
        }
        // The verdict is the line's very first character, whatever the first field is.
        let permission = if line.starts_with('+') { Permission::Allow } else { Permission::Deny };
        Ok(Some(Rule {
            permission,
            users: List::parse(users, &syntax.lists, UserToken::parse),
            origins: List::parse(origins, &syntax.lists, OriginToken::parse),
        }))
    }

    /// Whether it matches every login.
    pub fn is_for_all(&self) -> bool {
        let users = self.users.except.is_none() && self.users.words.contains(&UserToken::All);
        let origins =
            self.origins.except.is_none() && self.origins.words.iter().any(|word| word.meaning == Meaning::All);
        users && origins
    }
}

impl<T> List<T> {
    fn parse(text: &str, separators: &str, parse: fn(&str) -> T) -> List<T> {
        let mut words = Vec::new();
        let mut rest = text;
        while let Some((word, after)) = next_word(rest, separators) {
            rest = after;
            if word.eq_ignore_ascii_case("EXCEPT") {
                return List { words, except: Some(Box::new(List::parse(rest, separators, parse))) };
            }
            words.push(parse(word));
        }
        List { words, except: None }
    }

    /// Every word, those of exceptions too.
    pub fn all_words(&self) -> impl Iterator<Item = &T> {
        let mut lists = vec![self];
        let mut at = self;
        while let Some(except) = &at.except {
            lists.push(except);
            at = except;
        }
        lists.into_iter().flat_map(|list| &list.words)
    }
}

impl UserToken {
    pub fn parse(word: &str) -> UserToken {
        if let Some(group) = word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return UserToken::Group(group.to_owned());
        }
        let body = word.trim_start_matches('@');
        let leading = word.len() - body.len();
        if let Some(at) = body.find('@') {
            let (user, host) = (&word[..leading + at], &body[at + 1..]);
            return UserToken::OnHost { user: Box::new(UserToken::parse(user)), host: OriginToken::parse(host) };
        }
        if leading > 0 {
            return UserToken::Netgroup(body.to_owned());
        }
        if word.eq_ignore_ascii_case("ALL") {
            return UserToken::All;
        }
        UserToken::Name(word.to_owned())
    }
}

impl OriginToken {
    pub fn parse(word: &str) -> OriginToken {
        let meaning = if word.eq_ignore_ascii_case("ALL") {
            Meaning::All
        } else if word.eq_ignore_ascii_case("LOCAL") {
            Meaning::Local
        } else if word.starts_with('@') {
            Meaning::Netgroup
        } else if word.starts_with('.') {
            Meaning::Domain
        } else if word.ends_with('.') {
            Meaning::Prefix
        } else {
            network(word).unwrap_or(Meaning::Name)
        };
        OriginToken { text: word.to_owned(), meaning }
    }
}

/// `ADDRESS`, `ADDRESS/BITS` or `ADDRESS/MASK`.
fn network(word: &str) -> Option<Meaning> {
    let Some((address, mask)) = word.split_once('/') else {
        return word.parse().ok().map(|address| Meaning::Network { address, mask: None });
    };
    let address: IpAddr = address.parse().ok()?;
    let mask = match mask.parse::<IpAddr>() {
        // A mask of the other family is no mask.
        Ok(mask) => Some(mask).filter(|mask| mask.is_ipv4() == address.is_ipv4()),
        Err(_) => mask_of(c_number(mask)?, address)?,
    };
    Some(Meaning::Network { address, mask })
}

/// The mask of so many bits; the outer `None`: out of range. No bits are no mask at all to pam_access.
#[expect(clippy::option_option, reason = "no network, and a network without mask, differ")]
fn mask_of(bits: i64, address: IpAddr) -> Option<Option<IpAddr>> {
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let bits = u32::try_from(bits).ok().filter(|bits| *bits <= width)?;
    if bits == 0 {
        return Some(None);
    }
    let mask = match address {
        IpAddr::V4(_) => IpAddr::from((u32::MAX << (32 - bits)).to_be_bytes()),
        IpAddr::V6(_) => IpAddr::from((u128::MAX << (128 - bits)).to_be_bytes()),
    };
    Some(Some(mask))
}

/// A number as C's strtol reads it when it may choose the base: 0x24, 024 and 24 all differ.
fn c_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // from_str_radix would take a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let number = match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    number.ok().map(|number| if negative { -number } else { number })
}

/// C's strtok: the next word and what follows the separator after it.
fn next_word<'a>(text: &'a str, separators: &str) -> Option<(&'a str, &'a str)> {
    let is_separator = |c: char| separators.contains(c);
    let text = text.trim_start_matches(is_separator);
    if text.is_empty() {
        return None;
    }
    Some(text.split_once(is_separator).unwrap_or((text, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(line: &str) -> Rule {
        Rule::parse(line, &Syntax::default()).expect("not ignored").expect("a rule")
    }

    #[test]
    fn lines_that_pam_passes_over() {
        let rows = [
            ("+:root", Some(Ignored::FieldCount)),
            ("+:root:", Some(Ignored::FieldCount)),
            ("+::ALL", Some(Ignored::FieldCount)),
            (" +:root:ALL", Some(Ignored::Permission)),
            ("*:root:ALL", Some(Ignored::Permission)),
            ("allow:root:ALL", Some(Ignored::Permission)),
            ("# +:root:ALL", None),
            ("", None),
            (" \t", None),
        ];
        for (line, expected) in rows {
            assert_eq!(Rule::parse(line, &Syntax::default()).err(), expected, "{line:?}");
        }
    }

    #[test]
    fn exceptions_nest() {
        let rule = rule("- : ALL EXCEPT core, (wheel) Except ops : LOCAL\t10.0.0.0/8");
        assert_eq!(rule.permission, Permission::Deny);
        assert_eq!(rule.users.words, [UserToken::All]);
        let except = rule.users.except.as_ref().expect("an exception");
        assert_eq!(except.words, [UserToken::Name("core".into()), UserToken::Group("wheel".into())]);
        assert_eq!(rule.users.all_words().count(), 4);
        assert_eq!(rule.origins.words.len(), 2);
        assert!(!rule.is_for_all());
    }

    #[test]
    fn the_first_character_is_the_verdict() {
        assert_eq!(rule(":+:root:ALL").permission, Permission::Deny);
        assert_eq!(rule("+ok:root:ALL").permission, Permission::Allow);
        assert!(rule("-:ALL root:tty1 ALL").is_for_all());
    }

    #[test]
    fn users() {
        let name = |name: &str| UserToken::Name(name.into());
        let rows = [
            ("all", UserToken::All),
            ("core", name("core")),
            ("(wheel)", UserToken::Group("wheel".into())),
            ("@admins", UserToken::Netgroup("admins".into())),
            ("@@admins", UserToken::Netgroup("admins".into())),
            ("core@host1", UserToken::OnHost { user: Box::new(name("core")), host: OriginToken::parse("host1") }),
            (
                "@admins@@hosts",
                UserToken::OnHost {
                    user: Box::new(UserToken::Netgroup("admins".into())),
                    host: OriginToken::parse("@hosts"),
                },
            ),
        ];
        for (word, expected) in rows {
            assert_eq!(UserToken::parse(word), expected, "{word}");
        }
    }

    #[test]
    fn origins() {
        let v4 = |mask: Option<&str>| Meaning::Network {
            address: "10.0.0.0".parse().expect("an address"),
            mask: mask.map(|mask| mask.parse().expect("a mask")),
        };
        let rows = [
            ("local", Meaning::Local),
            (".example.com", Meaning::Domain),
            ("192.168.", Meaning::Prefix),
            ("10.0.0.0", v4(None)),
            ("10.0.0.0/8", v4(Some("255.0.0.0"))),
            ("10.0.0.0/010", v4(Some("255.0.0.0"))),
            ("10.0.0.0/0x10", v4(Some("255.255.0.0"))),
            ("10.0.0.0/255.255.255.0", v4(Some("255.255.255.0"))),
            // Neither means what it seems to.
            ("10.0.0.0/0", v4(None)),
            ("10.0.0.0/ffff::", v4(None)),
            ("10.0.0.0/33", Meaning::Name),
            ("10.0.0.0/x", Meaning::Name),
            ("10.0.0", Meaning::Name),
            ("pts/0", Meaning::Name),
            ("tty1", Meaning::Name),
            ("@hosts", Meaning::Netgroup),
        ];
        for (word, expected) in rows {
            assert_eq!(OriginToken::parse(word).meaning, expected, "{word}");
        }
        let mask: IpAddr = "ffff:ffff:8000::".parse().expect("a mask");
        assert!(
            matches!(OriginToken::parse("2001:db8::/33").meaning, Meaning::Network { mask: Some(found), .. } if found == mask)
        );
    }
}
