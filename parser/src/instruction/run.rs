//! `RUN [flags] command`

use crate::{
    ast::{Command, Run},
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
    for value in &mounts {
        mount::check(value).map_err(|error| {
            let fault = Fault::new(error.to_string()).blaming(error.culprit().unwrap_or(value));
            error.hint().into_iter().fold(fault, Fault::hint)
        })?;
    }
    let network = flags.text("network");
    one_of(&network, &NETWORKS, |value| format!("invalid network mode {value:?}"))?;
    let security = flags.text("security");
    one_of(&security, &SECURITIES, |value| format!("security {value:?} is not valid"))?;
    let device = |value: &String| {
        let usage = "write --device=VENDOR/CLASS=NAME[,required]";
        device::parse(value).map_err(|fault| fault.blaming(value).hint(usage))
    };
    let devices = flags.list("device").iter().map(device).collect::<Result<_, _>>()?;
    let command = super::command(std::mem::take(&mut node.arguments));
    Ok(Run { command, mounts, network, security, devices })
}

fn one_of(value: &Option<String>, all: &[&str], message: impl Fn(&str) -> String) -> Result<(), Fault> {
    match value {
        Some(value) if !all.contains(&value.as_str()) => {
            let fault = Fault::new(message(value)).blaming(value).suggesting(suggest(value, all));
            Err(fault.hint(format!("use {}", all.join(", "))))
        }
        _ => Ok(()),
    }
}

/// The words of a command: all of them, or one text, or nothing.
pub(crate) fn command_words(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) if text.is_empty() => Vec::new(),
        Command::Shell(text) => vec![text.clone()],
    }
}
