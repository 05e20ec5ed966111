//! Actions as steps: the commands and file operations that carry one out, in order. Pure, so that a
//! plan can show them.

use crate::access::stack::PamManager;
use crate::accounts::Owner;
use crate::action::{Action, DiskTaken, KeyChange, NewThinPool, NewUser, Origin, TrustStore};
use crate::facts::PartitionTable;
use crate::host::command::Command;
use crate::profile::{FilesystemType, WhenFull};
use crate::secret::SecretRef;
use std::time::Duration;

/// One thing that [`crate::apply`] does.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Run(Command),
    /// Replace a file atomically; refuse when its text is no longer what the plan saw.
    Replace {
        path: String,
        /// Mode and owner are for a new file; an old one keeps its own.
        mode: u32,
        owner: Owner,
        expected: Option<String>,
        text: String,
    },
    /// The same with a secret; `expected` is the digest of what the plan saw.
    ReplaceSecret {
        path: String,
        mode: u32,
        owner: Owner,
        expected: Option<String>,
        secret: SecretRef,
    },
    /// Replace a file by another or by a text; `expected` is the digest of what the plan saw, `digest`
    /// that of the new content: refuse to use another.
    Copy {
        path: String,
        mode: u32,
        owner: Owner,
        expected: Option<String>,
        digest: String,
        origin: Origin,
    },
    /// Run a command whose standard input is `before`, the secret, and a newline.
    RunSecret {
        command: Command,
        before: String,
        secret: SecretRef,
    },
    /// Change lines of authorized_keys; refuse when the file is no longer what the plan saw.
    ChangeKeys {
        path: String,
        owner: Owner,
        expected: Option<String>,
        changes: Vec<KeyChange>,
    },
    CreateDirectory {
        path: String,
        mode: u32,
        owner: Owner,
    },
    SetAttributes {
        path: String,
        mode: Option<u32>,
        owner: Option<Owner>,
    },
    /// Rename a file out of the way; refuse when its content is no longer what the plan saw.
    MoveAway {
        path: String,
        digest: String,
        to: String,
    },
    /// Fail unless the pool has these thin volumes and no others, and nobody uses it or them.
    RequireUnused {
        volume_group: String,
        pool: String,
        thin_volumes: Vec<String>,
    },
    /// Fail unless the device is still without a signature: somebody may have used it since the plan.
    RequireBlank {
        device: String,
    },
    /// Fail unless the device carries just these signatures and nobody uses it: the plan said what is wiped.
    RequireSignatures {
        device: String,
        signatures: Vec<String>,
    },
    /// Fail unless the kernel knows the partition with this size in bytes: a table written for another would
    /// shrink what somebody has grown since the plan.
    RequireSize {
        device: String,
        bytes: u64,
    },
    /// Fail unless the device still holds nothing but zeroes, as far as anybody looks.
    RequireZeroes {
        device: String,
    },
    /// Fail unless nothing is mounted there: what somebody has mounted since the plan would be hidden.
    RequireNotMounted {
        path: String,
    },
    /// Fail unless the device carries an XFS that mkfs never finished.
    RequireUnfinished {
        device: String,
    },
}

const LVM_DEADLINE: Duration = Duration::from_secs(300);
const MKFS_DEADLINE: Duration = Duration::from_secs(900);
const MOUNT_DEADLINE: Duration = Duration::from_secs(120);
/// Emptying a used swap area reads all of it back.
const SWAPOFF_DEADLINE: Duration = Duration::from_secs(1800);
/// systemd's own patience with a unit is 90 s, for its stop and its start each.
const UNIT_DEADLINE: Duration = Duration::from_secs(240);
/// A few seconds on a fast machine; some hundred certificates are hashed one by one.
const TRUST_DEADLINE: Duration = Duration::from_secs(300);
/// The tools wait 15 s for each of the locks; a home directory is copied from a skeleton.
const ACCOUNT_DEADLINE: Duration = Duration::from_secs(120);
const SHORT_DEADLINE: Duration = Duration::from_secs(60);
/// sfdisk counts in sectors of 512 bytes, whatever the disk's own are.
const SECTOR: u64 = 512;

/// The steps of one action.
pub fn steps(action: &Action) -> Vec<Step> {
    match action {
        Action::GrowPartition { disk, table, number, device, from, to } => {
            let mut steps = vec![Step::RequireSize { device: device.clone(), bytes: *from }];
            steps.extend(grow_partition(disk, *table, *number, *to));
            steps
        }
        Action::ResizePhysicalVolume { device, .. } => vec![lvm("pvresize", ["--yes", device])],
        Action::WipeSignatures { device, signatures } => vec![
            Step::RequireSignatures { device: device.clone(), signatures: signatures.clone() },
            run("wipefs", SHORT_DEADLINE, ["--all", device]),
        ],
        Action::CreateVolumeGroup { volume_group, devices } => {
            take("vgcreate", &["--physicalextentsize", "4m", "--dataalignment", "1m"], volume_group, devices)
        }
        Action::ExtendVolumeGroup { volume_group, devices } => {
            take("vgextend", &["--dataalignment", "1m"], volume_group, devices)
        }
        Action::CreateVolume { volume_group, volume, extents } => vec![create_volume(volume_group, volume, *extents)],
        Action::ExtendVolume { volume_group, volume, to_extents, .. } => extend(volume_group, volume, *to_extents),
        Action::ExtendPoolData { volume_group, pool, to_extents, .. } => extend(volume_group, pool, *to_extents),
        Action::ExtendPoolMetadata { volume_group, pool, extent_size, from_extents, to_extents } => {
            let size = format!("+{}b", to_extents.saturating_sub(*from_extents) * extent_size);
            vec![lvm("lvextend", ["--poolmetadatasize", &size, &name(volume_group, pool)])]
        }
        Action::CreateThinPool(pool) => vec![create_pool(pool)],
        Action::RemoveThinPool { volume_group, pool, thin_volumes, .. } => vec![
            Step::RequireUnused {
                volume_group: volume_group.clone(),
                pool: pool.clone(),
                thin_volumes: thin_volumes.clone(),
            },
            lvm("lvremove", ["--yes", &name(volume_group, pool)]),
        ],
        Action::RemoveUnfinished { volume_group, volume, uuid } => {
            let this = format!("lv_uuid={uuid}");
            vec![lvm("lvremove", ["--yes", "--select", &this, &name(volume_group, volume)])]
        }
        Action::ActivateVolume { volume_group, volume } => change(volume_group, volume, "--activate", "y"),
        Action::SetPoolZeroing { volume_group, pool, zero } => change(volume_group, pool, "--zero", flag(*zero)),
        Action::SetPoolWhenFull { volume_group, pool, when_full } => {
            change(volume_group, pool, "--errorwhenfull", flag(*when_full == WhenFull::Error))
        }
        Action::AttachPoolProfile { volume_group, pool, profile } => {
            change(volume_group, pool, "--metadataprofile", profile)
        }
        Action::MonitorPool { volume_group, pool } => change(volume_group, pool, "--monitor", "y"),
        Action::MakeFilesystem { device, fstype, unfinished, .. } => make_filesystem(device, *fstype, *unfinished),
        Action::GrowFilesystem { path, device, fstype, .. } => vec![match fstype {
            FilesystemType::Xfs => run("xfs_growfs", MKFS_DEADLINE, ["-d", path]),
            FilesystemType::Ext4 => run("resize2fs", MKFS_DEADLINE, [device]),
        }],
        Action::CreateDirectory { path, mode, owner } => {
            vec![Step::CreateDirectory { path: path.clone(), mode: *mode, owner: owner.clone() }]
        }
        Action::WriteFile { path, mode, owner, before, after } => {
            vec![Step::Replace {
                path: path.clone(),
                mode: *mode,
                owner: owner.clone(),
                expected: before.clone(),
                text: after.clone(),
            }]
        }
        Action::WriteSecretFile { path, mode, owner, before, after } => vec![Step::ReplaceSecret {
            path: path.clone(),
            mode: *mode,
            owner: owner.clone(),
            expected: before.clone(),
            secret: after.clone(),
        }],
        Action::CopyFile { path, mode, owner, before, after, origin } => vec![Step::Copy {
            path: path.clone(),
            mode: *mode,
            owner: owner.clone(),
            expected: before.clone(),
            digest: after.clone(),
            origin: origin.clone(),
        }],
        Action::SetAttributes { path, mode, owner } => {
            vec![Step::SetAttributes { path: path.clone(), mode: *mode, owner: owner.clone() }]
        }
        Action::RemoveFile { path, digest, backup } => {
            vec![Step::MoveAway { path: path.clone(), digest: digest.clone(), to: backup.clone() }]
        }
        Action::RefreshTrust { store: TrustStore::CaTrust } => {
            vec![run("update-ca-trust", TRUST_DEADLINE, ["extract"])]
        }
        Action::RefreshTrust { store: TrustStore::CaCertificates } => {
            vec![run("update-ca-certificates", TRUST_DEADLINE, [])]
        }
        Action::CreateGroup { group, gid } => vec![create_group(group, *gid)],
        Action::CreateUser(user) => vec![create_user(user)],
        Action::SetShell { user, to, .. } => vec![run("usermod", ACCOUNT_DEADLINE, ["--shell", to, user])],
        Action::JoinGroups { user, groups } => {
            vec![run("usermod", ACCOUNT_DEADLINE, ["--append", "--groups", &groups.join(","), user])]
        }
        Action::SetPasswordHash { user, after, .. } => vec![Step::RunSecret {
            command: Command::new("chpasswd", ["--encrypted"]).deadline(ACCOUNT_DEADLINE),
            before: format!("{user}:"),
            secret: after.clone(),
        }],
        Action::LockPassword { user } => vec![run("usermod", ACCOUNT_DEADLINE, ["--lock", user])],
        Action::ChangeKeys { path, owner, before, changes } => vec![Step::ChangeKeys {
            path: path.clone(),
            owner: owner.clone(),
            expected: before.clone(),
            changes: changes.clone(),
        }],
        Action::RestoreLabels { path } => vec![run("restorecon", SHORT_DEADLINE, ["-R", path])],
        Action::EnablePamAccess { manager } => enable_pam_access(*manager),
        Action::FlushJournal { directory } => vec![
            run("systemd-tmpfiles", SHORT_DEADLINE, ["--create", "--prefix", directory]),
            run("journalctl", UNIT_DEADLINE, ["--flush"]),
        ],
        Action::ReloadUnit { unit } => vec![systemctl("reload", unit)],
        // systemd refuses a start after some within seconds, and would leave the unit stopped: the count begins anew.
        Action::RestartUnit { unit } => vec![systemctl("reset-failed", unit), systemctl("restart", unit)],
        Action::StopUnit { unit } => vec![systemctl("stop", unit)],
        Action::StartUnit { unit } => vec![systemctl("start", unit)],
        Action::EnableUnit { unit } => vec![systemctl("enable", unit)],
        Action::DisableUnit { unit } => vec![systemctl("disable", unit)],
        Action::MaskUnit { unit } => vec![systemctl("mask", unit)],
        Action::ReloadSystemd => vec![run("systemctl", SHORT_DEADLINE, ["daemon-reload"])],
        Action::Mount { path } => {
            vec![Step::RequireNotMounted { path: path.clone() }, run("mount", MOUNT_DEADLINE, [path])]
        }
        Action::DisableSwap { device } => vec![run("swapoff", SWAPOFF_DEADLINE, [device])],
        Action::MakeSwap { device, uuid: Some(uuid), .. } => {
            vec![run("mkswap", SHORT_DEADLINE, ["--uuid", uuid, device])]
        }
        Action::MakeSwap { device, uuid: None, .. } => {
            vec![Step::RequireBlank { device: device.clone() }, run("mkswap", SHORT_DEADLINE, [device])]
        }
        Action::EnableSwap { device } => vec![run("swapon", SHORT_DEADLINE, [device])],
    }
}

fn run<const N: usize>(program: &'static str, deadline: Duration, args: [&str; N]) -> Step {
    Step::Run(Command::new(program, args).deadline(deadline))
}

fn lvm<const N: usize>(program: &'static str, args: [&str; N]) -> Step {
    run(program, LVM_DEADLINE, args)
}

fn systemctl(verb: &'static str, unit: &str) -> Step {
    run("systemctl", UNIT_DEADLINE, [verb, "--", unit])
}

fn create_group(group: &str, gid: Option<u32>) -> Step {
    let gid = gid.map(|gid| gid.to_string());
    let options = gid.iter().flat_map(|gid| ["--gid", gid]);
    Step::Run(Command::new("groupadd", options.chain([group])).deadline(ACCOUNT_DEADLINE))
}

fn create_user(user: &NewUser) -> Step {
    let NewUser { user, uid, group, groups, home, shell } = user;
    let (uid, groups) = (uid.map(|uid| uid.to_string()), groups.join(","));
    let mut args = vec!["--create-home", "--home-dir", home];
    args.extend(uid.iter().flat_map(|uid| ["--uid", uid]));
    match group {
        Some(group) => args.extend(["--gid", group]),
        None => args.push("--user-group"),
    }
    if !groups.is_empty() {
        args.extend(["--groups", &groups]);
    }
    args.extend(shell.iter().flat_map(|shell| ["--shell", shell]));
    args.push(user);
    Step::Run(Command::new("useradd", args).deadline(ACCOUNT_DEADLINE))
}

fn enable_pam_access(manager: PamManager) -> Vec<Step> {
    match manager {
        PamManager::Authselect => vec![run("authselect", SHORT_DEADLINE, ["enable-feature", "with-pamaccess"])],
        PamManager::Authconfig => vec![run("authconfig", SHORT_DEADLINE, ["--enablepamaccess", "--update"])],
        // Their plans are files, or refusals.
        PamManager::PamAuthUpdate | PamManager::Unknown => Vec::new(),
    }
}

fn name(group: &str, volume: &str) -> String {
    format!("{group}/{volume}")
}

fn flag(on: bool) -> &'static str {
    if on { "y" } else { "n" }
}

fn change(group: &str, volume: &str, option: &str, value: &str) -> Vec<Step> {
    vec![lvm("lvchange", [option, value, &name(group, volume)])]
}

fn extend(group: &str, volume: &str, extents: u64) -> Vec<Step> {
    vec![lvm("lvextend", ["--extents", &extents.to_string(), &name(group, volume)])]
}

fn create_volume(group: &str, volume: &str, extents: u64) -> Step {
    let extents = extents.to_string();
    lvm(
        "lvcreate",
        [
            "--yes",
            "--wipesignatures",
            "y",
            "--zero",
            "y",
            "--type",
            "linear",
            "--extents",
            &extents,
            "--name",
            volume,
            group,
        ],
    )
}

/// The table is written for one partition only; the kernel, which holds the disk open, is told of
/// the new size alone.
fn grow_partition(disk: &str, table: PartitionTable, number: u32, to: u64) -> Vec<Step> {
    let number = number.to_string();
    let mut steps = Vec::new();
    if table == PartitionTable::Gpt {
        // A GPT ends with a second header that must move to the new end of the disk first.
        steps.push(run("sfdisk", SHORT_DEADLINE, ["--no-reread", "--force", "--relocate", "gpt-bak-std", disk]));
    }
    let sectors = format!(",{}\n", to / SECTOR);
    steps.push(Step::Run(
        Command::new("sfdisk", ["--no-reread", "--force", "-N", &number, disk])
            .deadline(SHORT_DEADLINE)
            .stdin(sectors.into_bytes()),
    ));
    steps.push(run("partx", SHORT_DEADLINE, ["--update", "--nr", &number, disk]));
    steps
}

/// Without `--yes` LVM looks at the disks itself, and what appeared on one after our own look makes it refuse: it
/// asks, and nobody answers.
fn take(program: &'static str, options: &[&str], group: &str, devices: &[DiskTaken]) -> Vec<Step> {
    let mut steps: Vec<Step> = devices
        .iter()
        .filter(|disk| !disk.resumed)
        .map(|disk| match disk.consented {
            // What it held is still there; only its signatures are gone.
            true => Step::RequireBlank { device: disk.device.clone() },
            false => Step::RequireZeroes { device: disk.device.clone() },
        })
        .collect();
    let devices = devices.iter().map(|disk| disk.device.as_str());
    let args = options.iter().copied().chain([group]).chain(devices);
    steps.push(Step::Run(Command::new(program, args).deadline(LVM_DEADLINE)));
    steps
}

fn make_filesystem(device: &str, fstype: FilesystemType, unfinished: bool) -> Vec<Step> {
    let owned = device.to_owned();
    match (fstype, unfinished) {
        (FilesystemType::Xfs, true) => {
            vec![Step::RequireUnfinished { device: owned }, run("mkfs.xfs", MKFS_DEADLINE, ["-f", device])]
        }
        (FilesystemType::Xfs, false) => {
            vec![Step::RequireBlank { device: owned }, run("mkfs.xfs", MKFS_DEADLINE, [device])]
        }
        // Without a terminal mkfs.ext4 overwrites whatever it finds: the check before it is what protects.
        (FilesystemType::Ext4, _) => {
            vec![Step::RequireBlank { device: owned }, run("mkfs.ext4", MKFS_DEADLINE, ["-q", device])]
        }
    }
}

fn create_pool(pool: &NewThinPool) -> Step {
    let NewThinPool {
        volume_group,
        pool,
        extent_size,
        data_extents,
        metadata_extents,
        chunk,
        zero,
        when_full,
        profile,
    } = pool;
    let extents = data_extents.to_string();
    let metadata = format!("{}b", metadata_extents * extent_size);
    let chunk = format!("{}k", chunk >> 10);
    let mut args =
        vec!["--yes", "--thin", "--extents", &extents, "--poolmetadatasize", &metadata, "--chunksize", &chunk];
    args.extend(["--zero", flag(*zero), "--errorwhenfull", flag(*when_full == WhenFull::Error)]);
    if let Some(profile) = profile {
        args.extend(["--metadataprofile", profile]);
    }
    args.extend(["--name", pool, volume_group]);
    Step::Run(Command::new("lvcreate", args).deadline(LVM_DEADLINE))
}
