//! The state of a stage while it is lowered: its files so far, and beside them the config of the image.

use std::collections::HashMap;
use std::sync::Arc;

use graph::paths::{WindowsPathError, from_windows};
use graph::{Lines, StepId};
use oci::{ImageConfig, Platform};
use parser::expand::Variables;

use crate::check::LatestLines;
use crate::env::{Declared, Environment, split_pair};
use crate::origin::ValueOrigin;

/// PATH of stages whose base image has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything that the instructions of a stage have made so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct StageState {
    /// Step whose result holds the files; `None` while there are no files.
    pub step: Option<StepId>,
    /// Config, history and the base image's layers.
    pub image: ImageConfig,
    /// ENV and ARG together; the last one wins.
    pub env: Environment,
    /// ARGs that the stage and the stages below it declare.
    pub args: Declared,
    /// Origins of the variables in the config of the image; without an entry, the base image set them.
    pub config_origins: HashMap<String, ValueOrigin>,
    /// Name of the base image as FROM has it, expanded; empty for `scratch`.
    pub base_name: Arc<str>,
    /// Lines of the USER in force; `None` if the base image or nothing set it.
    pub user_lines: Option<Lines>,
    /// Platform that the stage runs on.
    pub platform: Platform,
    /// Whether this stage itself has a CMD, which ENTRYPOINT then keeps.
    pub cmd_is_set: bool,
    /// Lines of this stage's own CMD, ENTRYPOINT and HEALTHCHECK.
    pub latest_lines: LatestLines,
    /// Whether the Dockerfile has a WORKDIR for this stage.
    pub workdir_is_set: bool,
    /// Whether the base image is unavailable, so that an unset variable may be set there.
    pub base_is_unknown: bool,
    /// Whether variables were made from values that an unavailable base image may set.
    pub has_placeholders: bool,
    /// Whether an ENV or ARG failed, so that variables are missing.
    pub is_incomplete: bool,
    /// Whether the files are a tree from outside that is not a layer yet.
    pub is_tree: bool,
    /// Number of layers without a history entry, which a named context used as a base adds.
    pub unaccounted_layers: usize,
    /// Steps that made layers of this stage, in order.
    pub layer_steps: Vec<StepId>,
}

impl StageState {
    /// Creates the state of a stage without files: `FROM scratch`.
    pub fn scratch(platform: &Platform) -> Self {
        let mut image = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
        "/".clone_into(&mut image.config.working_dir);
        Self { image, platform: platform.clone(), ..Self::default() }
    }

    /// Creates the state of a stage whose base is unavailable.
    pub fn unknown(platform: &Platform) -> Self {
        Self { base_is_unknown: true, ..Self::scratch(platform) }
    }

    /// Creates the state of a stage on the result of this one: everything but the memory of its commands.
    pub fn child(&self) -> Self {
        Self { cmd_is_set: false, latest_lines: LatestLines::default(), ..self.clone() }
    }

    /// Returns the bytes of the long texts that the state holds.
    pub fn text_bytes(&self) -> usize {
        let config = &self.image.config;
        let history: usize = self.image.history.iter().map(|entry| entry.created_by.len()).sum();
        let labels: usize = config.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let ports: usize = config.exposed_ports.keys().map(String::len).sum();
        2 * self.env.size_bytes() + history + labels + ports
    }

    /// Adds a PATH to the image if it has none, and puts the ENV of the image over inherited ARGs.
    pub fn start(&mut self) {
        let has_path = self.image.config.env.iter().any(|pair| split_pair(pair).0 == "PATH");
        if !has_path && !self.is_windows() {
            self.image.config.env.push(format!("PATH={DEFAULT_PATH}"));
            self.config_origins.insert("PATH".to_owned(), ValueOrigin::Predefined);
        }
        for pair in &self.image.config.env {
            let (name, value) = split_pair(pair);
            let base = || ValueOrigin::BaseImage { name: Arc::clone(&self.base_name) };
            let origin = self.config_origins.get(name).cloned().unwrap_or_else(base);
            self.env.set(name, value, origin);
        }
    }

    /// Sets a variable of the image and of the environment, as the ENV on these lines does.
    pub fn set_env(&mut self, name: &str, value: &str, lines: Lines) {
        let pair = format!("{name}={value}");
        let pairs = &mut self.image.config.env;
        // A name that the environment does not know is not in the image either: most names need no search.
        let is_known = self.env.value(name).is_some();
        match is_known.then(|| pairs.iter_mut().find(|old| split_pair(old).0 == name)).flatten() {
            Some(old) => *old = pair,
            None => pairs.push(pair),
        }
        let origin = ValueOrigin::Env { lines };
        self.config_origins.insert(name.to_owned(), origin.clone());
        self.env.set(name, value, origin);
    }

    /// Returns the shell of shell-form instructions with `command` as its last argument.
    pub fn in_shell(&self, command: String) -> Vec<String> {
        let mut words = self.image.config.shell.clone();
        if words.is_empty() {
            let is_windows = self.is_windows();
            let default: &[&str] = if is_windows { &["cmd", "/S", "/C"] } else { &["/bin/sh", "-c"] };
            words = default.iter().map(|&word| word.to_owned()).collect();
        }
        words.push(command);
        words
    }

    /// Returns the directory that relative paths start from: absolute and clean, with slashes on every system.
    pub fn working_dir(&self) -> String {
        let recorded = &self.image.config.working_dir;
        // A base image can record anything; as it is, it is at least a path.
        graph::paths::clean(&self.slashed(recorded).unwrap_or_else(|_| recorded.clone()))
    }

    /// Reports whether the image is for Windows, whose paths have backslashes and drives.
    pub fn is_windows(&self) -> bool {
        self.platform.os == "windows"
    }

    /// Returns a path inside the image with slashes.
    pub fn slashed(&self, path: &str) -> Result<String, WindowsPathError> {
        if self.is_windows() { from_windows(path) } else { Ok(path.to_owned()) }
    }

    /// Records that `step` made a layer on top of the files so far.
    pub fn advance(&mut self, step: StepId) {
        self.step = Some(step);
        self.layer_steps.push(step);
    }
}

impl Variables for StageState {
    fn value(&self, name: &str) -> Option<&str> {
        self.env.value(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_the_env_of_the_image_over_inherited_args() {
        let mut state = StageState::scratch(&Platform::host());
        state.set_env("x", "env", Lines::single(2));
        state.env.set("x", "arg", ValueOrigin::ArgDefault { lines: Lines::single(3) });
        let mut child = state.child();
        child.start();
        assert_eq!(child.env.value("x"), Some("env"));
        assert_eq!(child.image.config.env, ["x=env".to_owned(), format!("PATH={DEFAULT_PATH}")]);
        assert_eq!(child.env.origin("x"), Some(&ValueOrigin::Env { lines: Lines::single(2) }));
        assert_eq!(child.env.origin("PATH"), Some(&ValueOrigin::Predefined));
        child.set_env("x", "later", Lines::single(5));
        assert_eq!(child.image.config.env[0], "x=later");
    }

    #[test]
    fn windows_has_another_shell_and_no_default_path() {
        let windows = "windows/amd64".parse().expect("a platform");
        let mut state = StageState::scratch(&windows);
        state.start();
        assert!(state.image.config.env.is_empty());
        assert_eq!(state.in_shell("dir".to_owned()), ["cmd", "/S", "/C", "dir"]);
    }
}
