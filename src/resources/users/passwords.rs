//! Passwords: only ever their hashes, and those by digest.

use super::{PASSWD, SHADOW, act, object, refuse_image_user};
use crate::action::Action;
use crate::crypt::Scheme;
use crate::facts::{HashFacts, LoginFacts, PasswordState};
use crate::plan::model::Model;
use crate::plan::{RefusalCode, WarningCode};
use crate::profile::{Password, User};
use crate::secret::{SecretRef, SecretSource};

/// The state that the user's password will be in.
pub fn plan(user: &User, login: &LoginFacts, model: &mut Model<'_>) -> PasswordState {
    let account = model.facts.accounts.user(&user.name);
    // useradd locks the password of a user that it makes.
    let now = if account.is_none() { PasswordState::Locked } else { login.password.state };
    let Some(wanted) = &user.password else { return now };
    let (action, after) = match wanted {
        Password::Locked if now == PasswordState::Locked => return now,
        Password::Locked => (Action::LockPassword { user: user.name.clone() }, "locked".to_owned()),
        Password::Hash { hash, scheme } => {
            let after = SecretRef { digest: hash.digest(), source: SecretSource::Profile };
            set(user, login, after, *scheme, model)
        }
        Password::File(path) => match outside(user, login, SecretSource::File(path.clone()), model) {
            Some(change) => change,
            None => return now,
        },
        Password::Credential(name) => match outside(user, login, SecretSource::Credential(name.clone()), model) {
            Some(change) => change,
            None => return now,
        },
    };
    let will_be = if *wanted == Password::Locked { PasswordState::Locked } else { PasswordState::Set };
    if let Action::SetPasswordHash { after, before, .. } = &action
        && before.as_ref() == Some(&after.digest)
    {
        return will_be;
    }
    if model.facts.accounts.image_users.contains(&user.name) {
        refuse_image_user(user, model);
        return now;
    }
    let before = match now {
        PasswordState::Missing | PasswordState::Empty => "no password",
        PasswordState::Locked => "locked",
        PasswordState::Set => "another password",
    };
    let words = format!("password of {}", user.name);
    act(action, words, before, after, "as the profile says; the hash is never shown", &[PASSWD, SHADOW], model);
    will_be
}

fn set(user: &User, login: &LoginFacts, after: SecretRef, scheme: Scheme, model: &mut Model<'_>) -> (Action, String) {
    if scheme.is_weak() {
        let text = format!(
            "its {} hash is weak: make a new one with mkpasswd -m yescrypt or openssl passwd -6",
            scheme.as_str()
        );
        model.warn(WarningCode::WeakPasswordHash, object(user), text);
    }
    let before = login.password.digest.clone();
    (Action::SetPasswordHash { user: user.name.clone(), before, after }, format!("set ({})", scheme.as_str()))
}

/// A hash in a file or credential, which must be root's alone.
fn outside(user: &User, login: &LoginFacts, source: SecretSource, model: &mut Model<'_>) -> Option<(Action, String)> {
    let (place, supply) = match &source {
        SecretSource::File(path) => {
            (path.clone(), format!("write it: mkpasswd -m yescrypt | install -m 600 /dev/stdin {path}"))
        }
        SecretSource::Credential(name) => (
            format!("credential {name}"),
            format!(
                "give it to the unit: LoadCredential={name}:/etc/atomhost/{name} (by hand: systemd-run --pty -p LoadCredential=…)"
            ),
        ),
        SecretSource::Profile => (String::new(), String::new()),
    };
    let (found, cure) = match &login.hash {
        Some(HashFacts::Good { digest, scheme }) => {
            return Some(set(user, login, SecretRef { digest: digest.clone(), source }, *scheme, model));
        }
        Some(HashFacts::Missing) | None => ("is not there".to_owned(), supply),
        Some(HashFacts::Unreadable(reason)) => (format!("cannot be read: {reason}"), supply),
        Some(HashFacts::Exposed { mode, uid }) => (
            format!("is not root's alone (uid {uid}, mode {mode:04o})"),
            format!("chown root: {place} && chmod 600 {place}; choose a new password if others may have read it"),
        ),
        Some(HashFacts::NoHash(reason)) => (format!("its text {reason}"), supply),
    };
    model.refuse(RefusalCode::SecretUnsuitable, place, found, cure);
    None
}
