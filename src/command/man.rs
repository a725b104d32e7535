//! `dsbuild man [COMMAND]`: prints a man page. `dsbuild man | man -l -` shows it.

use clap::CommandFactory;

use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::{Cli, ManArgs, find_command};

/// Prints the page of dsbuild, or of one of its commands.
pub fn run(args: &ManArgs) -> Result<u8, Failure> {
    let cli = Cli::command();
    let command = if args.command.is_empty() { cli } else { of_command(&cli, &args.command)? };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::data(Stream::Stdout, &page);
    Ok(0)
}

/// Returns a command under the name of its page: `dsbuild-build`, `dsbuild-image-ls`.
fn of_command(cli: &clap::Command, words: &[String]) -> Result<clap::Command, Failure> {
    let path = words.join(" ");
    let command = find_command(cli, path.split(' ')).filter(|command| !command.is_hide_set());
    let command = command.ok_or_else(|| {
        Failure::usage(format!("no command {path:?}")).hint("`dsbuild --help` lists all commands")
    })?;
    Ok(command
        .clone()
        .name(format!("dsbuild-{}", path.replace(' ', "-")))
        .bin_name(format!("dsbuild {path}"))
        .version(env!("CARGO_PKG_VERSION")))
}
