//! What the parts of lowering share: the build, its target platform and its purpose.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use oci::Platform;
use parser::ast::Dockerfile;
use parser::expand::Expander;

use crate::check::Checks;
use crate::contexts::Contexts;
use crate::limits::Budget;
use crate::options::Options;
use crate::plan::{PlannedArg, Resolver};

/// What all platforms of a build share.
pub(crate) struct Session<'a> {
    pub dockerfile: &'a Dockerfile,
    pub options: &'a Options,
    pub resolver: &'a dyn Resolver,
    pub contexts: &'a Contexts<'a>,
    pub expander: Expander,
    /// As given, but for `SOURCE_DATE_EPOCH`, which is resolved.
    pub build_args: BTreeMap<String, String>,
    pub epoch_s: Option<i64>,
    /// `SOURCE_DATE_EPOCH` is decided: what global ARGs say about it does not count.
    pub epoch_masked: bool,
    /// `NAME=value` of the proxies.
    pub proxies: Vec<String>,
    pub build_platform: Platform,
    /// Step names tell the platform.
    pub several: bool,
    pub purpose: Purpose,
    pub checks: &'a Checks,
    /// The ARGs met so far.
    pub args: RefCell<ArgNotes>,
    pub budget: Budget,
}

/// ARGs of stages that were lowered.
#[derive(Debug, Default)]
pub(crate) struct ArgNotes {
    pub used: Vec<PlannedArg>,
    /// Names that stages take from the global scope.
    pub redeclared: BTreeSet<String>,
}

/// What lowering is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To build the target.
    Build,
    /// To look at what the target needs. An image of a registry that cannot be had is no error.
    Look,
    /// The same, but at all stages.
    LookAtAll,
}

/// The platform of one chain through the Dockerfile.
pub(crate) struct Target {
    pub platform: Platform,
    /// Nobody asked for it: the base image may say otherwise.
    pub implicit: bool,
}
