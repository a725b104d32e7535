//! Kinds of files in a store: files of one kind are read by the same code, so that one of them stands for all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::SweepError;

/// Shortest run of hexadecimal digits that is a digest or a random name.
const MIN_HASH_DIGITS: usize = 12;

/// Paths relative to the store, by kind; a kind is a path in which hashes are `*`.
pub type Kinds = BTreeMap<String, Vec<PathBuf>>;

/// Returns the regular files and the directories of a store by kind.
pub fn kinds(store: &Path) -> Result<Kinds, SweepError> {
    let mut kinds = Kinds::new();
    collect(store, Path::new(""), &mut kinds)?;
    kinds.values_mut().for_each(|paths| paths.sort());
    Ok(kinds)
}

fn collect(store: &Path, dir: &Path, kinds: &mut Kinds) -> Result<(), SweepError> {
    let full = store.join(dir);
    for entry in fs::read_dir(&full).map_err(SweepError::at(&full))? {
        let entry = entry.map_err(SweepError::at(&full))?;
        let (path, kind) = (dir.join(entry.file_name()), entry.file_type().map_err(SweepError::at(&full))?);
        if kind.is_dir() {
            kinds.entry(format!("{}/", name(store, &path))).or_default().push(path.clone());
            collect(store, &path, kinds)?;
        } else if kind.is_file() {
            kinds.entry(name(store, &path)).or_default().push(path);
        }
    }
    Ok(())
}

/// Returns the path with `*` for hashes. Files of a tree are one kind, and blobs are told apart by their content.
fn name(store: &Path, path: &Path) -> String {
    let words: Vec<String> = path.iter().map(|word| masked(&word.to_string_lossy())).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["layers", "*", "tree", _, ..] => "layers/*/tree/…".to_owned(),
        ["blobs", "sha256", "*"] => format!("blobs/sha256/* ({})", content(&store.join(path))),
        _ => words.join("/"),
    }
}

/// Replaces a word that consists of a hash, or begins with one, by `*` and the rest.
fn masked(word: &str) -> String {
    let digits = word.bytes().take_while(u8::is_ascii_hexdigit).count();
    let is_short_hash = word.len() == 2 && digits == 2;
    if digits >= MIN_HASH_DIGITS || is_short_hash { format!("*{}", &word[digits..]) } else { word.to_owned() }
}

/// Returns the kind of document in a blob.
fn content(blob: &Path) -> &'static str {
    let Ok(bytes) = fs::read(blob) else { return "unreadable" };
    let has = |key: &str| bytes.windows(key.len()).any(|window| window == key.as_bytes());
    if !bytes.starts_with(b"{") {
        "layer"
    } else if has("\"layers\":[{") {
        "manifest"
    } else {
        "config"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(name(Path::new("/nowhere"), Path::new(path)), expected);
    }

    #[test]
    fn hashes_are_masked() {
        check("records/v1/fb/0123456789abcdef", "records/v1/*/*");
        check("layers/0123456789abcdef/index", "layers/*/index");
        check("layers/0123456789abcdef/tree/etc/passwd", "layers/*/tree/…");
        check("layers/0123456789abcdef/tree", "layers/*/tree");
        check("blobs/sha256/0123456789abcdef", "blobs/sha256/* (unreadable)");
        check("index.json", "index.json");
        check("roots/container-0123456789abcdef", "roots/container-0123456789abcdef");
    }
}
