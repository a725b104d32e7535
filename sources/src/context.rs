//! Build contexts that are not local directories: repositories, archives by HTTP, archives on a stream.
//!
//! The files of such a context become a layer of the store ([`ContextLayer`]), from which build steps copy as from any other
//! tree. An archive that was unpacked before is not unpacked again. Input that is not an archive is the Dockerfile itself,
//! without any files. Ignore files do not apply, as in BuildKit: nothing has to be sent.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cache::{ContentDigest, Record, StepKey};
use oci::{DiffId, Digest};
use trees::entry::Kind;
use trees::tree::{Child, Tree, resolve};

use crate::fetcher::Fetcher;
use crate::one_file::FileTree;
use crate::{FetchError, RemoteError, git};
use graph::Source;
use graph::git_url::{GitUrl, git_source};
use graph::url::without_user;
use progress::Vertex;

/// Largest Dockerfile that is read.
const DOCKERFILE_LIMIT_BYTES: u64 = 16 << 20;
/// Number of bytes by which an archive is recognized.
const START_BYTES: u64 = 512;
/// Number of bytes of a stream that are read at once.
const READ_BYTES: usize = 256 * 1024;
/// Version of the unpacking of archives; part of the key under which a result is found again.
const VERSION: &str = "context archive 1";
/// Name under which a record keeps the time of the newest file of an archive.
const TIME: &str = "newest time";

/// Origin of a context that is not a local directory.
pub enum ContextFrom<'a> {
    /// The URL of a repository, in a form that [`is_remote`] accepts.
    Git(String),
    /// The URL of an archive or a Dockerfile.
    Http(String),
    /// A stream that the user pipes in: an archive or a Dockerfile.
    Stream(&'a mut dyn Read),
}

/// A context that was fetched.
#[derive(Debug)]
pub struct FetchedContext {
    /// Files of the context, or `None` if what arrived was a Dockerfile alone.
    pub files: Option<ContextLayer>,
    /// The Dockerfile, if what arrived was a Dockerfile and no files.
    pub dockerfile: Option<Vec<u8>>,
}

/// Files of a context as a layer of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextLayer {
    /// URL as the user wrote it, without credentials; `-` for standard input.
    pub origin: String,
    /// Layer that holds the files.
    pub layer: DiffId,
    /// Time of the commit, or of the newest file, in seconds since 1970. `None` for an archive without files.
    pub time_s: Option<i64>,
    /// Hash of the commit for a repository; `None` for an archive.
    pub commit: Option<String>,
    /// Digest of the archive; `None` for a repository.
    pub archive: Option<Digest>,
}

/// Returns the remote context that `text` names; `None` for the path of a directory and for `-`.
pub fn is_remote(text: &str) -> Option<ContextFrom<'static>> {
    // These short forms are for the command line; Dockerfiles do not know them.
    let is_short = ["github.com/", "gitlab.com/", "bitbucket.org/"].iter().any(|host| text.starts_with(host));
    let long = if is_short { with_git(text) } else { text.to_owned() };
    match GitUrl::parse(&long) {
        Ok(None) if long.starts_with("http://") || long.starts_with("https://") => {
            Some(ContextFrom::Http(long))
        }
        Ok(None) => None,
        // The flaw of a bad URL is reported when it is fetched.
        Ok(Some(_)) | Err(_) => Some(ContextFrom::Git(long)),
    }
}

/// Turns `github.com/o/r#main` into a URL whose path ends in `.git`.
fn with_git(text: &str) -> String {
    let end = text.find(['#', '?']).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let path = path.trim_end_matches('/');
    format!("https://{}.git{rest}", path.strip_suffix(".git").unwrap_or(path))
}

impl Fetcher<'_> {
    /// Fetches a context, from wherever it is.
    pub fn context(&self, from: ContextFrom<'_>, vertex: &Vertex) -> Result<FetchedContext, FetchError> {
        match from {
            ContextFrom::Git(url) => self.repository(&url, vertex),
            ContextFrom::Http(url) => Ok(self.http_context(&url, vertex)?.0),
            ContextFrom::Stream(stream) => self.stream(stream, vertex),
        }
    }

    /// Fetches a context by HTTP(S). Also returns the `Last-Modified` of the server, in seconds since 1970.
    pub fn http_context(
        &self,
        url: &str,
        vertex: &Vertex,
    ) -> Result<(FetchedContext, Option<i64>), FetchError> {
        let fetched = self.http(url, "context", None, vertex)?;
        Ok((self.opened(&fetched.tree, without_user(url))?, fetched.modified_s))
    }

    /// Fetches a repository as a context.
    pub fn repository(&self, url: &str, vertex: &Vertex) -> Result<FetchedContext, FetchError> {
        let bad = |reason: String| {
            FetchError::from(RemoteError::from(git::GitError::Url { url: without_user(url), reason }))
        };
        let parsed = GitUrl::parse(url).map_err(|problem| bad(problem.to_string()))?;
        let parsed = parsed.ok_or_else(|| bad("it is not a git URL".to_owned()))?;
        let source = git_source(parsed, self.options.keep_git_dir, None)
            .map_err(|problem| bad(problem.to_string()))?;
        let Source::Git { remote, reference, subdir, keep_git_dir, checksum, skip_submodules } = &source
        else {
            return Err(bad("it is not a git URL".to_owned()));
        };
        let request = git::GitRequest {
            remote,
            reference: reference.as_deref(),
            subdir: subdir.as_deref(),
            keep_git_dir: *keep_git_dir,
            checksum: checksum.as_deref(),
            skip_submodules: *skip_submodules,
        };
        let fetched = self.git(&request, vertex)?;
        let files = ContextLayer {
            origin: without_user(url),
            layer: fetched.layer,
            time_s: Some(fetched.time_s),
            commit: Some(fetched.commit),
            archive: None,
        };
        Ok(FetchedContext { files: Some(files), dockerfile: None })
    }

    /// Reads a stream. Its first bytes decide whether it is an archive, which is then written to the store.
    fn stream(&self, stream: &mut dyn Read, vertex: &Vertex) -> Result<FetchedContext, FetchError> {
        let io = |source| FetchError::Io { action: "read the build context", source };
        let mut start = Vec::new();
        stream.take(START_BYTES).read_to_end(&mut start).map_err(io)?;
        let rest = stream;
        if !archive::begins_archive(&start) {
            let limit = DOCKERFILE_LIMIT_BYTES.saturating_sub(start.len() as u64);
            rest.take(limit).read_to_end(&mut start).map_err(io)?;
            return Ok(FetchedContext { files: None, dockerfile: Some(start) });
        }
        let tree = self.stored(&mut io::Cursor::new(start).chain(rest), vertex)?;
        self.opened(&tree, "-".to_owned())
    }

    /// Writes an archive that arrives on a stream to the store.
    fn stored(&self, input: &mut dyn Read, vertex: &Vertex) -> Result<FileTree, FetchError> {
        let io = |source| FetchError::Io { action: "read the build context", source };
        let mut blob = self.store.write_blob()?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let length = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io(error)),
            };
            hasher.update(&buffer[..length]);
            blob.write_all(&buffer[..length]).map_err(io)?;
            vertex.status("transferring context", blob.size_bytes(), None, false);
        }
        let size_bytes = blob.size_bytes();
        vertex.status("transferring context", size_bytes, Some(size_bytes), true);
        let content = ContentDigest::from_bytes(*hasher.finalize().as_bytes());
        let (store, name) = (Arc::clone(self.store), "context".into());
        Ok(FileTree { store, name, digest: blob.commit(None)?, content, size_bytes, mtime_s: 0 })
    }

    /// Opens a file: an archive of the context, or the Dockerfile.
    fn opened(&self, file: &FileTree, origin: String) -> Result<FetchedContext, FetchError> {
        let archive = Some(file.digest);
        let files = |layer, time_s| Some(ContextLayer { origin, layer, time_s, commit: None, archive });
        if let Some((layer, time_s)) = self.unpacked_before(&file.digest)? {
            return Ok(FetchedContext { files: files(layer, time_s), dockerfile: None });
        }
        let started = Instant::now();
        let scratch = self.store.scratch()?;
        let Some(diff) = archive::unpack(file, Path::new(&file.name), scratch.path())? else {
            let text = read(file, Path::new(&file.name))?;
            return Ok(FetchedContext { files: None, dockerfile: Some(text) });
        };
        let io = |source| FetchError::Io { action: "read the build context", source };
        let time_s = newest(&diff).map_err(io)?;
        let layer = self.layers.commit(diff)?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = Record {
            layer,
            created_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            inputs: time_s
                .map(|time_s| (TIME.to_owned(), time_s.to_string()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        };
        self.store.save_record(&archive_key(&file.digest), &record)?;
        Ok(FetchedContext { files: files(layer, time_s), dockerfile: None })
    }

    fn unpacked_before(&self, digest: &Digest) -> Result<Option<(DiffId, Option<i64>)>, FetchError> {
        let Some(record) = self.store.load_record(&archive_key(digest))? else { return Ok(None) };
        let time_s = record.inputs.get(TIME).and_then(|text| text.parse().ok());
        Ok(self.layers.contains(&record.layer)?.then_some((record.layer, time_s)))
    }

    /// Reads the Dockerfile at `file` in a fetched context. Symlinks are followed inside the context only.
    pub fn dockerfile_in(&self, files: Option<&ContextLayer>, file: &Path) -> Result<Vec<u8>, FetchError> {
        let tree = match files {
            Some(files) => self.layers.view(&[files.layer])?,
            None => Arc::new(trees::tree::Scratch),
        };
        read(&*tree, file)
    }
}

/// Reads a Dockerfile, up to [`DOCKERFILE_LIMIT_BYTES`].
fn read(tree: &dyn Tree, path: &Path) -> Result<Vec<u8>, FetchError> {
    let io = |source| FetchError::Io { action: "read the Dockerfile of the build context", source };
    let resolved: PathBuf = resolve(tree, path, true).map_err(io)?;
    let mut bytes = Vec::new();
    tree.open(&resolved)
        .and_then(|file| file.take(DOCKERFILE_LIMIT_BYTES).read_to_end(&mut bytes))
        .map_err(io)?;
    Ok(bytes)
}

fn archive_key(digest: &Digest) -> StepKey {
    StepKey::of(format!("{VERSION}\0{digest}").as_bytes())
}

/// Returns the time of the newest regular file in seconds since 1970; `None` if there is no regular file.
fn newest(tree: &dyn Tree) -> io::Result<Option<i64>> {
    let mut found = None;
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for Child { name, entry, .. } in tree.children(&directory)? {
            match entry.kind {
                Kind::Directory { .. } => directories.push(directory.join(name)),
                Kind::File { .. } => found = found.max(Some(entry.mtime.seconds)),
                _ => {}
            }
        }
    }
    Ok(found)
}
