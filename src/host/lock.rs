//! One writer at a time, by a lock on a file that the kernel drops with its holder.

use super::{Host, HostError, Reader};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

const LOCK_PATH: &str = "/run/atomhost.lock";
/// The lock of lckpwdf(3), which every tool takes that changes users, groups and passwords.
const ACCOUNTS_LOCK: &str = "/etc/.pwd.lock";
const POLL: Duration = Duration::from_millis(100);

/// Held until dropped.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for another holder no longer than `wait`.
    ///
    /// # Errors
    /// [`HostError::Locked`] names the holder; or the file cannot be made.
    pub fn take(host: &Host, wait: Duration) -> Result<Lock, HostError> {
        let failed = |source| HostError::File { doing: "lock", path: LOCK_PATH.to_owned(), source };
        let path = host.reader().path(LOCK_PATH);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    let mut holder = String::new();
                    // The name is a courtesy: without it the refusal stands all the same.
                    let _ = file.read_to_string(&mut holder);
                    return Err(HostError::Locked { holder: holder.trim().to_owned() });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
            }
        }
        let named =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "process {}", std::process::id()));
        named.map_err(failed)?;
        Ok(Lock { _file: file })
    }
}

/// Waits until no other program changes users, no longer than `wait`. The tools take the lock
/// themselves; this keeps a run from failing halfway for somebody who is at it already.
///
/// # Errors
/// [`HostError::AccountsLocked`] names the holder.
pub fn wait_for_accounts(reader: &Reader, wait: Duration) -> Result<(), HostError> {
    let deadline = Instant::now() + wait;
    while let Some(holder) = accounts_holder(reader) {
        if Instant::now() >= deadline {
            return Err(HostError::AccountsLocked { holder });
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// `process N` that holds the lock. What cannot be found out is left to the tools.
fn accounts_holder(reader: &Reader) -> Option<String> {
    let file = File::open(reader.path(ACCOUNTS_LOCK)).ok()?;
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).ok()?;
    (lock.l_type != libc::F_UNLCK as libc::c_short).then(|| format!("process {}", lock.l_pid))
}
