//! The options before a key: `from="10.0.0.0/8",command="echo a,b",no-pty`.

/// Whether an option has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Needed,
}

/// sshd(8), "AUTHORIZED_KEYS FILE FORMAT". Upper and lower case are the same to sshd.
const KNOWN: [(&str, Value); 22] = [
    ("agent-forwarding", Value::None),
    ("cert-authority", Value::None),
    ("command", Value::Needed),
    ("environment", Value::Needed),
    ("expiry-time", Value::Needed),
    ("from", Value::Needed),
    ("no-agent-forwarding", Value::None),
    ("no-port-forwarding", Value::None),
    ("no-pty", Value::None),
    ("no-touch-required", Value::None),
    ("no-user-rc", Value::None),
    ("no-X11-forwarding", Value::None),
    ("permitlisten", Value::Needed),
    ("permitopen", Value::Needed),
    ("port-forwarding", Value::None),
    ("principals", Value::Needed),
    ("pty", Value::None),
    ("restrict", Value::None),
    ("tunnel", Value::Needed),
    ("user-rc", Value::None),
    ("verify-required", Value::None),
    ("X11-forwarding", Value::None),
];

/// Where the options end: at the first blank outside quotes. `\"` within quotes is a quote.
///
/// # Errors
/// A quote is never closed.
pub fn end(line: &str) -> Result<usize, String> {
    let bytes = line.as_bytes();
    let (mut at, mut quoted) = (0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => break,
            _ => {}
        }
        at += 1;
    }
    if quoted {
        return Err(
            "a quote in the options is never closed: write `\"` after the value, and `\\\"` within it".to_owned()
        );
    }
    Ok(at.min(bytes.len()))
}

/// The names of the options, in sshd's spelling where it is known; nothing is an error.
pub fn names(options: &str) -> Vec<String> {
    let split = pieces(options).into_iter().map(|piece| piece.split('=').next().unwrap_or_default());
    split.map(|name| known(name).map_or(name, |(known, _)| known).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The names of the options, all of which sshd must know: it passes over the whole line otherwise.
///
/// # Errors
/// The first option that sshd would not take.
pub fn check(options: &str) -> Result<Vec<String>, String> {
    if options.is_empty() {
        return Ok(Vec::new());
    }
    pieces(options).into_iter().map(check_one).collect()
}

fn check_one(piece: &str) -> Result<String, String> {
    if piece.is_empty() {
        return Err("an option is empty: write single commas between options, and none around them".to_owned());
    }
    let (name, value) = match piece.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (piece, None),
    };
    let Some((known, wanted)) = known(name) else { return Err(unknown(name)) };
    match (wanted, value) {
        (Value::None, None) => {}
        (Value::None, Some(_)) => return Err(format!("the option `{known}` takes no value: write `{known}` alone")),
        (Value::Needed, None) => {
            return Err(format!(
                "the option `{known}` needs a value: write {known}=\"…\", and no blank before the quote"
            ));
        }
        (Value::Needed, Some(value)) if !is_quoted(value) => {
            return Err(format!("the value of `{known}` must stand in double quotes: write {known}=\"…\""));
        }
        (Value::Needed, Some("\"\"")) => {
            return Err(format!("the value of `{known}` is empty: write one, or leave it out"));
        }
        (Value::Needed, Some(_)) => {}
    }
    Ok(known.to_owned())
}

fn known(name: &str) -> Option<(&'static str, Value)> {
    KNOWN.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// A word that is no option may be part of a key or a secret: it is named only when it looks like an option.
fn unknown(name: &str) -> String {
    let is_wordlike = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_wordlike {
        return "this is neither a key type nor an option: write it as TYPE KEY COMMENT, such as `ssh-ed25519 AAAA… ops`"
            .to_owned();
    }
    let words: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).chain(super::blob::KEY_TYPES).collect();
    let cure = match crate::profile::error::closest(name, &words) {
        Some(near) => format!("use `{near}`, if that is meant"),
        None => "write OPTIONS TYPE KEY COMMENT, such as `no-pty ssh-ed25519 AAAA… ops`".to_owned(),
    };
    format!("`{name}` is neither an option nor a key type, and sshd passes over the whole line for it: {cure}")
}

/// Whether the one closing quote is at the end.
fn is_quoted(value: &str) -> bool {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else { return false };
    let rest = inner.replace("\\\"", "");
    !rest.contains('"') && (inner.is_empty() || !inner.ends_with('\\'))
}

/// The options, cut at commas outside quotes.
fn pieces(options: &str) -> Vec<&str> {
    let bytes = options.as_bytes();
    let (mut pieces, mut start, mut at, mut quoted) = (Vec::new(), 0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(&options[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(&options[start..]);
    pieces
}
