//! Every question that is put to a program, and every way in which the program can fail: the answer is then the
//! right one or none, never another.

use super::probe::{Look, probe};
use super::{logins, lvm, lvm_settings, units};
use crate::commands::pool;
use crate::facts::Facts;
use crate::host::command::{Command, CommandError, Output};
use crate::host::{Query, Reader};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// How a program ends that is asked something.
type Fault = fn(&Command, &Output) -> Result<Output, CommandError>;

const FAULTS: [(&str, Fault); 12] = [
    ("fails, with its answer", |_, right| Ok(Output { code: Some(1), ..right.clone() })),
    ("fails, with no answer", |_, _| Ok(ended(Some(1), None, ""))),
    ("is killed", |_, right| Ok(Output { code: None, signal: Some(9), ..right.clone() })),
    ("is killed at once", |_, _| Ok(ended(None, Some(11), ""))),
    ("says nothing", |_, _| Ok(ended(Some(0), None, ""))),
    ("says a blank line", |_, _| Ok(ended(Some(0), None, "\n"))),
    ("prints garbage", |_, _| Ok(ended(Some(0), None, "\u{fffd}\u{1}{[\n=\n"))),
    ("prints an empty object", |_, _| Ok(ended(Some(0), None, "{}"))),
    ("prints half of it", |_, right| {
        let half = right.stdout.len() / 2;
        let at = (0..=half).rev().find(|at| right.stdout.is_char_boundary(*at)).unwrap_or(0);
        Ok(Output { stdout: right.stdout[..at].to_owned(), ..right.clone() })
    }),
    ("hangs", |command, _| Err(CommandError::Deadline { command: command.to_string(), seconds: 120 })),
    ("is not installed", |command, _| Err(CommandError::Missing { program: command.program })),
    ("cannot be started", |command, _| {
        let source = std::io::Error::from_raw_os_error(nix::libc::EAGAIN);
        Err(CommandError::Io { command: command.to_string(), source })
    }),
];

fn ended(code: Option<i32>, signal: Option<i32>, stdout: &str) -> Output {
    Output { code, signal, stdout: stdout.to_owned(), stderr: String::new() }
}

/// What is asked, and by which program; the right answer; and the asking, whose result is put into words.
struct Question {
    name: &'static str,
    program: &'static str,
    code: i32,
    answer: String,
    ask: fn(&Reader) -> Result<String, String>,
}

fn told<T: Debug, E: Debug>(result: Result<T, E>) -> Result<String, String> {
    result.map(|told| format!("{told:#?}")).map_err(|error| format!("{error:?}"))
}

fn questions() -> Vec<Question> {
    let corpus = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the corpus")
    };
    let unit = |name: &str| format!("Id={name}\nNames={name}\nLoadState=loaded\nActiveState=active\nCanReload=no\n");
    let question =
        |name, program, code, answer: &str, ask| Question { name, program, code, answer: answer.to_owned(), ask };
    vec![
        question("lvm fullreport", "lvm", 0, &corpus("fuzz/corpus/lvm_report/host.json"), |reader| {
            told(
                reader
                    .query(&Query::LvmReport)
                    .map_err(|error| error.to_string())
                    .and_then(|said| lvm::from_output(&said)),
            )
        }),
        question("lvmconfig", "lvmconfig", 0, "archive=0\n", |reader| {
            told(lvm_settings::read(reader, &BTreeSet::from(["backup/archive".to_owned()])))
        }),
        question("lvmconfig of what is not set", "lvmconfig", 5, "", |reader| {
            told(lvm_settings::read(reader, &BTreeSet::from(["backup/archive".to_owned()])))
        }),
        question(
            "the autoextend settings",
            "lvm",
            0,
            "activation/thin_pool_autoextend_threshold=100\nactivation/thin_pool_autoextend_percent=20\n",
            |reader| told(pool::of(reader, &Facts::default(), None)),
        ),
        question(
            "systemctl show",
            "systemctl",
            0,
            &[unit("docker.service"), unit("systemd-journald.service")].join("\n"),
            |reader| {
                told(units::read(reader, &["docker.service", "systemd-journald.service"].map(str::to_owned).into()))
            },
        ),
        question("restorecon", "restorecon", 0, "", |reader| told(logins::drifts(reader, "/home/core"))),
    ]
}

#[test]
fn a_program_that_fails_gives_no_answer() {
    for Question { name, program, code, answer, ask } in questions() {
        let right = ended(Some(code), None, &answer);
        let reader = |fault: Fault, right: Output| {
            let runner = move |command: &Command| {
                assert_eq!(command.program, program);
                fault(command, &right)
            };
            Reader::new(Path::new("/nowhere"), Arc::new(runner))
        };
        let expected = ask(&reader(|_, right| Ok(right.clone()), right.clone())).expect(name);
        let mut refused = 0;
        for (fault, how) in FAULTS {
            match ask(&reader(how, right.clone())) {
                // Half of nothing is all of it; a blank line is not.
                Ok(told) => assert_eq!(told, expected, "{name}: {program} {fault}"),
                Err(_) => refused += 1,
            }
        }
        // Cut anywhere, as by a program that dies while it writes and whose end looks well.
        for at in (0..answer.len()).step_by(answer.len() / 150 + 1).filter(|at| answer.is_char_boundary(*at)) {
            let cut = Output { stdout: answer[..at].to_owned(), ..right.clone() };
            if let Ok(told) = ask(&reader(|_, right| Ok(right.clone()), cut)) {
                assert_eq!(told, expected, "{name}: cut after {:?}", &answer[at.saturating_sub(40)..at]);
            }
        }
        assert!(refused >= 7, "{name}: only {refused} of {} faults are noticed", FAULTS.len());
    }
}

/// A device is blank when everything says so: no failure of a tool makes it that.
#[test]
fn a_tool_that_fails_makes_no_device_blank() {
    let device = tempfile::NamedTempFile::new().expect("a file");
    device.as_file().set_len(64 << 20).expect("sized");
    // A signature of nothing that atomhost itself knows: only the tools can tell.
    std::os::unix::fs::FileExt::write_all_at(device.as_file(), b"odd", 1024).expect("written");
    let path = device.path().display().to_string();
    let look = |at_fault: &'static str, fault: Fault| {
        let runner = move |command: &Command| {
            let right = match command.program {
                "blkid" => ended(Some(0), None, "DEVNAME=/dev/x\nTYPE=odd\n"),
                _ => ended(Some(0), None, "odd\n"),
            };
            if command.program == at_fault { fault(command, &right) } else { Ok(right) }
        };
        probe(&Reader::new(Path::new("/"), Arc::new(runner)), &path, Look::Signatures)
    };
    for tool in ["blkid", "wipefs"] {
        for (fault, how) in FAULTS {
            if let Ok(probed) = look(tool, how) {
                assert!(!probed.found.is_blank(), "{tool} {fault}");
            }
        }
    }
    // Where there is nothing that wipefs could find, blkid's word is needed all the same.
    let nothing = |fault: Fault| {
        let runner = move |command: &Command| match command.program {
            "blkid" => fault(command, &ended(Some(2), None, "")),
            _ => Ok(ended(Some(0), None, "")),
        };
        probe(&Reader::new(Path::new("/"), Arc::new(runner)), &path, Look::Signatures)
    };
    assert!(nothing(|_, right| Ok(right.clone())).expect("a result").found.is_blank());
    for (fault, how) in FAULTS.into_iter().filter(|(fault, _)| *fault != "prints half of it") {
        if let Ok(probed) = nothing(how) {
            assert!(!probed.found.is_blank(), "blkid {fault}");
        }
    }
}
