//! Context that the parts of lowering share: the build, its target platform and its purpose.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use graph::Lines;
use oci::Platform;
use parser::ast::Dockerfile;
use parser::expand::Expander;

use crate::check::Checks;
use crate::contexts::Contexts;
use crate::limits::TextBudget;
use crate::options::Options;
use crate::origin::Origin;
use crate::plan::{PlannedArg, Resolver};

/// Context that all platforms of a build share.
pub(crate) struct Session<'a> {
    pub dockerfile: &'a Dockerfile,
    pub options: &'a Options,
    pub resolver: &'a dyn Resolver,
    pub contexts: &'a Contexts<'a>,
    pub expander: Expander,
    /// Build arguments of the options, with the resolved `SOURCE_DATE_EPOCH` or without any.
    pub build_args: BTreeMap<String, String>,
    /// Resolved `SOURCE_DATE_EPOCH` in seconds since 1970; `None` if it is not set.
    pub epoch_s: Option<i64>,
    /// Whether `SOURCE_DATE_EPOCH` is decided, so that defaults of global ARGs for it do not count.
    pub epoch_is_decided: bool,
    /// Proxy variables of every RUN as `NAME=value`.
    pub proxies: Vec<String>,
    pub build_platform: Platform,
    /// Whether step names contain the platform, because several are built.
    pub names_platform: bool,
    pub purpose: Purpose,
    pub checks: &'a Checks,
    /// ARGs of the stages that were lowered.
    pub arg_notes: RefCell<ArgNotes>,
    pub budget: TextBudget,
    /// Instruction whose variables are explained; `None` unless a step failed.
    pub probe: Option<&'a Probe>,
}

/// ARGs of stages that were lowered.
#[derive(Debug, Default)]
pub(crate) struct ArgNotes {
    /// ARGs that stages declare.
    pub used: Vec<UsedArg>,
    /// Names that stages take from the global scope.
    pub redeclared: BTreeSet<String>,
}

/// An ARG that a stage, or the FROM of a stage, uses.
#[derive(Debug)]
pub(crate) struct UsedArg {
    /// Index of the stage in the table; `None` for an ARG above the first FROM.
    pub stage: Option<usize>,
    /// Position of the definition among those of its instruction.
    pub position: usize,
    /// Lines, name, value and description of the ARG.
    pub arg: PlannedArg,
}

/// Purpose of lowering, which decides what must be available and which stages are lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building the target. Every image must be available.
    Build,
    /// Inspecting what the target needs. An image of a registry can be unavailable.
    Inspect,
    /// Inspecting all stages. An image of a registry can be unavailable.
    InspectAll,
}

/// Request to explain the variables of one instruction.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Lines of the instruction.
    pub lines: Lines,
    /// Word after expansion that made the step fail.
    pub word: String,
    /// Whether the word is the USER in force.
    pub is_user: bool,
    /// Explanations, once the instruction is reached.
    pub origins: RefCell<Vec<Origin>>,
}

/// The platform that one pass through the Dockerfile builds for.
pub(crate) struct TargetPlatform {
    pub platform: Platform,
    /// Whether nobody requested the platform, so that the base image decides.
    pub is_implicit: bool,
}
