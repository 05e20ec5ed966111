//! A plan's fingerprint: hosts to which the same is done have the same.

use super::Plan;
use crate::secret::digest;

/// Hexadecimal digits: 48 bits tell the plans of any fleet apart.
const DIGITS: usize = 12;

impl Plan {
    /// What all hosts share to which the same is done: objects with their states before and after, and the guards that
    /// refuse, in order. A disk counts by the profile's word for it, so that it does not matter which name the kernel
    /// gave it; the host's own name, reasons and notes do not count.
    pub fn fingerprint(&self) -> String {
        let mut words = String::new();
        for planned in &self.actions {
            for text in [&planned.object, &planned.before, &planned.after] {
                words.push_str(&self.without_names(text));
                words.push('\0');
            }
        }
        for refusal in &self.refusals {
            words.push_str(&format!("{} {}\0", refusal.code, self.without_names(&refusal.object)));
        }
        digest(words.as_bytes()).chars().take(DIGITS).collect()
    }

    /// The text, with the profile's words for disks in place of the kernel's.
    fn without_names(&self, text: &str) -> String {
        let selector = |word: &str| {
            let name = word.trim_matches(|c: char| ",()".contains(c));
            let disk = self.disks.iter().find(|disk| disk.device == name);
            disk.map_or_else(|| word.to_owned(), |disk| word.replace(name, &disk.selector))
        };
        text.split(' ').map(selector).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::plan::golden;

    fn plan(case: &str, change: impl Fn(String) -> String) -> Plan {
        let facts: Facts = serde_json::from_str(&change(golden::text(case, "facts.json"))).expect("facts");
        crate::plan::plan(&golden::profile(case), &facts)
    }

    #[test]
    fn the_same_is_done_under_another_name() {
        const CASE: &str = "20-selector";
        let here = plan(CASE, |facts| facts);
        assert!(!here.actions.is_empty());
        let there = plan(CASE, |facts| facts.replace("host1", "host2").replace("sdb", "sdz"));
        assert_ne!(here, there);
        assert_eq!(here.fingerprint(), there.fingerprint());
        assert_eq!(here.fingerprint().len(), DIGITS);
    }

    #[test]
    fn something_else_is_done() {
        let plans = ["01-scheme-v2-blank-host", "02-scheme-v2-in-sync", "06-one-disk-grown", "07-disk-carries-ext4"];
        let mut fingerprints: Vec<String> = plans.map(|case| plan(case, |facts| facts).fingerprint()).into();
        fingerprints.sort();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), plans.len());
    }
}
