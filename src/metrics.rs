//! What a monitoring system wants to know of a host, in the text form of Prometheus: for node_exporter's textfile
//! collector. Pure: facts, plan and reports in, text out.

use crate::facts::{Facts, VolumeGroup};
use crate::history::History;
use crate::plan::Plan;
use crate::report::Outcome;
use crate::resources::pool_status::PoolStatus;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

type Labels = Vec<(String, String)>;
type Values = Family<Labels, Gauge<f64, AtomicU64>>;

/// What a check has found.
#[derive(Debug)]
pub struct Found<'a> {
    /// Seconds since the epoch.
    pub now: u64,
    /// Nothing, when the host could not be looked at.
    pub seen: Option<(&'a Facts, &'a Plan)>,
    /// Every pool; `None` when LVM does not tell how it extends them.
    pub pools: Option<&'a [PoolStatus]>,
    /// With the last run as the last one; `None` when nobody could read it.
    pub history: Option<&'a History>,
    /// The last run, which may have found nothing to do: its outcome, start and seconds.
    pub last: Option<(Outcome, u64, f64)>,
    /// Whether changes wait for their confirmation.
    pub unconfirmed: bool,
}

/// All metrics, each with its help.
///
/// # Errors
/// Never, as far as is known: the encoder's own.
pub fn text(found: &Found<'_>) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("atomhost");
    let mut add = |name: &str, help: &str, values: Vec<(Labels, f64)>| {
        let family = Values::default();
        for (labels, value) in &values {
            family.get_or_create(labels).set(*value);
        }
        // A family without values would have a help text and nothing to say.
        if !values.is_empty() {
            registry.register(name, help, family);
        }
    };
    let one = |value: f64| vec![(Labels::new(), value)];
    let flag = |value: bool| one(f64::from(u8::from(value)));
    let version = vec![(vec![("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())], 1.0)];
    add("build_info", "The version of atomhost that wrote this", version);
    add("check_timestamp_seconds", "When the host was checked", one(seconds(found.now)));
    add("check_success", "Whether the host could be looked at and a plan be made", flag(found.seen.is_some()));
    add("unconfirmed", "Whether changes wait for atomhost confirm", flag(found.unconfirmed));
    if let Some((_, plan)) = found.seen {
        add("in_sync", "Whether the host is as its profile says", flag(plan.is_in_sync()));
        add("pending_actions", "Actions that an apply would run, were it not refused", one(plan.actions.len() as f64));
        add("refused", "Whether an apply would be refused", flag(!plan.refusals.is_empty()));
        add("refusals", "Refusals, by what atomhost explain takes", refusals(plan));
        add("deferred", "What waits for a reboot or for somebody else", one(plan.deferred.len() as f64));
    }
    runs(found, &mut add);
    if let Some((facts, _)) = found.seen {
        groups(facts, &mut add);
    }
    pools(found.pools.unwrap_or_default(), &mut add);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// Exact for some million years.
fn seconds(seconds: u64) -> f64 {
    seconds as f64
}

fn refusals(plan: &Plan) -> Vec<(Labels, f64)> {
    let mut codes: Vec<_> = plan.refusals.iter().map(|refusal| refusal.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let times = |code| plan.refusals.iter().filter(|refusal| refusal.code == code).count();
    codes.into_iter().map(|code| (vec![("code".to_owned(), code.to_string())], times(code) as f64)).collect()
}

fn runs(found: &Found<'_>, add: &mut impl FnMut(&str, &str, Vec<(Labels, f64)>)) {
    let one = |value: f64| vec![(Labels::new(), value)];
    let success = |outcome| matches!(outcome, Outcome::Done | Outcome::InSync);
    if let Some((outcome, started, took)) = found.last {
        add("last_run_timestamp_seconds", "When the last apply began", one(seconds(started)));
        add("last_run_duration_seconds", "How long it took", one(took));
        add("last_run_success", "Whether it left the host in sync", one(f64::from(u8::from(success(outcome)))));
    }
    let last = found.last.filter(|(outcome, ..)| success(*outcome)).map(|(_, started, took)| seconds(started) + took);
    let before = found.history.into_iter().flat_map(|history| history.runs.iter().rev());
    let before = before.filter(|run| success(run.outcome)).map(|run| seconds(run.started) + run.seconds).next();
    let ended = last.or(before).map(one).unwrap_or_default();
    add("last_success_timestamp_seconds", "When an apply last left the host in sync", ended);
}

fn groups(facts: &Facts, add: &mut impl FnMut(&str, &str, Vec<(Labels, f64)>)) {
    let values = |value: fn(&VolumeGroup) -> u64| {
        let one = |group: &VolumeGroup| (vec![("volume_group".to_owned(), group.name.clone())], value(group) as f64);
        facts.volume_groups.iter().map(one).collect::<Vec<_>>()
    };
    add("volume_group_size_bytes", "Size of a volume group", values(|group| group.extents * group.extent_size));
    add("volume_group_free_bytes", "What is free in it", values(|group| group.free_extents * group.extent_size));
    add("volume_group_missing_disks", "Physical volumes of it that are not there", values(|group| group.missing_pvs));
}

fn pools(pools: &[PoolStatus], add: &mut impl FnMut(&str, &str, Vec<(Labels, f64)>)) {
    let values = |value: &dyn Fn(&PoolStatus) -> Option<f64>| {
        let labels = |pool: &PoolStatus| {
            vec![("volume_group".to_owned(), pool.volume_group.clone()), ("pool".to_owned(), pool.pool.clone())]
        };
        pools.iter().filter_map(|pool| Some((labels(pool), value(pool)?))).collect::<Vec<_>>()
    };
    let flag = |value: bool| Some(f64::from(u8::from(value)));
    let ratio = |used: Option<u32>| used.map(|used| f64::from(used) / 10_000.0);
    add("thin_pool_size_bytes", "Data of a thin pool", values(&|pool| Some(pool.data.size as f64)));
    add("thin_pool_data_used_ratio", "How full its data is, from 0 to 1", values(&|pool| ratio(pool.data.used)));
    add("thin_pool_metadata_used_ratio", "How full its metadata is", values(&|pool| ratio(pool.metadata.used)));
    add("thin_pool_monitored", "Whether dmeventd looks after it", values(&|pool| flag(pool.monitored)));
    let threshold = |pool: &PoolStatus| Some(f64::from(pool.autoextend.threshold) / 100.0);
    add("thin_pool_autoextend_threshold_ratio", "From where on it is extended; 1: never", values(&threshold));
    add("thin_pool_reserve_bytes", "What it can grow by", values(&|pool| Some(pool.room as f64)));
    let gone = |pool: &PoolStatus| flag(pool.autoextend.threshold < 100 && pool.room < pool.autoextend.next);
    add("thin_pool_reserve_gone", "Whether the next autoextend has no room", values(&gone));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::golden;
    use crate::resources::pool_status;
    use expect_test::expect;

    fn found(case: &str) -> (Facts, Plan) {
        (golden::facts(case), golden::plan(case))
    }

    fn samples(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn a_host_with_a_pool() {
        let (facts, plan) = found("02-scheme-v2-in-sync");
        let pools = pool_status::status(&facts, None, (100, 20));
        let text = text(&Found {
            now: 1_700_000_000,
            seen: Some((&facts, &plan)),
            pools: Some(&pools),
            history: None,
            last: Some((Outcome::InSync, 1_699_999_000, 0.5)),
            unconfirmed: false,
        });
        let text = text.expect("text");
        assert!(text.contains(
            "# HELP atomhost_in_sync Whether the host is as its profile says.\n# TYPE atomhost_in_sync gauge\n"
        ));
        expect![[r#"
            atomhost_build_info{version="0.1.0"} 1.0
            atomhost_check_timestamp_seconds 1700000000.0
            atomhost_check_success 1.0
            atomhost_unconfirmed 0.0
            atomhost_in_sync 1.0
            atomhost_pending_actions 0.0
            atomhost_refused 0.0
            atomhost_deferred 0.0
            atomhost_last_run_timestamp_seconds 1699999000.0
            atomhost_last_run_duration_seconds 0.5
            atomhost_last_run_success 1.0
            atomhost_last_success_timestamp_seconds 1699999000.5
            atomhost_volume_group_size_bytes{volume_group="atomicos"} 53364129792.0
            atomhost_volume_group_free_bytes{volume_group="atomicos"} 0.0
            atomhost_volume_group_missing_disks{volume_group="atomicos"} 0.0
            atomhost_thin_pool_size_bytes{volume_group="atomicos",pool="docker-pool"} 18996002816.0
            atomhost_thin_pool_data_used_ratio{volume_group="atomicos",pool="docker-pool"} 0.0
            atomhost_thin_pool_metadata_used_ratio{volume_group="atomicos",pool="docker-pool"} 0.01
            atomhost_thin_pool_monitored{volume_group="atomicos",pool="docker-pool"} 1.0
            atomhost_thin_pool_autoextend_threshold_ratio{volume_group="atomicos",pool="docker-pool"} 0.6
            atomhost_thin_pool_reserve_bytes{volume_group="atomicos",pool="docker-pool"} 0.0
            atomhost_thin_pool_reserve_gone{volume_group="atomicos",pool="docker-pool"} 1.0
        "#]]
        .assert_eq(&(samples(&text).join("\n") + "\n"));
    }

    #[test]
    fn a_host_that_could_not_be_looked_at() {
        let found = Found { now: 7, seen: None, pools: None, history: None, last: None, unconfirmed: true };
        let text = text(&found).expect("text");
        assert_eq!(
            samples(&text)[1..],
            ["atomhost_check_timestamp_seconds 7.0", "atomhost_check_success 0.0", "atomhost_unconfirmed 1.0"]
        );
    }

    #[test]
    fn refusals_by_code_and_names_that_would_break_a_line() {
        let (mut facts, plan) = found("07-disk-carries-ext4");
        facts.volume_groups[0].name = "a\"b\\c\nd".to_owned();
        let found =
            Found { now: 7, seen: Some((&facts, &plan)), pools: None, history: None, last: None, unconfirmed: false };
        let text = text(&found).expect("text");
        assert!(text.contains("atomhost_refusals{code=\"disk-has-signature\"} 1.0\n"), "{text}");
        assert!(text.contains(r#"{volume_group="a\"b\\c\nd"}"#), "{text}");
    }
}
