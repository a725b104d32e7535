//! Base images and named contexts with images: each looked up once, in parallel.
//!
//! A placeholder stands for an unavailable image, so that the stages on it are lowered too and further errors are found.

use std::collections::HashMap;
use std::path::PathBuf;

use graph::{ImageOrigin, ResolvedImage};
use oci::{DiffId, Digest, ImageConfig, Platform, Reference};

use crate::error::{Errors, LowerError, Problem};
use crate::options::NamedContext;
use crate::plan::{ResolveError, Resolver};
use crate::session::{Purpose, Session, TargetPlatform};
use crate::stages::{Base, StageEntry, StageId, StageTable};

/// Images that were looked up so far, for all platforms of a build.
#[derive(Debug, Default)]
pub(crate) struct BaseImages {
    images: HashMap<(ImageRequest, Platform), BaseImage>,
    /// Images that were unavailable although the purpose did not need them, in the order of their lines.
    pub unavailable: Vec<LowerError>,
}

/// An image, or the placeholder for an unavailable image.
#[derive(Debug)]
pub(crate) struct BaseImage {
    /// The image; a placeholder has one layer and an empty config.
    pub image: ResolvedImage,
    /// Whether this is a placeholder, so that the real config could set anything.
    pub is_placeholder: bool,
}

/// An image to look up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ImageRequest {
    Reference(Reference),
    Layout { path: PathBuf, tag: Option<String>, digest: Option<Digest> },
}

impl ImageRequest {
    /// Returns the image that `base` needs, or `None` if it needs none. Fails for a named context with an invalid image
    /// name.
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

    fn placeholder(&self, platform: &Platform) -> BaseImage {
        let origin = match self {
            Self::Reference(reference) => ImageOrigin::Registry(reference.clone()),
            Self::Layout { path, .. } => ImageOrigin::Layout { path: path.clone() },
        };
        let nothing = Digest::of(b"");
        let mut config = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
        config.rootfs.diff_ids = vec![DiffId(nothing)];
        BaseImage { image: ResolvedImage { origin, manifest: nothing, config }, is_placeholder: true }
    }

    /// Reports whether the image must be available for this purpose.
    fn is_needed(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Build || matches!(self, Self::Layout { .. })
    }
}

/// An image to look up for a platform, and the first stage that needs it.
struct OpenRequest {
    image: ImageRequest,
    platform: Platform,
    stage: StageId,
}

impl BaseImages {
    /// Looks up the images of all needed entries that are not known yet. If there are errors already, placeholders take
    /// their place.
    pub fn resolve(
        &mut self,
        session: &Session<'_>,
        table: &StageTable<'_>,
        reachable: &[bool],
        target: &TargetPlatform,
        errors: &mut Errors,
    ) {
        let open = self.open_requests(table, reachable, target, errors);
        if !errors.is_empty() {
            for OpenRequest { image, platform, .. } in open {
                let placeholder = image.placeholder(&platform);
                self.images.insert((image, platform), placeholder);
            }
            return;
        }
        let answers = ask(session.resolver, &open);
        for (OpenRequest { image, platform, stage }, answer) in open.into_iter().zip(answers) {
            let found = match answer {
                Ok(image) => BaseImage { image, is_placeholder: false },
                Err(error) => {
                    if image.is_needed(session.purpose) {
                        errors.add(|| unavailable(error, table, stage));
                    } else {
                        self.unavailable.push(unavailable(error, table, stage));
                    }
                    image.placeholder(&platform)
                }
            };
            self.images.insert((image, platform), found);
        }
    }

    /// Lists the images of needed entries that are not known yet, each once.
    fn open_requests(
        &self,
        table: &StageTable<'_>,
        reachable: &[bool],
        target: &TargetPlatform,
        errors: &mut Errors,
    ) -> Vec<OpenRequest> {
        let mut open: Vec<OpenRequest> = Vec::new();
        for (at, _) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable) {
            let entry = table.entry(StageId(at));
            let image = ImageRequest::of(&entry.base).map_err(|problem| problem.at(entry.lines));
            let Some(image) = errors.keep(image).flatten() else { continue };
            let key = (image, platform_of(entry, target));
            let is_open = open.iter().any(|other| other.image == key.0 && other.platform == key.1);
            if !is_open && !self.images.contains_key(&key) {
                open.push(OpenRequest { image: key.0, platform: key.1, stage: StageId(at) });
            }
        }
        open
    }

    /// Returns the image that an entry starts from, or `None` if it does not start from an image.
    pub fn image(&self, entry: &StageEntry<'_>, target: &TargetPlatform) -> Option<&BaseImage> {
        let request = ImageRequest::of(&entry.base).ok().flatten()?;
        self.images.get(&(request, platform_of(entry, target)))
    }
}

/// Returns the platform for which the base of an entry is looked up.
pub(crate) fn platform_of(entry: &StageEntry<'_>, target: &TargetPlatform) -> Platform {
    entry.platform.clone().unwrap_or_else(|| target.platform.clone())
}

/// Looks up all images at once. The answers are in the order of the requests.
fn ask(resolver: &dyn Resolver, open: &[OpenRequest]) -> Vec<Result<ResolvedImage, ResolveError>> {
    let ask_one = |request: &OpenRequest| request.image.resolve(resolver, &request.platform);
    if let [request] = open {
        return vec![ask_one(request)];
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = open.iter().map(|request| scope.spawn(move || ask_one(request))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}

/// Names of popular images, as candidates for suggestions.
const POPULAR: [&str; 12] = [
    "alpine", "busybox", "centos", "debian", "fedora", "golang", "nginx", "node", "python", "redis", "rust",
    "ubuntu",
];

/// Creates the error about an image that an entry needs and that is unavailable.
fn unavailable(error: ResolveError, table: &StageTable<'_>, id: StageId) -> LowerError {
    let entry = table.entry(id);
    let ResolveError { name, reason, hint } = error;
    let is_image_of_copy =
        entry.is_source && matches!(entry.base, Base::Image(_)) && id.0 >= table.written_stages;
    let no_stage = || format!("no stage is called {}, so it is taken for an image", entry.base_text);
    let hint = if is_image_of_copy { Some(no_stage()) } else { hint };
    let written = entry.base_text.clone();
    let error = Problem::Resolve { name, written, reason, hint }.at(entry.lines);
    let stages = table.entries.iter().filter_map(|entry| entry.name.as_deref());
    let candidates: Vec<&str> = stages.chain(POPULAR).collect();
    error.suggest(&entry.base_text, &candidates)
}
