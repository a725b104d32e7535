//! The files that a step takes from its inputs, as parts of a key.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use progress::KeyKind;
use rootfs::layers::{Clamp, Layers};

use super::{Part, Parts};
use crate::op::file::{self, FileOpError, SelectionDigest};
use crate::result::{Files, InputError, Recipe, StepResult};
use graph::{CopyAction, CopySource, Exec, FileAction, FileOp, InputIndex, MountKind, Op, Step};

/// Keys that cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// An input cannot be used as the step needs it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The files that the step takes do not exist or cannot be read.
    #[error(transparent)]
    File(#[from] FileOpError),
}

/// Computes the keys of a step whose inputs have results.
pub struct KeyMaker<'a> {
    layers: &'a Layers,
    /// File times before this one show in the layers of the outputs.
    clamp: Clamp,
    step: &'a Step,
    inputs: &'a [StepResult],
    own: Parts,
    /// Digests of context files by action. Both keys contain them, so each is computed once.
    digests: RefCell<HashMap<usize, SelectionDigest>>,
}

impl<'a> KeyMaker<'a> {
    /// Creates the maker for `step`, whose inputs have these results. File times before `clamp` become part of the keys.
    pub fn new(layers: &'a Layers, clamp: Clamp, step: &'a Step, inputs: &'a [StepResult]) -> Self {
        Self { layers, clamp, step, inputs, own: Parts::of(step), digests: RefCell::default() }
    }

    /// Makes it part of the keys of a process that there is a single user ID.
    pub fn with_single_id(mut self) -> Self {
        if matches!(self.step.op, Op::Exec(_)) {
            self.own.add(Part::SingleId, String::new());
        }
        self
    }

    /// Returns the recipe of the step's result. `definition` holds the parts of its definition key.
    pub fn recipe(&self, definition: &Parts) -> Recipe {
        let mut own = self.own.clone();
        if let Op::File(op) = &self.step.op {
            // As in BuildKit, a copied file that differs only in metadata that no layer keeps is a new file for later steps.
            for (index, _) in copied_inputs(op).filter(|(_, input)| self.is_tree(*input)) {
                own.add_from(definition, Part::CopiedFiles(index));
            }
        }
        Recipe::then(self.base().map(|base| base.recipe).as_slice(), &own)
    }

    fn is_tree(&self, input: InputIndex) -> bool {
        matches!(self.inputs[input.0].files, Files::Tree(_))
    }

    /// Returns the parts of the keys without the digests of the context files that the step copies, or `None` if it
    /// copies none. Steps with different outlines have no key in common.
    pub fn outline(&self) -> Result<Option<Parts>, KeyError> {
        let Op::File(op) = &self.step.op else { return Ok(None) };
        if !copied_inputs(op).any(|(_, input)| self.is_tree(input)) {
            return Ok(None);
        }
        let mut parts = self.parts_below()?;
        parts.add(Part::Outline, String::new());
        Ok(Some(parts))
    }

    /// Returns the parts of one of the two keys.
    pub fn parts(&self, kind: KeyKind) -> Result<Parts, KeyError> {
        let mut parts = self.parts_below()?;
        match &self.step.op {
            Op::File(op) => self.copied(op, kind, &mut parts)?,
            Op::Exec(exec) => self.mounted(exec, kind, &mut parts)?,
            Op::Source(_) | Op::Merge => {}
        }
        Ok(parts)
    }

    /// The parts of the operation and of the layers that it is applied to.
    fn parts_below(&self) -> Result<Parts, KeyError> {
        let mut parts = self.own.clone();
        if let Some(base) = self.base() {
            parts.add(Part::Base, base.files.layers()?.to_string());
            parts.add(Part::Recipe, base.recipe.text());
        }
        Ok(parts)
    }

    /// Names files of an input for people: a path of the context, or a path and where it comes from.
    fn source_of(&self, input: InputIndex, path: &str) -> String {
        match &self.inputs[input.0].files {
            Files::Tree(_) => path.to_owned(),
            Files::Layers(_) => format!("{path} of another stage or image"),
        }
    }

    /// Returns the result that the step builds on, or `None` if it starts from nothing.
    pub fn base(&self) -> Option<&'a StepResult> {
        let base = match &self.step.op {
            Op::File(op) => op.base,
            Op::Exec(exec) => exec.root,
            Op::Source(_) | Op::Merge => None,
        };
        base.map(|input| &self.inputs[input.0])
    }

    fn copied(&self, op: &FileOp, kind: KeyKind, parts: &mut Parts) -> Result<(), KeyError> {
        for (index, action) in op.actions.iter().enumerate() {
            let FileAction::Copy(copy) = action else { continue };
            let CopySource::Input { input, path, as_written } = &copy.from else { continue };
            let value = match (&self.inputs[input.0].files, kind) {
                // Layers do not say which times a later source date keeps; files do.
                (Files::Layers(layers), KeyKind::Definition) if self.clamp == Clamp::STORE => {
                    format!("{layers} {path}")
                }
                (Files::Layers(_), _) => self.digest(input, copy)?.to_string(),
                (Files::Tree(_), _) => self.digest_once(index, input, copy)?.to_string(),
            };
            parts.add_encoded(Part::CopiedFiles(index), &value, self.source_of(*input, as_written));
        }
        Ok(())
    }

    /// Returns the digest of the context files that an action takes.
    fn digest_once(
        &self,
        action: usize,
        input: &InputIndex,
        copy: &CopyAction,
    ) -> Result<SelectionDigest, KeyError> {
        if let Some(known) = self.digests.borrow().get(&action) {
            return Ok(*known);
        }
        let digest = self.digest(input, copy)?;
        self.digests.borrow_mut().insert(action, digest);
        Ok(digest)
    }

    fn digest(&self, input: &InputIndex, copy: &CopyAction) -> Result<SelectionDigest, KeyError> {
        Ok(file::select(copy, &*self.inputs[input.0].files.tree(self.layers)?)?.digest(self.clamp)?)
    }

    fn mounted(&self, exec: &Exec, kind: KeyKind, parts: &mut Parts) -> Result<(), KeyError> {
        for mount in &exec.mounts {
            let (MountKind::Bind { from: Some(input), source }
            | MountKind::Cache { from: Some(input), source, .. }) = &mount.kind
            else {
                continue;
            };
            let value = match (&self.inputs[input.0].files, kind) {
                (Files::Layers(layers), KeyKind::Definition) => format!("{layers} {source}"),
                (files, _) => file::digest_of(&*files.tree(self.layers)?, Path::new(source))?.to_string(),
            };
            let part = Part::MountedFiles(mount.target.clone());
            parts.add_encoded(part, &value, self.source_of(*input, source));
        }
        Ok(())
    }
}

/// Lists the actions that take files of an input, with that input.
fn copied_inputs(op: &FileOp) -> impl Iterator<Item = (usize, InputIndex)> + '_ {
    op.actions.iter().enumerate().filter_map(|(index, action)| match action {
        FileAction::Copy(copy) => match &copy.from {
            CopySource::Input { input, .. } => Some((index, *input)),
            CopySource::Text { .. } => None,
        },
        FileAction::Mkdir { .. } => None,
    })
}
