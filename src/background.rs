//! Work that goes on beside: in a thread of its own, or, where the host gives no more threads, here and now.
//!
//! tokio's blocking pool panics when it can have no thread at all, as under systemd's TasksMax; and the process
//! would wait for its threads at the end, also for one that a device never answers.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Starts `work`; its result is awaited through what is returned, whose error is a panic of the work.
pub fn start<T, F>(work: F) -> oneshot::Receiver<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    // Whoever takes it does it: a thread that cannot be had leaves it behind.
    let waiting = Arc::new(Mutex::new(Some((work, sender))));
    let taken = Arc::clone(&waiting);
    let spawned = std::thread::Builder::new().spawn(move || carry_out(&taken));
    if let Err(error) = spawned {
        tracing::debug!("no thread can be had ({error}): one thing after the other");
        carry_out(&waiting);
    }
    receiver
}

fn carry_out<T, F: FnOnce() -> T>(waiting: &Mutex<Option<(F, oneshot::Sender<T>)>>) {
    let taken = waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((work, sender)) = taken {
        // Nobody waits for it any more: then nobody misses it.
        let _ = sender.send(work());
    }
}

/// Does both at once, or one after the other.
pub fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    let waiting = Mutex::new(Some(first));
    let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).take().map(|work| work());
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new().spawn_scoped(scope, take);
        let second = second();
        let first = match spawned {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => take(),
        };
        match first {
            Some(first) => (first, second),
            None => unreachable!("it is taken once, by the thread or by us"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_done_beside_is_waited_for() {
        let (a, b) = (start(|| 1), start(|| 2));
        assert_eq!((a.await, b.await, both(|| 3, || 4)), (Ok(1), Ok(2), (3, 4)));
        assert!(start(|| panic!("as it should")).await.is_err());
    }

    /// In a process of its own, since the limit would hold for all tests: it runs this very test again.
    #[test]
    fn without_threads_one_thing_is_done_after_the_other() {
        const ALONE: &str = "ATOMHOST_TEST_WITHOUT_THREADS";
        if std::env::var_os(ALONE).is_none() {
            let name = "background::tests::without_threads_one_thing_is_done_after_the_other";
            let output = std::process::Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", name, "--nocapture"])
                .env(ALONE, "1")
                .output()
                .expect("it runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && text.contains("one after the other: 1 2 3"), "{text}");
            return;
        }
        // A stack that no address space has room for, as no thread of this process may have: the sum of both limits.
        let (_, hard) = getrlimit(Resource::RLIMIT_AS).expect("a limit");
        let used = std::fs::read_to_string("/proc/self/statm").expect("proc");
        let pages: u64 = used.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
        setrlimit(Resource::RLIMIT_AS, pages * 4096 + (1 << 20), hard).expect("a limit");
        assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "a thread can still be had");
        let mut one = start(|| 1);
        let (two, three) = both(|| 2, || 3);
        println!("one after the other: {} {two} {three}", one.try_recv().expect("done at once"));
    }
}
