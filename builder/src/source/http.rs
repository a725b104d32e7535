//! A file by HTTP, as a tree of one file.
//!
//! What came from an address is a blob of the store, and a record says which and with what `ETag` and `Last-Modified`; the
//! next time the server is asked whether that has changed. With `--checksum` it is not even asked if the blob has it.
//!
//! Invariant: a blob is used for an address only if it came from there, or has the digest that the user wrote.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use cache::{Key, Record};
use jiff::fmt::rfc2822::DateTimeParser;
use oci::{DiffId, Digest};
use registry::{Download, Validators, redacted};
use rootfs::entry::{Entry, Kind, Timestamp};
use rootfs::tree::Tree;

use super::{Progress, SourceError, Sources};

/// The mode of a downloaded file.
const MODE: u32 = 0o600;
const ETAG: &str = "etag";
const LAST_MODIFIED: &str = "last-modified";

/// A file that came from an address.
struct Known {
    digest: Digest,
    validators: Validators,
}

impl Sources {
    /// Gets `url` as a tree that has it under `filename`; tells whether it was here already.
    pub fn download(
        &self,
        url: &str,
        filename: &str,
        checksum: Option<&Digest>,
        progress: Progress<'_>,
    ) -> Result<(Arc<dyn Tree>, bool), SourceError> {
        let key = Key::of(format!("http\0{url}").as_bytes());
        let known = self.known(&key)?;
        if let Some(known) = known.as_ref().filter(|known| checksum == Some(&known.digest)) {
            return Ok((self.one_file(known, filename)?, true));
        }
        let validators = known.as_ref().map(|known| known.validators.clone()).unwrap_or_default();
        let (fetched, cached) = match (self.client.download(url, &validators)?, known) {
            (Download::Unchanged, Some(known)) => (known, true),
            (Download::Unchanged, None) => return Err(SourceError::Unasked { url: redacted(url) }),
            (Download::Body { validators, size_bytes, reader }, _) => {
                let digest = self.take(url, reader, size_bytes, checksum, progress)?;
                (Known { digest, validators }, false)
            }
        };
        if let Some(expected) = checksum.filter(|expected| **expected != fetched.digest) {
            return Err(mismatch(url, &fetched.digest, expected));
        }
        if !cached {
            self.store.save_record(&key, &record(&fetched))?;
        }
        Ok((self.one_file(&fetched, filename)?, cached))
    }

    /// What an address gave the last time, if it is still here.
    fn known(&self, key: &Key) -> Result<Option<Known>, SourceError> {
        let Some(record) = self.store.load_record(key)? else { return Ok(None) };
        let digest = record.layer.0;
        let text = |name: &str| record.inputs.get(name).cloned();
        let validators = Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        Ok(self.store.stat_blob(&digest)?.map(|_| Known { digest, validators }))
    }

    /// Stores a body, all of it.
    fn take(
        &self,
        url: &str,
        mut reader: Box<dyn Read + Send>,
        size_bytes: Option<u64>,
        checksum: Option<&Digest>,
        progress: Progress<'_>,
    ) -> Result<Digest, SourceError> {
        let mut blob = self.store.write_blob()?;
        let mut buffer = vec![0; 128 * 1024];
        let broken = |source| SourceError::Io { action: "download", path: redacted(url).into(), source };
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => blob.write_all(&buffer[..length]).map_err(broken)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
            progress(&redacted(url), blob.size_bytes(), size_bytes, false);
        }
        blob.flush().map_err(broken)?;
        if size_bytes.is_some_and(|expected| expected != blob.size_bytes()) {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        progress(&redacted(url), blob.size_bytes(), size_bytes, true);
        blob.commit(checksum).map_err(|error| match error {
            cache::StoreError::Corrupt { expected, found } => mismatch(url, &found, &expected),
            other => other.into(),
        })
    }

    fn one_file(&self, known: &Known, filename: &str) -> Result<Arc<dyn Tree>, SourceError> {
        let size_bytes = self.store.stat_blob(&known.digest)?.unwrap_or(0);
        let file = self.store.open_blob(&known.digest)?;
        let mtime = known.validators.last_modified.as_deref().and_then(parse_time).unwrap_or_default();
        let entry = Entry { kind: Kind::File { size_bytes }, mtime, ..Entry::directory(MODE) };
        Ok(Arc::new(OneFile { name: filename.into(), entry, file, content: OnceLock::new() }))
    }
}

fn mismatch(url: &str, found: &Digest, expected: &Digest) -> SourceError {
    SourceError::Checksum { url: redacted(url), found: *found, expected: *expected }
}

fn record(known: &Known) -> Record {
    let Validators { etag, last_modified } = known.validators.clone();
    let named = [(ETAG, etag), (LAST_MODIFIED, last_modified)];
    let inputs: BTreeMap<String, String> =
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Record {
        layer: DiffId(known.digest),
        created_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        duration_ms: 0,
        inputs,
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`.
fn parse_time(text: &str) -> Option<Timestamp> {
    let parsed = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp { seconds: parsed.as_second(), nanoseconds: 0 })
}

/// A tree that is one file. It is held open: collection by another process does not take it away.
struct OneFile {
    name: OsString,
    entry: Entry,
    file: File,
    content: OnceLock<Key>,
}

impl OneFile {
    fn is_it(&self, path: &Path) -> bool {
        path.as_os_str() == self.name
    }

    fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(FromStart { file: self.file.try_clone()?, at: 0 }))
    }
}

impl Tree for OneFile {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        match path.as_os_str().is_empty() {
            true => Ok(Some(Entry::directory(0o755))),
            false => Ok(self.is_it(path).then(|| self.entry.clone())),
        }
    }

    fn children(&self, path: &Path) -> io::Result<Vec<(OsString, Entry)>> {
        match path.as_os_str().is_empty() {
            true => Ok(vec![(self.name.clone(), self.entry.clone())]),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        if self.is_it(path) { self.reader() } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn content(&self, path: &Path) -> io::Result<Key> {
        if let Some(known) = self.known_content(path) {
            return Ok(known);
        }
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut self.open(path)?, &mut hasher)?;
        Ok(*self.content.get_or_init(|| Key::from_bytes(*hasher.finalize().as_bytes())))
    }

    fn known_content(&self, path: &Path) -> Option<Key> {
        self.content.get().copied().filter(|_| self.is_it(path))
    }
}

/// Reads a file that others read too: the position is its own.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = std::os::unix::fs::FileExt::read_at(&self.file, buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Mutex;

    use registry::{Client, Options};
    use rootfs::layers::Layers;

    use super::*;

    /// A server that gives each request the next answer, and remembers the requests.
    struct Server {
        address: String,
        requests: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        fn new(answers: Vec<String>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = format!("http://{}", listener.local_addr().expect("bound"));
            let requests = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&requests);
            std::thread::spawn(move || {
                for answer in answers {
                    let (mut stream, _) = listener.accept().expect("a connection");
                    seen.lock().expect("no panic").push(request(&mut stream));
                    stream.write_all(answer.as_bytes()).expect("written");
                }
            });
            Self { address, requests }
        }
    }

    fn request(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a whole request");
            bytes.push(byte[0]);
        }
        String::from_utf8_lossy(&bytes).to_ascii_lowercase()
    }

    fn answer(status: &str, headers: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
    }

    fn sources(root: &Path) -> Sources {
        let store = Arc::new(cache::Store::open(root).expect("opened"));
        Sources::new(store.clone(), Layers::new(store), Client::new(Options::default()), false)
    }

    fn get(sources: &Sources, url: &str, checksum: Option<&Digest>) -> Result<(String, i64, bool), String> {
        let (tree, cached) =
            sources.download(url, "f", checksum, &|_, _, _, _| {}).map_err(|error| error.to_string())?;
        let mut text = String::new();
        tree.open(Path::new("f")).and_then(|mut file| file.read_to_string(&mut text)).expect("read");
        let entry = tree.lookup(Path::new("f")).expect("looked").expect("there");
        assert_eq!((entry.mode, entry.uid, entry.gid), (0o600, 0, 0));
        assert_eq!(tree.content(Path::new("f")).expect("hashed"), Key::of(text.as_bytes()));
        Ok((text, entry.mtime.seconds, cached))
    }

    #[test]
    fn asked_again_only_whether_it_changed() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let sources = sources(folder.path());
        let headers = "ETag: \"1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n";
        let server = Server::new(vec![
            answer("200 OK", headers, "one"),
            answer("304 Not Modified", "", ""),
            answer("200 OK", "", "two"),
        ]);
        let url = format!("{}/x", server.address);
        assert_eq!(get(&sources, &url, None), Ok(("one".into(), 1_445_412_480, false)));
        assert_eq!(get(&sources, &url, None), Ok(("one".into(), 1_445_412_480, true)));
        assert_eq!(get(&sources, &url, None), Ok(("two".into(), 0, false)));
        // Its digest is known: nobody is asked, and the server is gone.
        assert_eq!(get(&sources, &url, Some(&Digest::of(b"two"))), Ok(("two".into(), 0, true)));
        let requests = server.requests.lock().expect("no panic");
        assert!(!requests[0].contains("if-none-match") && requests[1].contains("if-none-match: \"1\""));
        assert!(requests[0].contains("user-agent: dsbuild/"));
    }

    #[test]
    fn what_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let sources = sources(folder.path());
        let server = Server::new(vec![
            answer("200 OK", "", "one"),
            answer("404 Not Found", "", ""),
            answer("302 Found", "Location: file:///etc/passwd\r\n", ""),
            answer("200 OK", "", "short").replace("Length: 5", "Length: 50"),
        ]);
        let url = format!("{}/x", server.address);
        let (wanted, found) = (Digest::of(b"other"), Digest::of(b"one"));
        let expected = format!("digest mismatch for {url}: {found} (expected: {wanted})");
        assert_eq!(get(&sources, &url, Some(&wanted)), Err(expected));
        assert!(get(&sources, &url, None).expect_err("refused").contains("invalid response status 404"));
        assert!(get(&sources, &url, None).expect_err("refused").contains("redirects"));
        assert!(get(&sources, &url, None).expect_err("refused").contains("cannot download"));
        for url in [
            "file:///etc/passwd",
            "ftp://host/x",
            "http://user:secret@host/x",
            "http://169.254.169.254/latest",
        ] {
            let error = get(&sources, url, None).expect_err(url);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
