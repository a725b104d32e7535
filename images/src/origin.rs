//! Where an image of the store was pulled from: a note in the store's list of images, which every name of the image keeps.
//!
//! The store has a manifest of its own for a pulled image, with the tars of its layers. The note leads back to the
//! registry's manifest, so that the image leaves this machine with the digest that it came with.

use oci::{Descriptor, Digest, Reference};

/// Key of the note: `docker.io/library/debian@<root> <manifest>`.
const PULLED: &str = "dsbuild.pulled";

/// Origin of an image that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledFrom {
    /// Repository that the image came from; tag and digest do not count.
    pub repository: Reference,
    /// Digest that its name led to: of an index, or of the manifest itself.
    pub root: Digest,
    /// Digest of the registry's manifest of the image.
    pub manifest: Digest,
}

impl PulledFrom {
    /// Returns the descriptor with a note of this origin.
    pub fn noted_in(&self, image: &Descriptor) -> Descriptor {
        let Self { repository, root, manifest } = self;
        let mut noted = image.clone();
        noted.annotations.insert(PULLED.to_owned(), format!("{}@{root} {manifest}", repository.name()));
        noted
    }

    /// Reads the note in a descriptor; `None` if the image was not pulled, or the note is damaged.
    pub fn of(image: &Descriptor) -> Option<Self> {
        let (name, manifest) = image.annotations.get(PULLED)?.split_once(' ')?;
        let name: Reference = name.parse().ok()?;
        Some(Self { root: name.digest?, manifest: manifest.parse().ok()?, repository: name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_leads_back_to_the_repository() {
        let (root, manifest) = (Digest::of(b"index"), Digest::of(b"manifest"));
        let repository: Reference = "r:5000/a/b:v1".parse().expect("a name");
        let image = Descriptor::new("", Digest::of(b"ours"), 4);
        let noted = PulledFrom { repository, root, manifest }.noted_in(&image);
        let found = PulledFrom::of(&noted).expect("a note");
        assert_eq!(
            (found.repository.name(), found.root, found.manifest),
            ("r:5000/a/b".to_owned(), root, manifest)
        );
        assert_eq!(PulledFrom::of(&image), None);
    }

    #[test]
    fn a_damaged_note_counts_as_none() {
        for note in ["", "r/a", "r/a@sha256:00 x", "r/a x", "\u{1b}"] {
            let mut image = Descriptor::new("", Digest::of(b"ours"), 4);
            image.annotations.insert(PULLED.to_owned(), note.to_owned());
            assert_eq!(PulledFrom::of(&image), None, "{note}");
        }
    }
}
