//! Images and contexts that stages start from: found in parallel, each once.
//!
//! An image that cannot be had, be that an error or not, is one of which nothing is known: what is made on it is
//! lowered all the same, to find what else is wrong.

use std::collections::HashMap;

use oci::{DiffId, Digest, ImageConfig, Platform, Reference};

use super::error::{Errors, LowerError, Problem};
use super::stages::{Base, Entry, StageId, Table};
use crate::options::NamedContext;
use crate::plan::{ResolveError, Resolver};
use crate::session::{Purpose, Session, Target};
use graph::{ImageOrigin, ResolvedImage};

/// What was found so far, for all platforms of a build.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    images: HashMap<(Wanted, Platform), Found>,
}

/// An image, or one that stands for it.
#[derive(Debug)]
pub(super) struct Found {
    /// The image, or one of a layer and no config.
    pub image: ResolvedImage,
    /// It stands for one that the errors so far left unknown. One that is done without counts as it is.
    pub is_unknown: bool,
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

    /// An image of one layer of which nothing is known.
    fn unknown(&self, platform: &Platform) -> Found {
        let origin = match self {
            Self::Reference(reference) => ImageOrigin::Registry(reference.clone()),
            Self::Layout { path, .. } => ImageOrigin::Layout { path: path.clone() },
        };
        let nothing = Digest::of(b"");
        let mut config = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
        config.rootfs.diff_ids = vec![DiffId(nothing)];
        Found { image: ResolvedImage { origin, manifest: nothing, config }, is_unknown: true }
    }

    /// Whether it must be there for this purpose.
    fn is_needed(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Build || matches!(self, Self::Layout { .. })
    }
}

impl Resolved {
    /// Finds the images of all needed entries that are not known yet; if something is wrong already, asks for none.
    pub fn resolve(
        &mut self,
        session: &Session<'_>,
        table: &Table<'_>,
        reachable: &[bool],
        target: &Target,
        errors: &mut Errors,
    ) {
        let mut open: Vec<((Wanted, Platform), StageId)> = Vec::new();
        for (at, _) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable) {
            let entry = table.entry(StageId(at));
            let wanted = Wanted::of(&entry.base).map_err(|problem| problem.at(entry.lines));
            let Some(wanted) = errors.keep(wanted).flatten() else { continue };
            let key = (wanted, platform_of(entry, target));
            if !self.images.contains_key(&key) && !open.iter().any(|(other, _)| *other == key) {
                open.push((key, StageId(at)));
            }
        }
        if !errors.is_empty() {
            let unknown = open.into_iter().map(|(key, _)| (key.0.unknown(&key.1), key));
            self.images.extend(unknown.map(|(found, key)| (key, found)));
            return;
        }
        let answers = ask(session.resolver, &open);
        for ((key, id), answer) in open.into_iter().zip(answers) {
            let found = match answer {
                Ok(image) => Found { image, is_unknown: false },
                Err(error) if key.0.is_needed(session.purpose) => {
                    errors.add(|| unavailable(error, table, id));
                    key.0.unknown(&key.1)
                }
                Err(_) => Found { is_unknown: false, ..key.0.unknown(&key.1) },
            };
            self.images.insert(key, found);
        }
    }

    /// The image that an entry starts from; `None` if it starts from something else.
    pub fn image(&self, entry: &Entry<'_>, target: &Target) -> Option<&Found> {
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
        let start =
            |key| std::thread::Builder::new().spawn_scoped(scope, move || ask_one(key)).map_err(|_| key);
        let threads: Vec<_> = open.iter().map(|(key, _)| start(key)).collect();
        let joined = threads.into_iter().map(|thread| match thread.map(|thread| thread.join()) {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread can be started (a limit on processes).
            Err(key) => ask_one(key),
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
    crate::error::suggested(error, &entry.base_text, &candidates)
}
