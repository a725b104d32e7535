//! `dsbuild images`: lists images.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oci::{Descriptor, Platform, Reference};
use runner::image::Image;

use crate::args::image::ImagesArgs;
use crate::failure::Failure;
use crate::output::{self, table};
use crate::setup::store;

/// Annotation in the store with the time of the build, in milliseconds since 1970.
///
/// The creation time in the image itself is the source date, so that it is the same for everyone.
const BUILT_ANNOTATION: &str = "dsbuild.built";

/// Cell for an image without a name.
const NONE: &str = "<none>";

/// Lists images, the newest first.
pub fn run(args: &ImagesArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let mut rows = Vec::new();
    for (name, descriptor) in store.images()? {
        let shown = name.as_ref().map_or_else(|| NONE.to_owned(), Reference::familiar);
        let image = Image::load(&store, &shown, &descriptor, &Platform::host());
        rows.push(row(&store, name.as_ref(), &descriptor, image.ok())?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.built));
    if args.quiet {
        rows.iter().for_each(|row| output::line(&row.id));
        return Ok(0);
    }
    let header = ["REPOSITORY", "TAG", "IMAGE ID", "BUILT", "SIZE"];
    let cells =
        rows.into_iter().map(|row| [row.repository, row.tag, row.id, output::ago(row.built), row.size]);
    table::print(header, cells);
    Ok(0)
}

struct Row {
    repository: String,
    tag: String,
    id: String,
    built: Option<SystemTime>,
    size: String,
}

fn row(
    store: &cache::Store,
    name: Option<&Reference>,
    descriptor: &Descriptor,
    image: Option<Image>,
) -> Result<Row, Failure> {
    let none = || NONE.to_owned();
    let repository = name.map_or_else(none, |name| {
        let bare = Reference { tag: None, digest: None, ..name.clone() };
        bare.familiar()
    });
    let mut size_bytes = 0;
    for layer in image.iter().flat_map(|image| image.layers()) {
        size_bytes += store.stat_blob(&layer.0)?.unwrap_or(0);
    }
    let built = descriptor.annotations.get(BUILT_ANNOTATION).and_then(|text| text.parse::<u64>().ok());
    Ok(Row {
        repository,
        tag: name.and_then(|name| name.tag.clone()).unwrap_or_else(none),
        id: image.map_or(descriptor.digest, |image| image.id).hex()[..12].to_owned(),
        built: built.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)),
        size: output::size(size_bytes),
    })
}
