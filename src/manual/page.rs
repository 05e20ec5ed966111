//! Manual pages in roff, for man(1).

use super::reference::{Key, keys};
use super::{ENVIRONMENT, EXAMPLES, Example, FILES};
use crate::exit::Exit;
use clap::Command;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::Result;

/// A profile to start from.
const PROFILE: &str = include_str!("../../profiles/minimal.yaml");
/// How subcommands' pages are named, before the command's name.
const PREFIX: &str = "atomhost-";

/// The page of a command or subcommand; [`Command::build`] must have been called on the whole.
///
/// # Errors
/// Does not happen while writing to memory.
pub fn page(command: &Command) -> Result<String> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let subcommand = name.strip_prefix(PREFIX).map(str::to_owned);
    let version = command.get_version().unwrap_or_default().to_owned();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let man = clap_mangen::Man::new(readable(command.clone()))
        .section("8")
        .source(format!("atomhost {version}"))
        .manual("System Administration");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    name_section(&name, &about).to_writer(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    match subcommand {
        None => {
            man.render_subcommands_section(&mut page)?;
            rest_of_main_page(command).to_writer(&mut page)?;
        }
        Some(subcommand) => rest_of_subcommand_page(&subcommand).to_writer(&mut page)?,
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// atomhost-profile(5): every key of a profile.
pub fn profile_page(version: &str) -> String {
    let mut roff = Roff::new();
    roff.control("TH", ["atomhost-profile", "5", "", &format!("atomhost {version}"), "File Formats"]);
    roff.control("SH", ["NAME"]).text([roman("atomhost-profile - what a host shall be like")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman("A profile is YAML, by default /etc/atomhost/profile.yaml and what is dropped in beside it in /etc/atomhost/profile.d/*.yaml. Unknown and repeated keys are errors. What a profile does not say stays as it is. NAME and PATH stand for words of your own, [] for each entry of a list.")]);
    let comment_lines = PROFILE.lines().take_while(|line| line.starts_with('#')).count();
    verbatim(&mut roff, PROFILE.lines().skip(comment_lines));
    roff.control("SH", ["KEYS"]);
    for Key { path, kind, meaning, required } in keys() {
        let required = if required { " Required." } else { "" };
        row(&mut roff, &path, &format!("{meaning}{required} ({})", kind.replace('`', "")));
    }
    see_also(
        &mut roff,
        &["atomhost(8)", "access.conf(5)", "fstab(5)", "journald.conf(5)", "lvmthin(7)"].map(str::to_owned),
    );
    roff.render()
}

/// The synopsis as `--help` has it, and possible values in the running text instead of a list of bullets.
fn readable(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    let command = command.override_usage(usage).subcommand_help_heading("COMMANDS");
    command.mut_args(|argument| {
        // By itself clap_mangen puts them after all options.
        let argument = if argument.is_positional() { argument.help_heading("Arguments") } else { argument };
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| value.get_name().to_owned())
            .collect();
        if values.is_empty() || !argument.get_action().takes_values() {
            return argument;
        }
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        argument.help(format!("{help}. One of: {}.", values.join(", "))).hide_possible_values(true)
    })
}

/// whatis(1) and apropos(1) show this line: `name - what it does`.
fn name_section(name: &str, about: &str) -> Roff {
    let mut letters = about.chars();
    let about = letters.next().map(|first| first.to_lowercase().to_string() + letters.as_str()).unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {about}"))]);
    roff
}

fn rest_of_main_page(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["PROFILE"]);
    roff.text([roman("A profile is YAML. A small one:")]);
    let comment_lines = PROFILE.lines().take_while(|line| line.starts_with('#')).count();
    verbatim(&mut roff, PROFILE.lines().skip(comment_lines));
    roff.text([
        bold("atomhost schema"),
        roman(" prints all keys with their meaning. Unknown and repeated keys are errors. A size such as 15G is base two and means at least that much; a percentage is of the volume group (%VG) or of what all else leaves free (%FREE)."),
    ]);
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        row(&mut roff, &(exit as u8).to_string(), exit.meaning());
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in ENVIRONMENT {
        row(&mut roff, name, meaning);
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        row(&mut roff, path, meaning);
    }
    examples(&mut roff, EXAMPLES.iter());
    let pages = command.get_subcommands().map(|subcommand| format!("{PREFIX}{}(8)", subcommand.get_name()));
    let others = ["atomhost-profile(5)", "lvm(8)", "lvmthin(7)", "fstab(5)", "systemd.service(5)"].map(str::to_owned);
    see_also(&mut roff, &pages.chain(others).collect::<Vec<_>>());
    roff
}

fn rest_of_subcommand_page(subcommand: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("0 on success. All others are listed in "), bold("atomhost"), roman("(8).")]);
    let own: Vec<&Example> = EXAMPLES.iter().filter(|example| example.command == subcommand).collect();
    if !own.is_empty() {
        examples(&mut roff, own.into_iter());
    }
    see_also(&mut roff, &["atomhost(8)".to_owned()]);
    roff
}

fn examples<'a>(roff: &mut Roff, examples: impl Iterator<Item = &'a Example>) {
    roff.control("SH", ["EXAMPLES"]);
    for Example { line, purpose, .. } in examples {
        row(roff, line, purpose);
    }
}

fn row(roff: &mut Roff, term: &str, meaning: &str) {
    roff.control("TP", []).text([bold(term)]).text([roman(meaning)]);
}

fn verbatim<'a>(roff: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    roff.control("PP", []).control("RS", ["4"]).control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []).control("RE", []).control("PP", []);
}

fn see_also(roff: &mut Roff, pages: &[String]) {
    roff.control("SH", ["SEE ALSO"]).text([roman(pages.join(", "))]);
}
