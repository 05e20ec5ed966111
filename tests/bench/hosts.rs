//! Figures of virtual hosts. They run in software emulation, so that seconds say little: what counts is the ratio
//! to the commands that no tool could do without, taken in turn in the same run.

use super::figures::{Row, Series};
use super::harness::{Disk, Host};
use std::fmt::Write as _;

const PROFILE: &str = include_str!("../../profiles/scheme-v2.yaml");
const BY_HAND: &str = include_str!("by-hand.sh");
const PROFILE_PATH: &str = "/etc/atomhost/profile.yaml";
/// Fresh hosts that each way of provisioning gets.
const PROVISIONED: usize = 4;
/// Pairs of a run that changes nothing and of LVM's report.
const PAIRS: usize = 25;
const STARTS: usize = 25;

const TARGET_NO_OP: f64 = 1.3;
const TARGET_COMMANDS: f64 = 2.0;
const TARGET_PROVISIONING: f64 = 1.15;
const TARGET_MIB: f64 = 16.0;

/// Waits for the program to reach its end, where strace holds it back, and prints how much memory it had at most.
/// The last line is the one that counts, and says `t`: the process stood still, nothing could follow.
const PEAK: &str = r#"
strace -qq -o /dev/null -e trace=exit_group -e inject=exit_group:delay_enter=3000000 "$@" >/dev/null 2>&1 &
tracer=$!
until program=$(pgrep -P $tracer -x "${1##*/}"); do kill -0 $tracer; done
while status=$(cat /proc/$program/status 2>/dev/null); do
    awk '$1 == "State:" {state = $2} $1 == "VmHWM:" {print state, $2}' <<<"$status"
done
wait $tracer
"#;

/// First provisioning on fresh hosts, then what a host in sync costs.
pub fn measure() -> Vec<Row> {
    let mut rows = provisioning();
    rows.extend(in_sync());
    rows
}

fn note(text: &str) {
    eprintln!("bench: {text}");
}

fn fresh(name: &str) -> Host {
    let host = Host::builder(name).disk(Disk::blank("40G").serial("DATA1")).start();
    host.write(PROFILE_PATH, PROFILE);
    host.write("/root/by-hand.sh", BY_HAND);
    host.write("/root/peak.sh", PEAK);
    host.ok("sync");
    host
}

/// Runs commands of the host's shell one after the other, `rounds` times; a series of seconds for each.
fn time<const N: usize>(host: &Host, commands: [&str; N], rounds: usize) -> [Series; N] {
    let mut script = format!("set -e\nfor round in $(seq {rounds}); do\nline=$EPOCHREALTIME\n");
    for command in commands {
        let _ = writeln!(script, "{command} >/dev/null 2>&1 </dev/null; line+=\" $EPOCHREALTIME\"");
    }
    script.push_str("echo $line\ndone\n");
    host.write("/root/time.sh", script);
    let output = host.ok("bash /root/time.sh");
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for line in output.lines() {
        let clock: Vec<f64> = line.split(' ').map(|time| time.parse().expect("a time")).collect();
        clock.windows(2).zip(&mut times).for_each(|(pair, times)| times.push(pair[1] - pair[0]));
    }
    times.map(Series::new)
}

/// Read-only, on every host alike: an emulator translates code at first sight, which no processor does.
const WARM_UP: &str = "atomhost plan; lvm fullreport; blkid -p /dev/sdb; wipefs -n /dev/sdb; bash -n /root/by-hand.sh";

/// atomhost and the script in turn, each on a host of its own; who comes first changes from round to round.
fn provisioning() -> Vec<Row> {
    let mut seconds: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut processor: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut ends: Vec<String> = Vec::new();
    for round in 1..=PROVISIONED {
        let mut ways = [(0, "apply", "atomhost apply"), (1, "by-hand", "bash /root/by-hand.sh")];
        if round % 2 == 0 {
            ways.reverse();
        }
        for (at, name, command) in ways {
            let host = fresh(name);
            host.run(WARM_UP);
            let before = emulator_seconds();
            let [took] = time(&host, [command], 1);
            processor[at].push(emulator_seconds() - before);
            note(&format!("provisioning {round} of {PROVISIONED}: {command}: {}", took.text(2, "s")));
            seconds[at].push(took.median());
            ends.push(end_state(&host));
        }
    }
    for end in &ends {
        assert_eq!(end, &ends[0], "the script and atomhost did not come to the same end");
    }
    let [apply, by_hand] = seconds.map(Series::new);
    let [apply_processor, by_hand_processor] = processor.map(Series::new);
    vec![
        Row::at_most(
            "first provisioning, scheme v2: `atomhost apply` ÷ script of the same commands",
            &apply.ratio(&by_hand),
            TARGET_PROVISIONING,
            2,
            "×",
        ),
        Row::information(
            "the same in processor time, which a busy machine disturbs less",
            apply_processor.ratio(&by_hand_processor).text(2, "×"),
        ),
        Row::information("first provisioning: `atomhost apply`, emulated host", apply.text(2, "s")),
        Row::information("first provisioning: script of the same commands, emulated host", by_hand.text(2, "s")),
    ]
}

/// Processor time that the emulator has used: of the one host that runs.
fn emulator_seconds() -> f64 {
    /// USER_HZ, the unit of /proc/PID/stat (proc(5)).
    const TICKS_A_SECOND: f64 = 100.0;
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let used: Vec<f64> = processes
        .filter_map(|process| {
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            let (name, fields) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
            // After the name: state, parent, … and in the twelfth and thirteenth place user and system time.
            let ours = name.contains("qemu-system") && fields.get(1) == Some(&own.as_str());
            if ours { Some(ticks(11)? + ticks(12)?) } else { None }
        })
        .collect();
    assert_eq!(used.len(), 1, "one host runs at a time");
    used[0] / TICKS_A_SECOND
}

/// What both ways must agree on, UUIDs and the names of metadata profiles aside.
fn end_state(host: &Host) -> String {
    host.ok("lvs --all --noheadings --units b -o lv_name,lv_size,chunk_size,zero,lv_when_full,seg_monitor atomicos
        awk '!/^[[:space:]]*(#|$)/ {print $1, $2, $3, $4}' /etc/fstab
        findmnt --noheadings --raw --output TARGET,SOURCE,FSTYPE,SIZE / /var/srv
        findmnt --noheadings --raw --output TARGET,SOURCE,FSTYPE,SIZE /var/srv
        swapon --noheadings --raw --show=NAME,SIZE
        lvs --noheadings -o lv_profile atomicos/docker-pool | xargs -I@ grep -o 'thin_pool_autoextend.*' /etc/lvm/profile/@.profile")
}

/// Memory, then runs on the host that has come to be in sync.
fn in_sync() -> Vec<Row> {
    let host = fresh("in-sync");
    let provisioned = peak_mib(&host, "atomhost apply");
    let unchanged = peak_mib(&host, "atomhost apply");
    assert!(host.ok("atomhost apply").contains("In sync"), "the host is not in sync");
    let report = peak_mib(&host, "lvm fullreport --reportformat json");
    host.ok("strace -f -qq -e trace=execve -o /root/trace atomhost apply");
    // Every command counts, not only LVM's; failed attempts of a search do not.
    let commands = host.ok("grep -c 'execve(.* = 0$' /root/trace").trim().parse::<f64>().expect("a number") - 1.0;
    note("runs on the host in sync");
    let pair = ["atomhost apply", "lvm fullreport --reportformat json"];
    time(&host, pair, 2);
    let [apply, fullreport] = time(&host, pair, PAIRS);
    let [start] = time(&host, ["atomhost --version"], STARTS);
    let milliseconds = |series: &Series| series.scaled(1e3).text(0, "ms");
    vec![
        Row::at_most(
            "host in sync: `atomhost apply` ÷ `lvm fullreport --reportformat json`",
            &apply.ratio(&fullreport),
            TARGET_NO_OP,
            2,
            "×",
        ),
        Row::information("host in sync: `atomhost apply`, emulated host", milliseconds(&apply)),
        Row::information(
            "host in sync: `lvm fullreport --reportformat json`, emulated host",
            milliseconds(&fullreport),
        ),
        Row::at_most(
            "host in sync: commands that `atomhost apply` starts",
            &Series::new(vec![commands]),
            TARGET_COMMANDS,
            0,
            "",
        ),
        Row::at_most("peak resident memory, first provisioning", &provisioned, TARGET_MIB, 1, "MiB"),
        Row::at_most("peak resident memory, host in sync", &unchanged, TARGET_MIB, 1, "MiB"),
        Row::information("peak resident memory of `lvm fullreport --reportformat json`", report.text(1, "MiB")),
        Row::information("start-up: `atomhost --version`, emulated host", milliseconds(&start)),
    ]
}

/// The most memory that the process itself had resident at once (VmHWM); commands that it starts are not counted.
fn peak_mib(host: &Host, command: &str) -> Series {
    let output = host.ok(&format!("bash -e /root/peak.sh {command}"));
    let last = output.lines().last().unwrap_or_default();
    let peak = last.strip_prefix("t ").unwrap_or_else(|| panic!("`{command}` was not seen at its end:\n{output}"));
    Series::new(vec![peak.parse::<f64>().expect("a number of kB") / 1024.0])
}
