//! LVM's full report: volume groups with their physical and logical volumes, and orphans.

use crate::facts::{LogicalVolume, PhysicalVolume, Pool, Role, Thin, VolumeGroup};
use crate::host::command::Output;
use serde::Deserialize;
use std::collections::HashMap;

/// What the report holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LvmReport {
    pub volume_groups: Vec<VolumeGroup>,
    /// Physical volumes of no group.
    pub orphans: Vec<PhysicalVolume>,
}

#[derive(Deserialize)]
struct Document {
    report: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    vg: Vec<RawVg>,
    pv: Vec<RawPv>,
    lv: Vec<RawLv>,
    pvseg: Vec<RawPvSegment>,
    seg: Vec<RawSegment>,
}

// Every value is a string in this report format; a column that is missing is an error that names it.

#[derive(Deserialize)]
struct RawVg {
    vg_name: String,
    vg_uuid: String,
    vg_permissions: String,
    vg_exported: String,
    vg_clustered: String,
    vg_shared: String,
    vg_extent_size: String,
    vg_extent_count: String,
    vg_free_count: String,
    vg_seqno: String,
    vg_missing_pv_count: String,
}

#[derive(Deserialize)]
struct RawPv {
    pv_name: String,
    pv_uuid: String,
    dev_size: String,
    pe_start: String,
    pv_pe_count: String,
    pv_pe_alloc_count: String,
    pv_missing: String,
    pv_duplicate: String,
}

#[derive(Deserialize)]
struct RawLv {
    lv_name: String,
    lv_uuid: String,
    lv_dm_path: String,
    lv_layout: String,
    lv_role: String,
    lv_size: String,
    lv_active: String,
    lv_kernel_major: String,
    lv_kernel_minor: String,
    lv_health_status: String,
    lv_when_full: String,
    lv_profile: String,
    lv_metadata_size: String,
    lv_check_needed: String,
    lv_device_open: String,
    pool_lv: String,
    data_percent: String,
    metadata_percent: String,
}

#[derive(Deserialize)]
struct RawPvSegment {
    pvseg_size: String,
    lv_uuid: String,
}

#[derive(Deserialize)]
struct RawSegment {
    lv_uuid: String,
    segtype: String,
    chunk_size: String,
    zero: String,
    seg_monitor: String,
}

/// Judges what lvm left: an error, or an empty report with complaints, is never "no volume groups".
///
/// # Errors
/// What LVM said, or what is wrong with its report.
pub fn from_output(output: &Output) -> Result<LvmReport, String> {
    if output.code != Some(0) {
        return Err(format!("lvm fullreport: {}: {}", output.ended(), output.stderr_end()));
    }
    let report = parse(&output.stdout)?;
    if report.volume_groups.is_empty() && report.orphans.is_empty() && !output.stderr.trim().is_empty() {
        return Err(format!("lvm fullreport is empty, and says: {}", output.stderr_end()));
    }
    Ok(report)
}

/// Reads `lvm fullreport --reportformat json --units b --nosuffix`.
///
/// # Errors
/// Text that is no such report, or a figure that is none.
pub fn parse(json: &str) -> Result<LvmReport, String> {
    // LVM puts warnings before its report at times.
    let json = json.get(json.find('{').unwrap_or(0)..).unwrap_or(json);
    let document: Document =
        serde_json::from_str(json).map_err(|error| format!("lvm fullreport: unexpected output: {error}"))?;
    let mut report = LvmReport::default();
    for part in document.report {
        let pvs = part.pv.iter().map(physical_volume).collect::<Result<Vec<_>, _>>()?;
        match part.vg.first() {
            Some(vg) => report.volume_groups.push(volume_group(vg, pvs, &part)?),
            None => report.orphans.extend(pvs),
        }
    }
    Ok(report)
}

fn number<T: std::str::FromStr>(column: &str, value: &str) -> Result<T, String> {
    value.trim().parse().map_err(|_| format!("lvm fullreport: {column} is `{value}`, not a number"))
}

fn volume_group(vg: &RawVg, physical_volumes: Vec<PhysicalVolume>, part: &Part) -> Result<VolumeGroup, String> {
    let extent_size: u64 = number("vg_extent_size", &vg.vg_extent_size)?;
    if extent_size == 0 {
        return Err(format!("lvm fullreport: volume group {} has extents of no size", vg.vg_name));
    }
    let mut extents: HashMap<&str, u64> = HashMap::new();
    for segment in &part.pvseg {
        *extents.entry(&segment.lv_uuid).or_default() += number::<u64>("pvseg_size", &segment.pvseg_size)?;
    }
    let mut segments: HashMap<&str, &RawSegment> = HashMap::new();
    for segment in &part.seg {
        segments.entry(&segment.lv_uuid).or_insert(segment);
    }
    let by_name: HashMap<&str, u64> = part
        .lv
        .iter()
        .map(|lv| (plain_name(&lv.lv_name), extents.get(lv.lv_uuid.as_str()).copied().unwrap_or(0)))
        .collect();
    let logical_volumes = part
        .lv
        .iter()
        .map(|lv| {
            let own = extents.get(lv.lv_uuid.as_str()).copied().unwrap_or(0);
            logical_volume(lv, own, segments.get(lv.lv_uuid.as_str()).copied(), &by_name, extent_size)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(VolumeGroup {
        name: vg.vg_name.clone(),
        uuid: vg.vg_uuid.clone(),
        extent_size,
        extents: number("vg_extent_count", &vg.vg_extent_count)?,
        free_extents: number("vg_free_count", &vg.vg_free_count)?,
        seqno: number("vg_seqno", &vg.vg_seqno)?,
        missing_pvs: number("vg_missing_pv_count", &vg.vg_missing_pv_count)?,
        exported: !vg.vg_exported.is_empty(),
        writable: vg.vg_permissions == "writeable",
        shared: !vg.vg_clustered.is_empty() || !vg.vg_shared.is_empty(),
        physical_volumes,
        logical_volumes,
    })
}

fn physical_volume(pv: &RawPv) -> Result<PhysicalVolume, String> {
    Ok(PhysicalVolume {
        device: pv.pv_name.clone(),
        uuid: pv.pv_uuid.clone(),
        device_size: number("dev_size", &pv.dev_size)?,
        extents_start: number("pe_start", &pv.pe_start)?,
        extents: number("pv_pe_count", &pv.pv_pe_count)?,
        allocated_extents: number("pv_pe_alloc_count", &pv.pv_pe_alloc_count)?,
        missing: !pv.pv_missing.is_empty(),
        duplicate: !pv.pv_duplicate.is_empty(),
    })
}

/// LVM writes hidden volumes in brackets.
fn plain_name(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

fn role(lv: &RawLv, segment_type: &str) -> Role {
    let is = |word: &str| lv.lv_role.split(',').any(|role| role == word);
    if segment_type == "thin-pool" {
        Role::ThinPool
    } else if is("pool") && is("spare") {
        Role::MetadataSpare
    } else if is("thin") && is("pool") && is("data") {
        Role::ThinPoolData
    } else if is("thin") && is("pool") && is("metadata") {
        Role::ThinPoolMetadata
    } else if segment_type == "thin" || lv.lv_layout.split(',').any(|layout| layout == "sparse") {
        Role::ThinVolume
    } else if is("private") {
        Role::Hidden
    } else {
        Role::Plain
    }
}

fn logical_volume(
    lv: &RawLv,
    extents: u64,
    segment: Option<&RawSegment>,
    by_name: &HashMap<&str, u64>,
    extent_size: u64,
) -> Result<LogicalVolume, String> {
    let name = plain_name(&lv.lv_name).to_owned();
    let segment_type = segment.map_or("", |segment| segment.segtype.as_str());
    let role = role(lv, segment_type);
    let size: u64 = number("lv_size", &lv.lv_size)?;
    let pool = match segment.filter(|_| role == Role::ThinPool) {
        Some(segment) => Some(pool(lv, &name, size, segment, by_name, extent_size)?),
        None => None,
    };
    let active = lv.lv_active == "active" || lv.lv_active == "local";
    let numbered = lv.lv_kernel_major.parse::<u32>().ok().zip(lv.lv_kernel_minor.parse::<u32>().ok());
    Ok(LogicalVolume {
        uuid: lv.lv_uuid.clone(),
        role,
        extents,
        size,
        active,
        path: if matches!(role, Role::Plain | Role::ThinVolume | Role::ThinPool) {
            lv.lv_dm_path.clone()
        } else {
            String::new()
        },
        device_number: numbered.map(|(major, minor)| format!("{major}:{minor}")),
        health: lv.lv_health_status.clone(),
        segment_type: segment_type.to_owned(),
        pool,
        thin: (role == Role::ThinVolume)
            .then(|| Thin { pool: plain_name(&lv.pool_lv).to_owned(), used: hundredths(&lv.data_percent) }),
        open: lv.lv_device_open == "open" || lv.lv_device_open == "1",
        name,
    })
}

fn pool(
    lv: &RawLv,
    name: &str,
    size: u64,
    segment: &RawSegment,
    by_name: &HashMap<&str, u64>,
    extent_size: u64,
) -> Result<Pool, String> {
    // A data or metadata volume that is itself a raid has its extents in hidden images.
    let part = |suffix: &str, size: u64| match by_name.get(format!("{name}{suffix}").as_str()) {
        Some(extents) if *extents > 0 => *extents,
        _ => size / extent_size,
    };
    Ok(Pool {
        data_extents: part("_tdata", size),
        metadata_extents: part("_tmeta", number("lv_metadata_size", &lv.lv_metadata_size)?),
        chunk: number("chunk_size", &segment.chunk_size)?,
        zero: segment.zero == "zero" || segment.zero == "1",
        when_full: lv.lv_when_full.clone(),
        monitor: segment.seg_monitor.clone(),
        profile: lv.lv_profile.clone(),
        data_used: hundredths(&lv.data_percent),
        metadata_used: hundredths(&lv.metadata_percent),
        needs_check: lv.lv_check_needed == "check needed" || lv.lv_check_needed == "1",
    })
}

/// `12.34` → 1234; blank for a pool that is not active.
fn hundredths(percent: &str) -> Option<u32> {
    let (whole, fraction) = percent.trim().split_once('.').unwrap_or((percent.trim(), "0"));
    let fraction: String = fraction.chars().chain("00".chars()).take(2).collect();
    Some(whole.parse::<u32>().ok()? * 100 + fraction.parse::<u32>().ok()?)
}
