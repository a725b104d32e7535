//! The binary encoding of plans and messages between the processes of a sandbox.
//!
//! ```text
//! integers   little endian        bool      one byte
//! bytes      u32 length, bytes    strings   as bytes
//! list       u32 length, items    option    bool, value
//! ```
//!
//! Both ends are the same program, so that the encoding needs no version. JSON would not do: a plan has byte strings
//! that are not UTF-8. A reader never panics and never allocates more than its input.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The bytes that are still to be decoded.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }
}

/// A value that can be sent between processes.
pub(crate) trait Wire: Sized {
    /// Appends the encoded value to `out`.
    fn put(&self, out: &mut Vec<u8>);

    /// Decodes a value; returns `None` if the next bytes of `input` are not one.
    fn take(input: &mut Reader<'_>) -> Option<Self>;
}

/// Returns the encoded bytes of `value`.
pub(crate) fn encode(value: &impl Wire) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Decodes the value at the beginning of `bytes`.
pub(crate) fn decode<T: Wire>(bytes: &[u8]) -> Option<T> {
    T::take(&mut Reader::new(bytes))
}

macro_rules! wire_integers {
    ($($integer:ty),*) => {$(
        impl Wire for $integer {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(input: &mut Reader<'_>) -> Option<Self> {
                let bytes = input.bytes(size_of::<Self>())?;
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
wire_integers!(u8, i32, u32, u64);

/// Implements [`Wire`] for a struct by encoding the listed fields in order.
macro_rules! wire_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::wire::Wire::put(&self.$field, out);)*
            }
            fn take(input: &mut $crate::wire::Reader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::wire::Wire::take(input)?,)* })
            }
        }
    };
}
pub(crate) use wire_struct;

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        match u8::take(input)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// A byte string, encoded as one piece rather than as a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

fn put_length(len: usize, out: &mut Vec<u8>) {
    u32::try_from(len).expect("a plan is far below 4 GiB").put(out);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn take_bytes(input: &mut Reader<'_>) -> Option<Vec<u8>> {
    let len = u32::take(input)? as usize;
    input.bytes(len).map(<[u8]>::to_vec)
}

impl Wire for Blob {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(&self.0, out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        take_bytes(input).map(Self)
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Self::from_utf8(take_bytes(input)?).ok()
    }
}

impl Wire for OsString {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(OsStr::as_bytes(self), out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        take_bytes(input).map(Self::from_vec)
    }
}

impl Wire for PathBuf {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_os_str().as_bytes(), out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        OsString::take(input).map(Self::from)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        if bool::take(input)? { T::take(input).map(Some) } else { Some(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        for item in self {
            item.put(out);
        }
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        let len = u32::take(input)?;
        (0..len).map(|_| T::take(input)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some((A::take(input)?, B::take(input)?))
    }
}

impl<A: Wire, B: Wire, C: Wire> Wire for (A, B, C) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }
    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some((A::take(input)?, B::take(input)?, C::take(input)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Wire + PartialEq + std::fmt::Debug>(value: T) {
        let bytes = encode(&value);
        assert_eq!(decode::<T>(&bytes).as_ref(), Some(&value));
        for len in 0..bytes.len() {
            assert_ne!(decode::<T>(&bytes[..len]).as_ref(), Some(&value), "truncated to {len} bytes");
        }
    }

    #[test]
    fn values_survive_and_truncated_ones_do_not() {
        check(7_u8);
        check(-3_i32);
        check(u64::MAX);
        check(true);
        check(String::from("äö"));
        check(OsString::from_vec(vec![0xff, b'a', 0xfe]));
        check(PathBuf::from("/a/b"));
        check(Some(vec![String::new(), String::from("x")]));
        check(Option::<u32>::None);
        check((1_u32, Blob(vec![1, 2, 3]), false));
    }

    #[test]
    fn invalid_bytes_are_not_decoded() {
        assert_eq!(decode::<bool>(&[2]), None);
        assert_eq!(decode::<String>(&[1, 0, 0, 0, 0xff]), None);
        assert_eq!(decode::<Vec<u64>>(&[0xff, 0xff, 0xff, 0xff]), None);
    }
}
