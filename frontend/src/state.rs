//! A stage while it is lowered: its files so far, and beside them the config of the image.

use std::collections::HashMap;

use oci::{ImageConfig, Platform};
use parser::expand::Variables;

use super::args::{Env, split_pair};
use super::check::Seen;
use graph::StepId;

/// The PATH of images that have none.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the instructions of a stage have made so far.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Whose result the files are; `None` while there are none.
    pub step: Option<StepId>,
    /// Config, history and the base's layers.
    pub image: ImageConfig,
    /// ENV and ARG, the last one wins.
    pub env: Env,
    /// The ARGs declared so far, each once.
    pub args: Declared,
    /// What the stage runs on.
    pub platform: Platform,
    /// A CMD of this very stage was seen: ENTRYPOINT keeps it.
    pub cmd_is_set: bool,
    /// Where this very stage had instructions of which the last one counts.
    pub seen: Seen,
    /// A WORKDIR of this Dockerfile was seen.
    pub workdir_is_set: bool,
    /// What it is made on could not be found out: a variable that is not set may be set there.
    pub base_is_unknown: bool,
    /// Variables were made of such.
    pub has_guesses: bool,
    /// An ENV or ARG was wrong: variables are missing.
    pub is_incomplete: bool,
    /// The files are a tree as it came from outside, not layers yet.
    pub is_tree: bool,
    /// Layers without a history entry: those of a named context used as a base.
    pub unaccounted_layers: usize,
    /// The steps that made layers here, in order.
    pub layer_steps: Vec<StepId>,
}

/// Names of ARGs in the order of their first declaration, with what they were declared to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    pairs: Vec<(String, String)>,
    index: HashMap<String, usize>,
}

impl Declared {
    /// Declares `name`; a later declaration keeps the place of the first.
    pub fn declare(&mut self, name: &str, value: &str) {
        match self.index.get(name) {
            Some(&at) => value.clone_into(&mut self.pairs[at].1),
            None => {
                self.index.insert(name.to_owned(), self.pairs.len());
                self.pairs.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// Whether `name` is declared, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// Name and declared value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl State {
    /// A stage on nothing: `FROM scratch`.
    pub fn scratch(platform: &Platform) -> Self {
        let mut image = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
        "/".clone_into(&mut image.config.working_dir);
        Self { image, platform: platform.clone(), ..Self::default() }
    }

    /// A stage on something that could not be found out.
    pub fn unknown(platform: &Platform) -> Self {
        Self { base_is_unknown: true, ..Self::scratch(platform) }
    }

    /// A stage on the result of another: all but the memory of its commands.
    pub fn child(&self) -> Self {
        Self { cmd_is_set: false, seen: Seen::default(), ..self.clone() }
    }

    /// How much text it holds, but for what is short.
    pub fn text_bytes(&self) -> usize {
        let config = &self.image.config;
        let history: usize = self.image.history.iter().map(|entry| entry.created_by.len()).sum();
        let labels: usize = config.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let ports: usize = config.exposed_ports.keys().map(String::len).sum();
        2 * self.env.size_bytes() + history + labels + ports
    }

    /// Gives the image a PATH if it has none, and puts its ENV on top of inherited ARGs.
    pub fn start(&mut self) {
        let has_path = self.image.config.env.iter().any(|pair| split_pair(pair).0 == "PATH");
        if !has_path && self.platform.os != "windows" {
            self.image.config.env.push(format!("PATH={DEFAULT_PATH}"));
        }
        for pair in &self.image.config.env {
            let (name, value) = split_pair(pair);
            self.env.set(name, value);
        }
    }

    /// Sets a variable of image and environment.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let pair = format!("{name}={value}");
        let pairs = &mut self.image.config.env;
        // What the environment does not know is not in the image: most names need no search.
        let known = self.env.value(name).is_some();
        match known.then(|| pairs.iter_mut().find(|old| split_pair(old).0 == name)).flatten() {
            Some(old) => *old = pair,
            None => pairs.push(pair),
        }
        self.env.set(name, value);
    }

    /// The shell of shell-form instructions, with `command` as its last argument.
    pub fn in_shell(&self, command: String) -> Vec<String> {
        let mut words = self.image.config.shell.clone();
        if words.is_empty() {
            let default: &[&str] = match self.image.platform.os.as_str() {
                "windows" => &["cmd", "/S", "/C"],
                _ => &["/bin/sh", "-c"],
            };
            words = default.iter().map(|&word| word.to_owned()).collect();
        }
        words.push(command);
        words
    }

    /// The folder that relative paths are seen from: absolute and clean.
    pub fn working_dir(&self) -> String {
        graph::paths::clean(&self.image.config.working_dir)
    }

    /// Records that `step` made a layer.
    pub fn advance(&mut self, step: StepId) {
        self.step = Some(step);
        self.layer_steps.push(step);
    }
}

impl Variables for State {
    fn value(&self, name: &str) -> Option<&str> {
        self.env.value(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_puts_env_over_inherited_args_and_adds_path() {
        let mut state = State::scratch(&Platform::host());
        state.set_env("x", "env");
        state.env.set("x", "arg");
        let mut child = state.child();
        child.start();
        assert_eq!(child.env.value("x"), Some("env"));
        assert_eq!(child.image.config.env, ["x=env".to_owned(), format!("PATH={DEFAULT_PATH}")]);
        child.set_env("x", "later");
        assert_eq!(child.image.config.env[0], "x=later");
    }

    #[test]
    fn windows_has_its_own_shell_and_no_path() {
        let windows = "windows/amd64".parse().expect("a platform");
        let mut state = State::scratch(&windows);
        state.start();
        assert!(state.image.config.env.is_empty());
        assert_eq!(state.in_shell("dir".to_owned()), ["cmd", "/S", "/C", "dir"]);
    }
}
