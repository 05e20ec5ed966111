//! `atomhost explain CODE`: at length, what the one line of a refusal or warning leaves out.

mod disks;
mod host;
mod mounts;
mod volumes;
mod warnings;

use crate::plan::{RefusalCode, WarningCode};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use std::sync::LazyLock;

/// What a person should know about a refusal or a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One line, for the list of all.
    pub title: &'static str,
    /// What was found, in general.
    pub means: &'static str,
    /// Why nothing is done then; why a warning matters.
    pub why: &'static str,
    /// Commands that show it. They only read.
    pub look: &'static [&'static str],
    /// What puts it right, the usual way first.
    pub cure: &'static [&'static str],
}

/// What can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Refusal(RefusalCode),
    Warning(WarningCode),
}

/// Refusals first.
static ALL: LazyLock<Vec<Topic>> = LazyLock::new(|| {
    let refusals = RefusalCode::value_variants().iter().map(|code| Topic::Refusal(*code));
    refusals.chain(WarningCode::value_variants().iter().map(|code| Topic::Warning(*code))).collect()
});

impl ValueEnum for Topic {
    fn value_variants<'a>() -> &'a [Self] {
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Topic::Refusal(code) => code.to_possible_value(),
            Topic::Warning(code) => code.to_possible_value(),
        }
    }
}

impl Topic {
    pub fn explanation(self) -> &'static Explanation {
        match self {
            Topic::Refusal(code) => refusal(code),
            Topic::Warning(code) => warning(code),
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Topic::Refusal(code) => code.fmt(f),
            Topic::Warning(code) => code.fmt(f),
        }
    }
}

/// The explanation of a guard. Every one is listed: a new one has to be explained.
fn refusal(code: RefusalCode) -> &'static Explanation {
    match code {
        RefusalCode::DiskMissing => &disks::MISSING,
        RefusalCode::DiskHasSignature => &disks::HAS_SIGNATURE,
        RefusalCode::DiskHasData => &disks::HAS_DATA,
        RefusalCode::DiskInUse => &disks::IN_USE,
        RefusalCode::DiskUnreadable => &disks::UNREADABLE,
        RefusalCode::DiskReadOnly => &disks::READ_ONLY,
        RefusalCode::DiskAmbiguous => &disks::AMBIGUOUS,
        RefusalCode::DiskInOtherGroup => &disks::IN_OTHER_GROUP,
        RefusalCode::SelectorMismatch => &disks::SELECTOR_MISMATCH,
        RefusalCode::GroupMissing => &volumes::GROUP_MISSING,
        RefusalCode::GroupIncomplete => &volumes::GROUP_INCOMPLETE,
        RefusalCode::GroupNotOurs => &volumes::GROUP_NOT_OURS,
        RefusalCode::NotEnoughSpace => &volumes::NOT_ENOUGH_SPACE,
        RefusalCode::TooLarge => &volumes::TOO_LARGE,
        RefusalCode::VolumeUnsuitable => &volumes::UNSUITABLE,
        RefusalCode::FilesystemMismatch => &mounts::FILESYSTEM_MISMATCH,
        RefusalCode::NotBlank => &mounts::NOT_BLANK,
        RefusalCode::MountConflict => &mounts::MOUNT_CONFLICT,
        RefusalCode::PoolUnhealthy => &volumes::POOL_UNHEALTHY,
        RefusalCode::PoolChunkFixed => &volumes::POOL_CHUNK_FIXED,
        RefusalCode::SwapInUse => &mounts::SWAP_IN_USE,
        RefusalCode::FstabConflict => &mounts::FSTAB_CONFLICT,
        RefusalCode::PoolInUse => &volumes::POOL_IN_USE,
        RefusalCode::PoolMissing => &volumes::POOL_MISSING,
        RefusalCode::ResetUnfinished => &volumes::RESET_UNFINISHED,
        RefusalCode::NotInSync => &volumes::NOT_IN_SYNC,
        RefusalCode::FileUnsuitable => &host::FILE_UNSUITABLE,
        RefusalCode::AccountConflict => &host::ACCOUNT_CONFLICT,
        RefusalCode::SecretUnsuitable => &host::SECRET_UNSUITABLE,
        RefusalCode::LockOut => &host::LOCK_OUT,
        RefusalCode::AccessLocksOut => &host::ACCESS_LOCKS_OUT,
    }
}

fn warning(code: WarningCode) -> &'static Explanation {
    match code {
        WarningCode::PoolNearlyFull => &warnings::POOL_NEARLY_FULL,
        WarningCode::FstabDuplicate => &warnings::FSTAB_DUPLICATE,
        WarningCode::MountHidesFiles => &warnings::MOUNT_HIDES_FILES,
        WarningCode::TakesTwoRuns => &warnings::TAKES_TWO_RUNS,
        WarningCode::ToolMissing => &warnings::TOOL_MISSING,
        WarningCode::FileNotLasting => &warnings::FILE_NOT_LASTING,
        WarningCode::SecretReadable => &warnings::SECRET_READABLE,
        WarningCode::CertificateValidity => &warnings::CERTIFICATE_VALIDITY,
        WarningCode::CertificateUnusual => &warnings::CERTIFICATE_UNUSUAL,
        WarningCode::WeakPasswordHash => &warnings::WEAK_PASSWORD_HASH,
        WarningCode::WeakKey => &warnings::WEAK_KEY,
        WarningCode::KeysPassedOver => &warnings::KEYS_PASSED_OVER,
        WarningCode::KeysNotExclusive => &warnings::KEYS_NOT_EXCLUSIVE,
        WarningCode::RootWithoutKeys => &warnings::ROOT_WITHOUT_KEYS,
        WarningCode::LockedOutAlready => &warnings::LOCKED_OUT_ALREADY,
        WarningCode::AccessStopsServices => &warnings::ACCESS_STOPS_SERVICES,
        WarningCode::AccessDecidedElsewhere => &warnings::ACCESS_DECIDED_ELSEWHERE,
        WarningCode::AccessLinePassedOver => &warnings::ACCESS_LINE_PASSED_OVER,
        WarningCode::AccessWithoutEffect => &warnings::ACCESS_WITHOUT_EFFECT,
        WarningCode::JournaldOverridden => &warnings::JOURNALD_OVERRIDDEN,
        WarningCode::DockerSettingUnknown => &warnings::DOCKER_SETTING_UNKNOWN,
        WarningCode::DockerOpenDoor => &warnings::DOCKER_OPEN_DOOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_a_text_of_its_own() {
        let mut titles = HashSet::new();
        for code in Topic::value_variants() {
            let Explanation { title, means, why, look, cure } = code.explanation();
            assert!(titles.insert(title), "{code} has another's title");
            assert!(!title.ends_with('.') && title.chars().count() <= 70, "{code}: {title}");
            for text in [means, why].into_iter().chain(*cure) {
                assert!(text.len() > 20 && text.ends_with('.') && !text.contains("  "), "{code}: {text:?}");
            }
            assert!(!look.is_empty() && !cure.is_empty(), "{code}");
        }
    }

    /// The word of a plan's JSON is the word that `explain` takes.
    #[test]
    fn the_words_are_those_of_a_plan() {
        for code in RefusalCode::value_variants() {
            let json = serde_json::to_value(code).expect("a code serialises");
            assert_eq!(json.as_str(), Some(code.to_string().as_str()));
        }
    }
}
