//! An ext4 file system of limited size in a file, mounted in the namespace of the sweep.
//!
//! The loop device goes with the mount, and the mount goes with the namespace: nothing needs to be cleaned up.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::error::SweepError;
use crate::world::program;

/// Size of a file that takes one block at most.
const BLOCK_BYTES: u64 = 4096;

/// A mounted volume.
#[derive(Debug)]
pub struct Volume {
    /// Directory on which the volume is mounted.
    pub root: PathBuf,
    image: PathBuf,
}

/// Room that is left on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that files can still take.
    pub bytes: u64,
    /// Number of files that can still be created.
    pub inodes: u64,
}

impl Volume {
    /// Makes and mounts a volume in `dir`, without blocks that only root can use.
    pub fn create(dir: &Path, size_mib: u64, inodes: u32) -> Result<Self, SweepError> {
        let (image, root) = (dir.join("volume.img"), dir.join("volume"));
        fs::create_dir_all(&root).map_err(SweepError::at(&root))?;
        let file = File::create(&image).map_err(SweepError::at(&image))?;
        file.set_len(size_mib << 20).map_err(SweepError::at(&image))?;
        let now = "lazy_itable_init=0,lazy_journal_init=0";
        let (name, inodes) = (image.display().to_string(), inodes.to_string());
        program("mkfs.ext4", &["-q", "-F", "-m", "0", "-N", &inodes, "-E", now, &name])?;
        let volume = Self { root, image };
        volume.mount()?;
        Ok(volume)
    }

    /// Mounts the volume, which replays its journal.
    pub fn mount(&self) -> Result<(), SweepError> {
        program("mount", &["-o", "loop", &self.image.display().to_string(), &self.root.display().to_string()])
    }

    /// Unmounts the volume. Fails while a process uses it.
    pub fn unmount(&self) -> Result<(), SweepError> {
        program("umount", &[&self.root.display().to_string()])
    }

    /// Path of the file that holds the volume.
    pub fn image(&self) -> &Path {
        &self.image
    }

    /// Returns the room that is left.
    pub fn room(&self) -> Result<Room, SweepError> {
        let found = statvfs(&self.root).map_err(|error| SweepError::at(&self.root)(error.into()))?;
        Ok(Room { bytes: found.f_bavail * found.f_frsize, inodes: found.f_favail })
    }

    /// Fills the volume until at most `room` is left, and returns the room that is left.
    pub fn fill(&self, room: Room) -> Result<Room, SweepError> {
        let ballast = self.ballast();
        fs::create_dir_all(&ballast).map_err(SweepError::at(&ballast))?;
        for number in 0..self.room()?.inodes.saturating_sub(room.inodes) {
            let file = ballast.join(number.to_string());
            File::create(&file).map_err(SweepError::at(&file))?;
        }
        if self.room()?.inodes > 0 {
            self.take_bytes(room.bytes)?;
        }
        self.room()
    }

    /// Allocates blocks for one file until at most `left` bytes remain. The file system needs blocks for the list of
    /// the file's blocks as well, so that it can refuse a part.
    fn take_bytes(&self, left: u64) -> Result<(), SweepError> {
        let path = self.large_file();
        let file = File::create(&path).map_err(SweepError::at(&path))?;
        let (mut end, mut part) = (0, u64::MAX);
        loop {
            let surplus = self.room()?.bytes.saturating_sub(left);
            part = part.min(surplus);
            if part < BLOCK_BYTES {
                return Ok(());
            }
            match fallocate(&file, FallocateFlags::empty(), end, part) {
                Ok(()) => end += part,
                Err(Errno::NOSPC) => part /= 2,
                Err(error) => return Err(SweepError::at(&path)(error.into())),
            }
        }
    }

    /// Removes what [`Self::fill`] has created.
    pub fn make_room(&self) -> Result<(), SweepError> {
        match fs::remove_file(self.large_file()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(SweepError::at(&self.large_file())(error));
            }
            _ => {}
        }
        crate::world::remove(&self.ballast())
    }

    /// Directory of the files that take inodes.
    fn ballast(&self) -> PathBuf {
        self.root.join("ballast")
    }

    /// File that takes blocks.
    fn large_file(&self) -> PathBuf {
        self.root.join("ballast.large")
    }
}
