//! What must not change: a picture of the host before and after a run that should be a no-op.

use std::collections::BTreeMap;

use similar::TextDiff;

/// `===` starts a section. Everything is read-only. Starting a program takes longer here than what it does, so there are
/// few: sorting and leaving out is done where the answer is read.
const SCRIPT: &str = r#"
export LC_ALL=C
echo '=== volume groups: any write of LVM metadata raises the sequence number'
vgs --noheadings -o vg_name,vg_uuid,vg_seqno 2>&1
echo '=== signatures: type and UUID of every device'
blkid -c /dev/null 2>&1
echo '=== mounts'
echo "$(</proc/self/mountinfo)"
echo '=== swap areas'
echo "$(</proc/swaps)"
echo '=== files in /etc'
find /etc -xdev \( -path /etc/lvm/backup -o -path /etc/lvm/archive -o -path /etc/lvm/cache \) -prune -o \
    \( -type f -o -type d -o -type l \) ! -name resolv.conf -printf '%p %M %U:%G %l\n' \
    -type f ! -name '*.swp' -exec sha256sum {} +
echo '=== services'
# The lowest number in its control group is a service's first process. systemctl would take half a second to say it.
cd /sys/fs/cgroup/system.slice && for service in *.service; do
    lowest=
    while read -r pid; do [ ${lowest:-$pid} -lt $pid ] || lowest=$pid; done <$service/cgroup.procs
    echo $service $lowest
done
"#;

/// What comes and goes by itself: mounts of a session, and services that others start and that end when idle.
const PASSING: [(&str, &[&str]); 2] = [
    ("mounts", &[" /run/", " /proc/", " - autofs "]),
    ("services", &["user@", "systemd-fsckd", "systemd-hostnamed", "systemd-timedated", "systemd-localed"]),
];

/// The state of a host, comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oracle {
    sections: BTreeMap<String, String>,
}

impl Oracle {
    /// The command that prints the state on the host.
    pub fn script() -> &'static str {
        SCRIPT
    }

    /// Reads what [`Oracle::script`] printed.
    pub fn parse(text: &str) -> Self {
        let mut sections = BTreeMap::new();
        for section in text.split("=== ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            let passing = PASSING.iter().find(|(name, _)| *name == title).map_or(&[][..], |(_, parts)| parts);
            let mut lines: Vec<&str> =
                body.lines().filter(|line| !passing.iter().any(|part| line.contains(part))).collect();
            lines.sort_unstable();
            let facts =
                lines.into_iter().map(|line| if title == "swap areas" { swap_area(line) } else { line.to_owned() });
            sections.insert(title.to_owned(), facts.map(|fact| fact + "\n").collect());
        }
        assert_eq!(sections.len(), 6, "the host's state is incomplete:\n{text}");
        Self { sections }
    }

    /// Panics with a diff when anything differs from `before`.
    #[track_caller]
    pub fn assert_same(&self, before: &Self) {
        let difference = self.difference(before);
        assert!(difference.is_empty(), "the host has changed (- before, + now):\n{difference}");
    }

    /// The differing lines by section, `-` before and `+` now; empty when all is the same.
    pub fn difference(&self, before: &Self) -> String {
        let mut text = String::new();
        for (title, now) in &self.sections {
            let then = before.sections.get(title).map_or("", String::as_str);
            if then != now {
                let diff = TextDiff::from_lines(then, now);
                text += &format!("{title}\n{}", diff.unified_diff().context_radius(0));
            }
        }
        text
    }
}

/// A line of /proc/swaps without the fourth word: how much is in use changes by itself.
fn swap_area(line: &str) -> String {
    let words = line.split_whitespace().enumerate().filter(|(at, _)| *at != 3);
    words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}
