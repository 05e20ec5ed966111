//! What must not change: a picture of the host before and after a run that should be a no-op.

use std::collections::BTreeMap;

use similar::TextDiff;

/// One line per fact; `===` starts a section. Everything is read-only.
const SCRIPT: &str = r"
export LC_ALL=C
echo '=== volume groups: any write of LVM metadata raises the sequence number'
vgs --noheadings -o vg_name,vg_uuid,vg_seqno 2>&1 | sed 's/^ *//' | sort
echo '=== signatures: type and UUID of every device'
blkid -c /dev/null 2>&1 | sort
echo '=== mounts'
grep -v -e ' /run/' -e ' /proc/' -e ' - autofs ' /proc/self/mountinfo | sort
echo '=== swap areas'
awk 'NR > 1 {print $1, $2, $3, $5}' /proc/swaps | sort
echo '=== files in /etc'
find /etc -xdev \( -path /etc/lvm/backup -o -path /etc/lvm/archive -o -path /etc/lvm/cache \) -prune -o \
    \( -name resolv.conf -o -name '*.swp' \) -o -type f -print0 | sort -z | xargs -0 sha256sum
find /etc -xdev \( -path /etc/lvm/backup -o -path /etc/lvm/archive -o -path /etc/lvm/cache \) -prune -o \
    \( -type f -o -type d -o -type l \) ! -name resolv.conf -printf '%p %M %U:%G %l\n' | sort
echo '=== services'
# The lowest number in its control group is a service's first process. systemctl would take half a second to say it.
(cd /sys/fs/cgroup/system.slice && for service in *.service; do
    lowest=
    while read -r pid; do [ ${lowest:-$pid} -lt $pid ] || lowest=$pid; done <$service/cgroup.procs
    echo $service $lowest
done) | grep -v -e user@ -e systemd-fsckd -e systemd-hostnamed -e systemd-timedated -e systemd-localed
";

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
            sections.insert(title.to_owned(), body.to_owned());
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
