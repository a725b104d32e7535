//! `dsbuild __cli-docs`: prints `docs/cli.md`, the reference of all commands. `cargo xtask cli-docs` writes the file.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::{Cli, visible_commands};

/// Prints the reference of all commands.
pub fn run() -> Result<u8, Failure> {
    output::data(Stream::Stdout, render(&Cli::command()).as_bytes());
    Ok(0)
}

fn render(cli: &Command) -> String {
    let mut page = String::from(
        "# Commands of dsbuild\n\nWritten by `cargo xtask cli-docs` from the same texts as `dsbuild --help`.\n",
    );
    page.push_str("\n| command | purpose |\n|---|---|\n");
    for command in visible_commands(cli) {
        let name = command.get_name();
        let _ = writeln!(page, "| [`{name}`](#dsbuild-{name}) | {} |", about(command));
    }
    if let Some(text) = cli.get_after_help() {
        let _ = write!(page, "\n```text\n{}\n```\n", text.to_string().trim_end());
    }
    for command in visible_commands(cli) {
        if command.has_subcommands() {
            group(&mut page, cli, command);
        } else {
            section(&mut page, command.get_name(), command);
        }
    }
    page
}

/// Writes a table of the commands of a group, and a section for each one without another spelling.
fn group(page: &mut String, cli: &Command, group: &Command) {
    let group_name = group.get_name();
    let _ = write!(page, "\n## dsbuild {group_name}\n\n{}.\n", about(group));
    let _ = write!(page, "\n| command | the same as, or purpose |\n|---|---|\n");
    let mut others = Vec::new();
    for command in visible_commands(group) {
        let path = format!("{group_name} {}", command.get_name());
        let meaning = match visible_commands(cli).find(|other| is_same(command, other)) {
            Some(other) => format!("[`dsbuild {0}`](#dsbuild-{0})", other.get_name()),
            None => {
                others.push((path.clone(), command));
                about(command)
            }
        };
        let aliases: Vec<String> =
            command.get_all_aliases().map(|alias| format!(", `{group_name} {alias}`")).collect();
        let _ = writeln!(page, "| `{path}`{} | {meaning} |", aliases.concat());
    }
    others.iter().for_each(|(path, command)| section(page, path, command));
}

/// Reports whether a command is another spelling of one outside of its group.
fn is_same(command: &Command, other: &Command) -> bool {
    let arguments = |command: &Command| -> Vec<String> {
        command.get_arguments().map(|arg| arg.get_id().to_string()).collect()
    };
    !other.has_subcommands() && about(command) == about(other) && arguments(command) == arguments(other)
}

fn section(page: &mut String, path: &str, command: &Command) {
    let mut command = command.clone().bin_name(format!("dsbuild {path}"));
    let usage = command.render_usage().to_string();
    let _ = write!(page, "\n## dsbuild {path}\n\n{}.\n", about(&command));
    let _ = write!(page, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim_end());
    let aliases: Vec<String> = command.get_all_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        let _ = write!(page, "\nAlso called {}.\n", aliases.join(", "));
    }
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help";
    let rows: Vec<String> = command.get_arguments().filter(shown).map(row).collect();
    if !rows.is_empty() {
        let _ = write!(page, "\n| argument | meaning |\n|---|---|\n{}", rows.concat());
    }
}

fn row(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut notes = String::new();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && arg.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() && values.len() < 10 {
        let _ = write!(notes, " Values: {}.", values.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && !arg.is_hide_default_value_set() && arg.get_action().takes_values() {
        let _ = write!(notes, " Default: {}.", defaults.join(", "));
    }
    if let Some(name) = arg.get_env() {
        let _ = write!(notes, " Environment: `{}`.", name.to_string_lossy());
    }
    format!("| `{}` | {}.{notes} |\n", cell(&name(arg)), cell(&help))
}

/// Returns the spelling of an argument: `-t, --tag NAME[:TAG]`, `IMAGE`.
fn name(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.unwrap_or_else(|| arg.get_id().to_string().to_uppercase());
    let flags = [arg.get_short().map(|c| format!("-{c}")), arg.get_long().map(|long| format!("--{long}"))];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    if flags.is_empty() {
        return value;
    }
    match (arg.get_action().takes_values(), arg.is_require_equals_set()) {
        (false, _) => flags.join(", "),
        (true, true) => format!("{}[={value}]", flags.join(", ")),
        (true, false) => format!("{} {value}", flags.join(", ")),
    }
}

fn about(command: &Command) -> String {
    cell(&command.get_about().map(ToString::to_string).unwrap_or_default())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_cli_md_is_up_to_date() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(written == render(&Cli::command()), "run `cargo xtask cli-docs`");
    }

    #[test]
    fn both_spellings_of_a_command_are_one_command() {
        let cli = Cli::command();
        let check = |group: &str, name: &str, other: &str| {
            let long = cli.find_subcommand(group).and_then(|group| group.find_subcommand(name));
            let short = cli.find_subcommand(other).expect("a command");
            assert!(is_same(long.expect("a command of the group"), short), "{group} {name} and {other}");
        };
        for (name, other) in [("ls", "images"), ("list", "images"), ("rm", "rmi"), ("remove", "rmi")] {
            check("image", name, other);
        }
        for (name, other) in [("ls", "ps"), ("ps", "ps"), ("rm", "rm"), ("run", "run"), ("logs", "logs")] {
            check("container", name, other);
        }
        for name in ["build", "import", "tag"] {
            check("image", name, name);
        }
    }

    #[test]
    fn every_visible_command_and_flag_is_documented() {
        let cli = Cli::command();
        let page = render(&cli);
        for command in visible_commands(&cli) {
            assert!(
                page.contains(&format!("\n## dsbuild {}\n", command.get_name())),
                "{}",
                command.get_name()
            );
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
        assert!(
            page.contains("| `--pull[=BOOL]` |") && page.contains("| `-t, --tag NAME[:TAG]` |"),
            "{page}"
        );
        assert!(!page.contains("__monitor") && !page.contains("--squash"));
    }
}
