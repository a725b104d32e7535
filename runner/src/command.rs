//! The process of a container: the image's config with the user's overrides.

use oci::Config;

use crate::RunnerError;

/// PATH of a process whose image sets none, as docker has it.
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Settings of the user that replace those of the image's config.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// --entrypoint: program in place of ENTRYPOINT. An empty one removes ENTRYPOINT; `None` keeps it.
    pub entrypoint: Option<String>,
    /// Arguments after the image's name, in place of CMD; empty to keep CMD.
    pub command: Vec<String>,
    /// --env: variables as `NAME=value`, which win over the image's.
    pub env: Vec<String>,
    /// --workdir: working directory in place of WORKDIR.
    pub workdir: Option<String>,
    /// --user: `user[:group]` in place of USER.
    pub user: Option<String>,
    /// --tty: whether the process gets a terminal, and thus TERM.
    pub terminal: bool,
}

/// Returns the program and its arguments: ENTRYPOINT, then CMD. An overridden ENTRYPOINT drops the image's CMD, as in
/// docker.
pub fn args(config: &Config, overrides: &Overrides) -> Result<Vec<String>, RunnerError> {
    let entrypoint = match &overrides.entrypoint {
        Some(program) if program.is_empty() => Vec::new(),
        Some(program) => vec![program.clone()],
        None => config.entrypoint.clone().unwrap_or_default(),
    };
    let command = match (&overrides.command[..], &overrides.entrypoint) {
        ([], Some(program)) if !program.is_empty() => Vec::new(),
        ([], _) => config.cmd.clone().unwrap_or_default(),
        (command, _) => command.to_vec(),
    };
    let args: Vec<String> = entrypoint.into_iter().chain(command).collect();
    if args.is_empty() { Err(RunnerError::NoCommand) } else { Ok(args) }
}

/// Returns the environment: the image's variables with the user's over them. PATH and HOSTNAME are always set, TERM for a
/// terminal, as in docker.
pub fn env(config: &Config, overrides: &Overrides, hostname: &str) -> Vec<String> {
    let mut env = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={hostname}")];
    if overrides.terminal {
        env.push("TERM=xterm".to_owned());
    }
    for variable in config.env.iter().chain(&overrides.env) {
        set(&mut env, variable);
    }
    env
}

/// Replaces the variable of the same name, or adds it at the end.
pub(crate) fn set(env: &mut Vec<String>, variable: &str) {
    let name = variable.split('=').next().unwrap_or_default();
    match env.iter_mut().find(|other| other.split('=').next() == Some(name)) {
        Some(other) => *other = variable.to_owned(),
        None => env.push(variable.to_owned()),
    }
}

/// Returns the working directory of the process; `/` if neither image nor user sets one.
pub fn cwd(config: &Config, overrides: &Overrides) -> String {
    let cwd = overrides.workdir.clone().unwrap_or_else(|| config.working_dir.clone());
    if cwd.is_empty() { "/".to_owned() } else { cwd }
}

/// Returns the user of the process as `user[:group]`; empty for root.
pub fn user(config: &Config, overrides: &Overrides) -> String {
    overrides.user.clone().unwrap_or_else(|| config.user.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(image: (&str, &str), entrypoint: Option<&str>, command: &str, expected: &str) {
        let config =
            Config { entrypoint: Some(words(image.0)), cmd: Some(words(image.1)), ..Config::default() };
        let overrides = Overrides {
            entrypoint: entrypoint.map(str::to_owned),
            command: words(command),
            ..Overrides::default()
        };
        assert_eq!(args(&config, &overrides).unwrap_or_default(), words(expected));
    }

    #[test]
    fn entrypoint_and_cmd_combine_as_in_docker() {
        check(("python", "app.py"), None, "", "python app.py");
        check(("python", "app.py"), None, "other.py -v", "python other.py -v");
        check(("python", "app.py"), Some("sh"), "", "sh");
        check(("python", "app.py"), Some("sh"), "-c true", "sh -c true");
        check(("python", "app.py"), Some(""), "", "app.py");
        check(("", "sh"), None, "", "sh");
        check(("", ""), None, "", "");
    }

    #[test]
    fn the_users_variables_win_over_the_images() {
        let config = Config { env: words("PATH=/own A=1 B=2"), ..Config::default() };
        let overrides = Overrides { env: words("B=3 C=4"), ..Overrides::default() };
        assert_eq!(env(&config, &overrides, "box"), words("PATH=/own HOSTNAME=box A=1 B=3 C=4"));
    }
}
