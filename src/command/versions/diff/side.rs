//! One of the two images that are compared: the image, and the version that it is if it was named so.

use std::time::{Duration, UNIX_EPOCH};

use cache::{Store, Version};
use images::versions::{self, Origin};
use images::{Image, find};
use oci::{Platform, Reference};
use serde_json::{Value, json};

use crate::command::versions::list::how;
use crate::failure::Failure;
use crate::output;

/// Image of a comparison.
pub struct Side {
    /// Name, ID or version as people write it.
    pub name: String,
    /// Documents of the image.
    pub image: Image,
    /// Version of a name; `None` for an image that was given by its ID, or by a name without versions.
    pub version: Option<Version>,
}

impl Side {
    /// Finds an image for a platform.
    pub fn find(store: &Store, text: &str, platform: &Platform) -> Result<Self, Failure> {
        let image = find::by_name_or_id(store, text, platform)
            .map_err(|error| Failure::from(runner::image::refused(text, error)))?;
        let version = match (versions::split(text), text.parse::<Reference>()) {
            (Some((name, selector)), _) => versions::select(store, &name, selector).ok(),
            (None, Ok(name)) => present(store, &name),
            (None, Err(_)) => None,
        };
        Ok(Self { name: text.to_owned(), image, version })
    }

    /// Returns how the image came to its name: "version 3, 30 Nov 2026, build by ann"; `None` if nobody knows.
    pub fn about(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        let origin = Origin::of(version);
        let mut about = format!("version {}", version.number);
        if version.time_ms > 0 {
            about += &format!(", {}", output::date(UNIX_EPOCH + Duration::from_millis(version.time_ms)));
        }
        about += &format!(", {}", how(&origin));
        if let Some(user) = &origin.user {
            about += &format!(" by {user}");
        }
        if let Some(commit) = &origin.commit {
            let dirty = if origin.dirty == Some(true) { " with changes" } else { "" };
            about += &format!(", commit {}{dirty}", commit.get(..12).unwrap_or(commit));
        }
        Some(about)
    }

    /// Returns the image as a part of a JSON document.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "name": self.name,
            "digest": self.image.descriptor.digest,
            "id": self.image.manifest.config.digest,
            "platform": self.image.config.platform.to_string(),
        });
        if let Some(version) = &self.version {
            document["version"] = json!({
                "number": version.number,
                "timeMs": version.time_ms,
                "origin": version.origin,
            });
        }
        document
    }
}

/// Returns the last version of a name if the name still points there.
fn present(store: &Store, name: &Reference) -> Option<Version> {
    let root = store.resolve(name).ok()??;
    let last = store.versions(name).ok()?.versions.pop()?;
    (last.manifest.digest == root.digest).then_some(last)
}
