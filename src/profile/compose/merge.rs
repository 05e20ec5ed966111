//! One tree over another: what a later file says counts.

use super::tree::{Node, Value};

/// Lists that are merged entry by entry: their name, and the keys of an entry that name what it is about.
const KEYED: [(&str, &[&str]); 2] = [("disks", &["path", "serial", "by-id", "by-path"]), ("authorized_keys", &[])];

/// Merges `over` into `base`: maps key by key, `null` takes a key away, and anything else takes the place of what was
/// there. Of `disks` and `authorized_keys` an entry takes the place of the one about the same, others are added.
pub fn merge(base: &mut Node, over: Node) {
    under("", base, over);
}

fn under(name: &str, base: &mut Node, over: Node) {
    match (&mut base.value, over.value) {
        (Value::Mapping(entries), Value::Mapping(news)) => {
            for (key, (origin, node)) in news {
                match entries.get_mut(&key) {
                    _ if matches!(node.value, Value::Null) => {
                        entries.shift_remove(&key);
                    }
                    Some((_, known)) => under(&key, known, node),
                    None => {
                        entries.insert(key, (origin, node));
                    }
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(news)) if keys(name).is_some() => {
            let keys = keys(name).unwrap_or_default();
            for node in news {
                match items.iter_mut().find(|item| identity(item, keys) == identity(&node, keys)) {
                    Some(item) => *item = node,
                    None => items.push(node),
                }
            }
        }
        (_, value) => *base = Node { value, origin: over.origin },
    }
}

fn keys(name: &str) -> Option<&'static [&'static str]> {
    KEYED.iter().find(|(list, _)| *list == name).map(|(_, keys)| *keys)
}

/// What an entry is about. Entries without any of the keys are the same when all of them is.
fn identity(node: &Node, keys: &[&str]) -> String {
    match &node.value {
        // A bare word is short for a path.
        Value::Scalar(word) if !keys.is_empty() => format!("path {}", plain(word)),
        Value::Mapping(entries) => {
            let named = keys.iter().find_map(|key| match &entries.get(*key)?.1.value {
                Value::Scalar(word) => Some(format!("{key} {}", plain(word))),
                _ => None,
            });
            named.unwrap_or_else(|| format!("{:?}", shape(node)))
        }
        _ => format!("{:?}", shape(node)),
    }
}

/// Without quotes, which say nothing of what is meant.
fn plain(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// The words of a value, without their places.
fn shape(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::Scalar(word) => vec![plain(word).to_owned()],
        Value::Sequence(items) => items.iter().flat_map(shape).collect(),
        Value::Mapping(entries) => {
            entries.iter().flat_map(|(key, (_, node))| std::iter::once(key.clone()).chain(shape(node))).collect()
        }
    }
}
