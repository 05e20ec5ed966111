//! The QEMU machine protocol, over the emulator's standard streams.
//!
//! Pipes need neither a socket path (which may be too long) nor a port.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long the emulator may take to answer: generous, for two busy cores.
const ANSWER: Duration = Duration::from_secs(60);

/// A connection that has left the greeting behind.
pub struct Qmp {
    to: ChildStdin,
    from: Receiver<Value>,
    events: Vec<Value>,
}

impl Qmp {
    /// Takes over both streams of an emulator started with `-qmp stdio`.
    ///
    /// # Errors
    /// When the emulator ends or stays silent instead of greeting, as it does when it cannot start.
    pub fn connect(to: ChildStdin, from: ChildStdout) -> Result<Self, String> {
        let (sender, receiver) = channel();
        // Reading blocks; a thread of its own is what allows for deadlines. It ends with the emulator.
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if let Ok(message) = serde_json::from_str(&line)
                    && sender.send(message).is_err()
                {
                    break;
                }
            }
        });
        let mut qmp = Self { to, from: receiver, events: Vec::new() };
        qmp.message(ANSWER)?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs one command and gives its return value.
    ///
    /// # Errors
    /// The emulator's own description, or that it ended or did not answer in time.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.to, "{request}").map_err(|error| format!("{command}: the emulator is gone: {error}"))?;
        loop {
            let mut message = self.message(ANSWER).map_err(|error| format!("{command}: {error}"))?;
            if let Some(error) = message.get("error") {
                return Err(format!("{command} {}: {}", request["arguments"], error["desc"]));
            }
            if message.get("return").is_some() {
                return Ok(message["return"].take());
            }
            self.events.push(message);
        }
    }

    /// Runs a command of the human monitor, for what the protocol itself does not offer.
    ///
    /// # Errors
    /// As [`Qmp::execute`].
    pub fn human(&mut self, line: &str) -> Result<String, String> {
        let answer = self.execute("human-monitor-command", json!({"command-line": line}))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Waits for an event, also one that came while commands were running.
    ///
    /// # Errors
    /// When it does not come in time.
    pub fn wait_event(&mut self, name: &str, limit: Duration) -> Result<(), String> {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                self.events.remove(at);
                return Ok(());
            }
            let left = end.saturating_duration_since(Instant::now());
            let message = self.message(left).map_err(|error| format!("waiting for {name}: {error}"))?;
            self.events.push(message);
        }
    }

    /// Forgets the events so far, so that [`Qmp::wait_event`] sees only what comes now.
    pub fn forget_events(&mut self) {
        self.events.clear();
    }

    fn message(&mut self, limit: Duration) -> Result<Value, String> {
        self.from.recv_timeout(limit).map_err(|error| match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => {
                format!("no answer from the emulator in {limit:?}")
            }
            std::sync::mpsc::RecvTimeoutError::Disconnected => "the emulator has ended".to_owned(),
        })
    }
}
