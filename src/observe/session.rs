//! The ssh session that this run was started in: sudo and shells in between hide it from the
//! environment, so the processes above are asked too.

use crate::accounts::Accounts;
use crate::host::Reader;

/// A session of sshd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whoever logged in, before any sudo.
    pub user: String,
    /// The client's address.
    pub origin: String,
}

/// Longer chains of parents are no shell's.
const MOST_PARENTS: usize = 64;

/// The session of the topmost process above this one that knows of one. `None` for a run that systemd
/// or a console started. What cannot be read (a process that just ended) tells nothing.
pub fn read(reader: &Reader, accounts: &Accounts) -> Option<Session> {
    let mut found = None;
    let mut process = "self".to_owned();
    for _ in 0..MOST_PARENTS {
        let status = std::fs::read_to_string(reader.path(&format!("/proc/{process}/status"))).ok()?;
        let environment = std::fs::read(reader.path(&format!("/proc/{process}/environ"))).unwrap_or_default();
        let uid: Option<u32> = field(&status, "Uid:").and_then(|uid| uid.parse().ok());
        let user = accounts.users.iter().find(|user| Some(user.uid) == uid);
        if let (Some(origin), Some(user)) = (origin(&environment), user) {
            found = Some(Session { user: user.name.clone(), origin });
        }
        match field(&status, "PPid:") {
            Some(parent) if parent.parse().is_ok_and(|parent: u32| parent > 1) => process = parent.to_owned(),
            _ => break,
        }
    }
    found
}

/// The first word after a key of /proc/PID/status.
fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()
}

/// `SSH_CONNECTION` is `CLIENT PORT SERVER PORT`, the older `SSH_CLIENT` is `CLIENT PORT PORT`.
fn origin(environment: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(environment);
    let value = |key: &str| text.split('\0').find_map(|entry| entry.strip_prefix(key));
    let connection = value("SSH_CONNECTION=").or_else(|| value("SSH_CLIENT="))?;
    connection.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_login_before_sudo() {
        let root = tempfile::tempdir().expect("a folder");
        let process = |id: &str, parent: u32, uid: u32, environment: &str| {
            let folder = root.path().join("proc").join(id);
            std::fs::create_dir_all(&folder).expect("made");
            let status = format!("Name:\tx\nPPid:\t{parent}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n");
            std::fs::write(folder.join("status"), status).expect("written");
            std::fs::write(folder.join("environ"), environment).expect("written");
        };
        let reader = Reader::new(root.path(), Arc::new(crate::host::command::run));
        let mut accounts = Accounts::default();
        accounts.add_users("root:x:0:0::/root:/bin/sh\ncore:x:1000:1000::/home/core:/bin/sh\n");
        assert_eq!(read(&reader, &accounts), None);
        process("self", 30, 0, "PATH=/bin\0");
        process("30", 20, 0, "SUDO_USER=core\0");
        process("20", 10, 1000, "HOME=/home/core\0SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\0");
        process("10", 1, 0, "");
        let expected = Session { user: "core".to_owned(), origin: "192.0.2.7".to_owned() };
        assert_eq!(read(&reader, &accounts), Some(expected));
        process("20", 10, 1000, "");
        assert_eq!(read(&reader, &accounts), None);
    }
}
