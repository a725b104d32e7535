//! Images and contexts that stages start from: found in parallel, each once.

use std::collections::HashMap;

use oci::{Platform, Reference};

use super::error::{Errors, LowerError, Problem};
use super::stages::{Base, Entry, StageId, Table};
use super::{Session, Target};
use crate::options::NamedContext;
use crate::plan::{ResolveError, ResolvedImage, Resolver};

/// What was found so far, for all platforms of a build.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    images: HashMap<(Wanted, Platform), ResolvedImage>,
}

/// An image to be found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Wanted {
    Reference(Reference),
    Layout { path: std::path::PathBuf, tag: Option<String>, digest: Option<oci::Digest> },
}

impl Wanted {
    /// The image that `base` needs; `None` if it is something else. Fails for a context whose image
    /// name is none.
    fn of(base: &Base<'_>) -> Result<Option<Self>, Problem> {
        match base {
            Base::Image(reference) => Ok(Some(Self::Reference(reference.clone()))),
            Base::Context(_, NamedContext::Image(name)) if name != "scratch" => match name.parse() {
                Ok(reference) => Ok(Some(Self::Reference(reference))),
                Err(oci::ReferenceError { reason, .. }) => {
                    Err(Problem::BadReference { name: name.clone(), reason: reason.to_owned() })
                }
            },
            Base::Context(_, NamedContext::Layout { path, tag, digest }) => {
                let (path, tag) = (path.clone(), tag.clone());
                Ok(Some(Self::Layout { path, tag, digest: *digest }))
            }
            _ => Ok(None),
        }
    }

    fn resolve(&self, resolver: &dyn Resolver, platform: &Platform) -> Result<ResolvedImage, ResolveError> {
        match self {
            Self::Reference(reference) => resolver.image(reference, platform),
            Self::Layout { path, tag, digest } => {
                resolver.layout(path, tag.as_deref(), digest.as_ref(), platform)
            }
        }
    }
}

impl Resolved {
    /// Finds the images of all needed entries that are not known yet.
    pub fn resolve(
        &mut self,
        session: &Session<'_>,
        table: &Table<'_>,
        reachable: &[bool],
        target: &Target,
    ) -> Result<(), LowerError> {
        let mut open: Vec<((Wanted, Platform), StageId)> = Vec::new();
        for (at, _) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable) {
            let entry = table.entry(StageId(at));
            let Some(wanted) = Wanted::of(&entry.base).map_err(|problem| problem.at(entry.lines))? else {
                continue;
            };
            let key = (wanted, platform_of(entry, target));
            if !self.images.contains_key(&key) && !open.iter().any(|(other, _)| *other == key) {
                open.push((key, StageId(at)));
            }
        }
        let mut errors = Errors::default();
        for ((key, id), result) in open.iter().zip(ask(session.resolver, &open)) {
            let image = errors.keep(result.map_err(|error| unavailable(error, table, *id)));
            self.images.extend(image.map(|image| (key.clone(), image)));
        }
        errors.verdict()
    }

    /// The image that an entry starts from; `None` if it starts from something else.
    pub fn image(&self, entry: &Entry<'_>, target: &Target) -> Option<&ResolvedImage> {
        let wanted = Wanted::of(&entry.base).ok().flatten()?;
        self.images.get(&(wanted, platform_of(entry, target)))
    }
}

/// The platform for which an entry's base is looked up.
pub(super) fn platform_of(entry: &Entry<'_>, target: &Target) -> Platform {
    entry.platform.clone().unwrap_or_else(|| target.platform.clone())
}

/// Asks for all images at once; the answers are in the order of the questions.
fn ask(
    resolver: &dyn Resolver,
    open: &[((Wanted, Platform), StageId)],
) -> Vec<Result<ResolvedImage, ResolveError>> {
    if let [((wanted, platform), _)] = open {
        return vec![wanted.resolve(resolver, platform)];
    }
    std::thread::scope(|scope| {
        let ask_one = |question: &(Wanted, Platform)| question.0.resolve(resolver, &question.1);
        let threads: Vec<_> = open.iter().map(|(key, _)| scope.spawn(move || ask_one(key))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}

/// Names of images that are misspelt more often than others.
const COMMON: [&str; 12] = [
    "alpine", "busybox", "centos", "debian", "fedora", "golang", "nginx", "node", "python", "redis", "rust",
    "ubuntu",
];

fn unavailable(error: ResolveError, table: &Table<'_>, id: StageId) -> LowerError {
    let entry = table.entry(id);
    let ResolveError { name, reason, hint } = error;
    let is_image_of_copy = entry.is_source && matches!(entry.base, Base::Image(_)) && id.0 >= table.written;
    let no_stage = || format!("no stage is called {}, so that it is taken for an image", entry.base_text);
    let hint = if is_image_of_copy { Some(no_stage()) } else { hint };
    let written = entry.base_text.clone();
    let error = Problem::Resolve { name, written, reason, hint }.at(entry.lines);
    let stages = table.entries.iter().filter_map(|entry| entry.name.as_deref());
    let candidates: Vec<&str> = stages.chain(COMMON).collect();
    super::suggested(error, &entry.base_text, &candidates)
}
