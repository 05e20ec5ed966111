//! The executable itself: how fast it starts on this machine, how large it is, and that it needs no loader.

use super::figures::{Row, Series};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What the benchmark measures: built with the release profile, as it is shipped.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_atomhost");

const STARTS: usize = 300;
const WARM_UP: usize = 20;
const TARGET_START_MS: f64 = 5.0;

/// Start-up, size and kind of the executable.
pub fn measure() -> Vec<Row> {
    let program = std::fs::read(PROGRAM).unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
    let interpreter = asks_for_interpreter(&program);
    let kind = if interpreter { "dynamic: PT_INTERP is there" } else { "static: no PT_INTERP" };
    vec![
        Row::at_most("start-up: `atomhost --version` on this machine", &starts(), TARGET_START_MS, 2, "ms"),
        Row::information("size of the executable", format!("{:.2} MiB", program.len() as f64 / f64::from(1 << 20))),
        Row::holds("kind of the executable", kind, "static", !interpreter),
    ]
}

fn starts() -> Series {
    let start = || {
        let started = Instant::now();
        let status = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{PROGRAM} --version failed");
        started.elapsed().as_secs_f64() * 1e3
    };
    (0..WARM_UP).for_each(|_| {
        start();
    });
    Series::new((0..STARTS).map(|_| start()).collect())
}

/// Whether a program header of the ELF file names a dynamic loader (elf(5)).
fn asks_for_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    assert!(elf.starts_with(b"\x7fELF\x02\x01"), "not a 64-bit little-endian ELF file");
    let field = |at: usize, bytes: usize| {
        elf[at..at + bytes].iter().rev().fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
    };
    let (offset, entry_size, entries) = (field(32, 8), field(54, 2), field(56, 2));
    (0..entries).any(|entry| field(offset + entry * entry_size, 4) == PT_INTERP as usize)
}
