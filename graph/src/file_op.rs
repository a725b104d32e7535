//! Operations that change files: COPY, ADD, WORKDIR.

use serde::Serialize;

use crate::{InputIndex, Mode};

/// Changes to a root file system that become one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileOp {
    /// Input that is changed, or `None` for an empty file system (`COPY --link`).
    pub base: Option<InputIndex>,
    /// Changes in order; each sees the result of those before it.
    pub actions: Vec<FileAction>,
}

/// One change of a [`FileOp`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Copies files of another step, or text.
    Copy(Box<CopyAction>),
    /// Creates a directory and its parents (WORKDIR). Directories that exist are left as they are.
    Mkdir {
        /// Absolute and clean path of the directory.
        path: String,
        /// Mode of the directories that are created.
        mode: u32,
        /// Owner of the directories that are created: USER as written, resolved in the base.
        owner: String,
        /// Modification time in seconds since 1970 (the source date), or `None` for the current time.
        mtime_s: Option<i64>,
    },
}

/// COPY or ADD of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyAction {
    /// Files or text to copy.
    pub from: CopySource,
    /// Absolute destination. A trailing `/` or `/.` marks a directory.
    pub destination: String,
    /// Owner from `--chown`, with variables expanded; resolved in the base.
    pub owner: Option<String>,
    /// Mode from `--chmod`, or `None` to keep the mode of the source.
    pub mode: Option<Mode>,
    /// Patterns given by `--exclude`, in order.
    pub excludes: Vec<String>,
    /// True for `--parents`: the path of the source is kept below the destination.
    pub parents: bool,
    /// True if archives are unpacked: the default of ADD for local files, `--unpack` for remote ones.
    pub unpack: bool,
    /// True if files keep their owners (other stages and images); otherwise root owns them (contexts).
    pub keep_owner: bool,
    /// True for `--link`: the copy is made without a base, so that no symlink of the destination is followed.
    pub link: bool,
    /// Modification time of parent directories that are created, in seconds since 1970 (the source date).
    pub mtime_s: Option<i64>,
}

/// Source of a [`CopyAction`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopySource {
    /// A path in the tree of an input; wildcards are allowed. The keys cover the files that it selects.
    Input {
        /// Input that holds the files.
        input: InputIndex,
        /// Absolute and clean path of the directory. With `parents` it has the form `ROOT/./PATTERN`.
        path: String,
        /// Path as the user wrote it, for messages.
        #[serde(skip)]
        as_written: String,
    },
    /// A heredoc, which becomes a file with mode 0644.
    Text {
        /// Name of the file if the destination is a directory.
        name: String,
        /// Content of the file, with variables expanded.
        content: String,
    },
}
