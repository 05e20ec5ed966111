use super::*;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFns1vdgz1u70FVbCEMgpgEw1nUYWFIgV9Yqw97YD8II";
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIEBWbGtMwQhcOkEZbW2RgBcvZIUa9ECOZkfmeKVALtOF";
const PRINT: &str = "SHA256:2cB2SPIondTfbGTYzTXS65lzEOVywN4kKbBXJ7Fl12U";
const RSA: &str = "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDIg8zHWRIdUvFeLz0t1Oe9aRbUXQmD7/vpEhY/llltzui8yTcrD9yR1uec/LCQLknYs9PCpnBRxVvFDYqtqtvfaNRdxNr9sSJGIobEUi9eb7aFyBOxBLEFAV60oJdrbfwl1rEInXEQSIHqYYavdmyxiBF7fFNtnfM5Vf4vNwd5Qw==";
const P256: &str = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEuqr47zAb9EH3uUXvdnEqcgn6qX8v9+2wJnhAYJEoaDiwlMxjaPpTbGE7R8X7Oe07VvmxcEtefE8UMBx24McM8=";
const P384: &str = "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBN+OlPfBTykuwaMP0EknkUTDQ3q8fjD6LYJxFEu74ejdaQQtELsSOxckQCCUQAWMqOENUO09snPG4cfiCX25r3u+8tjeSBJQu8gUZOpZOeOf2s8dVRKIPkyYlDcVj5l+Wg==";
const P521: &str = "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAEqqOefUhMku+DVsV+1ShQeKCXZIUdeAeXKJ8vFPo6mh0Jk1pqxPdm3d+2witVVDx/j8evrPVbFsewyiyPz4PhmhwCcJDSVBgVfkT6SFl2iclPYhXzWqG0bF/HeRhs5ZMlDcOc+xCiQ5pIR65EmWEaWA6h9BxfMHE5DARpKGPSERCfv5w==";

/// A key of a type that ssh-keygen makes only with a token at hand: [type][fields…].
fn assembled(key_type: &str, fields: &[&[u8]]) -> String {
    use base64::Engine;
    let mut bytes = Vec::new();
    for field in std::iter::once(&key_type.as_bytes()).chain(fields) {
        bytes.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
        bytes.extend(*field);
    }
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Fingerprints are those that ssh-keygen -l prints.
#[test]
fn keys_of_every_type() {
    let point = [&[4_u8][..], &[7; 64]].concat();
    let rows = [
        (format!("ssh-ed25519 {KEY} ops"), PRINT),
        (format!("ecdsa-sha2-nistp256 {P256}"), "SHA256:r1psSQGSycKAL4wy4CXoV99PCPxYb1olVjyiDlI38oY"),
        (format!("ecdsa-sha2-nistp384 {P384}"), "SHA256:kFDolvW13GTz6ctPfnpMo7iQn79YekL9UcJ3YfRgmhQ"),
        (format!("ecdsa-sha2-nistp521 {P521}"), "SHA256:eWwD4TY4T2nNxakJXsLTyJCbdhwTUrq5PXf8imWcqoY"),
        (format!("ssh-rsa {RSA} a b"), "SHA256:NU/q1IWRv3BRd1yZKTrymtkFpLY0Z2Lzoq7cxBKT7ag"),
        (
            format!("sk-ssh-ed25519@openssh.com {}", assembled("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"])),
            "SHA256:",
        ),
        (
            format!(
                "sk-ecdsa-sha2-nistp256@openssh.com {}",
                assembled("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &point, b"ssh:"])
            ),
            "SHA256:",
        ),
    ];
    for (line, expected) in rows {
        let entry = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(entry.name.fingerprint.starts_with(expected), "{line}: {}", entry.name.fingerprint);
        assert_eq!(entry.line, line);
    }
    assert_eq!(parse(&format!("ssh-rsa {RSA}")).expect("good").rsa_bits, Some(1024));
}

#[test]
fn options_and_comments() {
    let rows = [
        (String::new(), "", Vec::new()),
        ("no-pty".into(), "ops", vec!["no-pty"]),
        (r#"from="10.0.0.0/8,!10.1.0.1",command="echo a,b""#.into(), "ops", vec!["from", "command"]),
        (r#"command="echo \"a, b\" # not a comment",RESTRICT"#.into(), "a b c", vec!["command", "restrict"]),
        (
            r#"no-x11-forwarding,environment="A=b=c",cert-authority"#.into(),
            "",
            vec!["no-X11-forwarding", "environment", "cert-authority"],
        ),
    ];
    for (options, comment, names) in rows {
        let blank = if options.is_empty() { "" } else { "  " };
        let line = format!(" {options}{blank}ssh-ed25519\t{KEY}  {comment} ");
        let entry = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(
            (entry.name.comment.as_str(), entry.name.options.clone()),
            (comment, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        );
        assert_eq!(entry.name.fingerprint, PRINT);
        assert_eq!(parse(&entry.line).expect("one spelling"), entry);
        let shown = entry.name.to_string();
        assert!(!shown.contains(KEY) && !shown.contains("echo"), "{shown}");
    }
}

#[test]
fn what_sshd_would_pass_over_is_an_error() {
    let dss = assembled("ssh-dss", &[b"p"]);
    let swapped = assembled("ssh-rsa", &[&[7; 32]]);
    let long = assembled("ssh-ed25519", &[&[7; 32], b"more"]);
    let short = assembled("ssh-ed25519", &[&[7; 31]]);
    let tiny = assembled("ssh-rsa", &[b"\x01\x00\x01", &[0xff; 64]]);
    let curve = assembled("ecdsa-sha2-nistp256", &[b"nistp384", &[4; 65]]);
    let rows = [
        ("".into(), "empty"),
        ("# a comment".into(), "comment"),
        ("garbage".into(), "`garbage` is neither"),
        ("ssh-ed25519".into(), "no key after its type"),
        (KEY.into(), "neither a key type nor an option"),
        ("ssh-ed25519 AAAA".into(), "damaged"),
        (format!("ssh-ed25519 {KEY}="), "no base64"),
        (format!("ssh-ed25519 {}", &KEY[..60]), "damaged"),
        (format!("ssh-ed25519 {swapped}"), "it says ssh-rsa"),
        (format!("ssh-ed25519 {long}"), "something follows"),
        (format!("ssh-ed25519 {short}"), "wrong length"),
        (format!("ecdsa-sha2-nistp256 {curve}"), "wrong length"),
        (format!("ssh-rsa {tiny}"), "512 bits"),
        (format!("ssh-dss {dss}"), "ssh-dss"),
        (format!("ssh-ed25519-cert-v01@openssh.com {KEY}"), "certificate"),
        (format!("ssh-ed2551 {KEY}"), "use `ssh-ed25519`"),
        (format!("no-ptty ssh-ed25519 {KEY}"), "use `no-pty`"),
        (format!("command=ls ssh-ed25519 {KEY}"), "double quotes"),
        (format!("command=\"ls ssh-ed25519 {KEY}"), "never closed"),
        (format!("command=\"a\"b ssh-ed25519 {KEY}"), "double quotes"),
        (format!("command=\"\" ssh-ed25519 {KEY}"), "is empty"),
        (format!("no-pty=\"yes\" ssh-ed25519 {KEY}"), "takes no value"),
        (format!("from ssh-ed25519 {KEY}"), "needs a value"),
        (format!("no-pty,,restrict ssh-ed25519 {KEY}"), "an option is empty"),
        (format!("no-pty {KEY}"), "key type is missing"),
        ("no-pty".into(), "no key here"),
        (format!("ssh-ed25519 {KEY}\nssh-ed25519 {OTHER}"), "single line"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl".into(), "private key"),
    ];
    for (line, expected) in rows {
        let error = parse(&line).expect_err(&line);
        assert!(error.contains(expected), "{line}: {error}");
        assert!(!error.contains("AAAAC3"), "{error}");
    }
}

#[test]
fn a_file_keeps_every_byte_that_is_not_ours() {
    let foreign = format!("# ours\n\nssh-ed25519 {KEY} old\r\n\tfuture-option=\"x\" ssh-ed25519 {OTHER} gr\u{fc}n\n");
    let mut text = foreign.clone().into_bytes();
    // A comment in Latin-1.
    let place = text.windows(2).position(|pair| pair == "\u{fc}".as_bytes()).expect("there");
    text.splice(place..place + 2, [0xfc]);
    text.extend(b"something newer\nlast");
    let lines = lines(&text);
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(lines[1].key.as_ref().map(|key| key.options.clone()), Some(vec!["future-option".to_owned()]));
    assert_eq!((lines[2].key.clone(), lines[3].key.clone()), (None, None));
    let wanted = parse(&format!("no-pty ssh-ed25519 {KEY} new")).expect("good");
    let id = digest(wanted.line.as_bytes());
    let new = BTreeMap::from([(id.clone(), wanted.line.clone())]);
    let was = lines[0].key.clone().expect("a key");
    assert!(was.is_same_key(&wanted.name));
    let replace = KeyChange::Replace {
        number: 3,
        before: lines[0].digest.clone(),
        was,
        key: wanted.name.clone(),
        line: id.clone(),
    };
    let changed = change(&text, std::slice::from_ref(&replace), &new).expect("it goes");
    let expected = [
        b"# ours\n\n".as_slice(),
        wanted.line.as_bytes(),
        b"\n",
        &text[text.windows(8).position(|part| part == b"\tfuture-").expect("there")..],
        b"\n",
    ]
    .concat();
    assert_eq!(String::from_utf8_lossy(&changed), String::from_utf8_lossy(&expected));
    assert_eq!(changed, expected);
    // Removed and added; a file without a last newline gets one before the new line.
    let changes = [
        KeyChange::Remove { number: 6, before: lines[3].digest.clone(), was: None },
        KeyChange::Add { key: wanted.name.clone(), line: id.clone() },
    ];
    let changed = change(&text, &changes, &new).expect("it goes");
    assert!(changed.ends_with(format!("something newer\n{}\n", wanted.line).as_bytes()));
    // A line that is not where it was, or is another, stops everything.
    let moved = KeyChange::Remove { number: 5, before: lines[3].digest.clone(), was: None };
    assert!(change(&text, &[moved], &new).is_err());
    assert!(change(&text, &[replace], &BTreeMap::new()).is_err());
    assert_eq!(
        change(b"", &[KeyChange::Add { key: wanted.name, line: id }], &new).expect("it goes"),
        (wanted.line + "\n").into_bytes()
    );
}
