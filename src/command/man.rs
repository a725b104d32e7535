//! `dsbuild man [COMMAND]`: prints a man page. `dsbuild man | man -l -` shows it.

use clap::CommandFactory;

use crate::args::{Cli, ManArgs, visible_commands};
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Prints the page of dsbuild, or of one of its commands.
pub fn run(args: &ManArgs) -> Result<u8, Failure> {
    let cli = Cli::command();
    let command = match &args.command {
        None => cli,
        Some(name) => of_command(&cli, name)?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::data(Stream::Stdout, &page);
    Ok(0)
}

/// Returns a command under the name of its page: `dsbuild-build`.
fn of_command(cli: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    let command = visible_commands(cli).find(|command| command.get_name() == name).ok_or_else(|| {
        Failure::usage(format!("no command {name:?}")).hint("`dsbuild --help` lists all commands")
    })?;
    Ok(command
        .clone()
        .name(format!("dsbuild-{name}"))
        .bin_name(format!("dsbuild {name}"))
        .version(env!("CARGO_PKG_VERSION")))
}
