//! Identities that are blake3 hashes, a type for each kind, so that none can stand in for another.
//!
//! All of them are internal to a store: no image contains one. They print as 64 lower-case hex digits.

/// Defines an identity: a blake3 hash in a type of its own.
///
/// Source: design.md, "Keys"; the BLAKE3 specification.
#[macro_export]
macro_rules! hash_identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Returns the identity for a finished blake3 hash.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Returns the identity of `bytes`: their hash.
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// Returns the 32 bytes of the hash.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

hash_identity! {
    /// Key of a step: the hash of everything that decides its result. A record of the store has it as its name.
    StepKey
}

hash_identity! {
    /// Position of a step in the stages of a project, whatever the step does. The last record for a position explains why
    /// a changed step misses.
    StepPosition
}

hash_identity! {
    /// Hash of the content of a regular file.
    ContentDigest
}

/// Returns a file name for `text`, which can contain any bytes: its blake3 in hex.
pub fn hashed_name(text: &[u8]) -> String {
    blake3::hash(text).to_hex().to_string()
}
