//! Versions of images: where names have pointed, going back, and comparing images.
//!
//! ```text
//! list      dsbuild history --versions
//! rollback  dsbuild rollback
//! diff      dsbuild diff, as text, JSON and a page
//! ```

pub mod diff;
pub mod list;
pub mod rollback;

use oci::Reference;

use crate::failure::Failure;

/// Parses the name of an image whose versions a command is about.
fn parse_name(text: &str) -> Result<Reference, Failure> {
    let name: Reference = text.parse()?;
    if name.digest.is_some() {
        return Err(Failure::usage(format!("{text} is an image by its digest, which never changes"))
            .hint("versions belong to names: leave out the part from `@` on"));
    }
    Ok(name)
}

/// Returns the failure of a version that cannot be found, with the way out.
fn refused(name: &Reference, error: images::VersionError) -> Failure {
    use images::VersionError;
    let hint = match &error {
        VersionError::None { .. } => "`dsbuild images` lists all names".to_owned(),
        VersionError::NoneBefore { .. } | VersionError::Unknown { .. } => {
            format!("`dsbuild history --versions {}` lists them", name.familiar())
        }
        VersionError::Gone { .. } => {
            "versions keep their images for a while only; `dsbuild prune --help` says how long".to_owned()
        }
        _ => return Failure::from(images::ImageError::from(error)),
    };
    Failure::from(images::ImageError::from(error)).hint(hint)
}
