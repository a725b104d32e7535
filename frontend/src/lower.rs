//! Typed instructions and options to a plan: a graph of steps, and image configs beside it.
//!
//! ```text
//! epoch      SOURCE_DATE_EPOCH                            for each platform asked for:
//! args       the global scope                             ├─ stages    table, target, cycles
//! contexts   what --build-context replaces                ├─ bases     images of needed stages, in parallel;
//!                                                         │            their triggers, until nothing is new
//!                                                         └─ dispatch  instructions to steps and config
//! arena      the graph while it grows; equal steps are shared, also between platforms
//! ```
//!
//! Only stages that the target needs are resolved and dispatched. All stages are checked as far as
//! BuildKit checks them: names of images, `--from`, cycles.
//!
//! Reads no file and no environment; asks the [`Resolver`] for images and nothing else. The same input
//! gives the same plan. (Only [`check()`] looks at the context, for a rule about its ignore file that must be asked for.)

use std::cell::RefCell;

use oci::Platform;
use parser::ast::Dockerfile;
use parser::expand::Expander;

use crate::arena::Arena;
use crate::args::Env;
use crate::bases::Resolved;
use crate::check::Checks;
use crate::contexts::Contexts;
use crate::dispatch::Dispatcher;
use crate::epoch::Dated;
use crate::error::{Errors, LowerError, Problem};
use crate::limits::Budget;
use crate::options::Options;
use crate::plan::{Plan, PlannedImage, Resolver};
use crate::session::{Purpose, Session, Target};
use crate::stages::{StageId, Table};
use crate::{args, check, epoch, onbuild, origin, outline};
use graph::git_url::go_bool;

/// Makes the plan of a Dockerfile.
pub fn lower(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
) -> Result<Plan, LowerError> {
    let checks = Checks::new(dockerfile, options)?;
    lower_for(dockerfile, options, resolver, Purpose::Build, &checks)
}

pub(crate) fn lower_for(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
    purpose: Purpose,
    checks: &Checks,
) -> Result<Plan, LowerError> {
    checks.file(dockerfile);
    let multi_platform = multi_platform(options)?;
    let contexts = Contexts::new(&options.named_contexts);
    let session = Session::new(dockerfile, options, resolver, &contexts, purpose, checks)?;
    let mut arena = Arena::default();
    let mut resolved = Resolved::default();
    let mut images = Vec::new();
    let mut args = None;
    for target in targets(options) {
        images.push(session.lower(&target, &mut arena, &mut resolved)?);
        args.get_or_insert_with(|| session.args.take().used);
        checks.silence();
    }
    checks.verdict()?;
    let args = args.unwrap_or_default();
    Ok(Plan {
        graph: arena.into_graph(),
        images,
        multi_platform,
        warnings: checks.warnings(),
        source_date_s: session.epoch_s,
        unused_args: args::unused(dockerfile, &options.build_args, &args),
        args,
    })
}

/// What `SOURCE_DATE_EPOCH` is the time of, if that has to be fetched before the Dockerfile can be lowered.
pub fn dated(dockerfile: &Dockerfile, options: &Options) -> Result<Option<Dated>, LowerError> {
    let expander = Expander::new(dockerfile.directives.escape);
    epoch::dated(dockerfile, &predefined(dockerfile, options), options, expander)
}

/// The ARGs that nobody has to declare.
fn predefined(dockerfile: &Dockerfile, options: &Options) -> Env {
    let first = targets(options).next().map_or_else(Platform::host, |target| target.platform);
    args::predefined(&Platform::host(), &first, &target_stage(dockerfile, options), &options.build_args)
}

impl<'a> Session<'a> {
    fn new(
        dockerfile: &'a Dockerfile,
        options: &'a Options,
        resolver: &'a dyn Resolver,
        contexts: &'a Contexts<'a>,
        purpose: Purpose,
        checks: &'a Checks,
    ) -> Result<Self, LowerError> {
        if dockerfile.stages.is_empty() {
            return Err(Problem::NoStages.in_options());
        }
        const REMOVED: &str = "BUILDKIT_DISABLE_FILEOP";
        if options.build_args.contains_key(REMOVED) {
            return Err(Problem::RemovedBuildArg { name: REMOVED }.in_options());
        }
        let expander = Expander::new(dockerfile.directives.escape);
        let build_platform = Platform::host();
        let predefined = predefined(dockerfile, options);
        check::default_bases(dockerfile, &predefined, expander, checks);
        let epoch = epoch::resolve(dockerfile, &predefined, options, expander)?;
        Ok(Self {
            dockerfile,
            options,
            resolver,
            contexts,
            expander,
            proxies: args::proxies(&epoch.build_args),
            build_args: epoch.build_args,
            epoch_s: epoch.seconds,
            epoch_masked: epoch.masked,
            build_platform,
            several: options.platforms.len() > 1,
            purpose,
            checks,
            args: RefCell::default(),
            budget: Budget::default(),
        })
    }

    /// One chain through the Dockerfile.
    fn lower(
        &self,
        target: &Target,
        arena: &mut Arena,
        resolved: &mut Resolved,
    ) -> Result<PlannedImage, LowerError> {
        let globals = self.globals(target)?;
        let mut errors = Errors::default();
        let (dockerfile, contexts) = (self.dockerfile, self.contexts);
        let mut table =
            Table::new(dockerfile, &globals, contexts, &target.platform, self.checks, &mut errors);
        let goal = errors.keep(table.target(self.options.target.as_deref()));
        let reachable = match goal {
            Some(goal) => self.settle(&mut table, goal, target, resolved, &mut errors),
            None => Vec::new(),
        };
        if !errors.is_empty() {
            // They end where BuildKit would.
            self.checks.silence();
        }
        errors.each(|error| origin::explain(error, dockerfile, self.options, &globals));
        let mut dispatcher = Dispatcher::new(self, target, &globals, &table, resolved, arena);
        dispatcher.run(&reachable, &mut errors);
        errors.verdict()?;
        let image = dispatcher.finish(goal.expect("that there is no target is an error"));
        self.settle_args(&globals, &table, &reachable);
        Ok(image)
    }

    fn globals(&self, target: &Target) -> Result<Env, LowerError> {
        let stage = target_stage(self.dockerfile, self.options);
        let predefined = args::predefined(&self.build_platform, &target.platform, &stage, &self.build_args);
        let instructions = &self.dockerfile.globals;
        let mut globals = args::globals(instructions, predefined, &self.build_args, self.expander)?;
        if self.epoch_masked && self.epoch_s.is_none() {
            globals.remove(epoch::NAME);
        }
        Ok(globals)
    }

    /// Adds the global ARGs that were used to those of stages: each once, in the order of their lines.
    fn settle_args(&self, globals: &Env, table: &Table<'_>, reachable: &[bool]) {
        let mut notes = self.args.borrow_mut();
        let used = outline::used_globals(self.dockerfile, globals, table, reachable, &notes.redeclared);
        notes.used.extend(used);
        notes.used.sort();
        notes.used.dedup();
    }

    /// Resolves what the target needs and puts triggers in place, until that makes nothing new needed.
    /// Returns which entries are needed. Once something is wrong, no image is asked for any more.
    fn settle(
        &self,
        table: &mut Table<'a>,
        goal: StageId,
        target: &Target,
        resolved: &mut Resolved,
        errors: &mut Errors,
    ) -> Vec<bool> {
        loop {
            let reachable = match self.purpose {
                Purpose::Build | Purpose::Look => table.reachable(goal),
                Purpose::LookAtAll => vec![true; table.entries.len()],
            };
            resolved.resolve(self, table, &reachable, target, errors);
            let escape = self.dockerfile.directives.escape;
            if !onbuild::fire(table, &reachable, resolved, target, escape, errors) {
                return reachable;
            }
            table.check_cycles(errors);
        }
    }
}

/// The platforms asked for; this machine's if none was.
fn targets(options: &Options) -> impl Iterator<Item = Target> + '_ {
    let asked =
        options.platforms.iter().map(|platform| Target { platform: platform.clone(), implicit: false });
    let own = options.platforms.is_empty().then(|| Target { platform: Platform::host(), implicit: true });
    asked.chain(own)
}

/// The value of `TARGETSTAGE`.
fn target_stage(dockerfile: &Dockerfile, options: &Options) -> String {
    let last = || dockerfile.stages.last().and_then(|stage| stage.name.clone());
    options.target.clone().or_else(last).unwrap_or_else(|| "default".to_owned())
}

/// Whether the result is an index.
fn multi_platform(options: &Options) -> Result<bool, LowerError> {
    const NAME: &str = "BUILDKIT_MULTI_PLATFORM";
    let several = options.platforms.len() > 1;
    let Some(value) = options.build_args.get(NAME).filter(|value| !value.is_empty()) else {
        return Ok(several);
    };
    match go_bool(value) {
        Some(true) => Ok(true),
        Some(false) if several => Err(Problem::SeveralPlatforms.in_options()),
        Some(false) => Ok(false),
        None => Err(Problem::BadBoolean { name: NAME, value: value.clone() }.in_options()),
    }
}
