//! Instructions that only change the image config.

use oci::{Empty, Healthcheck};
use parser::ast::{self, Command, Kind, Pairs};

use super::{Current, Dispatcher};
use crate::error::Problem;
use crate::state::State;
use crate::{check, history, limits};

impl Dispatcher<'_> {
    pub(super) fn config(&self, current: &mut Current<'_>, kind: &Kind) -> Result<(), Problem> {
        match kind {
            Kind::Cmd(command) => self.cmd(current, command),
            Kind::Entrypoint(command) => self.entrypoint(current, command),
            Kind::Expose(words) => return self.expose(current, words),
            Kind::Healthcheck(check) => self.healthcheck(current, check),
            Kind::Label(pairs) => return self.label(current, pairs),
            Kind::Maintainer(name) => {
                current.state.image.author.clone_from(name);
                self.record(current, history::empty, format!("MAINTAINER {name}"));
            }
            Kind::Onbuild(trigger) => {
                let triggers = &mut current.state.image.config.on_build;
                limits::check_triggers(triggers.len() + 1)?;
                triggers.push(trigger.clone());
            }
            Kind::Shell(words) => {
                current.state.image.config.shell.clone_from(words);
                self.record(current, history::empty, format!("SHELL {}", history::plain_list(words)));
            }
            Kind::Stopsignal(signal) => return self.stop_signal(current, signal),
            Kind::User(user) => {
                let user = self.expand(current, user)?;
                self.record(current, history::empty, format!("USER {user}"));
                current.state.image.config.user = user;
            }
            Kind::Volume(paths) => return self.volume(current, paths),
            other => return Err(Problem::Unsupported { what: format!("{other:?}") }),
        }
        Ok(())
    }

    /// Notes an instruction of which the last one counts.
    fn once(&self, current: &mut Current<'_>) {
        let instruction = &current.command.instruction;
        let found = check::overridden(&mut current.state.seen, &instruction.keyword, current.lines);
        if let Some((lines, finding)) = found {
            self.session.checks.add_at(lines, &instruction.comments, [finding]);
        }
    }

    fn shell_form(&self, current: &Current<'_>, command: &Command) {
        let keyword = &current.command.instruction.keyword;
        self.found(current, check::not_json(keyword, command, &current.state.image.config.shell));
    }

    fn cmd(&self, current: &mut Current<'_>, command: &Command) {
        self.once(current);
        self.shell_form(current, command);
        let words = words(&current.state, command);
        self.record(current, history::empty, format!("CMD {}", history::quoted_list(&words)));
        let config = &mut current.state.image.config;
        config.cmd = Some(words);
        config.args_escaped = true;
        current.state.cmd_is_set = true;
    }

    /// An inherited CMD was meant for an inherited ENTRYPOINT: it goes.
    fn entrypoint(&self, current: &mut Current<'_>, command: &Command) {
        self.once(current);
        self.shell_form(current, command);
        let words = words(&current.state, command);
        self.record(current, history::empty, format!("ENTRYPOINT {}", history::quoted_list(&words)));
        current.state.image.config.entrypoint = Some(words);
        if !current.state.cmd_is_set {
            current.state.image.config.cmd = None;
        }
    }

    fn healthcheck(&self, current: &mut Current<'_>, check: &ast::Healthcheck) {
        self.once(current);
        let check = match check {
            ast::Healthcheck::None => Healthcheck { test: vec!["NONE".to_owned()], ..Healthcheck::default() },
            ast::Healthcheck::Cmd {
                command,
                interval_ns,
                timeout_ns,
                start_period_ns,
                start_interval_ns,
                retries,
            } => Healthcheck {
                test: test(command),
                interval_ns: *interval_ns,
                timeout_ns: *timeout_ns,
                start_period_ns: *start_period_ns,
                start_interval_ns: *start_interval_ns,
                retries: *retries,
            },
        };
        self.record(current, history::empty, history::healthcheck(&check));
        current.state.image.config.healthcheck = Some(check);
    }

    fn label(&self, current: &mut Current<'_>, pairs: &Pairs) -> Result<(), Problem> {
        let mut text = "LABEL".to_owned();
        let expanded = self.pairs(current, pairs)?;
        self.found(current, check::legacy_pairs(&current.command.instruction.keyword, pairs.legacy));
        for (name, value) in expanded {
            text.push_str(&format!(" {name}={value}"));
            current.state.image.config.labels.insert(name, value);
        }
        self.record(current, history::empty, text);
        Ok(())
    }

    fn volume(&self, current: &mut Current<'_>, paths: &[String]) -> Result<(), Problem> {
        let paths: Vec<String> =
            paths.iter().map(|path| self.expand(current, path)).collect::<Result<_, _>>()?;
        if paths.iter().any(String::is_empty) {
            return Err(Problem::EmptyVolume);
        }
        self.record(current, history::empty, format!("VOLUME {}", history::plain_list(&paths)));
        current.state.image.config.volumes.extend(paths.into_iter().map(|path| (path, Empty {})));
        Ok(())
    }

    fn stop_signal(&self, current: &mut Current<'_>, signal: &str) -> Result<(), Problem> {
        let signal = self.expand(current, signal)?;
        if current.state.platform.os == "windows" {
            return Err(Problem::Unsupported { what: "STOPSIGNAL on Windows".to_owned() });
        }
        if !is_signal(&signal) {
            return Err(Problem::BadSignal { signal });
        }
        self.record(current, history::empty, format!("STOPSIGNAL {signal}"));
        current.state.image.config.stop_signal = signal;
        Ok(())
    }
}

/// What a container runs: exec form as it is, shell form behind the shell.
fn words(state: &State, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) => state.in_shell(text.clone()),
    }
}

/// The test of a health check; its shell form does not carry the SHELL.
fn test(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
        Command::Shell(text) => vec!["CMD-SHELL".to_owned(), text.clone()],
    }
}

/// A number but 0, or a name of Linux, with or without `SIG`, in any case.
///
/// Source: moby/sys/signal, `ParseSignal`, which lets any number pass, negative ones included.
fn is_signal(text: &str) -> bool {
    const NAMES: [&str; 36] = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
        "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
        "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
    ];
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |prefix: &str, last: u32| {
        let number = name.strip_prefix(prefix).filter(|number| !number.starts_with('0'));
        number.and_then(|number| number.parse().ok()).is_some_and(|number: u32| number <= last)
    };
    NAMES.contains(&name) || real_time("RTMIN+", 15) || real_time("RTMAX-", 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(signal: &str, expected: bool) {
        assert_eq!(is_signal(signal), expected, "{signal}");
    }

    #[test]
    fn signals() {
        check("SIGTERM", true);
        check("term", true);
        check("9", true);
        check("99", true);
        check("0", false);
        check("SIGRTMIN+3", true);
        check("RTMAX-14", true);
        check("RTMAX-15", false);
        check("RTMIN+16", false);
        check("RTMIN+03", false);
        check("SIGNOPE", false);
        check("SIGSIGTERM", false);
        check("", false);
    }
}
