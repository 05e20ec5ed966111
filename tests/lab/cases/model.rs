//! The simulator of LVM, which the properties of the planner are tested with, held against LVM itself.

use super::support::PROFILE;
use crate::harness::{Disk, Host};
use crate::model::simulator;
use atomhost::action::Action;
use atomhost::facts::{Facts, LogicalVolume, VolumeGroup};
use atomhost::plan::Plan;
use std::fmt::Write as _;

/// How many hosts are made up. Each takes its commands, of half a second to some seconds under emulation.
const SCENARIOS: u64 = 10;

/// Numbers that are the same in every run (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("small")]
    }
}

/// Volumes and pools of a group, in a first form and in a second one that is never smaller.
struct Scenario {
    first: String,
    second: String,
}

fn scenario(seed: u64) -> Scenario {
    let mut numbers = Numbers(seed);
    let (mut first, mut second) = (String::new(), String::new());
    for name in ["a", "b", "c"].iter().take(1 + usize::try_from(numbers.below(3)).expect("small")) {
        let (size, more) = (1 + numbers.below(700), numbers.below(300));
        let unit = numbers.of(&["M", "k"]);
        let times = if unit == "k" { 997 } else { 1 };
        let _ = writeln!(first, "        {name}: {{size: {}{unit}}}", size * times);
        let _ = writeln!(second, "        {name}: {{size: {}{unit}}}", (size + more) * times);
    }
    let mut pools = [String::new(), String::new()];
    for name in ["pool", "other"].iter().take(1 + usize::try_from(numbers.below(2)).expect("small")) {
        let chunk = numbers.of(&["", ", chunk: 64K", ", chunk: 128K", ", chunk: 512K"]);
        let metadata = numbers.of(&["", "", ", metadata: 8M", ", metadata: 35M"]);
        let size = numbers.of(&["30%FREE", "40%FREE", "25%VG", "400M", "513M"]);
        let rest =
            numbers.of(&["", ", zero: false", ", when_full: error", ", autoextend: {threshold: 60, percent: 20}"]);
        pools[0] += &format!("        {name}: {{size: {size}{chunk}{metadata}{rest}}}\n");
        let later = if size.contains('%') { size } else { "700M" };
        pools[1] += &format!("        {name}: {{size: {later}{chunk}{metadata}{rest}}}\n");
    }
    let text = |disks: &str, volumes: &str, pools: &str| {
        format!(
            "version: 1\nlvm:\n  volume_groups:\n    data:\n      disks: [{disks}]\n      volumes:\n{volumes}      thin_pools:\n{pools}"
        )
    };
    Scenario {
        first: text("{serial: DATA1}", &first, &pools[0]),
        second: text("{serial: DATA1}, {serial: DATA2}", &second, &pools[1]),
    }
}

/// What both must agree on.
fn picture(group: Option<&VolumeGroup>) -> String {
    let Some(group) = group else { return "none".to_owned() };
    let mut text =
        format!("{} of {} extents are free, of {} bytes\n", group.free_extents, group.extents, group.extent_size);
    for pv in &group.physical_volumes {
        let _ = writeln!(text, "{}: {} extents from {}", pv.device, pv.extents, pv.extents_start);
    }
    let mut volumes: Vec<&LogicalVolume> = group.logical_volumes.iter().collect();
    volumes.sort_by(|a, b| a.name.cmp(&b.name));
    for lv in volumes {
        let _ = writeln!(text, "{}: {:?}, {} extents", lv.name, lv.role, lv.extents);
        if let Some(pool) = &lv.pool {
            let _ = writeln!(
                text,
                "  data {}, metadata {}, chunk {}, zero {}, {}, {}, profile {:?}",
                pool.data_extents,
                pool.metadata_extents,
                pool.chunk,
                pool.zero,
                pool.when_full,
                pool.monitor,
                pool.profile
            );
        }
    }
    text
}

fn facts(host: &Host) -> Facts {
    serde_json::from_str(&host.ok(&format!("atomhost facts {PROFILE}"))).expect("facts")
}

/// Plans, carries the plan out on the host and in the simulator, and compares after it. Gives the actions' count.
#[track_caller]
fn both(host: &Host, profile: &str) -> usize {
    host.write(PROFILE, profile);
    let mut simulated = facts(host);
    let plan: Plan = serde_json::from_str(&host.run("atomhost plan --format json").stdout).expect("a plan");
    assert!(plan.refusals.is_empty(), "{profile}{:#?}", plan.refusals);
    let output = host.run("atomhost apply");
    assert_eq!(output.code, 0, "{profile}{}{}", output.stdout, output.stderr);
    for planned in &plan.actions {
        simulator::apply(&mut simulated, &planned.action);
    }
    let real = facts(host);
    let (simulated, real) = (picture(simulated.volume_group("data")), picture(real.volume_group("data")));
    assert_eq!(simulated, real, "the simulator (left) and LVM disagree about\n{profile}");
    plan.actions.iter().filter(|planned| !matches!(planned.action, Action::WriteFile { .. })).count()
}

#[test]
fn the_simulator_does_what_lvm_does() {
    let host =
        Host::builder("model").disk(Disk::blank("5G").serial("DATA1")).disk(Disk::blank("3G").serial("DATA2")).start();
    let mut actions = 0;
    for seed in 1..=SCENARIOS {
        let Scenario { first, second } = scenario(seed);
        actions += both(&host, &first);
        actions += both(&host, &second);
        host.ok("vgremove -qq -ff -y data; for d in /dev/sdb /dev/sdc; do pvremove -qq -ff -y $d; wipefs -qa $d; \
             blkdiscard -z $d; done; rm -rf /var/lib/atomhost /etc/lvm/profile/atomhost-data-*");
    }
    assert!(actions >= 44, "only {actions} actions were compared");
}
