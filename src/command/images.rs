//! `dsbuild images` and `rmi`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oci::{Descriptor, Platform, Reference};
use runner::image::Image;

use super::store;
use crate::args::{ImagesArgs, RmiArgs};
use crate::output;
use crate::report::Failure;

/// When an image was really built, as the store remembers it.
const BUILT_ANNOTATION: &str = "dsbuild.built";

/// Lists images, the newest first.
pub fn list(args: &ImagesArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    let mut rows = Vec::new();
    for (name, descriptor) in store.images()? {
        let shown = name.as_ref().map_or_else(|| "<none>".to_owned(), Reference::familiar);
        let image = Image::load(&store, &shown, &descriptor, &Platform::host());
        rows.push(row(&store, name.as_ref(), &descriptor, image.ok())?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.built));
    if args.quiet {
        rows.iter().for_each(|row| output::line(&row.id));
        return Ok(0);
    }
    let header = ["REPOSITORY", "TAG", "IMAGE ID", "BUILT", "SIZE"].map(str::to_owned);
    let cells = rows.into_iter().map(|row| [row.repository, row.tag, row.id, ago(row.built), row.size]);
    super::table::print(&header, cells);
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
    let none = || "<none>".to_owned();
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

/// `2 minutes ago`.
pub fn ago(time: Option<SystemTime>) -> String {
    let Some(time) = time else { return "-".to_owned() };
    let seconds = SystemTime::now().duration_since(time).unwrap_or_default().as_secs();
    format!("{} ago", span(seconds))
}

/// `2 minutes`: the largest unit of which there are two, as docker does it.
pub fn span(seconds: u64) -> String {
    let units = [("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let (name, length) = units.into_iter().find(|(_, length)| seconds >= 2 * length).unwrap_or(("second", 1));
    let count = seconds / length;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// Takes names away; the last name takes the image along.
pub fn remove(args: &RmiArgs) -> Result<u8, Failure> {
    let store = store::open()?;
    for name in &args.images {
        let reference = name.parse::<Reference>().ok();
        if let Some(reference) =
            reference.filter(|name| store.resolve(name).is_ok_and(|found| found.is_some()))
        {
            remove_name(&store, &reference)?;
            continue;
        }
        let image = Image::find(&store, name).map_err(|error| Failure::of(&error).code(1))?;
        in_use(&store, &image)?;
        store.remove_image(&image.manifest.digest)?;
        output::line(&format!("Deleted: {}", image.id));
    }
    Ok(0)
}

fn remove_name(store: &cache::Store, name: &Reference) -> Result<(), Failure> {
    let image = Image::find(store, &name.to_string())?;
    let names =
        store.images()?.into_iter().filter(|(_, other)| other.digest == image.manifest.digest).count();
    if names <= 1 {
        in_use(store, &image)?;
    }
    store.untag(name)?;
    output::line(&format!("Untagged: {}", name.familiar()));
    if names <= 1 {
        store.remove_image(&image.manifest.digest)?;
        output::line(&format!("Deleted: {}", image.id));
    }
    Ok(())
}

fn in_use(store: &cache::Store, image: &Image) -> Result<(), Failure> {
    let users = runner::container::Container::list(store)?;
    match users.into_iter().find(|one| one.config.manifest.digest == image.manifest.digest) {
        None => Ok(()),
        Some(user) => {
            Err(Failure::user(format!("image {} is used by container {}", image.id, user.config.name))
                .hint(format!("remove the container first: dsbuild rm {}", user.config.name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let check = |seconds, expected: &str| assert_eq!(span(seconds), expected);
        check(0, "0 seconds");
        check(1, "1 second");
        check(119, "119 seconds");
        check(120, "2 minutes");
        check(7200, "2 hours");
        check(3 * 86_400, "3 days");
        check(15 * 86_400, "2 weeks");
    }
}
