//! Joins two streams: bytes and ends of streams pass in both directions.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::thread;

use rustix::net::Shutdown;

/// Copies between `client` and `server` until both streams have ended.
///
/// Fails at once if no thread can be started; the caller then closes both.
pub(crate) fn relay<C, S>(client: &C, server: &S) -> io::Result<()>
where
    C: AsFd + Sync,
    S: AsFd + Sync,
    for<'a> &'a C: Read + Write,
    for<'a> &'a S: Read + Write,
{
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || pump(client, server))?;
        pump(server, client);
        Ok(())
    })
}

/// Copies until the end of `from`, then ends the stream to `to`.
fn pump<F, T>(mut from: &F, mut to: &T)
where
    T: AsFd,
    for<'a> &'a F: Read,
    for<'a> &'a T: Write,
{
    // A connection that breaks ends like a closed connection.
    let _ = io::copy(&mut from, &mut to);
    let _ = rustix::net::shutdown(to, Shutdown::Write);
}
