//! Standard streams: closed, broken, coloured, of any width and locale.

use super::{Run, atomhost, output, plan, root, run};
use std::process::{Command, Stdio};

/// A reader that leaves early, such as `head`, must not make a command fail or panic.
#[test]
fn a_pipe_that_closes_is_no_failure() {
    let rows: [&[&str]; 6] = [
        &["--help"],
        &["man"],
        &["schema"],
        &["schema", "plan"],
        &["completions", "bash"],
        &["validate", "-v", "profiles/minimal.yaml"],
    ];
    for arguments in rows {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("atomhost"));
        let ended = command.current_dir(root()).args(arguments).stdout(writer).stderr(Stdio::piped()).output();
        let ended = ended.expect("it starts");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), stderr.as_ref()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn closed_streams_change_no_exit_code() {
    let program = assert_cmd::cargo::cargo_bin!("atomhost").display().to_string();
    let rows = [
        ("validate profiles/minimal.yaml", 0),
        ("validate nowhere.yaml", 66),
        ("validate tests/bad-profiles/01-empty.yaml", 65),
        ("frobnicate", 64),
        ("--help", 0),
        ("schema", 0),
    ];
    for (arguments, code) in rows {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let script = format!("exec '{program}' {arguments} {closed}");
            let status = Command::new("sh").current_dir(root()).args(["-c", &script]).output().expect("sh").status;
            assert_eq!(status.code(), Some(code), "{arguments} {closed}");
        }
    }
}

#[test]
fn a_profile_may_come_through_a_pipe() {
    let good = std::fs::read(root().join("profiles/scheme-v2.yaml")).expect("a profile");
    assert_eq!(output(atomhost().args(["validate", "/dev/stdin"]).write_stdin(good)).code, 0);
    let bad = output(atomhost().args(["validate", "/dev/stdin"]).write_stdin("version: 2\n"));
    assert_eq!(bad.code, 65);
    assert!(bad.stderr.contains("/dev/stdin:1:10"), "{}", bad.stderr);
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let colored = |run: &Run| run.stdout.contains('\x1b') || run.stderr.contains('\x1b');
    for (arguments, expected) in [
        (&[][..], false),
        (&["--color", "auto"], false),
        (&["--color", "never"], false),
        (&["--color", "always"], true),
    ] {
        assert_eq!(colored(&output(&mut plan("01", arguments))), expected, "{arguments:?}");
    }
    assert!(colored(&run(["--color", "always", "validate", "tests/bad-profiles/01-empty.yaml"])));
    assert!(!colored(&run(["validate", "tests/bad-profiles/01-empty.yaml"])));
}

#[test]
fn width_and_locale_are_kept() {
    let widest = |columns: &str| {
        let text = output(plan("07", &[]).env("COLUMNS", columns)).stdout;
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    };
    assert!(widest("60") <= 60, "{}", widest("60"));
    assert!((61..=100).contains(&widest("100")), "{}", widest("100"));
    assert_eq!(widest("nonsense"), widest("100"));
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        assert!(output(plan("01", &[]).env("LC_ALL", locale)).stdout.is_ascii(), "{locale}");
    }
    assert!(output(&mut plan("01", &[])).stdout.contains('→'));
}
