//! Ways in which a file or directory of a store can be damaged by a disk, by a restored backup or by another user.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::error::SweepError;
use crate::random::Random;

/// Damage of one file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// One bit differs. The times are kept, as by a disk.
    Flip,
    /// One block consists of zeros. The times are kept, as by a disk.
    Zeros,
    /// The second half is missing.
    Truncate,
    /// The file has no content.
    Empty,
    /// Other bytes follow the content.
    Append,
    /// The content of another file of the same kind.
    Exchange,
    /// The file or directory does not exist.
    Remove,
    /// A symlink that leads to a file or directory outside of the store.
    Symlink,
    /// A directory in place of the file.
    Directory,
    /// A FIFO, which blocks whoever opens it.
    Fifo,
    /// A device without end: /dev/zero.
    Device,
    /// A file in place of the directory.
    File,
}

/// Harms of files.
pub const FILE_HARMS: [Harm; 11] = [
    Harm::Flip,
    Harm::Zeros,
    Harm::Truncate,
    Harm::Empty,
    Harm::Append,
    Harm::Exchange,
    Harm::Remove,
    Harm::Symlink,
    Harm::Directory,
    Harm::Fifo,
    Harm::Device,
];

/// Harms of directories.
pub const DIRECTORY_HARMS: [Harm; 4] = [Harm::Remove, Harm::Symlink, Harm::File, Harm::Fifo];

/// Bytes of a block that a disk loses at once.
const BLOCK_BYTES: usize = 4096;

/// Major and minor number of /dev/zero.
const ZERO_DEVICE: (u32, u32) = (1, 5);

/// Damages `path`. `target` is where a symlink leads to, `other` a file of the same kind.
///
/// Returns whether the file has changed: an empty file has no bit to flip.
pub fn harm(
    harm: Harm,
    path: &Path,
    target: &Path,
    other: &Path,
    random: &mut Random,
) -> Result<bool, SweepError> {
    let at = SweepError::at(path);
    match harm {
        Harm::Flip | Harm::Zeros | Harm::Truncate | Harm::Empty | Harm::Append | Harm::Exchange => {
            let before = fs::read(path).map_err(SweepError::at(path))?;
            let after = changed(harm, &before, other, random)?;
            let keeps_times = matches!(harm, Harm::Flip | Harm::Zeros);
            rewrite(path, &after, keeps_times).map_err(at)?;
            return Ok(before != after);
        }
        Harm::Remove => remove(path)?,
        Harm::Symlink => replace(path, |path| symlink(target, path))?,
        Harm::Directory => replace(path, |path| fs::create_dir(path))?,
        Harm::File => replace(path, |path| fs::write(path, "a file"))?,
        Harm::Fifo => replace(path, |path| node(path, FileType::Fifo))?,
        Harm::Device => replace(path, |path| node(path, FileType::CharacterDevice))?,
    }
    Ok(true)
}

/// Returns the content after the damage.
fn changed(harm: Harm, before: &[u8], other: &Path, random: &mut Random) -> Result<Vec<u8>, SweepError> {
    let mut bytes = before.to_vec();
    match harm {
        Harm::Exchange => return fs::read(other).map_err(SweepError::at(other)),
        Harm::Truncate => bytes.truncate(before.len() / 2),
        Harm::Empty => bytes.clear(),
        Harm::Append => bytes.extend(b"garbage".repeat(10)),
        Harm::Flip if !bytes.is_empty() => {
            let position = random.below(bytes.len());
            bytes[position] ^= 1 << random.below(8);
        }
        _ => {
            let start = random.below(bytes.len()) / BLOCK_BYTES * BLOCK_BYTES;
            let end = bytes.len().min(start + BLOCK_BYTES);
            bytes[start..end].fill(0);
        }
    }
    Ok(bytes)
}

/// Writes the content in place, whatever the permissions are.
fn rewrite(path: &Path, bytes: &[u8], keeps_times: bool) -> std::io::Result<()> {
    let metadata = fs::metadata(path)?;
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(metadata.permissions().mode()))?;
    if keeps_times {
        let times = FileTimes::new().set_modified(metadata.modified()?).set_accessed(metadata.accessed()?);
        File::set_times(&file, times)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SweepError> {
    let is_dir = fs::symlink_metadata(path).map_err(SweepError::at(path))?.is_dir();
    let removed = if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(SweepError::at(path))
}

fn replace(path: &Path, create: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), SweepError> {
    remove(path)?;
    create(path).map_err(SweepError::at(path))
}

fn node(path: &Path, kind: FileType) -> std::io::Result<()> {
    let device = makedev(ZERO_DEVICE.0, ZERO_DEVICE.1);
    Ok(mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Harm, before: &str, after: &str, is_changed: bool) {
        let dir = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| dir.path().join(name));
        fs::write(&path, before).unwrap();
        fs::write(&other, "exchanged").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let found = harm(kind, &path, Path::new("/nowhere"), &other, &mut Random::new(1)).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), found), (after, is_changed));
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap() == modified, kind == Harm::Zeros);
    }

    #[test]
    fn content_is_damaged_in_place() {
        check(Harm::Zeros, "abc", "\0\0\0", true);
        check(Harm::Truncate, "abcd", "ab", true);
        check(Harm::Empty, "abc", "", true);
        check(Harm::Exchange, "abc", "exchanged", true);
        check(Harm::Append, "", &"garbage".repeat(10), true);
        check(Harm::Empty, "", "", false);
    }

    #[test]
    fn a_flip_changes_one_bit() {
        let after = changed(Harm::Flip, &[0; 9], Path::new("/nowhere"), &mut Random::new(1)).unwrap();
        assert_eq!(after.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    }

    #[test]
    fn a_directory_is_replaced_with_everything_in_it() {
        for kind in [Harm::File, Harm::Fifo, Harm::Symlink, Harm::Remove] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("d");
            fs::create_dir_all(path.join("e")).unwrap();
            assert!(harm(kind, &path, Path::new("/nowhere"), &path, &mut Random::new(1)).unwrap());
            assert!(!path.is_dir(), "{kind:?}");
        }
    }
}
