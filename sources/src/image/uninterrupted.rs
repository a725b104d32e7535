//! Reads that a signal interrupts, or a file system such as FUSE or NFS, are made again.
//!
//! Readers of archives and decompressors in the middle of a header do not all do this by themselves.

use std::io::{self, Read};

/// Reader that repeats the reads of another one until they are not interrupted.
pub(super) struct Uninterrupted<R>(pub R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        repeat(|| self.0.read(buffer))
    }
}

/// Repeats a read until it is not interrupted.
pub(super) fn repeat(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interrupted_reads_are_repeated() {
        let check = |results: &[io::Result<usize>], expected: Result<usize, io::ErrorKind>, reads: usize| {
            let mut results = results.iter().map(|result| result.as_ref().copied().map_err(io::Error::kind));
            let mut count = 0;
            let read = repeat(|| {
                count += 1;
                results.next().expect("no further read").map_err(io::Error::from)
            });
            assert_eq!((read.map_err(|error| error.kind()), count), (expected, reads));
        };
        let interrupted = || Err(io::ErrorKind::Interrupted.into());
        check(&[Ok(5)], Ok(5), 1);
        check(&[interrupted(), interrupted(), Ok(0)], Ok(0), 3);
        check(&[interrupted(), Err(io::ErrorKind::TimedOut.into())], Err(io::ErrorKind::TimedOut), 2);
    }
}
