//! Versions of an image: what each was made from, and finding one.
//!
//! ```text
//! NAME@3    version 3 of NAME, by the number that `dsbuild history --versions` lists
//! NAME~1    the version before the present one; NAME~0 is the present one
//! ```
//!
//! Neither form can be confused with a name: a digest after `@` contains a colon, and `~` is in no name.
//!
//! The store records a version when a name moves ([`cache::Store::tag`]), and keeps the images of the last ones. The
//! [`Origin`] of a version is all else that is known about the change.

use cache::{Store, Version};
use oci::{Descriptor, Digest, Platform, Reference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CachingBlobs, ImageError, StoreBlobs, VersionError, choose};

/// Description of the change by which a name came to a version. Every field can be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Origin {
    /// Command that moved the name: `build`, `pull`, `load`, `tag`, `rollback`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// Login name of the user who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Command line, without values that sound confidential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Version of dsbuild that moved the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsbuild: Option<String>,
    /// sha256 of the Dockerfile's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Digest>,
    /// Build context: a directory, or the URL of a repository without its login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Commit that the context was a checkout of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether the checkout had changes that are not in the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Images of FROM and `COPY --from`, in the order of the look-ups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<Base>,
    /// Number of the version that a rollback went back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
}

/// Image that a build began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Name in the Dockerfile, completed.
    pub name: String,
    /// Digest of the manifest that the name led to.
    pub digest: Digest,
}

impl Origin {
    /// Returns the origin of a version. An origin that cannot be understood counts as unknown.
    pub fn of(version: &Version) -> Self {
        serde_json::from_value(Value::Object(version.origin.clone())).unwrap_or_default()
    }

    /// Returns the known fields, for [`Store::describe_changes`].
    pub fn fields(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }
}

/// Version relative to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// Version with this number.
    Number(u64),
    /// Version so many steps before the present one.
    Back(u64),
}

impl Selector {
    /// Reads a version beside a name: `3`, or `~1`.
    pub fn parse(text: &str) -> Option<Self> {
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
        match text.strip_prefix('~') {
            Some(steps) => number(steps).flatten().map(Self::Back),
            None => number(text).flatten().map(Self::Number),
        }
    }
}

/// Splits `NAME@3` and `NAME~1`; `None` for any other text.
pub fn split(text: &str) -> Option<(Reference, Selector)> {
    let (name, selector) = match text.rsplit_once('@') {
        Some((name, number)) => (name, Selector::parse(number).filter(|_| !number.starts_with('~'))?),
        None => text.rfind('~').and_then(|at| Some((&text[..at], Selector::parse(&text[at..])?)))?,
    };
    Some((name.parse().ok()?, selector))
}

/// Returns the versions of a name, the oldest first. Fails if there are none.
pub fn list(store: &Store, name: &Reference) -> Result<Vec<Version>, VersionError> {
    let versions = store.versions(name)?.versions;
    if versions.is_empty() { Err(VersionError::None { name: name.familiar() }) } else { Ok(versions) }
}

/// Returns a version of a name.
pub fn select(store: &Store, name: &Reference, selector: Selector) -> Result<Version, VersionError> {
    let versions = list(store, name)?;
    let (first, last) = (versions[0].number, versions[versions.len() - 1].number);
    let (number, wanted) = match selector {
        Selector::Number(number) => (Some(number), number.to_string()),
        Selector::Back(steps) => (last.checked_sub(steps), format!("~{steps}")),
    };
    let found = versions.into_iter().find(|version| Some(version.number) == number);
    found.ok_or_else(|| VersionError::Unknown { name: name.familiar(), wanted, first, last })
}

/// Returns the version to go back to: the last one that has another image than the present one.
pub fn previous(store: &Store, name: &Reference) -> Result<Version, VersionError> {
    let versions = list(store, name)?;
    let present = versions[versions.len() - 1].manifest.digest;
    let before = versions.into_iter().rev().find(|version| version.manifest.digest != present);
    before.ok_or_else(|| VersionError::NoneBefore { name: name.familiar() })
}

/// Makes a name point to the image of one of its versions again. That is a new version itself, unless the name points
/// there already.
pub fn rollback(store: &Store, name: &Reference, version: &Version) -> Result<(), VersionError> {
    if !is_complete(store, &version.manifest) {
        return Err(VersionError::Gone { name: name.familiar(), number: version.number });
    }
    // The image is still made from what it was made from; the rest is about this change.
    let (how, user, command, dsbuild) = (None, None, None, None);
    let restored =
        Origin { how, user, command, dsbuild, restored: Some(version.number), ..Origin::of(version) };
    store.describe_changes(move || restored.fields());
    Ok(store.tag(name, version.manifest.clone())?)
}

/// Reports whether the store has all documents and layers of an image, each layer in either form.
pub fn is_complete(store: &Store, root: &Descriptor) -> bool {
    let here = StoreBlobs(store);
    let Ok(images) = choose::all(&CachingBlobs { store, inner: &here }, root) else { return false };
    let is_here = |digest: &Digest| matches!(store.stat_blob(digest), Ok(Some(_)));
    images.iter().all(|image| {
        let layers = image.manifest.layers.iter().zip(&image.config.rootfs.diff_ids);
        layers.into_iter().all(|(blob, diff)| is_here(&diff.0) || is_here(&blob.digest))
    })
}

/// Finds the image of a version that is written as `NAME@3` or `NAME~1`; `None` for any other text.
pub(crate) fn find(
    store: &Store,
    text: &str,
    platform: &Platform,
) -> Result<Option<crate::Image>, ImageError> {
    let Some((name, selector)) = split(text) else { return Ok(None) };
    let version = select(store, &name, selector)?;
    let here = StoreBlobs(store);
    match choose::find(&CachingBlobs { store, inner: &here }, &version.manifest, platform) {
        Err(error) if error.is_not_found() => {
            Err(VersionError::Gone { name: name.familiar(), number: version.number }.into())
        }
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use oci::media_type;

    use super::*;

    #[track_caller]
    fn check_split(text: &str, expected: Option<(&str, Selector)>) {
        let expected = expected.map(|(name, selector)| (name.parse().expect("a name"), selector));
        assert_eq!(split(text), expected, "{text}");
    }

    #[test]
    fn versions_are_written_after_a_name() {
        check_split("app@3", Some(("app", Selector::Number(3))));
        check_split(
            "reg.example:5000/team/app:1.0@12",
            Some(("reg.example:5000/team/app:1.0", Selector::Number(12))),
        );
        check_split("app~1", Some(("app:latest", Selector::Back(1))));
        check_split("app:1~0", Some(("app:1", Selector::Back(0))));
        check_split("app", None);
        check_split("app@", None);
        check_split("app~", None);
        check_split("app~x", None);
        check_split("app@~1", None);
        check_split("app@99999999999999999999", None);
        check_split(&format!("app@{}", Digest::of(b"")), None);
        check_split("UPPER@3", None);
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        (dir, store)
    }

    fn tag(store: &Store, content: &str) {
        let manifest = Descriptor::new(media_type::MANIFEST, Digest::of(content.as_bytes()), 2);
        store.tag(&name(), manifest).expect("tagged");
    }

    fn name() -> Reference {
        "app".parse().expect("a name")
    }

    #[test]
    fn versions_are_counted_from_the_first_and_from_the_last() {
        let (_dir, store) = store();
        ["one", "two", "three"].into_iter().for_each(|content| tag(&store, content));
        let number = |selector| select(&store, &name(), selector).map(|version| version.number);
        assert_eq!(number(Selector::Number(2)).expect("a version"), 2);
        assert_eq!(number(Selector::Back(0)).expect("a version"), 3);
        assert_eq!(number(Selector::Back(2)).expect("a version"), 1);
        for (selector, wanted) in
            [(Selector::Back(3), "~3"), (Selector::Number(4), "4"), (Selector::Number(0), "0")]
        {
            let error = number(selector).expect_err("no such version").to_string();
            assert_eq!(error, format!("app:latest has no version {wanted}; there are 1 to 3"));
        }
    }

    #[test]
    fn going_back_twice_undoes_the_first() {
        let (_dir, store) = store();
        assert!(matches!(previous(&store, &name()), Err(VersionError::None { .. })));
        tag(&store, "one");
        assert!(matches!(previous(&store, &name()), Err(VersionError::NoneBefore { .. })));
        tag(&store, "two");
        assert_eq!(previous(&store, &name()).expect("a version").number, 1);
        tag(&store, "one");
        assert_eq!(previous(&store, &name()).expect("a version").number, 2);
    }

    #[test]
    fn a_version_without_its_image_is_no_goal() {
        let (_dir, store) = store();
        ["one", "two"].into_iter().for_each(|content| tag(&store, content));
        let version = previous(&store, &name()).expect("a version");
        let error = rollback(&store, &name(), &version).expect_err("the image is gone");
        assert_eq!(error.to_string(), "the image of version 1 of app:latest is no longer in the store");
        assert_eq!(list(&store, &name()).expect("versions").len(), 2);
    }

    #[test]
    fn an_origin_that_cannot_be_understood_is_unknown() {
        let origin = Origin { how: Some("build".into()), dirty: Some(true), ..Origin::default() };
        let manifest = Descriptor::new(media_type::MANIFEST, Digest::of(b""), 2);
        let mut version = Version { number: 1, time_ms: 0, manifest, origin: origin.fields() };
        assert_eq!(Origin::of(&version), origin);
        version.origin.insert("later".into(), Value::from(1));
        assert_eq!(Origin::of(&version), origin);
        version.origin.insert("dirty".into(), Value::from("perhaps"));
        assert_eq!(Origin::of(&version), Origin::default());
    }
}
