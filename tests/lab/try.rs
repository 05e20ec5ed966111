//! `make try`: a stock host provisions itself at its first boot, for a person to watch.
//!
//! Every line of output is the host's own. When anything goes wrong, the host's console and journal follow.

mod harness;

use harness::{Disk, Host};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const PROFILE: &str = "/etc/atomhost/profile.yaml";
const UNIT: &str = "atomhost.service";
/// Waits until the unit has ended, and says how.
const SETTLED: &str = "until systemctl show -P ActiveState atomhost.service | grep -v activating; do sleep 0.5; done";
/// Columns where stdout is no terminal.
const WIDTH: usize = 100;
/// From the login prompt until the unit has ended, on a slow machine.
const PROVISIONING: Duration = Duration::from_secs(300);
/// What a person wants to know about the disks, in columns that fit 80.
const LOOK: &str = "lsblk -o NAME,SIZE,TYPE,FSTYPE,SERIAL,MOUNTPOINTS";

fn main() {
    let started = Instant::now();
    let screen = Screen::of_stdout();
    screen.note("A stock host starts from a snapshot. The first run of all builds its image: that takes some minutes.");
    let mut host = Host::builder("try").disk(Disk::blank("40G").serial("DATA1")).start();
    install(&host);
    screen.note(&format!("It is up after {}.", since(started)));

    screen.heading("1. The stock host: a system disk of 10 GiB, and a blank one of 40 GiB");
    screen.show(&host, LOOK);

    screen.heading("2. What it shall be: profiles/scheme-v2.yaml, with the disk named by its serial");
    screen.show(&host, "grep -v '^ *#' /etc/atomhost/profile.yaml");

    screen.heading("3. What atomhost would do about it: this changes nothing");
    screen.show(&host, "atomhost plan");

    screen.heading("4. First boot: systemd/atomhost.service provisions the host, without help");
    let boot = Instant::now();
    screen.command("systemctl enable --quiet atomhost.service && systemctl reboot");
    host.ok("systemctl enable --quiet atomhost.service");
    host.reboot();
    let state = host.run_within(PROVISIONING, SETTLED);
    assert_eq!(state.stdout.trim(), "active", "{UNIT} did not succeed");
    screen.note(&format!("Booted and provisioned in {}. What the unit said:", since(boot)));
    screen.show(&host, &format!("journalctl -b -u {UNIT} -o short-monotonic --no-hostname --no-pager"));

    screen.heading("5. The result");
    screen.note("The kernel may name disks in another order at every boot: the profile names this one by its serial.");
    for command in [
        LOOK,
        "df -h / /var/srv",
        "lvs -a -o lv_name,lv_size,data_percent,metadata_percent atomicos",
        "swapon --show",
        "atomhost status",
    ] {
        screen.show(&host, command);
    }

    screen.heading("6. A second run finds nothing to do");
    let second = screen.show(&host, "time atomhost apply");
    assert!(second.contains("In sync"), "the second run did something:\n{second}");

    screen.heading(&format!("In sync. All of this took {}", since(started)));
    screen
        .note("Next: README.md says what each key of a profile means and what is refused; profiles/ has more of them.");
    screen.note("On a host of your own: `make build`, copy the binary there, `atomhost plan PROFILE`. It only looks.");
}

/// What an image would bring along: the binary (which the lab installs), the unit, the profile.
fn install(host: &Host) {
    let unit = shipped("systemd/atomhost.service");
    host.write(&format!("/etc/systemd/system/{UNIT}"), unit);
    // Kernel names may change places at a reboot; the serial stays.
    let profile = shipped("profiles/scheme-v2.yaml");
    let by_serial = profile.replacen("    - /dev/sdb\n", "    - {serial: DATA1}\n", 1);
    assert_ne!(by_serial, profile, "profiles/scheme-v2.yaml names its disk in another way");
    host.write(PROFILE, by_serial);
}

fn shipped(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn since(instant: Instant) -> String {
    format!("{:.0} s", instant.elapsed().as_secs_f64())
}

/// Where all of it is shown.
struct Screen {
    width: usize,
    color: bool,
    locale: &'static str,
}

impl Screen {
    fn of_stdout() -> Screen {
        let terminal = std::io::stdout().is_terminal();
        let width = terminal_size::terminal_size().filter(|_| terminal).map_or(WIDTH, |(width, _)| width.0.into());
        let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let locales = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
        let locale = locales.iter().find(|locale| !locale.is_empty()).map_or("", String::as_str);
        let locale = if atomhost::render::is_utf8_locale(locale) { "C.UTF-8" } else { "C" };
        Screen { width, color, locale }
    }

    fn heading(&self, text: &str) {
        self.print(&format!("\n{}\n", self.styled("1", text)));
    }

    fn note(&self, text: &str) {
        self.print(&format!("{}\n", self.styled("2", text)));
    }

    fn command(&self, command: &str) {
        self.print(&format!("\n  {}\n", self.styled("1;36", &format!("atomic# {command}"))));
    }

    /// Runs a command on the host as a person would see it there, and returns what it printed.
    fn show(&self, host: &Host, command: &str) -> String {
        self.command(command);
        let colored = if self.color {
            command.replace("atomhost plan", "atomhost --color always plan")
        } else {
            command.to_owned()
        };
        let environment = format!("export COLUMNS={} LC_ALL={} TIMEFORMAT='%R s'", self.width - 2, self.locale);
        let output = host.run(&format!("{environment}; {colored}"));
        assert_eq!(output.code, 0, "`{command}`:\n{}{}", output.stdout, output.stderr);
        let mut text = String::new();
        for line in output.stdout.lines().chain(output.stderr.lines()) {
            text.push_str(format!("  {line}").trim_end());
            text.push('\n');
        }
        self.print(&text);
        text
    }

    fn styled(&self, codes: &str, text: &str) -> String {
        if self.color { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn print(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // Who closes the pipe has seen enough.
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }
}
