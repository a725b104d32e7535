//! Pins: which manifest a name of a registry led to when the registry was last asked.
//!
//! ```text
//! <root>/pins/<blake3 of name and platform>    one line: the digest of the manifest
//! ```
//!
//! A pin makes the next build of the same Dockerfile independent of the network. It holds until `--pull` renews it, until
//! the image turns out to be incomplete at its registry, or until its manifest is collected. A damaged pin counts as none.
//!
//! An image can be asked for as `name:tag`, `name@digest` or `name:tag@digest`, and whichever form it was pulled by, the
//! others find it:
//!
//! | pulled by | pins |
//! |---|---|
//! | `name:tag` | `name:tag`, `name@index`, `name@manifest` |
//! | `name@digest`, `name:tag@digest` | `name@index`, `name@manifest` |
//! | `name:tag@digest` | also `name:tag`, for a machine that is offline only |
//!
//! A registry does not check a tag that stands beside a digest, so such a tag is no answer while the registry can be asked.

use cache::{NoteKind, Store, StoreError, hashed_name};
use oci::{Digest, Platform, Reference};

/// Answer of a registry to a name.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// Platform that the manifest was chosen for.
    pub platform: &'a Platform,
    /// Digest that the name leads to: of an index, or of the manifest itself.
    pub root: Digest,
    /// Digest of the manifest that was chosen.
    pub manifest: Digest,
}

/// Returns the manifest that `name` last led to.
pub fn load(store: &Store, name: &Reference, platform: &Platform) -> Result<Option<Digest>, StoreError> {
    let text = match name.digest {
        Some(digest) => by_digest(name, &digest),
        None => by_tag(name),
    };
    read(store, &key(&text, platform))
}

/// Returns the manifest that `name` last led to beside a digest, for when its registry cannot be reached.
pub fn load_offline(
    store: &Store,
    name: &Reference,
    platform: &Platform,
) -> Result<Option<Digest>, StoreError> {
    if name.digest.is_some() {
        return Ok(None);
    }
    read(store, &key(&offline(name), platform))
}

/// Remembers what `name` leads to.
pub fn save(store: &Store, name: &Reference, pinned: &Pinned<'_>) -> Result<(), StoreError> {
    let line = format!("{}\n", pinned.manifest);
    keys(name, pinned).iter().try_for_each(|key| store.save_note(NoteKind::Pin, key, line.as_bytes()))
}

/// Forgets what `name` leads to in every form that [`save`] pins, so that the registry is asked again.
pub fn forget(store: &Store, name: &Reference, pinned: &Pinned<'_>) -> Result<(), StoreError> {
    for key in keys(name, pinned) {
        if read(store, &key)? == Some(pinned.manifest) {
            store.remove_note(NoteKind::Pin, &key)?;
        }
    }
    Ok(())
}

/// Returns the names of the notes under which a pin is saved.
fn keys(name: &Reference, pinned: &Pinned<'_>) -> Vec<String> {
    let mut texts = vec![by_digest(name, &pinned.root), by_digest(name, &pinned.manifest)];
    match (&name.tag, name.digest) {
        (_, None) => texts.push(by_tag(name)),
        (Some(_), Some(_)) => texts.push(offline(name)),
        (None, Some(_)) => {}
    }
    texts.dedup();
    texts.iter().map(|text| key(text, pinned.platform)).collect()
}

fn by_digest(name: &Reference, digest: &Digest) -> String {
    Reference { tag: None, digest: Some(*digest), ..name.clone() }.to_string()
}

fn by_tag(name: &Reference) -> String {
    Reference { digest: None, ..name.clone() }.to_string()
}

fn offline(name: &Reference) -> String {
    format!("{} offline", by_tag(name))
}

fn key(text: &str, platform: &Platform) -> String {
    hashed_name(format!("{text} {platform}").as_bytes())
}

fn read(store: &Store, key: &str) -> Result<Option<Digest>, StoreError> {
    let note = store.load_note(NoteKind::Pin, key)?;
    Ok(note.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim_end().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    /// Checks which of the names in `asked` find the image that was pulled by the name `pulled`.
    #[track_caller]
    fn check(pulled: &str, asked: &[(&str, bool)], find: Find) {
        let (index, manifest) = (Digest::of(b"index"), Digest::of(b"manifest"));
        let text =
            |text: &str| text.replace("INDEX", &index.to_string()).replace("MANIFEST", &manifest.to_string());
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        let platform = Platform::host();
        let pinned = Pinned { platform: &platform, root: index, manifest };
        save(&store, &name(&text(pulled)), &pinned).expect("saved");
        for (asked, is_found) in asked {
            let found = find(&store, &name(&text(asked)), &platform).expect("read");
            assert_eq!(found, is_found.then_some(manifest), "{asked}, pulled by {pulled}");
        }
    }

    type Find = fn(&Store, &Reference, &Platform) -> Result<Option<Digest>, StoreError>;

    #[test]
    fn a_pin_is_found_in_every_form_of_its_name() {
        let by_digest = [("x@INDEX", true), ("x@MANIFEST", true), ("x:9@INDEX", true), ("y@INDEX", false)];
        check("x:1", &by_digest, load);
        check("x:1", &[("x:1", true), ("x:2", false), ("x", false)], load);
        check("x@INDEX", &by_digest, load);
        check("x:1@INDEX", &by_digest, load);
        check("x@MANIFEST", &[("x@MANIFEST", true), ("x:1@MANIFEST", true)], load);
        check("x", &[("x:latest", true), ("x", true)], load);
    }

    #[test]
    fn a_tag_beside_a_digest_counts_offline_only() {
        check("x:1@INDEX", &[("x:1", false)], load);
        check("x:1@INDEX", &[("x:1", true), ("x:2", false), ("x@INDEX", false)], load_offline);
        check("x@INDEX", &[("x", false), ("x:latest", false)], load_offline);
    }

    #[test]
    fn a_forgotten_pin_is_found_in_no_form() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        let (platform, manifest) = (Platform::host(), Digest::of(b"manifest"));
        let root = Digest::of(b"index");
        let pinned = Pinned { platform: &platform, root, manifest };
        save(&store, &name("x:1"), &pinned).expect("saved");
        let another = Pinned { manifest: Digest::of(b"another"), ..pinned };
        forget(&store, &name("x:1"), &another).expect("forgotten");
        assert_eq!(load(&store, &name("x:1"), &platform).expect("read"), Some(manifest));
        forget(&store, &name("x:1"), &pinned).expect("forgotten");
        for text in ["x:1".to_owned(), format!("x@{manifest}"), format!("x@{root}")] {
            assert_eq!(load(&store, &name(&text), &platform).expect("read"), None, "{text}");
        }
    }

    #[test]
    fn a_damaged_pin_counts_as_none() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        for bytes in [&b""[..], b"sha256:00", b"\xff\xff"] {
            store
                .save_note(NoteKind::Pin, &key("docker.io/library/x:1", &Platform::host()), bytes)
                .expect("saved");
            assert_eq!(load(&store, &name("x:1"), &Platform::host()).expect("read"), None, "{bytes:?}");
        }
    }
}
