//! Years of runs: nothing grows from one to the next.

use crate::harness::{Disk, Host};
use crate::support::{PROFILE, assert_no_op, converge, give_what_the_whole_role_expects, shipped, with_serials};
use std::time::Duration;

/// All that could grow. A file's bytes count, and that it is there: old versions kept beside new ones would show.
const STATE: &str = "find /etc /var/lib/atomhost /root /tmp /var/tmp -xdev -type f ! -name history.json -printf '%p %s\\n' 2>/dev/null \
    | grep -v '^/etc/lvm/backup/' | sort; ls /etc/lvm/archive /etc/lvm/backup | wc -l; vgs --noheadings -o vg_seqno; \
    grep -c . /etc/fstab; wc -l </etc/security/access.conf; wc -l </root/.ssh/authorized_keys";

/// Runs atomhost so often, in one go; prints the largest memory of each run in KiB, and what it said last.
fn runs(host: &Host, times: usize, command: &str) -> Vec<u64> {
    host.write(
        "/mnt/runs.py",
        format!(
            "import os, subprocess, sys\n\
             for at in range({times}):\n    \
                 child = subprocess.Popen({command:?}.replace('AT', str(at)), shell=True, stdout=subprocess.DEVNULL)\n    \
                 _, status, used = os.wait4(child.pid, 0)\n    \
                 if status: sys.exit('run %d ended with %d' % (at, status))\n    \
                 print(used.ru_maxrss)\n"
        ),
    );
    let output = host.run_within(Duration::from_secs(900), "python3 /mnt/runs.py");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    output.stdout.lines().map(|line| line.parse().expect("a number")).collect()
}

/// Single runs, with the tools that they start, differ by some hundred KiB.
fn median(memory: &[u64]) -> u64 {
    let mut sorted = memory.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Runs atomhost `times` times on a host that is in sync, and then `changes` times with something to do.
#[track_caller]
pub fn nothing_grows(times: usize, changes: usize) {
    let host = Host::builder("long-life").disk(Disk::blank("40G").serial("DATA1")).start();
    give_what_the_whole_role_expects(&host);
    let profile = with_serials(&shipped("scheme-v2-complete"), &["DATA1"]);
    converge(&host, &profile);
    let journal =
        "journalctl -b --no-pager -t atomhost -o cat | wc -c; journalctl -b --no-pager -o cat | grep -c atomhost; true";
    let (before, said) = (host.ok(STATE), host.ok(journal));
    let memory = runs(&host, times, "atomhost apply");
    assert_same(&host.ok(STATE), &before, &format!("after {times} runs"));
    assert_eq!(host.ok(journal), said, "runs that change nothing fill the journal");
    let (first, last) = (median(&memory[..times / 2]), median(&memory[times / 2..]));
    println!("memory of the first runs {first} KiB, of the last ones {last} KiB");
    assert!(last <= first + 256, "{first} KiB became {last} KiB");
    // Each with something to change: what is remembered of a run takes the place of what was.
    let changing = "sed -i 's/SystemMaxUse: .*/SystemMaxUse: 10AT''M/' /etc/atomhost/profile.yaml && atomhost apply";
    assert!(profile.contains("SystemMaxUse: "), "the profile has a value that can change");
    runs(&host, 2, changing);
    let before = host.ok(STATE);
    runs(&host, changes, changing);
    let after = host.ok(STATE);
    assert_same(&sizes(&after).join("\n"), &sizes(&before).join("\n"), &format!("after {changes} changes"));
    the_history_is_bounded(&host, changing, changes);
    host.write(PROFILE, &profile);
    host.ok("atomhost apply");
    assert_no_op(&host);
}

/// The runs that did something are kept, each of some kilobytes, and no more than thirty.
#[track_caller]
fn the_history_is_bounded(host: &Host, changing: &str, changes: usize) {
    let many = format!(
        "import json\nfile = '/var/lib/atomhost/history.json'\nhistory = json.load(open(file))\n\
                runs = history['runs']\nassert {changes} < len(runs) < 30, len(runs)\n\
                history['runs'] = [dict(runs[0], started=at) for at in range(1, 30 - len(runs))] + runs\n\
                json.dump(history, open(file, 'w'))\n"
    );
    host.write("/mnt/many.py", many);
    host.ok("python3 /mnt/many.py");
    let kept = || {
        let command = "stat -c %s /var/lib/atomhost/history.json; ls -A /var/lib/atomhost | wc -l; \
                       atomhost history --format json | grep -c '\"started\"'";
        host.ok(command).lines().filter_map(|line| line.parse().ok()).collect::<Vec<u64>>()
    };
    for _ in 0..2 {
        runs(host, 2, changing);
        let kept = kept();
        assert!(kept[0] < 30 * 20_000 && kept[1] <= 3 && (30..=31).contains(&kept[2]), "{kept:?}");
    }
}

/// Shows only what is not the same.
#[track_caller]
fn assert_same(after: &str, before: &str, when: &str) {
    let news: Vec<&str> = after.lines().filter(|line| !before.lines().any(|was| was == *line)).collect();
    let gone: Vec<&str> = before.lines().filter(|line| !after.lines().any(|is| is == *line)).collect();
    assert!(news.is_empty() && gone.is_empty(), "{when}: {gone:#?} became {news:#?}");
}

/// A figure or a word may be longer by some bytes: sizes are compared by the two hundred.
fn sizes(state: &str) -> Vec<String> {
    let rounded = |line: &str| match line.rsplit_once(' ') {
        Some((path, size)) if path.starts_with('/') => {
            format!("{path} {}", size.parse::<u64>().map_or(0, |size| (size + 50) / 200))
        }
        _ => line.to_owned(),
    };
    state.lines().map(rounded).collect()
}
