//! `CopyBeforeInstall`: the whole context is copied before the dependencies of the project are installed, so that a change
//! of any file installs all of them again.
//!
//! The instructions of a stage follow those of the stages that it is built on. A bind mount of the whole context counts
//! like a copy. If the same program already ran before the copy, the later run is cheap (`uv sync` for the project itself)
//! and not reported.

use parser::ast::{Command, Dockerfile, Instruction, Kind, Stage};

use super::own_rules::copy_from_context;
use super::{Checks, Finding, rules};

/// A command that installs dependencies.
struct Installer {
    /// Names of the program.
    programs: &'static [&'static str],
    /// Words that follow in this order, with flags in front of the first.
    subcommands: &'static [&'static str],
    /// Condition that the arguments must meet.
    demand: Demand,
}

/// Condition under which a command installs what the project's files list, or packages of the system.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Any arguments will do.
    Nothing,
    /// One of these flags is given, which name a file that lists the dependencies.
    Flag(&'static [&'static str]),
    /// No package is named and `-g` is absent, so that the project's own dependencies are installed.
    NoName,
    /// No argument is a file of the context.
    NoFile,
}

const FILE: Demand = Demand::Flag(&["-f", "--file"]);
const REQUIREMENT: Demand = Demand::Flag(&["-r", "--requirement", "--requirements"]);

const fn installer(
    programs: &'static [&'static str],
    subcommands: &'static [&'static str],
    demand: Demand,
) -> Installer {
    Installer { programs, subcommands, demand }
}

/// Commands that install dependencies, for the package managers in common use.
const INSTALLERS: &[Installer] = &[
    installer(&["pip", "pip3"], &["install"], REQUIREMENT),
    installer(&["uv"], &["pip", "install"], REQUIREMENT),
    installer(&["uv"], &["pip", "sync"], Demand::Nothing),
    installer(&["uv", "pdm", "pipenv"], &["sync"], Demand::Nothing),
    installer(&["poetry", "pdm", "pipenv"], &["install"], Demand::Nothing),
    installer(&["conda", "mamba", "micromamba"], &["env", "create"], Demand::Nothing),
    installer(&["conda", "mamba", "micromamba"], &["env", "update"], Demand::Nothing),
    installer(&["conda", "mamba", "micromamba"], &["create"], FILE),
    installer(&["conda", "mamba", "micromamba"], &["install"], FILE),
    installer(&["npm"], &["ci"], Demand::Nothing),
    installer(&["npm", "pnpm", "yarn", "bun"], &["install"], Demand::NoName),
    installer(&["npm", "pnpm", "bun"], &["i"], Demand::NoName),
    installer(&["pnpm"], &["fetch"], Demand::Nothing),
    installer(&["yarn"], &[], Demand::NoName),
    installer(&["cargo"], &["fetch"], Demand::Nothing),
    installer(&["cargo"], &["vendor"], Demand::Nothing),
    installer(&["go"], &["mod", "download"], Demand::Nothing),
    installer(&["go"], &["mod", "vendor"], Demand::Nothing),
    installer(&["bundle", "bundler", "composer"], &["install"], Demand::Nothing),
    installer(&["dotnet"], &["restore"], Demand::Nothing),
    installer(&["mvn", "mvnw"], &["dependency:go-offline"], Demand::Nothing),
    installer(&["mix"], &["deps.get"], Demand::Nothing),
    installer(&["apt-get", "apt", "dnf", "yum", "microdnf", "zypper"], &["install"], Demand::NoFile),
    installer(&["apk"], &["add"], Demand::NoFile),
];

/// Programs and shell words in front of the program that runs.
const WRAPPERS: [&str; 8] = ["sudo", "time", "exec", "env", "nice", "corepack", "then", "do"];

/// Checks each stage of a file.
pub(super) fn check(dockerfile: &Dockerfile, checks: &Checks) {
    for index in 0..dockerfile.stages.len() {
        if let Some((instruction, message)) = late_install(&chain(&dockerfile.stages, index)) {
            checks.add(instruction, [Finding::new(&rules::COPY_BEFORE_INSTALL, message)]);
        }
    }
}

/// Returns the instructions of a stage, after those of the stages that it is built on.
fn chain(stages: &[Stage], index: usize) -> Vec<&Instruction> {
    let mut below = vec![index];
    let mut base = stages[index].base.as_str();
    // Each base is an earlier stage, so the loop ends.
    while let Some(at) = stages[..below[below.len() - 1]]
        .iter()
        .rposition(|stage| stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(base)))
    {
        below.push(at);
        base = &stages[at].base;
    }
    below.iter().rev().flat_map(|&at| &stages[at].instructions).collect()
}

/// Finds the first instruction that brings in the whole context before an install, with the message about it.
fn late_install<'a>(instructions: &[&'a Instruction]) -> Option<(&'a Instruction, String)> {
    let mut whole: Option<&Instruction> = None;
    let mut done = Vec::new();
    for instruction in instructions {
        if copies_all(instruction) {
            whole.get_or_insert(instruction);
        }
        let Kind::Run(run) = &instruction.kind else { continue };
        let mounted = run.mounts.iter().any(|mount| mounts_all(mount));
        for (program, shown) in installs(&run.command, instruction) {
            if let Some(at) = whole.or(mounted.then_some(*instruction))
                && !done.contains(&program)
            {
                let message = format!("Any change of any file makes {shown:?} run again");
                return Some((at, message));
            }
            done.push(program);
        }
    }
    None
}

fn copies_all(instruction: &Instruction) -> bool {
    copy_from_context(instruction).is_some_and(|copy| {
        copy.sources.iter().any(|source| matches!(source.as_str(), "." | "./" | "/" | "*"))
    })
}

/// Reports whether the value of a `--mount` shows the whole context.
fn mounts_all(mount: &str) -> bool {
    let value = |names: &[&str]| {
        let fields = mount.split(',').filter_map(|field| field.split_once('='));
        fields.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next_back()
    };
    value(&["type"]).unwrap_or("bind") == "bind"
        && value(&["from"]).is_none()
        && matches!(value(&["source", "src"]).unwrap_or("."), "." | "./" | "/")
}

/// Returns the installs in a RUN: the program, and the command for display.
fn installs(command: &Command, instruction: &Instruction) -> Vec<(&'static str, String)> {
    let text = match command {
        Command::Exec(args) => args.join(" "),
        Command::Shell(text) => text.clone(),
    };
    let bodies = instruction.heredocs.iter().map(|heredoc| heredoc.content.as_str());
    let lines = std::iter::once(text.as_str()).chain(bodies).flat_map(str::lines);
    let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split(['&', '|', ';', '(', ')', '{', '}'])).filter_map(install_of).collect()
}

/// Returns the install that a simple command makes, or `None` if it makes none.
fn install_of(command: &str) -> Option<(&'static str, String)> {
    let mut words = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).peekable();
    let is_program = |word: &str| INSTALLERS.iter().any(|installer| installer.programs.contains(&word));
    if words.next_if_eq(&"xargs").is_some() {
        // Flags of xargs have values.
        while words.next_if(|word| !is_program(word)).is_some() {}
    }
    while words
        .next_if(|word| WRAPPERS.contains(word) || word.starts_with('-') || is_assignment(word))
        .is_some()
    {}
    let mut program = name_of(words.next()?);
    if program.starts_with("python") && words.next_if_eq(&"-m").is_some() {
        program = name_of(words.next()?);
    }
    let program = if is_versioned_pip(program) { "pip3" } else { program };
    let args: Vec<&str> = words.collect();
    INSTALLERS.iter().find_map(|Installer { programs, subcommands, demand }| {
        let program = programs.iter().find(|name| **name == program)?;
        let rest = behind(&args, subcommands)?;
        let shown = [&[*program][..], subcommands].concat().join(" ");
        demand.is_met(&args, rest).then_some((*program, shown))
    })
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Reports whether a program is a pip with a version in its name, such as `pip3.11`.
fn is_versioned_pip(program: &str) -> bool {
    program.strip_prefix("pip3.").is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Returns the arguments after the subcommands, or `None` if the subcommands are absent or in another order.
///
/// Only flags and their values can be in front of the first subcommand.
fn behind<'a>(args: &'a [&'a str], subcommands: &[&str]) -> Option<&'a [&'a str]> {
    let Some((first, others)) = subcommands.split_first() else { return Some(args) };
    let at = args.iter().position(|arg| arg == first)?;
    let in_front = &args[..at];
    // A word that is not a flag must be the value of a flag.
    let is_value = |index: usize| index > 0 && in_front[index - 1].starts_with('-');
    if in_front.iter().enumerate().any(|(index, arg)| !arg.starts_with('-') && !is_value(index)) {
        return None;
    }
    let rest = &args[at + 1..];
    let follow = others.iter().enumerate().all(|(index, word)| rest.get(index) == Some(word));
    follow.then(|| &rest[others.len()..])
}

impl Demand {
    /// Reports whether the arguments meet the condition. `rest` are those after the subcommands.
    fn is_met(self, args: &[&str], rest: &[&str]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Flag(flags) => args.iter().any(|arg| {
                flags.iter().any(|flag| {
                    arg.strip_prefix(flag).is_some_and(|value| {
                        value.is_empty() || value.starts_with('=') || !flag.starts_with("--")
                    })
                })
            }),
            Self::NoName => {
                rest.iter().all(|arg| arg.starts_with('-'))
                    && !args.iter().any(|arg| matches!(*arg, "-g" | "--global"))
                    && !args.iter().any(|arg| matches!(*arg, "-v" | "--version" | "-h" | "--help"))
            }
            Self::NoFile => !rest.iter().any(|arg| arg.starts_with(['.', '/']) && !arg.starts_with("/dev/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, expected: Option<&str>) {
        assert_eq!(install_of(command).map(|(_, shown)| shown).as_deref(), expected, "{command}");
    }

    #[test]
    fn installs_are_recognised_with_flags_and_wrappers() {
        check("pip install --no-cache-dir -r requirements.txt", Some("pip install"));
        check("pip install -rrequirements.txt", Some("pip install"));
        check("pip --no-cache-dir install --requirement=r.txt", Some("pip install"));
        check("python3.12 -m pip install -r r.txt", Some("pip install"));
        check("/venv/bin/pip3.11 install -r r.txt", Some("pip3 install"));
        check("pip install flask", None);
        check("pip install .", None);
        check("uv sync --frozen", Some("uv sync"));
        check("uv pip install --system -r r.txt", Some("uv pip install"));
        check("uv run app", None);
        check("POETRY_VIRTUALENVS_CREATE=false poetry install --no-root", Some("poetry install"));
        check("mamba env create -f environment.yml", Some("mamba env create"));
        check("micromamba install -y -n base -f env.yml", Some("micromamba install"));
        check("conda install -y numpy", None);
        check("npm ci --omit=dev", Some("npm ci"));
        check("npm --prefix web ci", Some("npm ci"));
        check("npm install", Some("npm install"));
        check("npm install -g typescript", None);
        check("npm install -g", None);
        check("npm run ci", None);
        check("yarn", Some("yarn"));
        check("yarn --frozen-lockfile", Some("yarn"));
        check("yarn build", None);
        check("corepack pnpm i --prod", Some("pnpm i"));
        check("cargo fetch --locked", Some("cargo fetch"));
        check("cargo build --release", None);
        check("go mod download", Some("go mod download"));
        check("go mod tidy", None);
        check("bundle install --jobs 4", Some("bundle install"));
        check("composer install --no-dev", Some("composer install"));
        check("sudo apt-get -y install curl", Some("apt-get install"));
        check("xargs -a packages.txt apt-get install -y", Some("apt-get install"));
        check("xargs apt-get install -y < packages.txt", Some("apt-get install"));
        check("apt-get install -y ./local.deb", None);
        check("apk add --no-cache git", Some("apk add"));
        check("echo npm ci", None);
        check("", None);
    }

    #[test]
    fn a_mount_without_a_source_shows_the_whole_context() {
        for (mount, expected) in [
            ("type=bind,target=/src", true),
            ("target=.", true),
            ("type=bind,source=.,target=/src", true),
            ("type=bind,source=package.json,target=package.json", false),
            ("type=bind,from=build,target=/src", false),
            ("type=cache,target=/root/.npm", false),
        ] {
            assert_eq!(mounts_all(mount), expected, "{mount}");
        }
    }
}
