//! Swap areas on logical volumes: made once, made anew when the volume has grown and memory can
//! absorb what is swapped out. fstab and swapon are the business of [`super::mount`].

use crate::action::Action;
use crate::facts::Swap;
use crate::plan::RefusalCode;
use crate::plan::model::{Model, PlannedVolume, Words};
use crate::profile::{Content, VolumeGroup};
use crate::size::human;

/// Bytes of a page, the unit of a swap area on x86-64 and most others.
const PAGE: u64 = 4096;
/// Memory that must stay free when a used swap area is emptied: 64 MiB.
const HEADROOM: u64 = 64 << 20;

/// Plans the swap areas of a group.
pub fn plan(wanted: &VolumeGroup, model: &mut Model<'_>) {
    for (at, volume) in wanted.volumes.iter().enumerate() {
        if volume.content != Content::Swap {
            continue;
        }
        if let Some(planned) = model.volume(&wanted.name, at).cloned() {
            area(&wanted.name, &planned, model);
        }
    }
}

/// The active swap area on a volume.
pub fn active<'a>(model: &Model<'a>, planned: &PlannedVolume) -> Option<&'a Swap> {
    let number = planned.observed.as_ref()?.device_number.as_ref()?;
    model.index.swap_on(number)
}

/// Whether an active area is smaller than its volume; /proc/swaps leaves out the header page.
pub fn is_short(swap: &Swap, planned: &PlannedVolume) -> bool {
    swap.size + PAGE < planned.size
}

fn area(group: &str, planned: &PlannedVolume, model: &mut Model<'_>) {
    let object = format!("{group}/{}", planned.name);
    let Some(lv) = &planned.observed else {
        make(planned, None, "the volume is new", model);
        return;
    };
    if let Some(swap) = active(model, planned) {
        if is_short(swap, planned) {
            regrow(&object, planned, swap, model);
        }
        return;
    }
    let device = lv.device_number.as_ref().and_then(|number| model.index.device(number));
    let Some(probe) = device.and_then(|device| device.probe.as_ref()) else {
        model.refuse(
            RefusalCode::NotBlank,
            object,
            "was not examined, or is in use as something else",
            "see lsblk; gather the facts for this profile again",
        );
        return;
    };
    match &probe.swap {
        Some(area) if area.size < planned.size => {
            let uuid = Some(area.uuid.clone()).filter(|uuid| !uuid.is_empty());
            make(planned, uuid, "the volume has grown", model);
        }
        Some(_) => {}
        None if probe.is_blank() => make(planned, None, "the volume is provably blank", model),
        None => model.refuse(
            RefusalCode::NotBlank,
            object,
            match &probe.unreadable {
                Some(reason) => format!("cannot be read: {reason}"),
                None => format!("carries {}, the profile wants swap", probe.signatures.join(", ")),
            },
            "correct the profile; what is on a volume is never replaced",
        ),
    }
}

fn regrow(object: &str, planned: &PlannedVolume, swap: &Swap, model: &mut Model<'_>) {
    let available = model.facts.memory.available;
    if swap.used + HEADROOM > available {
        model.refuse(
            RefusalCode::SwapInUse,
            object,
            format!("{} are swapped out, {} of memory are available", human(swap.used), human(available)),
            "free memory first, or leave its size: growing swap empties it into memory",
        );
        return;
    }
    model.act(
        Action::DisableSwap { device: planned.device.clone() },
        Words {
            object: planned.device.clone(),
            before: "active".to_owned(),
            after: "inactive".to_owned(),
            why: format!(
                "the area has {}, its volume {}; memory can absorb what is in it",
                human(swap.size + PAGE),
                human(planned.size)
            ),
        },
    );
    let uuid = Some(swap.uuid.clone()).filter(|uuid| !uuid.is_empty());
    make(planned, uuid, "the volume has grown", model);
}

fn make(planned: &PlannedVolume, uuid: Option<String>, why: &str, model: &mut Model<'_>) {
    let before = if uuid.is_some() { "smaller swap area".to_owned() } else { String::new() };
    model.act(
        Action::MakeSwap { device: planned.device.clone(), size: planned.size, uuid },
        Words {
            object: planned.device.clone(),
            before,
            after: format!("swap area of {}", human(planned.size)),
            why: why.to_owned(),
        },
    );
}
