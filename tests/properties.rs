//! Properties of the planner over random hosts and profiles, against the simulator's model.

mod support;

use atomhost::action::Action;
use atomhost::facts::{Facts, LogicalVolume, Probe, Residue, Role, Thin, UnitFacts};
use atomhost::import::host;
use atomhost::plan::{Plan, RefusalCode, plan};
use atomhost::profile::*;
use atomhost::resources::pool_reset::{self, Afterwards, Reset};
use atomhost::size::Amount;
use proptest::prelude::*;
use support::fixture::{GIB, blank_disk, stock_host};
use support::simulator;

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        4 => (1u64..40_000).prop_map(|mib| Amount::Bytes(mib << 20)),
        1 => (1u64..20_000_000).prop_map(|kib| Amount::Bytes(kib << 10)),
        1 => (1u32..=60).prop_map(Amount::PercentVg),
        2 => (1u32..=50).prop_map(Amount::PercentFree),
    ]
}

fn size() -> impl Strategy<Value = SizeWanted> {
    amount().prop_map(|amount| SizeWanted { amount, bound: Bound::AtLeast })
}

fn volume(name: &'static str) -> impl Strategy<Value = Volume> {
    let content = prop_oneof![
        Just(Content::Filesystem(FilesystemType::Xfs)),
        Just(Content::Filesystem(FilesystemType::Ext4)),
        Just(Content::Swap),
        Just(Content::AsFound),
    ];
    (size(), content, any::<bool>()).prop_map(move |(size, content, mounted)| {
        let mount = (mounted && matches!(content, Content::Filesystem(_)))
            .then(|| MountWanted { path: format!("/var/{name}"), options: "defaults".into() });
        Volume { name: name.into(), size, content, mount }
    })
}

fn pool(name: &'static str) -> impl Strategy<Value = ThinPool> {
    let chunk = prop_oneof![Just(None), Just(Some(64 << 10)), Just(Some(512 << 10))];
    let metadata = prop_oneof![3 => Just(None), 1 => (2u64..200).prop_map(|mib| Some(mib << 20))];
    (size(), chunk, metadata, any::<bool>()).prop_map(move |(size, chunk, metadata, autoextend)| ThinPool {
        name: name.into(),
        size,
        chunk,
        metadata,
        zero: Some(false),
        autoextend: autoextend.then_some(Autoextend { threshold: 60, percent: 20 }),
        when_full: Some(WhenFull::Error),
    })
}

fn profile(disks: usize) -> impl Strategy<Value = Profile> {
    let root = size().prop_map(|size| Volume { name: "root".into(), size, content: Content::AsFound, mount: None });
    let volumes = (root, proptest::option::of(volume("srv")), proptest::option::of(volume("data")));
    let pools = (proptest::option::of(pool("docker-pool")), proptest::option::of(pool("other")));
    let wipe = any::<bool>();
    (volumes, pools, wipe).prop_map(move |((root, srv, data), (first, second), wipe)| {
        let on_signature = if wipe { OnSignature::Wipe } else { OnSignature::Refuse };
        let disks =
            (0..disks).map(|at| DiskWanted { selector: DiskSelector::Serial(format!("DATA{}", at + 1)), on_signature });
        Profile {
            volume_groups: vec![VolumeGroup {
                name: "atomicos".into(),
                disks: disks.collect(),
                grow: Grow::Partitions,
                volumes: std::iter::once(root).chain(srv).chain(data).collect(),
                thin_pools: first.into_iter().chain(second).collect(),
            }],
            ..Profile::default()
        }
    })
}

/// What an unused disk may look like.
fn probe() -> impl Strategy<Value = Probe> {
    let residue = |lvm_metadata| Probe { residue: Some(Residue { offset: 4096, lvm_metadata }), ..Probe::default() };
    prop_oneof![
        16 => Just(Probe::default()),
        2 => Just(Probe { signatures: vec!["ext4".into()], ..Probe::default() }),
        2 => any::<bool>().prop_map(residue),
    ]
}

/// A host, and a profile that names its disks. Some disks carry a signature, or data without any.
fn case() -> impl Strategy<Value = (Facts, Profile)> {
    proptest::collection::vec((1u64..200, probe()), 0..4).prop_flat_map(|disks| {
        let sizes: Vec<u64> = disks.iter().map(|(gib, _)| gib * GIB).collect();
        let mut facts = stock_host(&sizes);
        for (at, (_, probe)) in disks.iter().enumerate() {
            let name = format!("sd{}", char::from(b'b' + at as u8));
            if let Some(device) = facts.block_devices.iter_mut().find(|device| device.name == name) {
                device.probe = Some(probe.clone());
            }
        }
        (Just(facts), profile(disks.len()))
    })
}

fn run(facts: &mut Facts, plan: &Plan) {
    for planned in &plan.actions {
        simulator::apply(facts, &planned.action);
    }
}

/// With what apply records around an action.
fn run_recorded(facts: &mut Facts, action: &Action) {
    facts.record.begun.extend(action.begins());
    simulator::apply(facts, action);
    facts.record.begun.retain(|begun| !action.fulfils(begun));
}

fn used(facts: &Facts) -> u64 {
    facts.volume_groups.iter().flat_map(|group| &group.logical_volumes).map(|lv| lv.extents).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The simulator panics on anything that shrinks, overcommits or formats what is not blank; then
    /// a second plan must be empty, and the books must balance with the ledger.
    #[test]
    fn a_plan_converges((mut facts, profile) in case()) {
        let first = plan(&profile, &facts);
        prop_assume!(first.refusals.is_empty());
        run(&mut facts, &first);
        let second = plan(&profile, &facts);
        prop_assert!(second.is_in_sync(), "left over: {:#?} {:#?}", second.actions, second.refusals);
        let group = &facts.volume_groups[0];
        prop_assert_eq!(group.extents, used(&facts) + group.free_extents);
        let ledger = &first.ledgers[0];
        prop_assert_eq!(ledger.total_after, group.extents);
        prop_assert_eq!(ledger.free_after(), group.free_extents);
        prop_assert_eq!(&second.ledgers[0].rows.iter().map(|row| row.after).sum::<u64>(), &ledger.used_after());
    }

    /// What was made by a profile is found again: the host is in sync with what is imported from it, and nothing of
    /// its storage is left out.
    #[test]
    fn what_is_imported_is_in_sync((mut facts, wanted) in case()) {
        let first = plan(&wanted, &facts);
        prop_assume!(first.refusals.is_empty());
        run(&mut facts, &first);
        let imported = host::profile(&facts).expect("YAML");
        let found = parse(imported.text.as_bytes(), "imported");
        prop_assert!(found.is_ok(), "{}\n{:?}", imported.text, found);
        let found = found.expect("a profile");
        let second = plan(&found, &facts);
        prop_assert!(second.is_in_sync(), "{}\n{:#?} {:#?}", imported.text, second.actions, second.refusals);
        let names = |profile: &Profile| {
            let group = &profile.volume_groups[0];
            let mut names: Vec<(String, Content)> =
                group.volumes.iter().map(|volume| (volume.name.clone(), volume.content)).collect();
            names.extend(group.thin_pools.iter().map(|pool| (pool.name.clone(), Content::AsFound)));
            names.sort_by(|one, other| one.0.cmp(&other.0));
            names
        };
        for (volume, content) in names(&wanted) {
            let same = |(name, found): &(String, Content)| {
                *name == volume && (*found == content || content == Content::AsFound)
            };
            prop_assert!(names(&found).iter().any(same), "{volume} is not there:\n{}", imported.text);
        }
    }

    /// A cut after any action: the next run ends where an undisturbed one does.
    #[test]
    fn a_cut_run_ends_in_the_same_place((facts, profile) in case(), cut in 0usize..30) {
        let first = plan(&profile, &facts);
        prop_assume!(first.refusals.is_empty());
        let mut whole = facts.clone();
        run(&mut whole, &first);
        let mut parts = facts;
        for planned in first.actions.iter().take(cut) {
            simulator::apply(&mut parts, &planned.action);
        }
        let rest = plan(&profile, &parts);
        prop_assert!(rest.refusals.is_empty(), "{:#?}", rest.refusals);
        run(&mut parts, &rest);
        prop_assert_eq!(used(&whole), used(&parts));
        prop_assert_eq!(&whole.fstab.text, &parts.fstab.text);
        prop_assert!(plan(&profile, &parts).is_in_sync());
    }

    /// A cut in the middle of lvcreate, after either of the states that it writes on the way to a pool.
    #[test]
    fn a_pool_cut_while_it_is_made_ends_in_the_same_place((facts, profile) in case(), at_metadata: bool) {
        let first = plan(&profile, &facts);
        prop_assume!(first.refusals.is_empty());
        let at = first.actions.iter().position(|planned| matches!(planned.action, Action::CreateThinPool(_)));
        prop_assume!(at.is_some());
        let at = at.unwrap_or_default();
        let mut whole = facts.clone();
        run(&mut whole, &first);
        let mut parts = facts;
        for planned in &first.actions[..at] {
            simulator::apply(&mut parts, &planned.action);
        }
        parts.record.begun.extend(first.actions[at].begins());
        simulator::cut_pool(&mut parts, &first.actions[at].action, at_metadata);
        let rest = plan(&profile, &parts);
        prop_assert!(rest.refusals.is_empty(), "{:#?}", rest.refusals);
        run(&mut parts, &rest);
        prop_assert_eq!(used(&whole), used(&parts));
        prop_assert!(plan(&profile, &parts).is_in_sync());
    }

    /// A disk added later is taken once, what shares the free space grows once, and nothing shrinks.
    #[test]
    fn a_disk_added_later_grows_things_once((mut facts, mut profile) in case(), gib in 1u64..300) {
        let first = plan(&profile, &facts);
        prop_assume!(first.refusals.is_empty());
        run(&mut facts, &first);
        facts.block_devices.push(blank_disk(20, gib * GIB));
        profile.volume_groups[0].disks.push(DiskWanted {
            selector: DiskSelector::Serial("DATA21".into()),
            on_signature: OnSignature::Refuse,
        });
        let before = used(&facts);
        let grown = plan(&profile, &facts);
        prop_assume!(grown.refusals.is_empty());
        run(&mut facts, &grown);
        prop_assert!(used(&facts) >= before);
        let again = plan(&profile, &facts);
        prop_assert!(again.is_in_sync(), "left over: {:#?} {:#?}", again.actions, again.refusals);
    }

    /// Nothing is wiped unless the disk's entry consents; without consent a signature, or data, refuses.
    #[test]
    fn nothing_is_lost_without_consent((facts, profile) in case()) {
        let made = plan(&profile, &facts);
        let consent = profile.volume_groups[0].disks.iter().all(|disk| disk.on_signature == OnSignature::Wipe);
        let wipes = made.actions.iter().filter(|planned| matches!(planned.action, Action::WipeSignatures { .. })).count();
        let probes = || facts.block_devices.iter().filter_map(|device| device.probe.as_ref());
        let signed = probes().filter(|probe| !probe.is_blank()).count();
        let unsigned = probes().filter(|probe| probe.residue.is_some()).count();
        if consent {
            prop_assert!(wipes <= signed + unsigned);
        } else {
            let refused = |code| made.refusals.iter().filter(|refusal| refusal.code == code).count();
            prop_assert_eq!(wipes, 0);
            prop_assert_eq!(refused(RefusalCode::DiskHasSignature), signed);
            prop_assert_eq!(refused(RefusalCode::DiskHasData), unsigned);
        }
    }

    /// A pool made anew is as the profile says, wherever a cut falls and whoever goes on: the reset
    /// itself, or an ordinary plan. Services that were stopped run again.
    #[test]
    fn a_reset_brings_back_what_the_profile_says((mut facts, mut profile) in case(), cut in 0usize..8, named: bool) {
        prop_assume!(!profile.volume_groups[0].thin_pools.is_empty());
        let first = plan(&profile, &facts);
        prop_assume!(first.refusals.is_empty());
        run(&mut facts, &first);
        let pool = profile.volume_groups[0].thin_pools[0].name.clone();
        let group = facts.volume_groups.iter_mut().find(|group| group.name == "atomicos").expect("the group");
        group.logical_volumes.push(LogicalVolume {
            name: "thin".into(),
            role: Role::ThinVolume,
            size: GIB,
            thin: Some(Thin { pool: pool.clone(), used: Some(500) }),
            ..LogicalVolume::default()
        });
        let units = ["docker.service", "containerd.service"].map(str::to_owned);
        for unit in &units {
            facts.units.insert(unit.clone(), UnitFacts { active_state: "active".into(), ..UnitFacts::default() });
        }
        let before = used(&facts);
        let wanted = profile.clone();
        if !named {
            profile.volume_groups[0].thin_pools.remove(0);
            // A smaller profile might want more for others: that is not this property's concern.
            prop_assume!(plan(&profile, &facts).is_in_sync());
        }
        let reset = Reset { group: "atomicos", pool: &pool, units: &units, afterwards: Afterwards::Start };
        let whole = pool_reset::plan(Some(&profile), &facts, &reset);
        prop_assert!(whole.refusals.is_empty(), "{:#?}", whole.refusals);
        for planned in whole.actions.iter().take(cut) {
            run_recorded(&mut facts, &planned.action);
        }
        let gone = facts.volume_groups[0].logical_volume(&pool).is_none();
        let rest = if named { plan(&profile, &facts) } else { pool_reset::plan(Some(&profile), &facts, &reset) };
        if gone && !named {
            let refused = plan(&profile, &facts).refusals;
            prop_assert!(refused.iter().any(|refusal| refusal.code == RefusalCode::ResetUnfinished));
        }
        prop_assert!(rest.refusals.is_empty(), "{:#?}", rest.refusals);
        for planned in &rest.actions {
            run_recorded(&mut facts, &planned.action);
        }
        prop_assert_eq!(used(&facts), before);
        let last = plan(&wanted, &facts);
        prop_assert!(last.is_in_sync(), "left over: {:#?} {:#?}", last.actions, last.refusals);
        prop_assert!(facts.units.values().all(|unit| unit.is_active()));
    }

    /// The same input gives the same plan, and facts survive their JSON form.
    #[test]
    fn planning_is_deterministic((facts, profile) in case()) {
        let json = serde_json::to_string(&facts).expect("facts serialise");
        let read: Facts = serde_json::from_str(&json).expect("facts parse");
        prop_assert_eq!(&read, &facts);
        prop_assert_eq!(plan(&profile, &facts), plan(&profile, &read));
    }
}
