//! Paths inside a layer: clean, in order, within limits.
//!
//! Such a path is bytes: components joined by `/`, relative to the root, which is the empty path. The *key* of a path
//! has a zero byte in place of each `/`. No name contains one, so comparing keys as bytes compares paths by
//! component, and everything below a path is one range of keys.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::TreeError;
use crate::error::bad_entry;

/// Maximum length of a path in Linux (`PATH_MAX`).
pub const MAX_PATH_BYTES: usize = 4096;
/// Maximum length of a name in Linux (`NAME_MAX`).
pub const MAX_NAME_BYTES: usize = 255;

/// Converts bytes to the path that they spell.
pub fn to_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Returns the bytes of a path.
pub fn to_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Returns the components of a clean path; none for the root.
pub fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty())
}

/// Splits off the last component; returns the path of the parent and the component. Returns `None` for the root.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => Some((&path[..at], &path[at + 1..])),
        None if path.is_empty() => None,
        None => Some((&path[..0], path)),
    }
}

/// Returns the paths above `path`: the nearest first, the root last.
pub fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(split(path), |(above, _)| split(above)).map(|(above, _)| above)
}

/// Joins the path of a directory and a name in it.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    if !directory.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Reports whether `path` is below `directory`.
pub fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty() && !path.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// Returns the key of a path.
pub fn key(path: &[u8]) -> Vec<u8> {
    path.iter().map(|&byte| if byte == b'/' { 0 } else { byte }).collect()
}

/// Returns the path of a key.
pub fn from_key(key: &[u8]) -> Vec<u8> {
    key.iter().map(|&byte| if byte == 0 { b'/' } else { byte }).collect()
}

/// Returns the first key that is greater than `key` and all keys below it. Not for the root.
pub fn after(key: &[u8]) -> Vec<u8> {
    [key, &[1]].concat()
}

/// Compares two paths by component.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let Some(at) = left.iter().zip(right).position(|(left, right)| left != right) else {
        return left.len().cmp(&right.len());
    };
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    rank(left[at]).cmp(&rank(right[at]))
}

/// Converts a name in a tar to a clean path: relative, and without empty components, `.` and `..`.
///
/// Leading slashes are dropped, as every extractor of layers does. A `..` that leaves the root is an error.
pub fn clean(name: &[u8]) -> Result<Vec<u8>, TreeError> {
    let mut path: Vec<u8> = Vec::with_capacity(name.len());
    for component in components(name) {
        match component {
            b"." => {}
            b".." => {
                let above =
                    split(&path).ok_or_else(|| bad_entry(name, "the name leads out of the root"))?.0.len();
                path.truncate(above);
            }
            component => path = append(path, component),
        }
    }
    check(&path)?;
    Ok(path)
}

fn append(mut path: Vec<u8>, name: &[u8]) -> Vec<u8> {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Checks that Linux can have this path.
pub fn check(path: &[u8]) -> Result<(), TreeError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(bad_entry(
            &path[..MAX_NAME_BYTES],
            format!("the path is over the limit of {MAX_PATH_BYTES} bytes"),
        ));
    }
    if path.contains(&0) {
        return Err(bad_entry(path, "the name contains a zero byte"));
    }
    match components(path).find(|name| name.len() > MAX_NAME_BYTES) {
        Some(_) => Err(bad_entry(path, format!("a name is over the limit of {MAX_NAME_BYTES} bytes"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_clean(name: &str, expected: Option<&str>) {
        let found = clean(name.as_bytes()).ok().map(|path| String::from_utf8(path).expect("ASCII"));
        assert_eq!(found.as_deref(), expected, "{name}");
    }

    #[test]
    fn names_become_relative_and_stay_inside() {
        check_clean("a/b", Some("a/b"));
        check_clean("./a//b/./c/", Some("a/b/c"));
        check_clean("/etc/passwd", Some("etc/passwd"));
        check_clean("a/../b", Some("b"));
        check_clean(".", Some(""));
        check_clean("/", Some(""));
        check_clean("../x", None);
        check_clean("a/../../x", None);
        check_clean("/../x", None);
        check_clean("a\0b", None);
        check_clean(&"n".repeat(255), Some(&"n".repeat(255)));
        check_clean(&"n".repeat(256), None);
        check_clean(&"n/".repeat(2048), Some(&"n/".repeat(2048)[..4095]));
        check_clean(&"n/".repeat(2049), None);
    }

    #[test]
    fn paths_are_ordered_by_component() {
        let sorted: [&[u8]; 7] = [b"", b"a", b"a/b", b"a/b/c", b"a/b-c", b"a-b", b"b"];
        for (left, right) in sorted.iter().zip(&sorted[1..]) {
            assert_eq!(compare(left, right), Ordering::Less, "{left:?} {right:?}");
            assert_eq!(compare(right, left), Ordering::Greater);
            assert!(key(left) < key(right), "{left:?} {right:?}");
        }
        assert!(key(b"a/z/z") < after(b"a") && after(b"a") <= key(b"a\x01"));
    }

    #[test]
    fn paths_are_split_and_joined() {
        assert_eq!(ancestors(b"a/b/c").collect::<Vec<_>>(), [&b"a/b"[..], b"a", b""]);
        assert_eq!(ancestors(b"").count(), 0);
        assert_eq!(join(b"", b"a"), b"a");
        assert_eq!(join(b"a", b"b"), b"a/b");
        assert!(
            is_below(b"a/b", b"a") && is_below(b"a", b"") && !is_below(b"ab", b"a") && !is_below(b"a", b"a")
        );
        assert_eq!(from_key(&key(b"a/b")), b"a/b");
    }
}
