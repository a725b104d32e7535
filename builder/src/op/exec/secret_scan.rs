//! Finds secrets that a RUN has left in its layer, where everybody with the image could read them.
//!
//! The values of the secrets that the RUN got are looked for in the files of the layer that it made: as they are, in
//! base64 (also in the middle of a longer text, as in an HTTP authorization header), and in hexadecimal. A value that was
//! changed otherwise, compressed for example, is not found.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use trees::entry::Kind;
use trees::tree::Tree;

use super::error::LeakedSecret;

/// Shortest value that is looked for: shorter ones occur by chance.
const MIN_VALUE_BYTES: usize = 6;
/// Bytes of an encoded value that are looked for, at most: tools break lines after 60 or more.
const MAX_ENCODED_BYTES: usize = 48;
/// Bytes of a file that are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The values to look for.
#[derive(Default)]
pub(super) struct SecretScan {
    needles: Vec<Needle>,
}

/// A form of a secret's value.
struct Needle {
    id: String,
    encoding: Option<&'static str>,
    finder: Finder<'static>,
}

impl SecretScan {
    /// Reports whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// Adds a secret. Line ends after the value do not belong to it.
    pub(super) fn add(&mut self, id: &str, value: &[u8]) {
        let value = value.trim_ascii();
        if value.len() < MIN_VALUE_BYTES {
            return;
        }
        let mut add = |encoding, bytes: &[u8]| {
            let finder = Finder::new(bytes).into_owned();
            self.needles.push(Needle { id: id.to_owned(), encoding, finder });
        };
        add(None, value);
        for offset in 0..3 {
            let text = base64_within(value, offset);
            add(Some("base64"), shortened(&text));
            let url_safe = text.replace('+', "-").replace('/', "_");
            if url_safe != text {
                add(Some("base64"), shortened(&url_safe));
            }
        }
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        add(Some("hexadecimal"), shortened(&hex));
        add(Some("hexadecimal"), shortened(&hex.to_uppercase()));
    }

    /// Returns the first file of `tree`, in no order, that contains a secret.
    pub(super) fn find(&self, tree: &dyn Tree) -> io::Result<Option<LeakedSecret>> {
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for child in tree.children(&directory)? {
                let path = directory.join(&child.name);
                match child.entry.kind {
                    Kind::Directory { .. } => directories.push(path),
                    Kind::File { .. } => {
                        if let Some(needle) = self.find_in(tree.open(&path)?)? {
                            return Ok(Some(needle.in_file(&path)));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// Returns the first value that occurs in a stream.
    fn find_in(&self, mut stream: impl Read) -> io::Result<Option<&Needle>> {
        let longest = self.needles.iter().map(|needle| needle.finder.needle().len()).max().unwrap_or(1);
        let mut window = Vec::new();
        loop {
            // The end of the last chunk is kept: a value can lie on both sides of the border.
            window.drain(..window.len().saturating_sub(longest - 1));
            let kept = window.len();
            (&mut stream).take(CHUNK_BYTES as u64).read_to_end(&mut window)?;
            if window.len() == kept {
                return Ok(None);
            }
            if let Some(found) = self.needles.iter().find(|needle| needle.finder.find(&window).is_some()) {
                return Ok(Some(found));
            }
        }
    }
}

impl Needle {
    fn in_file(&self, path: &Path) -> LeakedSecret {
        LeakedSecret { id: self.id.clone(), path: path.to_owned(), encoding: self.encoding }
    }
}

fn shortened(text: &str) -> &[u8] {
    &text.as_bytes()[..text.len().min(MAX_ENCODED_BYTES)]
}

/// Returns the part of the base64 of a longer text that depends on `value` alone, if `value` begins at a byte whose number
/// is `offset` (0 to 2) modulo 3. Source: RFC 4648, section 4.
fn base64_within(value: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(value.iter().copied()).collect();
    let bit = |index: usize| padded[index / 8] >> (7 - index % 8) & 1;
    // The first character with a bit of the value only, and the first one that lacks a bit.
    let (first, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    let character = |number: usize| {
        let six = (number * 6..number * 6 + 6).fold(0, |bits, index| bits << 1 | bit(index));
        char::from(ALPHABET[usize::from(six)])
    };
    (first..end).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "hunter2-token";

    #[track_caller]
    fn check(content: &str, expected: Option<Option<&str>>) {
        let mut scan = SecretScan::default();
        scan.add("token", format!("{VALUE}\n").as_bytes());
        let found = scan.find_in(content.as_bytes()).expect("bytes can be read");
        assert_eq!(found.map(|needle| needle.encoding), expected, "{content}");
    }

    #[test]
    fn a_value_is_found_as_it_is() {
        check("a hunter2-token b", Some(None));
        check("a hunter2-toke", None);
        check("", None);
    }

    #[test]
    fn a_value_is_found_in_base64_wherever_it_begins() {
        // printf %s hunter2-token | base64, and with "u:", "us:" and "use:" before it.
        check("aHVudGVyMi10b2tlbg==", Some(Some("base64")));
        check("Authorization: Basic dTpodW50ZXIyLXRva2Vu", Some(Some("base64")));
        check("dXM6aHVudGVyMi10b2tlbg==", Some(Some("base64")));
        check("dXNlOmh1bnRlcjItdG9rZW4=", Some(Some("base64")));
        check("aHVudGVyMw==", None);
    }

    #[test]
    fn a_value_is_found_in_hexadecimal() {
        check("68756e746572322d746f6b656e", Some(Some("hexadecimal")));
        check("68756E746572322D746F6B656E", Some(Some("hexadecimal")));
    }

    #[test]
    fn a_value_on_the_border_of_two_chunks_is_found() {
        check(&format!("{}{VALUE}", "x".repeat(CHUNK_BYTES - 5)), Some(None));
        check(&"x".repeat(2 * CHUNK_BYTES), None);
    }

    #[test]
    fn short_values_are_not_looked_for() {
        let mut scan = SecretScan::default();
        scan.add("pin", b"12345\n");
        assert!(scan.needles.is_empty());
    }

    #[test]
    fn the_message_names_the_secret_and_the_file() {
        let leak = LeakedSecret { id: "token".into(), path: "root/.netrc".into(), encoding: Some("base64") };
        assert_eq!(leak.to_string(), "the layer contains the secret token in /root/.netrc, in base64");
    }
}
