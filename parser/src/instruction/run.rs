//! RUN: `RUN [flags] command`.

use crate::{
    ast::{Command, Device, Run},
    device,
    error::Fault,
    flags::{FlagType, Flags, KnownFlags},
    mount,
    suggest::suggest,
    syntax::Node,
};

const RUN: &KnownFlags = &[
    ("mount", FlagType::List),
    ("network", FlagType::Text),
    ("security", FlagType::Text),
    ("device", FlagType::List),
];

const NETWORKS: [&str; 3] = ["default", "none", "host"];
const SECURITIES: [&str; 2] = ["sandbox", "insecure"];

pub(super) fn run(node: &mut Node) -> Result<Run, Fault> {
    let flags = Flags::check(&node.flags, RUN)?;
    let mounts = flags.list("mount");
    mounts.iter().try_for_each(|value| check_mount(value))?;
    let network = flags.text("network");
    check_word(&network, &NETWORKS, |value| format!("invalid network mode {value:?}"))?;
    let security = flags.text("security");
    check_word(&security, &SECURITIES, |value| format!("security {value:?} is not valid"))?;
    let devices = flags.list("device").iter().map(|value| device(value)).collect::<Result<_, _>>()?;
    let command = super::command(std::mem::take(&mut node.arguments));
    Ok(Run { command, mounts, network, security, devices })
}

fn check_mount(value: &str) -> Result<(), Fault> {
    mount::check(value).map_err(|error| {
        let fault = Fault::new(error.to_string()).blaming(error.culprit().unwrap_or(value));
        error.hint().into_iter().fold(fault, Fault::hint)
    })
}

fn device(value: &str) -> Result<Device, Fault> {
    let usage = "write --device=VENDOR/CLASS=NAME[,required]";
    device::parse(value).map_err(|fault| fault.blaming(value).hint(usage))
}

/// Checks that the value of a flag, if it is given, is one of the words `all`.
fn check_word(value: &Option<String>, all: &[&str], message: impl Fn(&str) -> String) -> Result<(), Fault> {
    match value {
        Some(value) if !all.contains(&value.as_str()) => {
            let fault = Fault::new(message(value)).blaming(value).suggesting(suggest(value, all));
            Err(fault.hint(format!("use {}", all.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Returns the words of a command: those of the exec form, or the text of the shell form unless it is empty.
pub(crate) fn command_words(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) if text.is_empty() => Vec::new(),
        Command::Shell(text) => vec![text.clone()],
    }
}
