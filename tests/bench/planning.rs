//! How long a plan takes to compute, on facts of hosts larger than any lab has room for.

use super::figures::{Row, Series};
use super::support::fixture::{GIB, blank_disk, stock_host};
use super::support::simulator;
use atomhost::facts::{BlockKind, Facts};
use atomhost::plan::plan;
use atomhost::profile::{self, Profile};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Logical volumes and disks: the size that has a target in the middle, half and twice of it around.
const SIZES: [(usize, usize); 3] = [(250, 32), (WITH_TARGET, 64), (1000, 128)];
const WITH_TARGET: usize = 500;
const TARGET_MS: f64 = 10.0;
/// Twice the work in twice the time, and a little for caches; a quadratic planner shows ×4.
const TARGET_GROWTH: f64 = 2.5;
const ROUNDS: usize = 60;
const LONGEST: Duration = Duration::from_secs(20);

/// A profile with facts to plan on, and the milliseconds that it took.
struct Case {
    volumes: usize,
    disks: usize,
    state: &'static str,
    profile: Profile,
    facts: Facts,
    times: Vec<f64>,
}

/// Plans for volume groups in sync, and for the same groups before their first provisioning.
pub fn measure() -> Vec<Row> {
    let mut cases: Vec<Case> = SIZES.into_iter().flat_map(|(volumes, disks)| pair(volumes, disks)).collect();
    let started = Instant::now();
    let mut rounds = 0;
    // In turn, so that a machine that is busy for a while is busy for all of them.
    while rounds < ROUNDS && (rounds < 3 || started.elapsed() < LONGEST) {
        cases.iter_mut().for_each(Case::time);
        rounds += 1;
    }
    let mut rows: Vec<Row> = cases.iter().map(Case::row).collect();
    let series = |case: &Case| Series::new(case.times.clone());
    for (smaller, larger) in cases.iter().zip(&cases[2..]) {
        let what = format!("planning {} instead of {} LVs, {}", larger.volumes, smaller.volumes, larger.state);
        rows.push(Row::at_most(&what, &series(larger).ratio(&series(smaller)), TARGET_GROWTH, 2, "×"));
    }
    rows
}

fn pair(volumes: usize, disks: usize) -> [Case; 2] {
    let (profile, blank) = (wanted(volumes, disks), host(disks));
    let converged = provision(&profile, blank.clone());
    [("in sync", converged), ("all new", blank)].map(|(state, facts)| {
        let profile = profile.clone();
        Case { volumes, disks, state, profile, facts, times: Vec::new() }
    })
}

impl Case {
    fn time(&mut self) {
        let started = Instant::now();
        black_box(plan(black_box(&self.profile), black_box(&self.facts)));
        self.times.push(started.elapsed().as_secs_f64() * 1e3);
    }

    fn row(&self) -> Row {
        let Self { volumes, disks, state, times, .. } = self;
        let what = format!("planning {volumes} LVs on {disks} disks, {state}");
        let took = Series::new(times.clone());
        match *volumes {
            WITH_TARGET => Row::at_most(&what, &took, TARGET_MS, 2, "ms"),
            _ => Row::information(&what, took.text(2, "ms")),
        }
    }
}

/// Root, swap, and volumes that each have a file system and a mount; disks are named by serial and by link in turn.
fn wanted(volumes: usize, disks: usize) -> Profile {
    let mut text = "version: 1\nlvm:\n  volume_group: atomicos\n  disks:\n".to_owned();
    for at in 1..=disks {
        let _ = match at % 2 {
            0 => writeln!(text, "    - /dev/disk/by-path/pci-0000:00:05.0-scsi-0:0:{at}:0"),
            _ => writeln!(text, "    - {{serial: DATA{at}}}"),
        };
    }
    text.push_str("  volumes:\n    root: {size: 6G}\n    swap: {size: 2G, swap: true}\n");
    for at in 2..volumes {
        let _ = writeln!(text, "    data{at}: {{size: 2G, filesystem: xfs, mount: {{path: /var/srv/data{at}}}}}");
    }
    profile::parse(text.as_bytes(), "bench.yaml").unwrap_or_else(|error| panic!("the profile is sound: {error}"))
}

/// The stock host and blank disks, each with the links that udev gives it.
fn host(disks: usize) -> Facts {
    let mut facts = stock_host(&[]);
    for at in 1..=disks {
        let mut disk = blank_disk(0, 64 * GIB);
        disk.name = kernel_name(at);
        disk.number = format!("8:{}", 16 * at);
        disk.serials = vec![format!("DATA{at}"), format!("0QEMU_QEMU_HARDDISK_DATA{at}")];
        disk.links = vec![
            format!("/dev/disk/by-diskseq/{at}"),
            format!("/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_DATA{at}"),
            format!("/dev/disk/by-id/scsi-SQEMU_QEMU_HARDDISK_DATA{at}"),
            format!("/dev/disk/by-path/pci-0000:00:05.0-scsi-0:0:{at}:0"),
        ];
        facts.block_devices.push(disk);
    }
    facts
}

/// sda, sdb … sdz, sdaa …; `at` counts from 0.
fn kernel_name(at: usize) -> String {
    let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
    match at / 26 {
        0 => format!("sd{}", letter(at)),
        tens => format!("sd{}{}", letter(tens - 1), letter(at)),
    }
}

/// The host after all actions of the plan, as LVM, udev and the record of the run would show it.
fn provision(profile: &Profile, mut facts: Facts) -> Facts {
    let planned = plan(profile, &facts);
    assert!(planned.refusals.is_empty(), "{:?}", planned.refusals);
    for planned in &planned.actions {
        simulator::apply(&mut facts, &planned.action);
    }
    for device in facts.block_devices.iter_mut().filter(|device| device.kind == BlockKind::Mapped) {
        let name = device.links[0].trim_start_matches("/dev/mapper/").to_owned();
        device.links.extend(["dm-name", "dm-uuid-LVM"].map(|kind| format!("/dev/disk/by-id/{kind}-{name}")));
        device.links.push(format!("/dev/{}", name.replacen('-', "/", 1)));
        device.links.push(format!("/dev/disk/by-uuid/{name}"));
    }
    let second = plan(profile, &facts);
    assert!(second.is_in_sync(), "the second plan is not empty");
    assert_eq!(second.disks.len(), profile.volume_groups[0].disks.len());
    for disk in second.disks {
        let key = format!("{}/{}", disk.volume_group, disk.selector);
        facts.record.disks.insert(key, disk.pv_uuid.into_iter().collect());
    }
    facts
}
