//! One writer at a time, by a lock on a file that the kernel drops with its holder.

use super::{Host, HostError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

const LOCK_PATH: &str = "/run/atomhost.lock";

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
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        let named =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "process {}", std::process::id()));
        named.map_err(failed)?;
        Ok(Lock { _file: file })
    }
}
