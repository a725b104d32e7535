//! Lowering: typed instructions and options to a plan. The header of the crate shows the modules that take part.

use std::cell::RefCell;

use graph::git_url::go_bool;
use oci::Platform;
use parser::ast::Dockerfile;
use parser::expand::Expander;

use crate::args::GlobalScope;
use crate::base_images::BaseImages;
use crate::build_args::{self, MULTI_PLATFORM, REMOVED, SOURCE_DATE_EPOCH};
use crate::check::{self, Checks};
use crate::contexts::Contexts;
use crate::dispatch::Dispatcher;
use crate::env::Env;
use crate::epoch::{self, EpochSource};
use crate::error::{Errors, LowerError, Problem};
use crate::graph_builder::GraphBuilder;
use crate::limits::TextBudget;
use crate::options::Options;
use crate::plan::{Plan, PlannedArg, PlannedImage, Resolver};
use crate::session::{Probe, Purpose, Session, TargetPlatform};
use crate::stages::{FromScope, StageId, StageTable};
use crate::{args, explain, onbuild, syntax, used_args};

/// Makes the plan of a Dockerfile.
pub fn lower(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
) -> Result<Plan, LowerError> {
    syntax::check(dockerfile, options)?;
    let checks = &Checks::new(dockerfile, options)?;
    let purpose = Purpose::Build;
    let request = LowerRequest { dockerfile, options, resolver, purpose, checks, probe: None };
    lower_for(&request, &mut BaseImages::default())
}

/// Everything that one run of lowering needs.
pub(crate) struct LowerRequest<'a> {
    pub dockerfile: &'a Dockerfile,
    pub options: &'a Options,
    pub resolver: &'a dyn Resolver,
    pub purpose: Purpose,
    pub checks: &'a Checks,
    /// Instruction whose variables are explained; `None` unless a step failed.
    pub probe: Option<&'a Probe>,
}

/// Makes a plan for any purpose. `images` receives the images that were looked up, also if there is an error.
pub(crate) fn lower_for(request: &LowerRequest<'_>, images: &mut BaseImages) -> Result<Plan, LowerError> {
    let LowerRequest { dockerfile, options, checks, .. } = *request;
    checks.add_file(dockerfile);
    let multi_platform = multi_platform(options)?;
    let contexts = Contexts::new(&options.named_contexts);
    let session = Session::new(request, &contexts)?;
    let mut graph = GraphBuilder::default();
    let mut planned = Vec::new();
    let mut args = None;
    for target in targets(options) {
        let Lowered { image, args: used } = session.lower(&target, &mut graph, images)?;
        planned.push(image);
        args.get_or_insert(used);
        // The findings for further platforms would be the same.
        checks.silence();
    }
    checks.verdict()?;
    let args = args.unwrap_or_default();
    Ok(Plan {
        graph: graph.into_graph(),
        images: planned,
        multi_platform,
        warnings: checks.warnings(),
        source_date_s: session.epoch_s,
        unused_args: build_args::unused(dockerfile, &options.build_args, &args),
        args,
    })
}

/// Finds the source that has to be fetched to learn the value of `SOURCE_DATE_EPOCH`, or returns `None` if there is none.
///
/// The caller passes the time of the source as a build argument to [`lower`].
pub fn epoch_source(dockerfile: &Dockerfile, options: &Options) -> Result<Option<EpochSource>, LowerError> {
    let expander = Expander::new(dockerfile.directives.escape);
    epoch::source(dockerfile, &predefined(dockerfile, options), options, expander)
}

/// Returns the variables that FROM sees without any ARG.
fn predefined(dockerfile: &Dockerfile, options: &Options) -> Env {
    let first = targets(options).next().map_or_else(Platform::host, |target| target.platform);
    args::predefined(&Platform::host(), &first, &target_stage(dockerfile, options), &options.build_args)
}

/// Result of lowering for one platform.
struct Lowered {
    image: PlannedImage,
    args: Vec<PlannedArg>,
}

impl<'a> Session<'a> {
    fn new(request: &LowerRequest<'a>, contexts: &'a Contexts<'a>) -> Result<Self, LowerError> {
        let LowerRequest { dockerfile, options, resolver, purpose, checks, probe } = *request;
        if dockerfile.stages.is_empty() {
            return Err(Problem::NoStages.in_options());
        }
        if options.build_args.contains_key(REMOVED) {
            return Err(Problem::RemovedBuildArg { name: REMOVED }.in_options());
        }
        let expander = Expander::new(dockerfile.directives.escape);
        let predefined = predefined(dockerfile, options);
        check::default_bases(dockerfile, &predefined, expander, checks);
        let epoch = epoch::resolve(dockerfile, &predefined, options, expander)?;
        Ok(Self {
            dockerfile,
            options,
            resolver,
            contexts,
            expander,
            proxies: build_args::proxies(&epoch.build_args),
            build_args: epoch.build_args,
            epoch_s: epoch.time_s,
            epoch_is_decided: epoch.is_decided,
            build_platform: Platform::host(),
            names_platform: options.platforms.len() > 1,
            purpose,
            checks,
            arg_notes: RefCell::default(),
            budget: TextBudget::default(),
            probe,
        })
    }

    /// Lowers the Dockerfile for one platform.
    fn lower(
        &self,
        target: &TargetPlatform,
        graph: &mut GraphBuilder,
        images: &mut BaseImages,
    ) -> Result<Lowered, LowerError> {
        let globals = self.globals(target)?;
        let mut errors = Errors::default();
        let (dockerfile, contexts) = (self.dockerfile, self.contexts);
        let scope = FromScope { globals: &globals, checks: self.checks };
        let mut table = StageTable::new(dockerfile, scope, contexts, &target.platform, &mut errors);
        let stage = errors.keep(table.target(self.options.target.as_deref()));
        let reachable = match stage {
            Some(stage) => self.resolve_needed(&mut table, stage, target, images, &mut errors),
            None => Vec::new(),
        };
        if !errors.is_empty() {
            // The findings end where those of BuildKit do.
            self.checks.silence();
        }
        errors.each(|error| explain::explain_from(error, &globals, dockerfile));
        let mut dispatcher = Dispatcher::new(self, target, &globals, &table, images, graph);
        dispatcher.run(&reachable, &mut errors);
        errors.into_result()?;
        let stage = stage.expect("an unknown target is an error");
        let image = dispatcher.finish(stage);
        Ok(Lowered { image, args: self.used_args(&globals, &table, &reachable, stage) })
    }

    fn globals(&self, target: &TargetPlatform) -> Result<GlobalScope, LowerError> {
        let stage = target_stage(self.dockerfile, self.options);
        let predefined = args::predefined(&self.build_platform, &target.platform, &stage, &self.build_args);
        let instructions = &self.dockerfile.globals;
        let mut globals = args::global_scope(instructions, predefined, &self.build_args, self.expander)?;
        if self.epoch_is_decided && self.epoch_s.is_none() {
            globals.env.remove(SOURCE_DATE_EPOCH);
        }
        Ok(globals)
    }

    /// Returns the ARGs that the lowered stages use, global ones included.
    fn used_args(
        &self,
        globals: &GlobalScope,
        table: &StageTable<'_>,
        reachable: &[bool],
        target: StageId,
    ) -> Vec<PlannedArg> {
        let mut notes = self.arg_notes.take();
        let global = used_args::global_args(self.dockerfile, globals, table, reachable, &notes.redeclared);
        notes.used.extend(global);
        used_args::list(notes.used, table, target)
    }

    /// Looks up the images that the target needs and adds their triggers, until nothing new is needed. Returns for each
    /// entry whether it is needed. After an error no further image is looked up.
    fn resolve_needed(
        &self,
        table: &mut StageTable<'a>,
        target_stage: StageId,
        target: &TargetPlatform,
        images: &mut BaseImages,
        errors: &mut Errors,
    ) -> Vec<bool> {
        loop {
            let reachable = match self.purpose {
                Purpose::Build | Purpose::Inspect => table.reachable(target_stage),
                Purpose::InspectAll => vec![true; table.entries.len()],
            };
            images.resolve(self, table, &reachable, target, errors);
            if !onbuild::add_triggers(table, &reachable, images, target, errors) {
                return reachable;
            }
            table.check_cycles(errors);
        }
    }
}

/// Returns the requested platforms, or the platform of this machine if none is requested.
fn targets(options: &Options) -> impl Iterator<Item = TargetPlatform> + '_ {
    let requested = options.platforms.iter();
    let requested =
        requested.map(|platform| TargetPlatform { platform: platform.clone(), is_implicit: false });
    let host = || TargetPlatform { platform: Platform::host(), is_implicit: true };
    requested.chain(options.platforms.is_empty().then(host))
}

/// Returns the value of `TARGETSTAGE`: the name of the target, or `default` if it has none.
fn target_stage(dockerfile: &Dockerfile, options: &Options) -> String {
    let last = || dockerfile.stages.last().and_then(|stage| stage.name.clone());
    options.target.clone().or_else(last).unwrap_or_else(|| "default".to_owned())
}

/// Reports whether the result is an index.
fn multi_platform(options: &Options) -> Result<bool, LowerError> {
    let several = options.platforms.len() > 1;
    let Some(value) = options.build_args.get(MULTI_PLATFORM).filter(|value| !value.is_empty()) else {
        return Ok(several);
    };
    match go_bool(value) {
        Some(true) => Ok(true),
        Some(false) if several => Err(Problem::SeveralPlatforms.in_options()),
        Some(false) => Ok(false),
        None => Err(Problem::BadBoolean { name: MULTI_PLATFORM, value: value.clone() }.in_options()),
    }
}
