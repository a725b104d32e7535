//! Names of commands: the default command, groups of commands, and names that are similar to a mistyped one.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

use super::Cli;

/// Returns the command that a mistyped word may mean.
pub fn similar_command(word: &str) -> Option<String> {
    let cli = Cli::command();
    let names: Vec<&str> = visible_commands(&cli).map(Command::get_name).collect();
    parser::suggest(word, &names).map(str::to_owned)
}

/// Returns the flag of a command that a mistyped one may mean, for example `--no-cache` for `--no-cahce`.
///
/// `path`: name of the command, with that of its group in front: `image ls`.
pub fn similar_flag(path: &str, flag: &str) -> Option<String> {
    let cli = Cli::command();
    let command = find_command(&cli, path.split(' '))?;
    let flags: Vec<&str> =
        command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long).collect();
    parser::suggest(flag.trim_start_matches('-'), &flags).map(|flag| format!("--{flag}"))
}

/// Returns the command that words name, such as `image` and `ls`.
pub fn find_command<'c, 'w>(
    cli: &'c Command,
    mut words: impl Iterator<Item = &'w str>,
) -> Option<&'c Command> {
    words.try_fold(cli, |command, word| command.find_subcommand(word))
}

/// Returns the name of the command that arguments begin with: `build`, `image ls`.
pub fn command_path(args: &[OsString]) -> String {
    let cli = Cli::command();
    let mut command = &cli;
    let mut path: Vec<&str> = Vec::new();
    for word in args.iter().skip(1).map_while(|arg| arg.to_str()) {
        let Some(found) = command.find_subcommand(word) else { break };
        path.push(word);
        command = found;
    }
    path.join(" ")
}

/// Returns the commands that the help of a command lists.
pub fn visible_commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

/// Inserts `build` if the first argument is not a command: `dsbuild -t name .`.
pub fn with_default_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let names_a_command = match args.get(1).and_then(|arg| arg.to_str()) {
        None => args.len() == 1,
        Some("-h" | "--help" | "-V" | "--version" | "help") => true,
        Some(word) => Cli::command().find_subcommand(word).is_some(),
    };
    if !names_a_command {
        args.insert(1, "build".into());
    }
    args
}

/// Returns the way out for somebody who means a context whose directory is named like a group of commands: `dsbuild image`.
///
/// `path`: name of the command that was understood.
pub fn context_hint(error: ErrorKind, path: &str) -> Option<String> {
    let lacks_command = error == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let is_group = find_command(&Cli::command(), path.split(' ')).is_some_and(Command::has_subcommands);
    (lacks_command && is_group && !path.contains(' '))
        .then(|| format!("hint: `dsbuild ./{path}` builds the context in the directory {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    fn words(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn build_is_the_default_command() {
        #[track_caller]
        fn check(args: &[&str], expected: &[&str]) {
            assert_eq!(with_default_command(words(args)), words(expected));
        }
        check(&["dsbuild"], &["dsbuild"]);
        check(&["dsbuild", "--help"], &["dsbuild", "--help"]);
        check(&["dsbuild", "build", "."], &["dsbuild", "build", "."]);
        check(&["dsbuild", "load", "x"], &["dsbuild", "load", "x"]);
        check(&["dsbuild", "image", "ls"], &["dsbuild", "image", "ls"]);
        check(&["dsbuild", "-t", "x", "."], &["dsbuild", "build", "-t", "x", "."]);
        check(&["dsbuild", "."], &["dsbuild", "build", "."]);
    }

    #[test]
    fn a_group_without_a_command_can_be_meant_as_a_context() {
        use clap::Parser;
        let hint = |arguments: &[&str]| {
            let args = with_default_command(words(&[&["dsbuild"], arguments].concat()));
            let error = Cli::try_parse_from(&args).expect_err("no command");
            context_hint(error.kind(), &command_path(&args))
        };
        let groups = ["container", "image", "manifest", "system", "volume"];
        for group in groups {
            let expected =
                format!("hint: `dsbuild ./{group}` builds the context in the directory \"{group}\"");
            assert_eq!(hint(&[group]), Some(expected));
            assert_eq!(hint(&[group, "nonsense"]), None);
        }
        assert_eq!(hint(&[]), None, "the help of dsbuild itself");
        assert_eq!(hint(&["image", "rm"]), None);
    }

    #[test]
    fn the_name_of_a_command_has_its_group_in_front() {
        let check = |args: &[&str], expected: &str| assert_eq!(command_path(&words(args)), expected);
        check(&["dsbuild", "build", "."], "build");
        check(&["dsbuild", "image", "ls", "-q"], "image ls");
        check(&["dsbuild", "image", "nope"], "image");
        check(&["dsbuild"], "");
    }

    #[test]
    fn a_mistyped_flag_has_a_suggestion_only_if_one_is_near() {
        let check = |command: &str, flag: &str, expected: Option<&str>| {
            assert_eq!(similar_flag(command, flag).as_deref(), expected, "{flag}");
        };
        check("build", "--no-cahce", Some("--no-cache"));
        check("build", "--ouput", Some("--output"));
        check("image ls", "--no-tunc", Some("--no-trunc"));
        check("build", "--frobnicate", None);
    }
}
