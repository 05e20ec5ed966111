//! Changes that wait for somebody to confirm them: what was there before, and until when.
//!
//! `apply --confirm-within` puts everything needed to take its changes back into one folder before
//! the first of them. Whoever finds the folder's manifest finds unconfirmed changes; it goes away as
//! a whole when they are confirmed or taken back.

use crate::action::{Change, Repeat, Touched, Undo};
use crate::host::preserved::State;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Only root may look into it: it may hold secrets.
pub const FOLDER: &str = "/var/lib/atomhost/unconfirmed";
/// Under its own name only once everything is in it.
pub const MANIFEST: &str = "/var/lib/atomhost/unconfirmed/manifest.json";
/// Name and version of the manifest's JSON form.
pub const MANIFEST_SCHEMA: &str = "atomhost.unconfirmed/1";

/// What a revert needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: String,
    /// The profile's path as it was given, and the SHA-256 of its text.
    pub profile: String,
    pub profile_digest: String,
    /// When the changes began.
    pub armed: Moment,
    /// Seconds from then in which they must be confirmed.
    pub within: u64,
    /// A revert has begun: from then on it can only be finished.
    pub reverting: bool,
    /// How often a revert did not get through.
    pub attempts: u32,
    /// In the order in which they are changed.
    pub paths: Vec<Kept>,
    /// Directories that were not there, outermost first: removed again while they are empty.
    pub directories: Vec<String>,
    pub repeats: Vec<Repeat>,
}

/// One path as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Links followed, but for one that the plan itself removes.
    pub path: String,
    pub before: State,
    /// Name of the file in [`FOLDER`] that has the content; `None` where the plan leaves that alone.
    pub content: Option<String>,
    /// SHA-256 of the content that the plan gives it; `None` where it removes it or leaves it alone.
    pub planned: Option<String>,
}

/// A moment on this host, by a clock that somebody may set and by one that nobody can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Seconds since the epoch.
    pub time: u64,
    /// The kernel's id of the boot.
    pub boot_id: String,
    /// Milliseconds since that boot, suspended ones included.
    pub uptime: u64,
}

/// How much time is left at `now`; `None` when there is none.
///
/// Within one boot the uptime decides. After another boot there is only the clock on the wall, and
/// one that stands before the start is no clock: then there is no time left either.
pub fn time_left(manifest: &Manifest, now: &Moment) -> Option<Duration> {
    let within = Duration::from_secs(manifest.within);
    let passed = match manifest.armed.boot_id == now.boot_id {
        true => Duration::from_millis(now.uptime.saturating_sub(manifest.armed.uptime)),
        false => Duration::from_secs(now.time.checked_sub(manifest.armed.time)?),
    };
    within.checked_sub(passed).filter(|left| !left.is_zero())
}

/// What a plan changes, in its order, each path once; and what is to be done again after a revert.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Undoing {
    pub touched: Vec<Touched>,
    pub repeats: Vec<Repeat>,
}

/// An action that cannot be taken back.
#[derive(Debug, PartialEq, Eq)]
pub struct Irrevertible {
    pub object: String,
    pub after: String,
    pub why: &'static str,
}

/// Sorts a plan's actions.
///
/// # Errors
/// Every action that cannot be taken back.
pub fn undoing(plan: &Plan) -> Result<Undoing, Vec<Irrevertible>> {
    let mut undoing = Undoing::default();
    let mut never = Vec::new();
    for planned in &plan.actions {
        for undo in planned.action.undo() {
            match undo {
                Undo::Restore(touched) => undoing.touch(touched),
                Undo::Repeat(repeat) if undoing.repeats.contains(&repeat) => {}
                Undo::Repeat(repeat) => undoing.repeats.push(repeat),
                Undo::Never(why) => {
                    let (object, after) = (planned.object.clone(), planned.after.clone());
                    never.push(Irrevertible { object, after, why });
                }
            }
        }
    }
    if never.is_empty() { Ok(undoing) } else { Err(never) }
}

impl Undoing {
    /// A path that is changed twice ends as the last change of its content leaves it.
    fn touch(&mut self, new: Touched) {
        let Some(known) = self.touched.iter_mut().find(|touched| touched.path == new.path) else {
            self.touched.push(new);
            return;
        };
        if new.change != Change::Attributes {
            known.change = new.change;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Owner;
    use crate::action::Action;
    use crate::plan::PlannedAction;

    fn moment(time: u64, boot_id: &str, uptime: u64) -> Moment {
        Moment { time, boot_id: boot_id.to_owned(), uptime }
    }

    #[test]
    fn time_is_told_by_the_clock_that_can_be_trusted() {
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            profile: String::new(),
            profile_digest: String::new(),
            armed: moment(1000, "one", 50_000),
            within: 60,
            reverting: false,
            attempts: 0,
            paths: Vec::new(),
            directories: Vec::new(),
            repeats: Vec::new(),
        };
        let rows = [
            ("at once", moment(1000, "one", 50_000), Some(60_000)),
            ("later", moment(1030, "one", 80_500), Some(29_500)),
            ("at the end", moment(1060, "one", 110_000), None),
            ("the clock was set back", moment(10, "one", 120_000), None),
            ("the clock was set ahead", moment(9_000_000, "one", 60_000), Some(50_000)),
            ("another boot, in time", moment(1045, "two", 3_000), Some(15_000)),
            ("another boot, too late", moment(2000, "two", 3_000), None),
            ("another boot without a clock", moment(5, "two", 3_000), None),
        ];
        for (name, now, expected) in rows {
            assert_eq!(time_left(&manifest, &now), expected.map(Duration::from_millis), "{name}");
        }
    }

    fn plan(actions: Vec<Action>) -> Plan {
        let planned = |action| PlannedAction {
            object: "object".to_owned(),
            before: String::new(),
            after: "after".to_owned(),
            why: String::new(),
            owes: Vec::new(),
            action,
        };
        Plan { actions: actions.into_iter().map(planned).collect(), ..Plan::empty("") }
    }

    fn write(path: &str, after: &str) -> Action {
        Action::WriteFile {
            path: path.to_owned(),
            mode: 0o644,
            owner: Owner::root(),
            before: None,
            after: after.to_owned(),
        }
    }

    #[test]
    fn each_path_once_and_each_reload_once() {
        let attributes = Action::SetAttributes { path: "/a".to_owned(), mode: Some(0o600), owner: None };
        let remove =
            Action::RemoveFile { path: "/b".to_owned(), digest: "d".to_owned(), backup: "/b.backup".to_owned() };
        let reload = Action::ReloadUnit { unit: "x.service".to_owned() };
        let undoing = undoing(&plan(vec![
            write("/a", "one"),
            attributes,
            Action::ReloadSystemd,
            reload.clone(),
            remove,
            reload,
            Action::ReloadSystemd,
        ]))
        .expect("it can be taken back");
        let digest = crate::secret::digest(b"one");
        let touched = |path: &str, change| Touched { path: path.to_owned(), change };
        assert_eq!(
            undoing.touched,
            [
                touched("/a", Change::Content { sha256: digest }),
                touched("/b.backup", Change::Content { sha256: "d".to_owned() }),
                touched("/b", Change::Gone)
            ]
        );
        assert_eq!(undoing.repeats, [Repeat::ReloadSystemd, Repeat::ReloadUnit("x.service".to_owned())]);
    }

    #[test]
    fn what_cannot_be_taken_back_is_named() {
        let mount = Action::Mount { path: "/srv".to_owned() };
        let never = undoing(&plan(vec![write("/a", "one"), mount])).expect_err("a mount stays");
        assert_eq!(never.len(), 1);
        assert_eq!((never[0].object.as_str(), never[0].after.as_str()), ("object", "after"));
    }
}
