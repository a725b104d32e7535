//! `CopyBeforeInstall`: the whole context is there before what the project depends on is installed, so that any change of
//! any file installs all of it again.
//!
//! Instructions are followed from the stage that a stage is built on. A bind mount of the whole context is as bad as a
//! copy. An install that ran before the copy did its work there: what follows is small (`uv sync` for the project itself).

use parser::ast::{Command, Dockerfile, Instruction, Kind, Stage};

use super::own::of_context;
use super::{Checks, Finding, rules};

/// A command that installs: programs, words that follow in this order (flags may stand between), what else must be so.
type Installer = (&'static [&'static str], &'static [&'static str], Demand);

/// What an install must look like to be one of what the project's files ask for, or of the system's packages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    Nothing,
    /// One of these flags: the file that lists what to install.
    Flag(&'static [&'static str]),
    /// No name follows, and it is not `-g`: without one it is the project's.
    NoName,
    /// No file of the context is installed.
    NoFile,
}

const FILE: Demand = Demand::Flag(&["-f", "--file"]);
const REQUIREMENT: Demand = Demand::Flag(&["-r", "--requirement", "--requirements"]);

const INSTALLERS: &[Installer] = &[
    (&["pip", "pip3"], &["install"], REQUIREMENT),
    (&["uv"], &["pip", "install"], REQUIREMENT),
    (&["uv"], &["pip", "sync"], Demand::Nothing),
    (&["uv", "pdm", "pipenv"], &["sync"], Demand::Nothing),
    (&["poetry", "pdm", "pipenv"], &["install"], Demand::Nothing),
    (&["conda", "mamba", "micromamba"], &["env", "create"], Demand::Nothing),
    (&["conda", "mamba", "micromamba"], &["env", "update"], Demand::Nothing),
    (&["conda", "mamba", "micromamba"], &["create"], FILE),
    (&["conda", "mamba", "micromamba"], &["install"], FILE),
    (&["npm"], &["ci"], Demand::Nothing),
    (&["npm", "pnpm", "yarn", "bun"], &["install"], Demand::NoName),
    (&["npm", "pnpm", "bun"], &["i"], Demand::NoName),
    (&["pnpm"], &["fetch"], Demand::Nothing),
    (&["yarn"], &[], Demand::NoName),
    (&["cargo"], &["fetch"], Demand::Nothing),
    (&["cargo"], &["vendor"], Demand::Nothing),
    (&["go"], &["mod", "download"], Demand::Nothing),
    (&["go"], &["mod", "vendor"], Demand::Nothing),
    (&["bundle", "bundler", "composer"], &["install"], Demand::Nothing),
    (&["dotnet"], &["restore"], Demand::Nothing),
    (&["mvn", "mvnw"], &["dependency:go-offline"], Demand::Nothing),
    (&["mix"], &["deps.get"], Demand::Nothing),
    (&["apt-get", "apt", "dnf", "yum", "microdnf", "zypper"], &["install"], Demand::NoFile),
    (&["apk"], &["add"], Demand::NoFile),
];

/// Programs that run the program named behind them.
const WRAPPERS: [&str; 8] = ["sudo", "time", "exec", "env", "nice", "corepack", "then", "do"];

/// Looks at each stage.
pub(super) fn check(dockerfile: &Dockerfile, checks: &Checks) {
    for index in 0..dockerfile.stages.len() {
        if let Some((instruction, message)) = late_install(&chain(&dockerfile.stages, index)) {
            checks.add(instruction, [Finding::new(&rules::COPY_BEFORE_INSTALL, message)]);
        }
    }
}

/// The instructions of a stage, behind those of the stages that it is built on.
fn chain(stages: &[Stage], index: usize) -> Vec<&Instruction> {
    let mut below = vec![index];
    let mut base = stages[index].base.as_str();
    // Only stages above can be built on: this ends.
    while let Some(at) = stages[..below[below.len() - 1]]
        .iter()
        .rposition(|stage| stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(base)))
    {
        below.push(at);
        base = &stages[at].base;
    }
    below.iter().rev().flat_map(|&at| &stages[at].instructions).collect()
}

/// The first instruction that brings in the whole context for an install that could have come before.
fn late_install<'a>(instructions: &[&'a Instruction]) -> Option<(&'a Instruction, String)> {
    let mut whole: Option<&Instruction> = None;
    let mut done = Vec::new();
    for instruction in instructions {
        if copies_all(instruction) {
            whole.get_or_insert(instruction);
        }
        let Kind::Run(run) = &instruction.kind else { continue };
        let mounted = run.mounts.iter().any(|mount| mounts_all(mount));
        for (program, installer) in installers(&run.command, instruction) {
            if let Some(at) = whole.or(mounted.then_some(*instruction))
                && !done.contains(&program)
            {
                let message = format!("Any change of any file makes {installer:?} run again");
                return Some((at, message));
            }
            done.push(program);
        }
    }
    None
}

fn copies_all(instruction: &Instruction) -> bool {
    of_context(instruction).is_some_and(|copy| {
        copy.sources.iter().any(|source| matches!(source.as_str(), "." | "./" | "/" | "*"))
    })
}

/// Whether the value of a `--mount` shows the whole context.
fn mounts_all(mount: &str) -> bool {
    let value = |names: &[&str]| {
        let fields = mount.split(',').filter_map(|field| field.split_once('='));
        fields.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next_back()
    };
    value(&["type"]).unwrap_or("bind") == "bind"
        && value(&["from"]).is_none()
        && matches!(value(&["source", "src"]).unwrap_or("."), "." | "./" | "/")
}

/// The installs that a RUN makes: the program, and how people call it.
fn installers(command: &Command, instruction: &Instruction) -> Vec<(&'static str, String)> {
    let text = match command {
        Command::Exec(args) => args.join(" "),
        Command::Shell(text) => text.clone(),
    };
    let bodies = instruction.heredocs.iter().map(|heredoc| heredoc.content.as_str());
    let lines = std::iter::once(text.as_str()).chain(bodies).flat_map(str::lines);
    let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split(['&', '|', ';', '(', ')', '{', '}'])).filter_map(installer).collect()
}

/// The install that a simple command is, if it is one.
fn installer(command: &str) -> Option<(&'static str, String)> {
    let mut words = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).peekable();
    let is_program = |word: &str| INSTALLERS.iter().any(|(programs, ..)| programs.contains(&word));
    if words.next_if_eq(&"xargs").is_some() {
        // Its flags have values.
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
    INSTALLERS.iter().find_map(|(programs, subcommands, demand)| {
        let program = programs.iter().find(|name| **name == program)?;
        let rest = behind(&args, subcommands)?;
        let shown = [&[*program][..], subcommands].concat().join(" ");
        demand.is_met(&args, rest).then_some((*program, shown))
    })
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `pip3.11`.
fn is_versioned_pip(program: &str) -> bool {
    program.strip_prefix("pip3.").is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// What follows the subcommands, which must come in this order with nothing but flags (and their values) in front of the
/// first.
fn behind<'a>(args: &'a [&'a str], subcommands: &[&str]) -> Option<&'a [&'a str]> {
    let Some((first, others)) = subcommands.split_first() else { return Some(args) };
    let at = args.iter().position(|arg| arg == first)?;
    let in_front = &args[..at];
    // A word that is no flag must be the value of one.
    let is_value = |index: usize| index > 0 && in_front[index - 1].starts_with('-');
    if in_front.iter().enumerate().any(|(index, arg)| !arg.starts_with('-') && !is_value(index)) {
        return None;
    }
    let rest = &args[at + 1..];
    let follow = others.iter().enumerate().all(|(index, word)| rest.get(index) == Some(word));
    follow.then(|| &rest[others.len()..])
}

impl Demand {
    /// `rest` are the arguments behind the subcommand.
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
        assert_eq!(installer(command).map(|(_, shown)| shown).as_deref(), expected, "{command}");
    }

    #[test]
    fn installs_are_known_with_flags_between() {
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
    fn mounts_of_the_whole_context() {
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
