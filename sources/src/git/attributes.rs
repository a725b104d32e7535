//! Attributes of a repository: files whose content differs between the commit and a checkout.
//!
//! `.gitattributes` can ask for CRLF line ends (`eol`), for another encoding (`working-tree-encoding`) and for the hash of
//! the file in its text (`ident`). A build gets such files as `git checkout` writes them. git converts them itself, in a
//! directory that holds nothing but the `.gitattributes` files of the commit, and prints the result (`cat-file --filters`);
//! it writes no file of the repository. Filters are programs that the user configures; the sealed git has none, so that
//! files of Git LFS stay pointers, which is reported by name.
//!
//! Source: git, gitattributes(5); BuildKit, which runs `git checkout`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command::Git;
use super::error::{GitError, io_error};
use super::tree::{Listed, ListedKind, Objects};

/// Attributes that decide on the content of a file in a checkout.
const NAMES: [&str; 4] = ["eol", "ident", "working-tree-encoding", "filter"];
/// Largest size of all `.gitattributes` files of a commit together.
const MAX_ATTRIBUTES_BYTES: u64 = 64 << 20;
/// Beginning of a file that stands for one on a Git LFS server.
const LFS_START: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// Number of bytes of converted files that are searched at once.
const WINDOW_BYTES: usize = 64 << 10;

/// Files of a commit that differ in a checkout.
#[derive(Default)]
pub(super) struct Checkout {
    /// Content of converted files, with offset and size, by path.
    converted: HashMap<PathBuf, (Arc<File>, u64, u64)>,
    /// Files that are Git LFS pointers.
    pub pointers: Vec<PathBuf>,
}

impl Checkout {
    /// Converts those of the `wanted` files that differ in a checkout. `listed` are all paths of the commit.
    pub fn convert(
        git: &Git<'_>,
        listed: &[Listed],
        wanted: &[&Listed],
        objects: &Objects,
        scratch: &Path,
    ) -> Result<Self, GitError> {
        let work_tree = scratch.join("attributes");
        let mut checkout = Self::default();
        if write_attribute_files(listed, objects, &work_tree)? {
            let git = Git {
                work_tree: Some(work_tree.clone()),
                folder: work_tree.clone(),
                ..git.with_configuration("core.bare", "false")
            };
            let attributes = attributes_of(&git, wanted, scratch)?;
            checkout.find_pointers(wanted, &attributes, objects)?;
            let affected: Vec<&Listed> = wanted
                .iter()
                .copied()
                .filter(|file| attributes.get(&file.path).is_some_and(is_converted))
                .collect();
            checkout.convert_files(&git, &affected, scratch)?;
        }
        if work_tree.exists() {
            fs::remove_dir_all(&work_tree).map_err(io_error)?;
        }
        Ok(checkout)
    }

    /// Returns the content of a file that differs from the commit's: a file with offset and size.
    pub fn content(&self, path: &Path) -> Option<&(Arc<File>, u64, u64)> {
        self.converted.get(path)
    }

    fn find_pointers(
        &mut self,
        wanted: &[&Listed],
        attributes: &BTreeMap<PathBuf, Attributes>,
        objects: &Objects,
    ) -> Result<(), GitError> {
        for file in wanted {
            let is_lfs = attributes.get(&file.path).is_some_and(|found| found.value("filter") == "lfs");
            if is_lfs && objects.start(file, LFS_START.len())? == LFS_START {
                self.pointers.push(file.path.clone());
            }
        }
        Ok(())
    }

    /// Lets git convert files. A line that no object has as its name stands behind each of them in git's output, because
    /// git announces the size before the conversion.
    fn convert_files(&mut self, git: &Git<'_>, files: &[&Listed], scratch: &Path) -> Result<(), GitError> {
        if files.is_empty() {
            return Ok(());
        }
        // The name of the scratch directory is random: no content can hold it.
        let token = format!("dsbuild-{}", scratch.file_name().unwrap_or_default().to_string_lossy());
        let (plain, odd): (Vec<&Listed>, Vec<&Listed>) =
            files.iter().copied().partition(|file| is_one_line(file));
        let mut lines = Vec::new();
        for file in &plain {
            lines.extend_from_slice(file.hash.as_bytes());
            lines.push(b' ');
            lines.extend_from_slice(file.path.as_os_str().as_bytes());
            lines.extend_from_slice(format!("\n{token} -\n").as_bytes());
        }
        let action = "convert the files of the commit";
        let spool = pass(git, action, &["cat-file", "--batch", "--filters", "--buffer"], &lines, scratch)?;
        let spool = Arc::new(spool);
        let end = format!("\n{token} missing\n");
        let mut at = 0;
        for file in plain {
            let start = position(&spool, at, b"\n")? + 1;
            let stop = position(&spool, start, end.as_bytes())?;
            self.converted.insert(file.path.clone(), (Arc::clone(&spool), start, stop - start));
            at = stop + end.len() as u64;
        }
        for file in odd {
            let mut path = std::ffi::OsString::from("--path=");
            path.push(&file.path);
            let arguments = ["cat-file".into(), "--filters".into(), path, file.hash.clone().into()];
            let spool = Arc::new(pass(git, action, &arguments, b"", scratch)?);
            let size_bytes = spool.metadata().map_err(io_error)?.len();
            self.converted.insert(file.path.clone(), (spool, 0, size_bytes));
        }
        Ok(())
    }
}

/// Values of the attributes of one file, by name.
#[derive(Debug, Default)]
struct Attributes(BTreeMap<String, String>);

impl Attributes {
    fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("unspecified", String::as_str)
    }
}

/// Reports whether the content of a file can differ in a checkout.
fn is_converted(attributes: &Attributes) -> bool {
    attributes.value("eol") == "crlf"
        || attributes.value("ident") == "set"
        || !matches!(attributes.value("working-tree-encoding"), "unspecified" | "unset" | "set")
}

/// Reports whether a path can be given to git in a line: git drops blanks in front of it, and ends it at a line feed.
fn is_one_line(file: &Listed) -> bool {
    let bytes = file.path.as_os_str().as_bytes();
    !bytes.contains(&b'\n') && !bytes.starts_with(b" ") && !bytes.starts_with(b"\t")
}

/// Writes the `.gitattributes` files of the commit below `work_tree`. Returns false if none of them matters.
fn write_attribute_files(listed: &[Listed], objects: &Objects, work_tree: &Path) -> Result<bool, GitError> {
    let mut left_bytes = MAX_ATTRIBUTES_BYTES;
    let mut matters = false;
    for file in listed.iter().filter(|file| is_attribute_file(file)) {
        let bytes = objects.read_all(file, left_bytes)?.ok_or_else(|| GitError::Tree {
            reason: format!("its .gitattributes files have more than {MAX_ATTRIBUTES_BYTES} bytes"),
        })?;
        left_bytes -= bytes.len() as u64;
        let has = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        matters |= NAMES.iter().any(|name| has(name));
        let path = work_tree.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(work_tree)).map_err(io_error)?;
        fs::write(&path, bytes).map_err(io_error)?;
    }
    Ok(matters)
}

/// Reports whether an entry of the commit holds attributes.
pub(super) fn is_attribute_file(entry: &Listed) -> bool {
    matches!(entry.kind, ListedKind::File { .. })
        && entry.path.file_name().is_some_and(|name| name == ".gitattributes")
}

/// Asks git for the attributes of files.
fn attributes_of(
    git: &Git<'_>,
    files: &[&Listed],
    scratch: &Path,
) -> Result<BTreeMap<PathBuf, Attributes>, GitError> {
    let mut paths = Vec::new();
    for file in files {
        paths.extend_from_slice(file.path.as_os_str().as_bytes());
        paths.push(0);
    }
    let mut arguments = vec!["check-attr", "-z", "--stdin"];
    arguments.extend(NAMES);
    let mut answer = Vec::new();
    let mut file = pass(git, "read the attributes of the commit", &arguments, &paths, scratch)?;
    file.rewind().and_then(|()| file.read_to_end(&mut answer)).map_err(io_error)?;
    let mut found = BTreeMap::<PathBuf, Attributes>::new();
    let mut fields = answer.split(|&byte| byte == 0);
    while let (Some(path), Some(name), Some(value)) = (fields.next(), fields.next(), fields.next()) {
        if value != b"unspecified" {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
            found.entry(path).or_default().0.insert(text(name), text(value));
        }
    }
    Ok(found)
}

/// Runs git with `input`, and returns its output as a file without a name.
fn pass<S: AsRef<std::ffi::OsStr>>(
    git: &Git<'_>,
    action: &str,
    arguments: &[S],
    input: &[u8],
    scratch: &Path,
) -> Result<File, GitError> {
    let nameless = |name: &str| {
        let path = scratch.join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        fs::remove_file(&path).map(|()| file)
    };
    let mut request = nameless("request").map_err(io_error)?;
    request.write_all(input).and_then(|()| request.rewind()).map_err(io_error)?;
    let output = nameless("answer").map_err(io_error)?;
    git.pass(action, arguments, (request, output.try_clone().map_err(io_error)?))?;
    Ok(output)
}

/// Returns the offset of the first `needle` in `file` at `start` or behind it.
fn position(file: &File, start: u64, needle: &[u8]) -> Result<u64, GitError> {
    let mut at = start;
    let mut window = vec![0; WINDOW_BYTES];
    loop {
        let length = file.read_at(&mut window, at).map_err(io_error)?;
        if let Some(found) = window[..length].windows(needle.len()).position(|bytes| bytes == needle) {
            return Ok(at + found as u64);
        }
        if length < needle.len() {
            return Err(GitError::Tree { reason: "its files cannot be converted".to_owned() });
        }
        // The needle can begin in this window and end in the next.
        at += (length - needle.len() + 1) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_across_windows() {
        let mut file = tempfile::tempfile().expect("a file");
        let front = vec![b'x'; WINDOW_BYTES - 3];
        file.write_all(&[&front[..], b"needle", &front, b"needle"].concat()).expect("written");
        let first = WINDOW_BYTES as u64 - 3;
        assert_eq!(position(&file, 0, b"needle").expect("found"), first);
        assert_eq!(position(&file, first + 1, b"needle").expect("found"), 2 * first + 6);
        assert!(position(&file, 2 * first + 7, b"needle").is_err());
    }

    #[test]
    fn some_attributes_change_the_content() {
        #[track_caller]
        fn check(name: &str, value: &str, expected: bool) {
            let attributes = Attributes(BTreeMap::from([(name.to_owned(), value.to_owned())]));
            assert_eq!(is_converted(&attributes), expected, "{name}={value}");
        }
        check("eol", "crlf", true);
        check("eol", "lf", false);
        check("ident", "set", true);
        check("ident", "unset", false);
        check("working-tree-encoding", "UTF-16LE-BOM", true);
        check("working-tree-encoding", "unset", false);
        check("filter", "lfs", false);
    }
}
