//! The base of a stage: its first step and config.

use std::sync::Arc;

use graph::git_url::{GitUrl, git_source};
use graph::{CopyAction, CopySource, FileAction, FileOp, ImageOrigin, Op, ResolvedImage, Source, StepMeta};
use oci::Platform;

use super::{Dispatcher, Inputs};
use crate::base_images::platform_of;
use crate::check;
use crate::error::{LowerError, Problem};
use crate::options::NamedContext;
use crate::stages::{Base, StageId};
use crate::state::State;
use crate::step_names::StepCounter;

impl Dispatcher<'_> {
    /// Returns the state of an entry before its first instruction.
    pub(super) fn start(&mut self, id: StageId, counter: &mut StepCounter) -> Result<State, LowerError> {
        let table = self.table;
        let entry = table.entry(id);
        let platform = platform_of(entry, self.target);
        match &entry.base {
            Base::Unknown => Ok(State::unknown(&platform)),
            Base::Scratch => Ok(State::scratch(&self.target.platform)),
            Base::Stage(base) => {
                let state = self.states[base.0].as_ref().expect("FROM finds earlier stages only").child();
                self.session.budget.spend(state.text_bytes());
                Ok(state)
            }
            Base::Context(_, NamedContext::Image(name)) if name == "scratch" => Ok(State::scratch(&platform)),
            Base::Context(
                key,
                context @ (NamedContext::Local { .. } | NamedContext::Git(_) | NamedContext::Http(_)),
            ) => self.tree(id, key, context, &platform).map_err(|problem| problem.at(entry.lines)),
            Base::Context(..) | Base::Image(_) => Ok(self.image(id, counter, platform)),
        }
    }

    /// Returns the state of a stage on an image.
    fn image(&mut self, id: StageId, counter: &mut StepCounter, requested: Platform) -> State {
        let entry = self.table.entry(id);
        // A named context with an invalid image name was reported.
        let Some(found) = self.images.image(entry, self.target) else { return State::unknown(&requested) };
        let (found, base_is_unknown) = (&found.image, found.is_placeholder);
        let text = describe(found);
        if self.session.names_platform {
            counter.platform = Some(requested.to_string());
        }
        let name = match &entry.base {
            Base::Context(key, _) => format!("[context {key}] {text}"),
            _ => counter.next(&format!("FROM {text}")),
        };
        let mut image = found.config.clone();
        image.created = None;
        // If nobody requested a platform, the image decides what is built.
        let own = &image.platform;
        let follows = self.target.is_implicit && entry.platform.is_none() && !own.os.is_empty();
        let platform = if follows && !own.serves(&requested) { own.clone() } else { requested };
        if !found.layers().is_empty() {
            let finding = check::base_platform(&entry.base_text, &platform, &image.platform);
            self.session.checks.add_at(entry.lines, &[], finding);
        }
        let step = (!found.layers().is_empty()).then(|| {
            let source = Source::Image { name: found.origin.clone(), manifest: found.manifest };
            let (lines, stage) = (Some(entry.lines), self.stage_name(id));
            let meta = StepMeta { name, lines, stage, ..StepMeta::default() };
            self.graph.add(Op::Source(source), Vec::new(), &platform, meta)
        });
        let base_name = Arc::from(entry.base_text.as_str());
        State { step, image, platform, base_name, base_is_unknown, ..State::default() }
    }

    /// Returns the state of a stage on a directory, repository or file, which has files but no config.
    fn tree(
        &mut self,
        id: StageId,
        key: &str,
        context: &NamedContext,
        platform: &Platform,
    ) -> Result<State, Problem> {
        let (source, text) = match context {
            NamedContext::Local { path, ignore } => {
                let (name, path, ignore) = (key.to_owned(), path.clone(), ignore.patterns());
                (Source::Local { name, path, ignore }, "load from client".to_owned())
            }
            NamedContext::Http(url) => {
                let (url, filename) = (url.clone(), "context".to_owned());
                (Source::Http { url: url.clone(), filename, checksum: None }, url)
            }
            NamedContext::Git(url) => {
                let parsed = GitUrl::parse(url)?
                    .ok_or_else(|| Problem::Git(format!("invalid git context {url:?}")))?;
                (git_source(parsed, None, None)?, url.clone())
            }
            _ => return Err(Problem::Unsupported { feature: format!("the context {key:?}") }),
        };
        let meta = StepMeta {
            name: format!("[context {key}] {text}"),
            lines: Some(self.table.entry(id).lines),
            stage: self.stage_name(id),
            ..StepMeta::default()
        };
        let step = self.graph.add(Op::Source(source), Vec::new(), &self.session.build_platform, meta);
        Ok(State { step: Some(step), is_tree: true, ..State::scratch(platform) })
    }

    /// Makes one layer of a tree from outside, so that it can be a root file system.
    pub(super) fn make_layers(&mut self, id: StageId, state: &mut State) {
        let Some(tree) = state.step.filter(|_| state.is_tree) else { return };
        let mut inputs = Inputs::default();
        let from =
            CopySource::Input { input: inputs.index(tree), path: "/".to_owned(), as_written: "/".to_owned() };
        let action = CopyAction {
            from,
            destination: "/".to_owned(),
            owner: None,
            mode: None,
            excludes: Vec::new(),
            parents: false,
            unpack: false,
            keep_owner: false,
            link: false,
            mtime_s: self.session.epoch_s,
        };
        let op = Op::File(FileOp { base: None, actions: vec![FileAction::Copy(Box::new(action))] });
        let meta = StepMeta {
            name: self.graph.step(tree).meta.name.clone(),
            lines: Some(self.table.entry(id).lines),
            stage: self.stage_name(id),
            ..StepMeta::default()
        };
        let step = self.graph.add(op, inputs.0, &state.platform, meta);
        state.is_tree = false;
        state.unaccounted_layers += 1;
        state.advance(step);
    }
}

/// Returns the name of an image for display, with the digest of its manifest.
fn describe(image: &ResolvedImage) -> String {
    match &image.origin {
        ImageOrigin::Registry(name) | ImageOrigin::Store { name } => {
            let pinned = name.digest.is_some();
            if pinned { name.to_string() } else { format!("{name}@{}", image.manifest) }
        }
        ImageOrigin::Layout { path } => format!("{}@{}", path.display(), image.manifest),
    }
}
