//! What a profile must satisfy beyond its form: names, sizes, and no contradictions.
//!
//! Every check adds to one list, so that a person sees all of it at once.

mod access;
mod certificates;
mod cloud_init;
mod disks;
mod docker;
mod files;
mod journald;
mod mounts;
pub mod paths;
mod users;
mod volumes;

use super::error::Problem;
use super::names;
use super::raw::{MapOf, RawGroup, RawLvm, RawProfile, VERSIONS};
use super::yaml::At;
use super::{Profile, VolumeGroup};
use crate::resources::{self, lvm_conf};
use indexmap::IndexMap;
use std::ops::Range;

/// The problems found so far.
#[derive(Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, span: &Range<usize>, message: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Problem::new(span, message, cure));
    }

    /// The value, or `None` with the reason on the list. What a reason says after ": write" or ": use" is its cure.
    fn note<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(reason) => {
                let cut = reason.find(": write ").or_else(|| reason.find(": use ")).unwrap_or(reason.len());
                let (message, cure) = reason.split_at(cut);
                self.add(span, message, cure.trim_start_matches(": "));
                None
            }
        }
    }
}

/// Whether this program reads this version of the profile's form.
pub fn version(version: Option<&At<String>>) -> Result<(), Vec<Problem>> {
    let known: Vec<String> = VERSIONS.iter().map(u64::to_string).collect();
    let known = known.join(", ");
    let Some(At { value, span }) = version else {
        return Err(vec![Problem::new(
            &(0..0),
            "`version` is missing",
            format!("begin the profile with `version: {}`", VERSIONS[VERSIONS.len() - 1]),
        )]);
    };
    if value.parse().is_ok_and(|number: u64| VERSIONS.contains(&number)) {
        return Ok(());
    }
    Err(vec![Problem::new(
        span,
        format!("version `{value}` of the profile is unknown to this atomhost"),
        format!("it understands version {known}: write that, or install the atomhost that this profile is for"),
    )])
}

/// Turns what was written into a profile that can be planned.
pub fn check(raw: RawProfile) -> Result<Profile, Vec<Problem>> {
    if asks_for_nothing(&raw) {
        return Err(vec![Problem::new(
            &(0..0),
            "this profile asks for nothing",
            "add `lvm:` with a volume group, `mounts:`, `users:`, `files:` or another section",
        )]);
    }
    let RawProfile {
        _version,
        lvm,
        mounts: shares,
        groups: raw_groups,
        users: raw_users,
        files: raw_files,
        ca_certificates,
        docker,
        containers,
        journald,
        access,
        cloud_init,
    } = raw;
    let mut problems = Problems::default();
    let mut points = mounts::Points::default();
    let mut disks = disks::Seen::default();
    let mut claims = paths::Claims::default();
    let mut volume_groups = Vec::new();
    let lvm_archive = lvm.as_ref().and_then(|lvm| lvm.value.archive.as_ref()).map(|archive| {
        claims.claim(lvm_conf::PATH, "lvm.archive", &archive.span, &mut problems);
        archive.value
    });
    for (name, group) in lvm.map(|lvm| groups(lvm, &mut problems)).unwrap_or_default() {
        volume_groups.push(volume_group(&name, group, &mut disks, &mut points, &mut problems));
    }
    let mounts = mounts::shares(shares.unwrap_or_default(), &mut points, &mut problems);
    let groups = users::groups(raw_groups.unwrap_or_default(), &mut problems);
    let users = users::users(raw_users.unwrap_or_default(), &mut problems);
    let files = files::check(raw_files.unwrap_or_default(), &mut claims, &mut problems);
    let ca_certificates = certificates::check(ca_certificates.unwrap_or_default(), &mut claims, &mut problems);
    let docker = docker::docker(docker, &mut claims, &mut problems);
    let container_storage = docker::containers(containers, &mut claims, &mut problems);
    let spans = [journald.as_ref().map(|at| &at.span), cloud_init.as_ref().map(|at| &at.span)];
    let owned = [(resources::journald::DROP_IN, "journald"), (resources::cloud_init::SWITCH, "cloud_init")];
    for (span, (path, section)) in spans.into_iter().zip(owned) {
        span.map(|span| claims.claim(path, section, span, &mut problems));
    }
    let journald = journald.map(|options| journald::journald(options, &mut problems));
    let access = access.map(|access| access::check(access, &mut problems));
    let cloud_init = cloud_init.and_then(|wanted| cloud_init::cloud_init(wanted, &mut problems));
    match problems.0.is_empty() {
        true => Ok(Profile {
            volume_groups,
            mounts,
            groups,
            users,
            files,
            ca_certificates,
            lvm_archive,
            docker,
            container_storage,
            journald,
            access,
            cloud_init,
        }),
        false => Err(problems.0),
    }
}

fn asks_for_nothing(raw: &RawProfile) -> bool {
    fn has_any<K, V>(map: &Option<IndexMap<K, V>>) -> bool {
        map.as_ref().is_some_and(|map| !map.is_empty())
    }
    let RawProfile { lvm, mounts, groups, users, files, ca_certificates, .. } = raw;
    let RawProfile { docker, containers, journald, access, cloud_init, .. } = raw;
    let named = [has_any(mounts), has_any(groups), has_any(users), has_any(files), has_any(ca_certificates)];
    let there = [docker.is_some(), containers.is_some(), journald.is_some(), access.is_some(), cloud_init.is_some()];
    lvm.is_none() && !named.contains(&true) && !there.contains(&true)
}

/// Both forms, short and long, as one list.
fn groups(lvm: At<RawLvm>, problems: &mut Problems) -> Vec<(At<String>, At<RawGroup>)> {
    let At { value: lvm, span } = lvm;
    let RawLvm { archive, volume_group, disks, grow, volumes, thin_pools, volume_groups } = lvm;
    let has_short =
        volume_group.is_some() || disks.is_some() || grow.is_some() || volumes.is_some() || thin_pools.is_some();
    let short = RawGroup { disks, grow, volumes, thin_pools };
    match (volume_group, volume_groups) {
        (_, Some(several)) if has_short => {
            problems.add(
                &several.span,
                "`volume_groups` stands beside the keys of a single group",
                "move volume_group, disks, grow, volumes and thin_pools into an entry of volume_groups",
            );
            Vec::new()
        }
        (_, Some(several)) => {
            if several.value.is_empty() {
                problems.add(&several.span, "`volume_groups` is empty", "name a group, or remove the key");
            }
            several.value.into_iter().map(|(name, MapOf(group))| (name, group)).collect()
        }
        (Some(name), None) => vec![(name.clone(), At { value: short, span: name.span })],
        (None, None) if archive.is_some() && !has_short => Vec::new(),
        (None, None) => {
            problems.add(
                &span,
                "`lvm` names no volume group",
                "add `volume_group: NAME` (vgs shows those of a host), or `volume_groups:` with several",
            );
            Vec::new()
        }
    }
}

fn volume_group(
    name: &At<String>,
    group: At<RawGroup>,
    disks: &mut disks::Seen,
    points: &mut mounts::Points,
    problems: &mut Problems,
) -> VolumeGroup {
    let RawGroup { disks: raw_disks, grow, volumes: raw_volumes, thin_pools } = group.value;
    if let Err(reason) = names::check_group(&name.value) {
        problems.add(&name.span, format!("volume group `{}` {reason}", name.value), "choose another name");
    }
    let raw_disks = raw_disks.unwrap_or_default();
    let raw_volumes = raw_volumes.unwrap_or_default();
    let thin_pools = thin_pools.unwrap_or_default();
    if raw_disks.is_empty() && grow.is_none() && raw_volumes.is_empty() && thin_pools.is_empty() {
        problems.add(
            &name.span,
            format!("volume group `{}` asks for nothing", name.value),
            "add disks, volumes or thin_pools",
        );
    }
    let disks = raw_disks.into_iter().filter_map(|disk| disks::check(disk, &name.value, disks, problems)).collect();
    let mut names = volumes::Names::new(&name.value);
    let volumes = volumes::volumes(raw_volumes, &mut names, points, problems);
    let thin_pools = volumes::pools(thin_pools, &mut names, problems);
    VolumeGroup {
        name: name.value.clone(),
        disks,
        grow: grow.map(|grow| grow.value).unwrap_or_default(),
        volumes,
        thin_pools,
    }
}
