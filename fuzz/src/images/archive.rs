//! Random archives of images: tars with the members that an input describes.
//!
//! Each member takes a byte for its name, a byte for its kind, two bytes for the length of its content, and the content.
//! In documents `@0` to `@9` stand for the sha256 of the content of a member before compression, `#0` to `#9` for that
//! of the member as it is stored, and `%0` to `%9` for its length.

use std::io::Write;

use oci::Digest;
use tar::{Builder, EntryType, Header};

use super::blob_path;
use crate::members;

/// Names of members; the empty one stands for the path of a blob.
const NAMES: [&str; 10] = [
    "manifest.json",
    "config.json",
    "layer.tar",
    "a/layer.tar",
    "oci-layout",
    "index.json",
    "",
    "./b/../layer.tar",
    "/b/layer.tar",
    "../layer.tar",
];

/// Largest number of members.
const MAX_MEMBERS: usize = 10;

/// Member that documents after it can refer to.
struct Member {
    diff: Digest,
    digest: Digest,
    size: usize,
}

/// Makes the archive that `input` describes.
pub(super) fn tar(mut input: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut known = Vec::new();
    while let Some((&[name, kind, low, high], rest)) = input.split_first_chunk()
        && known.len() < MAX_MEMBERS
    {
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (content, rest) = rest.split_at(length);
        known.push(append(&mut builder, NAMES[usize::from(name) % NAMES.len()], kind, content, &known));
        input = rest;
    }
    builder.into_inner().expect("a vector takes every byte")
}

fn append(builder: &mut Builder<Vec<u8>>, name: &str, kind: u8, content: &[u8], known: &[Member]) -> Member {
    let plain = match kind % 4 {
        1 => members::tar(content),
        _ => document(content, known),
    };
    let stored = match kind / 4 % 3 {
        1 => gzip(&plain),
        2 => zstd::encode_all(&plain[..], 1).expect("compress into memory"),
        _ => plain.clone(),
    };
    let entry_type = match kind % 4 {
        2 => EntryType::Link,
        3 => EntryType::Symlink,
        _ => EntryType::Regular,
    };
    let is_link = entry_type != EntryType::Regular;
    let name = if name.is_empty() { blob_path(&stored) } else { name.to_owned() };
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_mode(0o644);
    header.set_size(if is_link { 0 } else { stored.len() as u64 });
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    if is_link {
        let target = &content[..content.len().min(99)];
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target);
    }
    header.set_cksum();
    builder.append(&header, if is_link { &[] } else { &stored[..] }).expect("a vector takes every byte");
    Member { diff: Digest::of(&plain), digest: Digest::of(&stored), size: stored.len() }
}

/// Replaces the placeholders in a document.
fn document(text: &[u8], known: &[Member]) -> Vec<u8> {
    let mut document = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let number = after.first().and_then(|digit| char::from(*digit).to_digit(10));
        let member = number.and_then(|number| known.get(usize::try_from(number).ok()?));
        let value = member.and_then(|member| match first {
            b'@' => Some(member.diff.hex().to_owned()),
            b'#' => Some(member.digest.hex().to_owned()),
            b'%' => Some(member.size.to_string()),
            _ => None,
        });
        match value {
            Some(value) => {
                document.extend_from_slice(value.as_bytes());
                rest = &after[1..];
            }
            None => {
                document.push(first);
                rest = after;
            }
        }
    }
    document
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compress into memory")
}
