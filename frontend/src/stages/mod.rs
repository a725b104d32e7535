//! The table of stages: the base of each, what it takes files from, and the stages that the target needs.
//!
//! ```text
//! build         FROM: adds the stages of a Dockerfile
//! references    COPY --from and RUN --mount=from=: adds instructions and the entries that they name
//! dependencies  the entries that the target needs, and cycles
//!
//! entries: the stages as written, in order, then one for each image or context that COPY --from or
//!          RUN --mount=from= names; the latter have no instructions
//! ```
//!
//! Nothing here recurses, so that a Dockerfile can have any number of stages.

mod build;
mod dependencies;
mod references;

pub(crate) use build::FromScope;

use std::borrow::Cow;
use std::collections::HashMap;

use graph::Lines;
use oci::{Platform, Reference};
use parser::ast::Instruction;
use parser::expand::Expander;

use crate::contexts::Contexts;
use crate::error::{LowerError, Problem};
use crate::options::NamedContext;

/// Index of an entry in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StageId(pub usize);

/// The base that a stage starts from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Base<'a> {
    /// Unknown, because the FROM has an error.
    #[default]
    Unknown,
    /// No files: `FROM scratch`.
    Scratch,
    /// The result of an earlier stage.
    Stage(StageId),
    /// A named context, with its normalised name.
    Context(String, &'a NamedContext),
    /// An image of a registry or of the store.
    Image(Reference),
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct StageEntry<'a> {
    /// Name in lower case; `None` if the stage has no name.
    pub name: Option<String>,
    /// Name for people: the name, or `stage-N`; empty for the only stage.
    pub label: String,
    /// Base that the entry starts from.
    pub base: Base<'a>,
    /// Text of the base after expansion.
    pub base_text: String,
    /// Value of `FROM --platform`; `None` if the flag is absent.
    pub platform: Option<Platform>,
    /// Lines of FROM, or of the instruction that names the image.
    pub lines: Lines,
    /// Triggers of the base, then the stage's own instructions; empty if a named context replaces the stage.
    pub commands: Vec<StageCommand<'a>>,
    /// Entries that the instructions take files from in a stage that a named context replaces.
    pub replaced_sources: Vec<StageId>,
    /// Whether the base's triggers are among the commands, or the base has none.
    pub has_triggers: bool,
    /// Whether the entry is complete with its base: it is not written as a stage, or a named context replaces it.
    pub is_source: bool,
    /// Whether the entry is part of a cycle that was reported.
    pub is_circular: bool,
}

/// An instruction and the entries that it takes files from.
#[derive(Debug, Clone)]
pub(crate) struct StageCommand<'a> {
    /// The instruction; owned if it is the trigger of an image.
    pub instruction: Cow<'a, Instruction>,
    /// Lines for reports. The lines of a trigger are those of the FROM that adds it.
    pub lines: Lines,
    /// Entry of `COPY --from`.
    pub from: Option<StageId>,
    /// Entry of `from=` for each mount of a RUN.
    pub mounts: Vec<Option<StageId>>,
    /// Whether the instruction is a trigger of the base.
    pub is_trigger: bool,
}

/// The stages of a Dockerfile for one target platform.
#[derive(Debug)]
pub(crate) struct StageTable<'a> {
    /// All entries, by [`StageId`].
    pub entries: Vec<StageEntry<'a>>,
    /// Number of entries that are written as stages.
    pub written_stages: usize,
    /// Settings with which words are expanded.
    pub expander: Expander,
    by_name: HashMap<String, Vec<StageId>>,
    sources: HashMap<String, StageId>,
    contexts: &'a Contexts<'a>,
    default_platform: Platform,
}

impl StageCommand<'_> {
    /// Returns the entries that the instruction takes files from.
    fn sources(&self) -> impl Iterator<Item = StageId> + '_ {
        self.from.into_iter().chain(self.mounts.iter().copied().flatten())
    }
}

impl<'a> StageTable<'a> {
    /// Returns the entry of an ID.
    pub fn entry(&self, id: StageId) -> &StageEntry<'a> {
        &self.entries[id.0]
    }

    /// Returns the stage of this name, in any case, or the last stage.
    pub fn target(&self, name: Option<&str>) -> Result<StageId, LowerError> {
        let Some(name) = name else { return Ok(StageId(self.written_stages - 1)) };
        let found = self.by_name.get(&name.to_lowercase()).and_then(|ids| ids.last());
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
            let stages = names.iter().map(|&name| name.to_owned()).collect();
            let error = Problem::UnknownTarget { name: name.to_owned(), stages }.in_options();
            error.suggest(&name.to_lowercase(), &names)
        })
    }

    /// Finds the base that a name stands for if it is not an earlier stage: nothing, a named context, or an image.
    fn outside_base(&self, text: &str, platform: Option<&Platform>) -> Result<Base<'a>, Problem> {
        if text == "scratch" {
            return Ok(Base::Scratch);
        }
        if let Some((key, context)) = self.context(text, platform) {
            return Ok(Base::Context(key, context));
        }
        text.parse().map(Base::Image).map_err(|error: oci::ReferenceError| Problem::BadReference {
            name: text.to_owned(),
            reason: error.reason.to_owned(),
        })
    }

    /// Finds the named context that replaces a stage or image.
    fn context(&self, name: &str, platform: Option<&Platform>) -> Option<(String, &'a NamedContext)> {
        self.contexts.find(name, platform.unwrap_or(&self.default_platform))
    }
}
