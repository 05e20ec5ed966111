//! A public key's own bytes (RFC 4253, section 6.6; RFC 5656; RFC 8709; OpenSSH's PROTOCOL.u2f).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The types that sshd takes today.
pub const KEY_TYPES: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "ssh-rsa",
];

/// sshd's RequiredRSASize by default.
const SMALLEST_RSA: u32 = 1024;
const LARGEST_RSA: u32 = 16384;

/// What is known of a key.
pub struct Blob {
    pub fingerprint: String,
    pub rsa_bits: Option<u32>,
}

/// Whether a word stands where sshd expects the type of a key.
pub fn is_key_type(word: &str) -> bool {
    KEY_TYPES.contains(&word) || word == "ssh-dss" || word.contains("-cert-v0")
}

/// Reads the base64 text of a key of this type.
///
/// # Errors
/// The reason, and the cure after ": write " or ": use ". The key is not quoted.
pub fn check(key_type: &str, encoded: &str) -> Result<Blob, String> {
    if key_type == "ssh-dss" {
        return Err("sshd takes no ssh-dss keys any more: use a key made with `ssh-keygen -t ed25519`".to_owned());
    }
    if key_type.contains("-cert-v0") {
        return Err("this is a certificate: write the key of its authority with the option cert-authority".to_owned());
    }
    if !KEY_TYPES.contains(&key_type) {
        return Err(format!("a key type is missing before the key: use one of {}", KEY_TYPES.join(", ")));
    }
    if encoded.is_empty() {
        return Err("there is no key after its type: write the whole line of the .pub file".to_owned());
    }
    let damaged = |reason: &str| format!("the key is damaged ({reason}): write the whole line of the .pub file");
    let bytes = STANDARD.decode(encoded).map_err(|_| damaged("its text is no base64"))?;
    let mut fields = Fields(&bytes);
    let inner = fields.next().ok_or_else(|| damaged("it is cut short"))?;
    if inner != key_type.as_bytes() {
        let inner = String::from_utf8_lossy(inner);
        let known = KEY_TYPES.contains(&inner.as_ref());
        let inner = if known { format!("it says {inner}") } else { "it says something else".to_owned() };
        return Err(damaged(&format!("the type before it is {key_type}, {inner}")));
    }
    let rsa_bits = match body(key_type, &mut fields) {
        Some(bits) if fields.0.is_empty() => bits,
        Some(_) => return Err(damaged("something follows it")),
        None => return Err(damaged("it is cut short, or its parts have the wrong length")),
    };
    if let Some(bits) = rsa_bits.filter(|bits| !(SMALLEST_RSA..=LARGEST_RSA).contains(bits)) {
        return Err(format!("sshd takes no RSA key of {bits} bits: use one of 3072 bits, or `ssh-keygen -t ed25519`"));
    }
    let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&bytes)));
    Ok(Blob { fingerprint, rsa_bits })
}

/// What follows the type; `Some(None)` for a good key that is not RSA.
fn body(key_type: &str, fields: &mut Fields<'_>) -> Option<Option<u32>> {
    match key_type {
        "ssh-ed25519" => (fields.next()?.len() == 32).then_some(None),
        "sk-ssh-ed25519@openssh.com" => (fields.next()?.len() == 32 && !fields.next()?.is_empty()).then_some(None),
        "ssh-rsa" => {
            let (exponent, modulus) = (fields.next()?, fields.next()?);
            let modulus: &[u8] = modulus.strip_prefix(&[0]).unwrap_or(modulus);
            let bits = u32::try_from(modulus.len()).ok()? * 8 - modulus.first()?.leading_zeros();
            (!exponent.is_empty()).then_some(Some(bits))
        }
        "sk-ecdsa-sha2-nistp256@openssh.com" => {
            (is_point(fields, "nistp256")? && !fields.next()?.is_empty()).then_some(None)
        }
        _ => is_point(fields, key_type.rsplit('-').next()?)?.then_some(None),
    }
}

/// A curve's name, and an uncompressed point on it.
fn is_point(fields: &mut Fields<'_>, curve: &str) -> Option<bool> {
    let bytes = match curve {
        "nistp256" => 32,
        "nistp384" => 48,
        _ => 66,
    };
    let (name, point) = (fields.next()?, fields.next()?);
    Some(name == curve.as_bytes() && point.len() == 1 + 2 * bytes && point[0] == 4)
}

/// Byte strings, each behind its length in four bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}
