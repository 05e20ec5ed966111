//! Crashes: a run is cut off, and the next one must end where an undisturbed run does, with all data there.

// Each crate that includes this uses a part of it only.
#![allow(dead_code)]

use crate::harness::{Disk, Host};
use crate::support::{PROFILE, assert_no_op, give_what_the_whole_role_expects, shipped, with_serials};
use std::time::Duration;

/// A whole run, without KVM, with several hosts on one machine.
const RUN: Duration = Duration::from_secs(600);

/// What a host is asked to become, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The whole role on a stock host.
    Provisioning,
    /// A provisioned host gets another disk: root, srv, swap and pool grow, all of them in use.
    Growth,
}

/// Where a run is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// SIGKILL instead of the N-th rename of the run (from 1). Whatever it writes, it writes by renaming.
    KilledAtRename(usize),
    /// SIGKILL once action N (from 1) has begun; a command that it started goes on without it.
    KilledIn(usize),
    /// The power goes once action N has begun.
    PowerCutIn(usize),
}

impl Scenario {
    pub const ALL: [Scenario; 2] = [Scenario::Provisioning, Scenario::Growth];

    pub fn name(self) -> &'static str {
        match self {
            Scenario::Provisioning => "provisioning",
            Scenario::Growth => "growth",
        }
    }

    /// A host with data on every file system, to which nothing of the scenario has been done.
    pub fn host(self, name: &str) -> Host {
        let mut host = Host::builder(name).disk(Disk::blank("40G").serial("DATA1")).without_cloud_init().start();
        host.ok("head -c 8M /dev/urandom >/root/data && sha256sum /root/data >/root/sums");
        match self {
            Scenario::Provisioning => {
                give_what_the_whole_role_expects(&host);
            }
            Scenario::Growth => {
                host.write(PROFILE, with_serials(&shipped("scheme-v2"), &["DATA1"]));
                let output = host.run_within(RUN, "atomhost apply");
                assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
                host.ok("lvcreate -qq -y -V 64M -T atomicos/docker-pool -n thin && head -c 64M /dev/urandom >/dev/atomicos/thin");
                host.ok(
                    "head -c 8M /dev/urandom >/var/srv/data && sha256sum /var/srv/data /dev/atomicos/thin >>/root/sums",
                );
                host.add_disk(Disk::blank("20G").serial("DATA2"));
            }
        }
        host.write(PROFILE, self.profile());
        host.ok("chmod 600 /etc/atomhost/profile.yaml; sync");
        host
    }

    fn profile(self) -> String {
        match self {
            Scenario::Provisioning => with_serials(&shipped("scheme-v2-complete"), &["DATA1"]),
            Scenario::Growth => with_serials(&shipped("scheme-v2"), &["DATA1", "DATA2"])
                .replace("root: {size: 15G}", "root: {size: 17G}")
                .replace("srv: {size: 15G", "srv: {size: 18G")
                .replace("swap: {size: 2G", "swap: {size: 3G"),
        }
    }
}

/// What must be the same, wherever a run was cut off: all that a profile says, and nothing left over.
const STATE: &str = r"
export LC_ALL=C
vgs --noheadings -o vg_name,vg_extent_count,vg_free_count,pv_count
lvs -a --noheadings --units b -o vg_name,lv_name,lv_size,segtype,chunk_size,zero,lv_when_full,seg_monitor,lv_profile | sort
grep -v '^UUID=' /etc/fstab
for path in / /var/srv; do findmnt -rno TARGET,SOURCE,FSTYPE $path; df --output=size $path | tail -1; done
awk 'NR > 1 {print $2, $3}' /proc/swaps
for path in /etc/security/access.conf /etc/systemd/journald.conf.d /etc/lvm/lvm.conf /etc/lvm/profile /etc/sysconfig \
    /etc/pki /root/.bashrc /root/.bash_profile /root/.ssh /etc/cloud/cloud-init.disabled /etc/docker; do
    test ! -e $path || find $path -printf '%p %m %u:%g\n' -type f -exec sha256sum {} + | sort
done
grep ^root: /etc/shadow | cut -d: -f1,2
ls -l /etc/ssl/certs | awk '{print $9, $11}'
echo left over:
find / -xdev -name '.atomhost-*'
grep -o '\x22begun\x22: \[.' /var/lib/atomhost/record.json || grep -A3 begun /var/lib/atomhost/record.json
";

/// The state of a host on which the scenario is done, its data verified.
#[track_caller]
pub fn state(host: &Host) -> String {
    data_is_intact(host).unwrap_or_else(|lost| panic!("{lost}"));
    host.ok(STATE)
}

/// Holds what was on the host's file systems against its checksums.
///
/// # Errors
/// What is not as it was.
pub fn data_is_intact(host: &Host) -> Result<(), String> {
    let output = host.run("sha256sum --quiet -c /root/sums 2>&1");
    if output.code == 0 { Ok(()) } else { Err(output.stdout) }
}

/// The state that an undisturbed run leads to, and the actions that lead there.
#[track_caller]
pub fn reference(scenario: Scenario) -> (String, Vec<String>) {
    let host = scenario.host(scenario.name());
    let planned = crate::support::plan(&host);
    let output = host.run_within(RUN, "atomhost apply");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let actions = planned["actions"].as_array().cloned().unwrap_or_default();
    (state(&host), actions.iter().map(label).collect())
}

/// What an action of a plan or of a report does.
fn label(action: &serde_json::Value) -> String {
    let text = |key: &str| action[key].as_str().unwrap_or_default();
    format!("{}: {}", text("object"), text("after"))
}

/// Runs atomhost until it is cut off. Returns the actions that had begun, the last of them under way, or `None` when
/// the run ended by itself before that.
#[track_caller]
pub fn cut(host: &mut Host, cut: Cut) -> Option<Vec<String>> {
    let report = "/var/lib/atomhost/report.json";
    // The state of each action stands in the report before it begins.
    let begun = |action: usize| {
        format!(
            "until test $(grep -c '\"state\": \"\\(started\\|done\\|failed\\)\"' {report} 2>/dev/null) -ge {action} || ! pgrep -x atomhost >/dev/null; do :; done"
        )
    };
    host.ok(&format!("rm -f {report}"));
    let ended = match cut {
        Cut::KilledAtRename(number) => {
            let renames = "rename,renameat,renameat2";
            let output = host.run_within(
                RUN,
                &format!(
                    "strace -f -qq -o /dev/null -e trace={renames} -e inject={renames}:signal=SIGKILL:when={number} \
                     atomhost apply >/root/output 2>&1; echo $?"
                ),
            );
            output.stdout.trim() == "0"
        }
        Cut::KilledIn(action) => {
            let output = host.run_within(
                RUN,
                &format!("atomhost apply >/root/output 2>&1 & {}; kill -KILL $!; wait $!; echo $?", begun(action)),
            );
            output.stdout.trim() == "0"
        }
        Cut::PowerCutIn(action) => {
            let run = host.spawn("atomhost apply >/root/output 2>&1");
            let output = host.run_within(
                RUN,
                &format!("for i in $(seq 50); do pgrep -x atomhost >/dev/null && break; sleep 0.1; done; {}; pgrep -x atomhost", begun(action)),
            );
            host.power_cut();
            drop(run);
            host.boot();
            output.code != 0
        }
    };
    if ended { None } else { Some(begun_actions(host)) }
}

/// The actions of a run that had begun, as the report names them, in order.
fn begun_actions(host: &Host) -> Vec<String> {
    let text = host.run("cat /var/lib/atomhost/report.json").stdout;
    // Before the first action there is no report.
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let begun = |action: &&serde_json::Value| action["state"].as_str().is_some_and(|state| state != "not-run");
    report["actions"].as_array().into_iter().flatten().filter(begun).map(label).collect()
}

/// The next run ends where an undisturbed one does.
///
/// # Errors
/// What is different.
pub fn recover(host: &Host, reference: &str) -> Result<(), String> {
    // A command that the killed run had started may be at it still, and holds LVM's lock.
    let output = host.run_within(RUN, "atomhost apply --wait-lock 120s 2>&1");
    if output.code != 0 {
        return Err(format!("the next run ended with {}: {}", output.code, output.stdout));
    }
    let now = state(host);
    if now != reference {
        let difference = similar::TextDiff::from_lines(reference, now.as_str());
        return Err(format!("- undisturbed, + here:\n{}", difference.unified_diff().context_radius(0)));
    }
    assert_no_op(host);
    Ok(())
}
