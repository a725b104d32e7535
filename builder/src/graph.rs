//! Steps: ops and their inputs. BuildKit's LLB in our own types.
//!
//! Below the lowering nothing knows a Dockerfile; what a step is called and where it stands travels in
//! [`StepMeta`], which no key contains. Source: moby/buildkit, `solver/pb/ops.proto`.

use std::path::PathBuf;

use oci::{DiffId, Digest, Platform, Reference};
use serde::Serialize;

/// The index of a step in [`Graph::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(pub usize);

/// Steps in topological order: inputs come before their users.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The steps.
    pub steps: Vec<Step>,
}

/// A vertex of the graph.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub op: Op,
    /// What it uses; ops refer to them by position ([`InputIndex`]).
    pub inputs: Vec<StepId>,
    /// What it runs on.
    pub platform: Platform,
    /// For people; not in the key.
    pub meta: StepMeta,
}

/// The position of an input in [`Step::inputs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct InputIndex(pub usize);

/// What people see of a step, and how it is to be run; never in a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepMeta {
    /// `[build 2/5] RUN make`.
    pub name: String,
    /// Its lines in the Dockerfile: first and last, from 1.
    pub lines: Option<(u32, u32)>,
    /// The stage (its name, or `stage-0`), for `--no-cache-filter` and for counting.
    pub stage: String,
    /// Run it even if a record is there (`--no-cache`); the result is recorded all the same.
    pub ignore_cache: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Op {
    /// Brings files in from outside. Result: layers (image) or a tree (context, http, git).
    Source(Source),
    /// Runs a process on input 0 (or on nothing). Result: input 0's layers and one more.
    Exec(Box<Exec>),
    /// Changes files. Result: base's layers and one more.
    File(FileOp),
    /// Puts the layers of all inputs on top of each other. Result: their layers, in order.
    Merge,
}

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Source {
    /// Nothing at all.
    Scratch,
    /// An image: of a registry, a layout or our own store; resolved and pinned by lowering.
    Image {
        /// For people, and where to pull from.
        #[serde(skip)]
        name: ImageOrigin,
        /// The manifest (of one platform).
        manifest: Digest,
    },
    /// A folder of this machine: the build context or a named one.
    Local {
        /// Its name: `context`, `dockerfile`, or that of `--build-context`.
        name: String,
        /// Where.
        #[serde(skip)]
        path: PathBuf,
        /// The patterns of its ignore file.
        #[serde(skip)]
        ignore: Vec<String>,
    },
    /// Files that are in the store: a build context that came as an archive or a repository.
    Stored {
        /// Its name: `context`.
        name: String,
        /// The files.
        layer: DiffId,
    },
    /// One file by HTTP(S).
    Http {
        /// The URL.
        url: String,
        /// The name of the file in the resulting tree.
        filename: String,
        /// What it must be.
        checksum: Option<Digest>,
    },
    /// A git repository's tree.
    Git {
        /// The remote.
        remote: String,
        /// Branch, tag or commit; the default branch if absent.
        reference: Option<String>,
        /// A folder of it.
        subdir: Option<String>,
        /// Keep `.git`.
        keep_git_dir: bool,
        /// The commit it must be (or its prefix).
        checksum: Option<String>,
        /// Leave its submodules out.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        skip_submodules: bool,
    },
}

/// Where an image is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageOrigin {
    /// A registry.
    Registry(Reference),
    /// An OCI layout: a folder.
    Layout {
        /// The folder.
        path: PathBuf,
    },
    /// Our own store has every blob.
    Store {
        /// By what name it was asked for.
        name: Reference,
    },
}

impl Default for ImageOrigin {
    fn default() -> Self {
        Self::Layout { path: PathBuf::new() }
    }
}

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exec {
    /// Program and arguments.
    pub args: Vec<String>,
    /// `NAME=value`, in order; PATH included.
    pub env: Vec<String>,
    /// `NAME=value` that no key contains: proxies.
    #[serde(skip)]
    pub proxy_env: Vec<String>,
    /// Absolute.
    pub cwd: String,
    /// USER as written; resolved when run.
    pub user: String,
    /// The host name.
    pub hostname: String,
    /// Host names (in the key) and addresses (not in the key) for `/etc/hosts`, in order; a name may have several.
    pub hosts: Vec<(String, SkippedInKey)>,
    /// The root file system: an input, or an empty one.
    pub root: Option<InputIndex>,
    /// Mounts, in order.
    pub mounts: Vec<ExecMount>,
    /// Secrets as variables: name of the variable, of the secret, whether it may be missing.
    pub secret_env: Vec<SecretEnv>,
    /// The network.
    pub network: NetworkMode,
    /// `RUN --security`.
    pub security: SecurityMode,
    /// `--shm-size`.
    pub shm_size_bytes: Option<u64>,
    /// `--ulimit`: name, soft, hard.
    pub ulimits: Vec<(String, u64, u64)>,
    /// `--device`.
    pub devices: Vec<DeviceRequest>,
}

/// A device of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRequest {
    /// `vendor/class=name`.
    pub name: String,
    /// Missing is an error.
    pub required: bool,
}

/// A text that is not part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedInKey(pub String);

impl Serialize for SkippedInKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// A secret as a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretEnv {
    /// The variable.
    pub variable: String,
    /// The secret.
    pub id: String,
    /// Missing is an error.
    pub required: bool,
}

/// A mount of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecMount {
    /// Absolute.
    pub target: String,
    /// No writes.
    pub read_only: bool,
    /// What.
    pub kind: MountKind,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MountKind {
    /// Files of another step; writes are discarded. The key has the content of the selected files.
    Bind {
        /// Whose files; `None` is an empty folder.
        from: Option<InputIndex>,
        /// The path in it.
        #[serde(skip)]
        source: String,
    },
    /// A folder that survives the build.
    Cache {
        /// Its name, namespace included.
        #[serde(skip)]
        id: String,
        /// How it is shared.
        #[serde(skip)]
        sharing: cache::Sharing,
        /// What it starts with.
        from: Option<InputIndex>,
        /// The path in it.
        source: String,
        /// Mode of its root.
        mode: Option<u32>,
        /// Owner of its root.
        uid: Option<u32>,
        /// Group of its root.
        gid: Option<u32>,
    },
    /// An empty folder in memory.
    Tmpfs {
        /// Its limit.
        size_bytes: Option<u64>,
    },
    /// A secret as a file.
    Secret {
        /// Which.
        id: String,
        /// Mode.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Missing is an error.
        required: bool,
    },
    /// The socket of an SSH agent.
    Ssh {
        /// Which.
        id: String,
        /// Mode.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Missing is an error.
        required: bool,
    },
    /// A small file that the builder makes: the script of a heredoc RUN. Always read-only.
    Script {
        /// Its content; mode 0755.
        content: String,
    },
}

/// The network of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// What the machine gives: see `sandbox`.
    #[default]
    Default,
    /// The host's.
    Host,
    /// None.
    None,
}

/// How much a process may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityMode {
    /// The usual.
    #[default]
    Sandbox,
    /// Everything (`--allow security.insecure`).
    Insecure,
}

/// Changes to a root file system: one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileOp {
    /// What lies below; `None` is nothing (`COPY --link`).
    pub base: Option<InputIndex>,
    /// In order, each on top of what the former left.
    pub actions: Vec<FileAction>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FileAction {
    /// Files of another step, or text.
    Copy(Box<CopyAction>),
    /// A folder with all its parents, each owned by the owner (WORKDIR). Existing ones are left alone.
    Mkdir {
        /// Absolute, clean.
        path: String,
        /// Mode of what is made.
        mode: u32,
        /// USER as written; resolved in the base.
        owner: String,
        /// Modification time in seconds (source date); now if absent.
        mtime_s: Option<i64>,
    },
}

/// COPY or ADD of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyAction {
    /// Where it comes from.
    pub from: CopySource,
    /// Absolute; a trailing `/` (or `/.`) means a folder.
    pub destination: String,
    /// `--chown`, expanded; resolved in the base.
    pub owner: Option<String>,
    /// `--chmod`, expanded: octal or symbolic.
    pub mode: Option<String>,
    /// `--exclude`.
    pub excludes: Vec<String>,
    /// `--parents`.
    pub parents: bool,
    /// Archives are unpacked: ADD's default for local files, `--unpack` for remote ones.
    pub unpack: bool,
    /// Owners of the source are kept (other stages and images), else everything is root's (contexts).
    pub keep_owner: bool,
    /// Made without a base (`--link`): no link of the destination is followed.
    pub link: bool,
    /// Source date, for folders that are made on the way.
    pub mtime_s: Option<i64>,
}

/// Where copied files come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopySource {
    /// A path (wildcards allowed) in an input's tree. Not in the definition key: what it selects is.
    Input {
        /// Whose files.
        input: InputIndex,
        /// The path as written, clean and absolute; with `parents` it is `ROOT/./PATTERN`.
        path: String,
        /// As the user wrote it, for messages.
        #[serde(skip)]
        as_written: String,
    },
    /// A heredoc: a file of mode 0644.
    Text {
        /// Its name, where the destination is a folder.
        name: String,
        /// Its content, expanded.
        content: String,
    },
}
