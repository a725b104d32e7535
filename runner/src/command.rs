//! Image config and the user's wishes to the process.

use oci::Config;

use crate::RunnerError;

/// The PATH of an image that sets none.
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the user wants to be other than the image says.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// In place of ENTRYPOINT; an empty one takes it away.
    pub entrypoint: Option<String>,
    /// In place of CMD, where not empty.
    pub command: Vec<String>,
    /// `NAME=value`, over the image's.
    pub env: Vec<String>,
    /// In place of WORKDIR.
    pub workdir: Option<String>,
    /// In place of USER.
    pub user: Option<String>,
    /// It gets a terminal.
    pub terminal: bool,
}

/// The program and its arguments: ENTRYPOINT, then CMD; a changed ENTRYPOINT drops the image's CMD, as docker does.
pub fn args(config: &Config, wishes: &Wishes) -> Result<Vec<String>, RunnerError> {
    let entrypoint = match &wishes.entrypoint {
        Some(program) if program.is_empty() => Vec::new(),
        Some(program) => vec![program.clone()],
        None => config.entrypoint.clone().unwrap_or_default(),
    };
    let command = match (&wishes.command[..], &wishes.entrypoint) {
        ([], Some(program)) if !program.is_empty() => Vec::new(),
        ([], _) => config.cmd.clone().unwrap_or_default(),
        (command, _) => command.to_vec(),
    };
    let args: Vec<String> = entrypoint.into_iter().chain(command).collect();
    if args.is_empty() { Err(RunnerError::NoCommand) } else { Ok(args) }
}

/// The image's variables with the user's over them; PATH always, TERM and HOSTNAME as docker sets them.
pub fn env(config: &Config, wishes: &Wishes, hostname: &str) -> Vec<String> {
    let mut env = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={hostname}")];
    if wishes.terminal {
        env.push("TERM=xterm".to_owned());
    }
    for variable in config.env.iter().chain(&wishes.env) {
        set(&mut env, variable);
    }
    env
}

/// Replaces the variable of that name, else adds it.
fn set(env: &mut Vec<String>, variable: &str) {
    let name = variable.split('=').next().unwrap_or_default();
    match env.iter_mut().find(|other| other.split('=').next() == Some(name)) {
        Some(other) => *other = variable.to_owned(),
        None => env.push(variable.to_owned()),
    }
}

/// Where the process starts.
pub fn cwd(config: &Config, wishes: &Wishes) -> String {
    let cwd = wishes.workdir.clone().unwrap_or_else(|| config.working_dir.clone());
    if cwd.is_empty() { "/".to_owned() } else { cwd }
}

/// Who it runs as.
pub fn user(config: &Config, wishes: &Wishes) -> String {
    wishes.user.clone().unwrap_or_else(|| config.user.clone())
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
        let wishes = Wishes {
            entrypoint: entrypoint.map(str::to_owned),
            command: words(command),
            ..Wishes::default()
        };
        assert_eq!(args(&config, &wishes).unwrap_or_default(), words(expected));
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
    fn the_users_variables_win() {
        let config = Config { env: words("PATH=/own A=1 B=2"), ..Config::default() };
        let wishes = Wishes { env: words("B=3 C=4"), ..Wishes::default() };
        assert_eq!(env(&config, &wishes, "box"), words("PATH=/own HOSTNAME=box A=1 B=3 C=4"));
    }
}
