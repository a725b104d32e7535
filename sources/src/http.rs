//! One file by HTTP(S), as ADD and build contexts fetch it.
//!
//! ```text
//! <root>/downloads/<blake3 of URL and login>    a note: digest, size, ETag and time of the file
//! ```
//!
//! The file itself is a blob of the store. If the server gave an `ETag`, the next build asks whether it still holds, and
//! takes the blob if it does. No server is asked for a blob that has the digest of `--checksum`. A blob that is gone, or a
//! note that is damaged, counts as never fetched.
//!
//! The caller names the file. The name that a server suggests (`Content-Disposition`) is never looked at.
//!
//! Concurrency: of two requests for the same file at the same time, the second waits for the first, and then asks by its
//! `ETag`.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use cache::{ContentDigest, NoteKind, Store, StoreError, hashed_name};
use oci::Digest;
use registry::web::{Get, Page, Web};
use serde::{Deserialize, Serialize};

use crate::RemoteError;
use crate::one_file::FileTree;
use graph::url::without_user;

/// Largest file that is accepted.
const MAX_FILE_BYTES: u64 = 256 << 30;
/// Largest number of requests for a file whose body breaks off.
const MAX_ATTEMPTS: u32 = 3;
/// Time after which a file whose body breaks off is not asked for again.
const MAX_RETRY_TIME: Duration = Duration::from_secs(30);
/// Number of bytes of a body that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// A request for a file.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'a> {
    /// URL as the user wrote it, with user and password if it has them.
    pub url: &'a str,
    /// Name of the file in the tree.
    pub filename: &'a str,
    /// Digest that the file must have (`--checksum`), or `None` for any.
    pub checksum: Option<&'a Digest>,
    /// Value of `Authorization`, or `None` to send no login.
    pub authorization: Option<&'a str>,
}

/// A file that was fetched, or was in the store already.
#[derive(Debug, Clone)]
pub struct HttpFile {
    /// Tree that holds the file.
    pub tree: FileTree,
    /// True if the store had the file, and the server or the checksum confirmed it.
    pub is_cached: bool,
    /// `Last-Modified` in seconds since 1970, or `None` if the server sent none.
    pub modified_s: Option<i64>,
}

/// Store, client and callbacks that a fetch uses.
#[derive(Clone, Copy)]
pub struct HttpContext<'a> {
    /// Store that files are kept in.
    pub store: &'a Arc<Store>,
    /// Client that asks servers.
    pub web: &'a Web,
    /// Receives how many bytes have arrived, and whether these are all.
    pub progress: &'a dyn Fn(u64, bool),
    /// Reports whether the build was canceled.
    pub is_canceled: &'a dyn Fn() -> bool,
}

/// Note about a file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    digest: Digest,
    /// blake3 of the file, in hex.
    content: String,
    size_bytes: u64,
    etag: Option<String>,
    modified_s: Option<i64>,
}

/// Fetches a file, unless the store has it and it is still valid.
pub fn fetch(request: &HttpRequest<'_>, context: &HttpContext<'_>) -> Result<HttpFile, RemoteError> {
    let download = HttpDownload { context, request, url: without_user(request.url) };
    let store = context.store;
    let key =
        hashed_name(format!("{}\0{}", request.url, request.authorization.unwrap_or_default()).as_bytes());
    let lock = store.lock_work(&format!("download {key}"))?;
    let name = key.to_string();
    let is_here =
        |note: &Note| matches!(store.stat_blob(&note.digest), Ok(Some(size)) if size == note.size_bytes);
    let known = load(store, &name)?.filter(is_here);
    if let Some(note) = known.as_ref().filter(|note| request.checksum == Some(&note.digest)) {
        return Ok(download.fetched(note, true));
    }
    let sent = download.ask(known.as_ref())?;
    let note = match (sent, known) {
        (None, Some(known)) => return download.check(&known).map(|()| download.fetched(&known, true)),
        (sent, _) => sent.expect("only a known file is asked for by its ETag"),
    };
    save(store, &name, &note)?;
    drop(lock);
    download.check(&note)?;
    Ok(download.fetched(&note, false))
}

struct HttpDownload<'a> {
    context: &'a HttpContext<'a>,
    request: &'a HttpRequest<'a>,
    /// URL without user and password.
    url: String,
}

impl HttpDownload<'_> {
    /// Asks the server, again if the body breaks off. Returns `None` if the known file is still valid.
    fn ask(&self, known: Option<&Note>) -> Result<Option<Note>, RemoteError> {
        let etag = known.and_then(|note| note.etag.as_deref());
        let get = Get { url: &self.url, authorization: self.request.authorization, etag };
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            let page = self
                .context
                .web
                .get(&get)
                .map_err(|source| RemoteError::Web { url: self.url.clone(), source })?;
            let Page::File { etag, last_modified, body } = page else { return Ok(None) };
            match self.take(body) {
                Err(RemoteError::Broken { .. })
                    if attempt < MAX_ATTEMPTS && started.elapsed() < MAX_RETRY_TIME =>
                {
                    attempt += 1;
                }
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

    /// Writes a body to a blob of the store.
    fn take(&self, mut body: Box<dyn Read + Send>) -> Result<(Digest, ContentDigest, u64), RemoteError> {
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
            if blob.size_bytes() > MAX_FILE_BYTES {
                return Err(RemoteError::TooLarge { url: self.url.clone(), limit_bytes: MAX_FILE_BYTES });
            }
            if is_canceled() {
                return Err(RemoteError::Canceled);
            }
            progress(blob.size_bytes(), false);
        }
        let size_bytes = blob.size_bytes();
        progress(size_bytes, true);
        Ok((blob.commit(None)?, ContentDigest::from_bytes(*hasher.finalize().as_bytes()), size_bytes))
    }

    fn check(&self, note: &Note) -> Result<(), RemoteError> {
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
            content: content_of_hex(&note.content).expect("a note without a key is not loaded"),
            size_bytes: note.size_bytes,
            mtime_s: note.modified_s.unwrap_or(0),
        };
        HttpFile { tree, is_cached, modified_s: note.modified_s }
    }
}

/// Returns the time of a `Last-Modified` in seconds since 1970, in any of the three forms of RFC 9110, section 5.6.7.
///
/// Returns `None` for text that is not a time, and for times before 1970.
pub fn seconds(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// Parses the text of a key, which is 64 hex digits.
fn content_of_hex(hex: &str) -> Option<ContentDigest> {
    Some(ContentDigest::from_bytes(*Digest::from_hex(hex).ok()?.as_bytes()))
}

fn load(store: &Store, name: &str) -> Result<Option<Note>, StoreError> {
    let Some(bytes) = store.load_note(NoteKind::Download, name)? else { return Ok(None) };
    let note: Option<Note> = serde_json::from_slice(&bytes).ok();
    Ok(note.filter(|note| content_of_hex(&note.content).is_some()))
}

fn save(store: &Store, name: &str, note: &Note) -> Result<(), StoreError> {
    let text = serde_json::to_vec(note).expect("a note is strings and numbers");
    store.save_note(NoteKind::Download, name, &text)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RemoteError {
    let path: PathBuf = path.to_owned();
    move |source| RemoteError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry::{Client, Options, Patience};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use testing::http::{Request, Server, answer};
    use trees::tree::Tree as _;

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
    fn a_file_is_kept_until_its_etag_changes() {
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
        assert_eq!((first.tree.mtime_s, first.tree.content), (784_111_777, ContentDigest::of(b"text")));
        let second = env.fetch(&url, |_| {}).expect("fetched");
        assert_eq!(
            (text(&second).as_str(), second.modified_s, second.is_cached),
            ("text", Some(784_111_777), true)
        );
        assert_eq!(server.requests().len(), 2);
        std::fs::remove_file(env.store.blob_path(&first.tree.digest)).expect("removed");
        assert!(!env.fetch(&url, |_| {}).expect("fetched").is_cached, "a blob that is gone is fetched again");
    }

    #[test]
    fn a_file_must_have_the_digest_of_its_checksum() {
        let env = TestEnv::new();
        let server = Server::start(|_| answer(200, &[], b"text"));
        let (right, wrong) = (Digest::of(b"text"), Digest::of(b"other"));
        let url = server.url("/a").replace("http://", "http://u:canary@");
        let error = env.fetch(&url, |request| request.checksum = Some(&wrong)).expect_err("a mismatch");
        let shown = server.url("/a");
        assert_eq!(error.to_string(), format!("digest mismatch for {shown}: {right} (expected: {wrong})"));
        let asked = server.requests().len();
        assert!(env.fetch(&url, |request| request.checksum = Some(&right)).expect("fetched").is_cached);
        assert_eq!(server.requests().len(), asked, "a file that is known by its digest needs no server");
    }

    #[test]
    fn a_file_that_was_fetched_with_a_login_is_not_for_others() {
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
    fn a_body_that_breaks_off_is_asked_for_again() {
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
    fn last_modified_is_read_in_all_three_forms() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(seconds(text), expected, "{text}");
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777));
        check("Sun Nov  6 08:49:37 1994", Some(784_111_777));
        check("Sunday, 13-Sep-20 12:26:40 GMT", Some(1_600_000_000));
        check("Sun Sep 13 12:26:40 2020", Some(1_600_000_000));
        check(" Thu, 01 Jan 1970 00:00:00 GMT ", Some(0));
        for text in ["", "yesterday", "784111777", "Sun, 32 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"] {
            check(text, None);
        }
    }

    #[test]
    fn the_file_has_the_time_of_the_server() {
        for date in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            let env = TestEnv::new();
            let server = Server::start(move |_| answer(200, &[("Last-Modified", date)], b"text"));
            let fetched = env.fetch(&server.url("/a"), |_| {}).expect("fetched");
            assert_eq!(fetched.tree.mtime_s, 784_111_777, "{date}");
        }
    }

    #[test]
    fn a_damaged_note_counts_as_none() {
        let env = TestEnv::new();
        assert_eq!(load(&env.store, "note").expect("read"), None);
        for text in
            ["", "{}", r#"{"digest":"sha256:00","content":"x","size_bytes":1,"etag":null,"modified_s":1}"#]
        {
            env.store.save_note(NoteKind::Download, "note", text.as_bytes()).expect("saved");
            assert_eq!(load(&env.store, "note").expect("read"), None, "{text}");
        }
    }
}
