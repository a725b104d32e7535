//! Sources from outside: images, archives, files by HTTP, git repositories.
//!
//! ```text
//! image/    images: find one by name, pull it, import it from files
//! http      one file by HTTP(S), kept in the store and revalidated by its ETag
//! one_file  a blob of the store as a tree of one file
//! git/      a commit of a repository as a layer of the store
//! login     credentials for a URL, from the URL itself or from secrets
//! secrets   the secrets that the user gave to a build
//! reach     whether a server is on this machine or a private network
//! fetcher   http and git with the logins and the progress of a build
//! context   build contexts that are not local directories: repositories and archives
//! ```
//!
//! Fetched data is kept by its content (blob, layer), with a note of the request beside it. Data that was fetched with a
//! login is found again only with the same login.
//!
//! The crate knows nothing of Dockerfiles, of steps and of cache keys.

pub mod context;
mod error;
pub mod fetcher;
pub mod git;
pub mod http;
pub mod image;
pub mod login;
pub mod one_file;
mod reach;
pub mod secrets;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{FetchError, RemoteError};
pub use fetcher::{FetchOptions, Fetcher};
pub use image::{ImportFrom, Imported, Pulled, SourceError, Sources, TransferProgress, import};
pub use secrets::{SecretError, SecretSource, Secrets};
