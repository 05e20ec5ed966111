//! Out of a container into the host that runs it.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::MetadataExt;

/// What a host's tools must have in common with it, the mount namespace last: with it all paths are the host's. LVM and
/// udev wait for each other by System V semaphores, which are the IPC namespace's.
const KINDS: [(&str, CloneFlags); 5] = [
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("net", CloneFlags::CLONE_NEWNET),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// Enters the namespaces of process 1, for a container that runs with all privileges and sees the host's processes. Must
/// come before any thread is started.
///
/// # Errors
/// Process 1 is the container's own, or the container may not do that.
pub fn enter_host() -> Result<()> {
    let identity = |process: &str| std::fs::metadata(format!("/proc/{process}/ns/mnt")).map(|found| found.ino());
    if identity("1")? == identity("self")? {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "process 1 is in the same mount namespace: this is no container, or one that does not run with --pid=host",
        ));
    }
    // All are opened first: the paths are others once the mount namespace is another.
    let open = |(kind, flag): (&str, CloneFlags)| Ok((File::open(format!("/proc/1/ns/{kind}"))?, flag));
    let namespaces = KINDS.into_iter().map(open).collect::<Result<Vec<_>>>()?;
    for (namespace, flag) in namespaces {
        setns(namespace, flag)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_host_is_no_container() {
        // Where the tests themselves run in a container, process 1 is that container's.
        let error = super::enter_host().expect_err("nothing to enter");
        assert!(error.to_string().contains("--pid=host") || error.raw_os_error().is_some(), "{error}");
    }
}
