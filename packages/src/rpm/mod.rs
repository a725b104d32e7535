//! Packages of rpm. Its database holds one header for each package, in one of three formats.
//!
//! ```text
//! header   the header of a package: name, version, license …
//! sqlite   rpmdb.sqlite: Fedora 33, RHEL 9, and later
//! ndb      Packages.db: SUSE
//! bdb      Packages: a hash of Berkeley DB; RHEL 8, Amazon Linux 2, and earlier
//! bytes    numbers at a position that can be outside
//! budget   bound on the work that a file can cause
//! ```
//!
//! The readers of the formats return the headers and know nothing about their content.

mod bdb;
mod budget;
mod bytes;
mod header;
mod ndb;
mod sqlite;

use std::io;
use std::path::Path;

use trees::tree::Tree;

use crate::database::Found;
use crate::limits::MAX_RPM_DATABASE_BYTES;
use crate::os_release::Distribution;

const DIRECTORIES: [&str; 3] = ["usr/lib/sysimage/rpm", "var/lib/rpm", "usr/share/rpm"];

/// Reader of a format: calls the function for each header. The error is the defect of the file, as a clause.
type Reader = fn(&[u8], &mut dyn FnMut(&[u8])) -> Result<(), &'static str>;

const FORMATS: [(&str, Reader); 3] =
    [("rpmdb.sqlite", sqlite::headers), ("Packages.db", ndb::headers), ("Packages", bdb::headers)];

/// Reads the database of rpm: the first that exists, since the directories can be symlinks to each other.
pub(crate) fn read(tree: &dyn Tree, distribution: &Distribution, found: &mut Found) -> io::Result<()> {
    for dir in DIRECTORIES.map(Path::new) {
        for (name, headers) in FORMATS {
            let path = dir.join(name);
            let Some(bytes) = found.database(tree, &path, MAX_RPM_DATABASE_BYTES)? else { continue };
            let mut damaged = 0;
            let result = headers(&bytes, &mut |header| match header::package(header, distribution) {
                Some(package) => found.add(&path, package),
                None => damaged += 1,
            });
            report(&path, result, damaged, found);
            report_log(tree, &path, found)?;
            return Ok(());
        }
    }
    Ok(())
}

fn report(path: &Path, result: Result<(), &'static str>, damaged: usize, found: &mut Found) {
    if let Err(reason) = result {
        found.problem(path, reason);
    }
    if damaged > 0 {
        found.problem(path, format!("the headers of {damaged} packages are damaged"));
    }
}

/// Reports changes that SQLite has not yet moved from its write-ahead log to the database.
fn report_log(tree: &dyn Tree, database: &Path, found: &mut Found) -> io::Result<()> {
    let log = database.with_extension("sqlite-wal");
    if database.extension().is_some_and(|end| end == "sqlite")
        && let Some(bytes) = found.database(tree, &log, MAX_RPM_DATABASE_BYTES)?
        && !bytes.is_empty()
    {
        found.problem(&log, "its changes are not in the database yet, and are left out");
    }
    Ok(())
}
