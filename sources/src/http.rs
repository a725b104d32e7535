//! One file by HTTP(S).
//!
//! ```text
//! <root>/downloads/<blake3 of URL and login>    what came: digest, size, ETag, time
//! ```
//!
//! The file itself is a blob of the store. Where the server gave an `ETag` the next build asks whether it still holds,
//! and takes the blob if it does; with a `--checksum` that the blob has nobody is asked. A blob that is gone, or a note
//! that is damaged, is as if nothing had ever come.
//!
//! The name of the file is the caller's: what a server would call it (`Content-Disposition`) is never looked at.
//!
//! Concurrency: who asks for the same at the same time waits for the first, and then asks by its `ETag`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::{Key, Store, StoreError};
use oci::Digest;
use registry::web::{Get, Page, Web};
use serde::{Deserialize, Serialize};

use crate::RemoteError;
use crate::one_file::FileTree;
use graph::url::without_user;

/// The largest file that is taken.
const LIMIT_BYTES: u64 = 256 << 30;
/// How often a file is asked for whose body breaks off.
const ATTEMPTS: u32 = 3;
/// How much of a body is read at once.
const READ_BYTES: usize = 256 * 1024;

/// What to fetch.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// The URL, with user and password where it has them.
    pub url: &'a str,
    /// The name of the file in the tree.
    pub filename: &'a str,
    /// What it must be.
    pub checksum: Option<&'a Digest>,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
}

/// What came.
#[derive(Debug, Clone)]
pub struct HttpFile {
    /// The file.
    pub tree: FileTree,
    /// True if it was here.
    pub is_cached: bool,
    /// Its `Last-Modified` in seconds since 1970, if the server said it.
    pub modified_s: Option<i64>,
}

/// What fetching needs from context it.
#[derive(Clone, Copy)]
pub struct HttpContext<'a> {
    /// Where files are kept.
    pub store: &'a Arc<Store>,
    /// Who asks.
    pub web: &'a Web,
    /// Told how many bytes have come, and whether these are all.
    pub progress: &'a dyn Fn(u64, bool),
    /// Whether to stop.
    pub is_canceled: &'a dyn Fn() -> bool,
}

/// What is remembered of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    digest: Digest,
    /// The blake3, in hex.
    content: String,
    size_bytes: u64,
    etag: Option<String>,
    modified_s: Option<i64>,
}

/// Fetches a file, or finds that it is here.
pub fn fetch(request: &HttpRequest<'_>, context: &HttpContext<'_>) -> Result<HttpFile, RemoteError> {
    let download = Download { context, request, url: without_user(request.url) };
    let store = context.store;
    let key = Key::of(format!("{}\0{}", request.url, request.authorization.unwrap_or_default()).as_bytes());
    let lock = store.lock_step(&Key::of(format!("download {key}").as_bytes()))?;
    let path = store.root().join("downloads").join(key.to_string());
    let known = load(&path)
        .filter(|note| matches!(store.stat_blob(&note.digest), Ok(Some(size)) if size == note.size_bytes));
    if let Some(note) = known.as_ref().filter(|note| request.checksum == Some(&note.digest)) {
        return Ok(download.fetched(note, true));
    }
    let came = download.ask(known.as_ref())?;
    let note = match (came, known) {
        (None, Some(known)) => return download.checked(&known).map(|()| download.fetched(&known, true)),
        (came, _) => came.expect("only what is known can be told to be unmodified"),
    };
    save(store, &path, &note)?;
    drop(lock);
    download.checked(&note)?;
    Ok(download.fetched(&note, false))
}

struct Download<'a> {
    context: &'a HttpContext<'a>,
    request: &'a HttpRequest<'a>,
    /// Without user and password.
    url: String,
}

impl Download<'_> {
    /// Asks the server; `None` if what is known still holds.
    fn ask(&self, known: Option<&Note>) -> Result<Option<Note>, RemoteError> {
        let etag = known.and_then(|note| note.etag.as_deref());
        let get = Get { url: &self.url, authorization: self.request.authorization, etag };
        let mut attempt = 1;
        loop {
            let page = self
                .context
                .web
                .get(&get)
                .map_err(|source| RemoteError::Web { url: self.url.clone(), source })?;
            let Page::File { etag, last_modified, body } = page else { return Ok(None) };
            match self.take(body) {
                Err(RemoteError::Broken { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok((digest, content, size_bytes)) => {
                    let modified_s = last_modified.as_deref().and_then(seconds);
                    return Ok(Some(Note {
                        digest,
                        content: content.to_string(),
                        size_bytes,
                        etag,
                        modified_s,
                    }));
                }
            }
        }
    }

    /// Makes a body a blob.
    fn take(&self, mut body: Box<dyn Read + Send>) -> Result<(Digest, Key, u64), RemoteError> {
        let HttpContext { store, progress, is_canceled, .. } = *self.context;
        let mut blob = store.write_blob()?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let length = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(RemoteError::Broken { url: self.url.clone(), source }),
            };
            hasher.update(&buffer[..length]);
            blob.write_all(&buffer[..length]).map_err(io_error("write a download to", store.root()))?;
            if blob.size_bytes() > LIMIT_BYTES {
                return Err(RemoteError::TooLarge { url: self.url.clone(), limit_bytes: LIMIT_BYTES });
            }
            if is_canceled() {
                return Err(RemoteError::Canceled);
            }
            progress(blob.size_bytes(), false);
        }
        let size_bytes = blob.size_bytes();
        progress(size_bytes, true);
        Ok((blob.commit(None)?, Key::from_bytes(*hasher.finalize().as_bytes()), size_bytes))
    }

    fn checked(&self, note: &Note) -> Result<(), RemoteError> {
        match self.request.checksum {
            Some(expected) if *expected != note.digest => {
                Err(RemoteError::Mismatch { url: self.url.clone(), found: note.digest, expected: *expected })
            }
            _ => Ok(()),
        }
    }

    fn fetched(&self, note: &Note, is_cached: bool) -> HttpFile {
        let tree = FileTree {
            store: Arc::clone(self.context.store),
            name: self.request.filename.into(),
            digest: note.digest,
            content: key_of_hex(&note.content).expect("a note is loaded only if it has one"),
            size_bytes: note.size_bytes,
            mtime_s: note.modified_s.unwrap_or(0),
        };
        HttpFile { tree, is_cached, modified_s: note.modified_s }
    }
}

/// The time of a `Last-Modified`; `None` for what is no such time.
fn seconds(text: &str) -> Option<i64> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second())
}

/// A key prints as a digest's hex does.
fn key_of_hex(hex: &str) -> Option<Key> {
    Some(Key::from_bytes(*Digest::from_hex(hex).ok()?.as_bytes()))
}

fn load(path: &Path) -> Option<Note> {
    let note: Note = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    key_of_hex(&note.content).is_some().then_some(note)
}

fn save(store: &Store, path: &Path, note: &Note) -> Result<(), StoreError> {
    let scratch = store.scratch()?;
    let draft = scratch.path().join("note");
    let text = serde_json::to_vec(note).expect("a note is strings and numbers");
    let written = fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))
        .and_then(|()| fs::write(&draft, text))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|source| StoreError::Io { action: "write", path: path.to_owned(), source })
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RemoteError {
    let path: PathBuf = path.to_owned();
    move |source| RemoteError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry::{Client, Options, Patience};
    use rootfs::tree::Tree as _;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use testing::http::{Request, Server, answer};

    struct TestEnv {
        _root: tempfile::TempDir,
        store: Arc<Store>,
        web: Web,
    }

    impl TestEnv {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a temporary folder");
            let store = Arc::new(Store::open(&root.path().join("store")).expect("a store"));
            let patience = Patience { attempts: 2, pause: Duration::from_millis(1), ..Patience::default() };
            let web = Client::new(Options { patience, ..Options::default() }).web();
            Self { _root: root, store, web }
        }

        fn fetch<'a>(
            &self,
            url: &'a str,
            change: impl FnOnce(&mut HttpRequest<'a>),
        ) -> Result<HttpFile, RemoteError> {
            let mut request = HttpRequest { url, filename: "f", checksum: None, authorization: None };
            change(&mut request);
            let (progress, is_canceled) = (|_, _| {}, || false);
            let context = HttpContext {
                store: &self.store,
                web: &self.web,
                progress: &progress,
                is_canceled: &is_canceled,
            };
            fetch(&request, &context)
        }
    }

    fn text(fetched: &HttpFile) -> String {
        let mut text = String::new();
        fetched.tree.open(Path::new("f")).expect("opened").read_to_string(&mut text).expect("read");
        text
    }

    const MODIFIED: (&str, &str) = ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");

    #[test]
    fn a_file_its_time_and_its_tag() {
        let env = TestEnv::new();
        let server = Server::start(|request| match request.header("if-none-match") {
            Some("\"1\"") => answer(304, &[], b""),
            _ => answer(
                200,
                &[("ETag", "\"1\""), MODIFIED, ("Content-Disposition", "filename=../../x")],
                b"text",
            ),
        });
        let url = server.url("/a");
        let first = env.fetch(&url, |_| {}).expect("fetched");
        assert_eq!(
            (text(&first).as_str(), first.modified_s, first.is_cached),
            ("text", Some(784_111_777), false)
        );
        assert_eq!((first.tree.mtime_s, first.tree.content), (784_111_777, Key::of(b"text")));
        let second = env.fetch(&url, |_| {}).expect("fetched");
        assert_eq!(
            (text(&second).as_str(), second.modified_s, second.is_cached),
            ("text", Some(784_111_777), true)
        );
        assert_eq!(server.requests().len(), 2);
        fs::remove_file(env.store.blob_path(&first.tree.digest)).expect("removed");
        assert!(!env.fetch(&url, |_| {}).expect("fetched").is_cached, "a blob that is gone comes again");
    }

    #[test]
    fn checksums_are_of_what_came() {
        let env = TestEnv::new();
        let server = Server::start(|_| answer(200, &[], b"text"));
        let (right, wrong) = (Digest::of(b"text"), Digest::of(b"other"));
        let url = server.url("/a").replace("http://", "http://u:canary@");
        let error = env.fetch(&url, |request| request.checksum = Some(&wrong)).expect_err("a mismatch");
        let shown = server.url("/a");
        assert_eq!(error.to_string(), format!("digest mismatch for {shown}: {right} (expected: {wrong})"));
        let asked = server.requests().len();
        assert!(env.fetch(&url, |request| request.checksum = Some(&right)).expect("fetched").is_cached);
        assert_eq!(server.requests().len(), asked, "what is known by its digest needs nobody");
    }

    #[test]
    fn what_came_with_a_login_is_not_for_others() {
        let env = TestEnv::new();
        let server = Server::start(|request: &Request| match request.header("authorization") {
            Some("Bearer canary") => answer(200, &[("ETag", "\"1\"")], b"private"),
            _ if request.header("if-none-match").is_some() => answer(304, &[], b""),
            _ => answer(403, &[], b""),
        });
        let url = server.url("/a");
        assert!(env.fetch(&url, |request| request.authorization = Some("Bearer canary")).is_ok());
        let digest = Digest::of(b"private");
        for checksum in [None, Some(&digest)] {
            let error = env.fetch(&url, |request| request.checksum = checksum).expect_err("not for others");
            assert_eq!(error.to_string(), format!("failed to load {url}"));
        }
    }

    #[test]
    fn bodies_that_break_off_are_asked_for_again() {
        let env = TestEnv::new();
        let count = AtomicU32::new(0);
        let server = Server::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => answer(200, &[("Content-Length", "9")], b"half"),
            _ => answer(200, &[], b"whole"),
        });
        assert_eq!(text(&env.fetch(&server.url("/a"), |_| {}).expect("fetched")), "whole");
        let never = Server::start(|_| answer(200, &[("Content-Length", "9")], b"half"));
        assert!(matches!(env.fetch(&never.url("/"), |_| {}), Err(RemoteError::Broken { .. })));
    }

    #[test]
    fn times() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        for text in ["", "yesterday", "784111777", "Sunday, 06-Nov-94 08:49:37 GMT"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn damaged_notes_are_none() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("note");
        assert_eq!(load(&path), None);
        for text in
            ["", "{}", r#"{"digest":"sha256:00","content":"x","size_bytes":1,"etag":null,"modified_s":1}"#]
        {
            fs::write(&path, text).expect("written");
            assert_eq!(load(&path), None, "{text}");
        }
    }
}
