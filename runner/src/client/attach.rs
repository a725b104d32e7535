//! An attachment: the streams of a process, connected to those of the caller.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Connection, DetachKeys, Sender};
use crate::RunnerError;
use crate::protocol::{Exited, Frame, Request};

/// Takes the output of a process. An error means that nobody reads it any more.
pub trait Output {
    /// Takes bytes of standard output, or of the terminal.
    fn stdout(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes bytes of standard error.
    fn stderr(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// End of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The process has ended.
    Exited(Exited),
    /// The user has detached: the process goes on.
    Detached,
}

/// Whether the user has pressed the keys that detach.
#[derive(Debug, Clone, Default)]
pub struct Detached(Arc<AtomicBool>);

/// Connection whose process runs.
pub struct Attached {
    connection: Connection,
    detached: Detached,
}

impl Attached {
    /// Asks for a process, over a new connection.
    ///
    /// A monitor that does not take the request is noticed when the start is waited for.
    pub fn new(connection: Connection, request: &Request) -> Self {
        let _ = connection.request(request);
        Self { connection, detached: Detached::default() }
    }

    /// Waits until the process runs. Returns false if the monitor closes the connection before.
    pub fn wait_for_start(&mut self) -> Result<bool, RunnerError> {
        loop {
            match self.connection.receive()? {
                Some(Frame::Started) => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
    }

    /// Returns the side that signals and sizes are sent to.
    pub fn sender(&self) -> Sender {
        self.connection.sender()
    }

    /// Sends what `input` has until it ends. The thread ends with this process: a read from a terminal cannot be
    /// interrupted.
    pub fn send_input(
        &self,
        mut input: impl Read + Send + 'static,
        keys: Option<DetachKeys>,
    ) -> io::Result<()> {
        let (sender, detached, mut keys) = (self.sender(), self.detached.clone(), keys);
        let pump = move || {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let length = match input.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read.unwrap_or(0),
                };
                if length == 0 {
                    let _ = sender.send(&Frame::InputEnd);
                    return;
                }
                let (bytes, is_detaching) = match &mut keys {
                    Some(keys) => keys.filter(&buffer[..length]),
                    None => (buffer[..length].to_vec(), false),
                };
                if sender.send(&Frame::Input(bytes)).is_err() {
                    return;
                }
                if is_detaching {
                    detached.0.store(true, Ordering::Relaxed);
                    return sender.hang_up();
                }
            }
        };
        std::thread::Builder::new().spawn(pump).map(drop)
    }

    /// Passes on the output until the process has ended or the user detaches. If nobody reads the output any more, the rest
    /// is dropped.
    pub fn follow(mut self, output: &mut dyn Output) -> Result<Ending, RunnerError> {
        let mut is_read = true;
        loop {
            let taken = match self.connection.receive()? {
                Some(Frame::Output(bytes)) if is_read => output.stdout(&bytes),
                Some(Frame::Errors(bytes)) if is_read => output.stderr(&bytes),
                Some(Frame::Exited(end)) => return Ok(Ending::Exited(end)),
                Some(_) => Ok(()),
                None if self.detached.0.load(Ordering::Relaxed) => return Ok(Ending::Detached),
                None => return Err(self.connection.broken(io::ErrorKind::UnexpectedEof.into())),
            };
            is_read &= taken.is_ok();
        }
    }
}
