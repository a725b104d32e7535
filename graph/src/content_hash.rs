//! The encoding of operations that cache keys hash.
//!
//! | kind of type | encoding |
//! |---|---|
//! | integer | 8 bytes, little endian (signed ones in two's complement) |
//! | bool | one byte, 0 or 1 |
//! | text, bytes | length as an integer, then the bytes |
//! | `Option` | one byte 0; or one byte 1 and the value |
//! | sequence | length as an integer, then the elements in order |
//! | structure, tuple | the fields in the order of the code below |
//! | enumeration | one byte that stands beside the variant below, then its fields |
//!
//! No two values of a type have the same encoding. Structures are taken apart completely, so that a new field does not
//! compile before somebody decides whether it belongs into keys. A changed encoding changes keys: raise the version in
//! `builder/src/key/mod.rs` then. Fields that no key contains are named and dropped here, with the reason.

use crate::mode::{Change, Operator, Permissions};
use crate::{
    CopyAction, CopySource, DeviceRequest, ExecMount, FileAction, Mode, MountKind, NetworkMode, SecretEnv,
    SecurityMode, Ulimit,
};

/// A value with a canonical encoding.
pub trait ContentHash {
    /// Appends the encoding of the value.
    fn encode(&self, out: &mut Vec<u8>);

    /// Returns the encoding of the value.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Encodes fields one after another.
macro_rules! encode_all {
    ($out:ident, $($field:expr),+ $(,)?) => { $($field.encode($out);)+ };
}

impl ContentHash for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl ContentHash for u32 {
    fn encode(&self, out: &mut Vec<u8>) {
        u64::from(*self).encode(out);
    }
}

impl ContentHash for usize {
    fn encode(&self, out: &mut Vec<u8>) {
        (*self as u64).encode(out);
    }
}

impl ContentHash for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl ContentHash for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl ContentHash for str {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        out.extend_from_slice(self.as_bytes());
    }
}

impl ContentHash for String {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_str().encode(out);
    }
}

impl<T: ContentHash> ContentHash for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<T: ContentHash> ContentHash for [T] {
    fn encode(&self, out: &mut Vec<u8>) {
        self.len().encode(out);
        self.iter().for_each(|element| element.encode(out));
    }
}

impl<T: ContentHash> ContentHash for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_slice().encode(out);
    }
}

impl ContentHash for Ulimit {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { name, soft, hard } = self;
        encode_all!(out, name, soft, hard);
    }
}

impl ContentHash for DeviceRequest {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { name, required } = self;
        encode_all!(out, name, required);
    }
}

impl ContentHash for SecretEnv {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { variable, id, required } = self;
        encode_all!(out, variable, id, required);
    }
}

impl ContentHash for NetworkMode {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Default => 0,
            Self::Host => 1,
            Self::None => 2,
        });
    }
}

impl ContentHash for SecurityMode {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Sandbox => 0,
            Self::Insecure => 1,
        });
    }
}

impl ContentHash for ExecMount {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { target, read_only, kind } = self;
        encode_all!(out, target, read_only, kind);
    }
}

/// The files that a mount shows, and where they come from, are parts of a key of their own.
impl ContentHash for MountKind {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bind { from: _, source: _ } => out.push(0),
            // A cache may have any content, so which one it is and who shares it decide nothing.
            Self::Cache { id: _, sharing: _, from: _, source, mode, uid, gid } => {
                out.push(1);
                encode_all!(out, source, mode, uid, gid);
            }
            Self::Tmpfs { size_bytes } => {
                out.push(2);
                size_bytes.encode(out);
            }
            Self::Secret { id, mode, uid, gid, required } => {
                out.push(3);
                encode_all!(out, id, mode, uid, gid, required);
            }
            Self::Ssh { id, mode, uid, gid, required } => {
                out.push(4);
                encode_all!(out, id, mode, uid, gid, required);
            }
            Self::Script { content } => {
                out.push(5);
                content.encode(out);
            }
        }
    }
}

impl ContentHash for FileAction {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Copy(copy) => {
                out.push(0);
                copy.encode(out);
            }
            Self::Mkdir { path, mode, owner, mtime_s } => {
                out.push(1);
                encode_all!(out, path, mode, owner, mtime_s);
            }
        }
    }
}

impl ContentHash for CopyAction {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { from, destination, owner, mode, excludes, parents, unpack, keep_owner, link, mtime_s } =
            self;
        encode_all!(
            out,
            from,
            destination,
            owner,
            mode,
            excludes,
            parents,
            unpack,
            keep_owner,
            link,
            mtime_s
        );
    }
}

impl ContentHash for CopySource {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            // As with BuildKit, the directory that a source lies in says nothing, but its own name does. The files that
            // it selects are a part of the key of their own.
            Self::Input { input: _, path, as_written: _ } => {
                out.push(0);
                path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().encode(out);
            }
            Self::Text { name, content } => {
                out.push(1);
                encode_all!(out, name, content);
            }
        }
    }
}

impl ContentHash for Mode {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Octal(mode) => {
                out.push(0);
                mode.encode(out);
            }
            Self::Symbolic(changes) => {
                out.push(1);
                changes.encode(out);
            }
        }
    }
}

impl ContentHash for Change {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { operator, mask, permissions } = self;
        out.push(match operator {
            Operator::Add => 0,
            Operator::Remove => 1,
            Operator::Set => 2,
        });
        mask.encode(out);
        match permissions {
            Permissions::Bits { bits, or_execute } => {
                out.push(0);
                encode_all!(out, bits, or_execute);
            }
            Permissions::CopyOf { shift } => {
                out.push(1);
                shift.encode(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_sequences_carry_their_length() {
        assert_eq!("ab".encoded(), [2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        let one = vec!["ab".to_owned(), "c".to_owned()];
        let other = vec!["a".to_owned(), "bc".to_owned()];
        assert_ne!(one.encoded(), other.encoded());
    }

    #[test]
    fn an_absent_value_differs_from_an_empty_one() {
        assert_eq!(None::<String>.encoded(), [0]);
        assert_eq!(Some(String::new()).encoded(), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn modes_that_mean_the_same_are_encoded_the_same() {
        let encoded = |text: &str| Mode::parse(text).expect("a mode").encoded();
        assert_eq!(encoded("755"), encoded("0755"));
        assert_ne!(encoded("u=rwx"), encoded("u+rwx"));
    }
}
