//! Instructions that only change the image config: CMD, ENTRYPOINT, LABEL, USER and others.

use oci::{Empty, Healthcheck};
use parser::ast::{self, Command, Kind, Pairs};

use super::{CurrentStage, Dispatcher};
use crate::error::Problem;
use crate::state::State;
use crate::{check, history, limits};

impl Dispatcher<'_> {
    /// Applies an instruction that makes no step.
    pub(super) fn config(&self, current: &mut CurrentStage<'_>, kind: &Kind) -> Result<(), Problem> {
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
                current.state.user_lines = Some(current.lines);
            }
            Kind::Volume(paths) => return self.volume(current, paths),
            other => return Err(Problem::Unsupported { feature: format!("{other:?}") }),
        }
        Ok(())
    }

    /// Notes an instruction that replaces an earlier one of its kind, and reports the earlier one.
    fn note_replacement(&self, current: &mut CurrentStage<'_>) {
        let instruction = &current.command.instruction;
        let found = check::overridden(&mut current.state.latest_lines, &instruction.keyword, current.lines);
        if let Some((lines, finding)) = found {
            self.session.checks.add_at(lines, &instruction.comments, [finding]);
        }
    }

    /// Checks whether a command is in exec form.
    fn check_form(&self, current: &CurrentStage<'_>, command: &Command) {
        let keyword = &current.command.instruction.keyword;
        self.found(current, check::not_json(keyword, command, &current.state.image.config.shell));
    }

    fn cmd(&self, current: &mut CurrentStage<'_>, command: &Command) {
        self.note_replacement(current);
        self.check_form(current, command);
        let words = words(&current.state, command);
        self.record(current, history::empty, format!("CMD {}", history::quoted_list(&words)));
        let config = &mut current.state.image.config;
        config.cmd = Some(words);
        config.args_escaped = true;
        current.state.cmd_is_set = true;
    }

    /// Sets the ENTRYPOINT. An inherited CMD is removed, since it was meant for the inherited ENTRYPOINT.
    fn entrypoint(&self, current: &mut CurrentStage<'_>, command: &Command) {
        self.note_replacement(current);
        self.check_form(current, command);
        let words = words(&current.state, command);
        self.record(current, history::empty, format!("ENTRYPOINT {}", history::quoted_list(&words)));
        current.state.image.config.entrypoint = Some(words);
        if !current.state.cmd_is_set {
            current.state.image.config.cmd = None;
        }
    }

    fn healthcheck(&self, current: &mut CurrentStage<'_>, check: &ast::Healthcheck) {
        self.note_replacement(current);
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

    fn label(&self, current: &mut CurrentStage<'_>, pairs: &Pairs) -> Result<(), Problem> {
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

    fn volume(&self, current: &mut CurrentStage<'_>, paths: &[String]) -> Result<(), Problem> {
        let paths: Vec<String> =
            paths.iter().map(|path| self.expand(current, path)).collect::<Result<_, _>>()?;
        if paths.iter().any(String::is_empty) {
            return Err(Problem::EmptyVolume);
        }
        self.record(current, history::empty, format!("VOLUME {}", history::plain_list(&paths)));
        current.state.image.config.volumes.extend(paths.into_iter().map(|path| (path, Empty {})));
        Ok(())
    }

    fn stop_signal(&self, current: &mut CurrentStage<'_>, signal: &str) -> Result<(), Problem> {
        let signal = self.expand(current, signal)?;
        if current.state.platform.os == "windows" {
            return Err(Problem::Unsupported { feature: "STOPSIGNAL on Windows".to_owned() });
        }
        if oci::signal::number(&signal).is_none() {
            return Err(Problem::BadSignal { signal });
        }
        self.record(current, history::empty, format!("STOPSIGNAL {signal}"));
        current.state.image.config.stop_signal = signal;
        Ok(())
    }
}

/// Returns the words that a container runs: exec form as it is, shell form as an argument of the shell.
fn words(state: &State, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.clone(),
        Command::Shell(text) => state.in_shell(text.clone()),
    }
}

/// Returns the test of a health check. Its shell form does not contain the SHELL.
fn test(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => std::iter::once("CMD".to_owned()).chain(words.iter().cloned()).collect(),
        Command::Shell(text) => vec!["CMD-SHELL".to_owned(), text.clone()],
    }
}
