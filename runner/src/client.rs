//! Asking the monitor of a container, from another process.
//!
//! ```text
//! attach   the streams of a process, connected to those of the caller
//! keys     the keys that detach a terminal
//! ```

mod attach;
mod keys;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

pub use attach::{Attached, Detached, Ending, Output};
pub use keys::DetachKeys;

use crate::RunnerError;
use crate::container::Container;
use crate::endpoint::connect;
use crate::protocol::{Exited, Frame, Refusal, Request};

/// Connection with the monitor of a container.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    sender: Sender,
    name: String,
}

/// Side of a connection that frames are sent to, from any thread.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Mutex<UnixStream>>);

impl Connection {
    /// Connects to the monitor of a container that runs.
    pub fn open(container: &Container) -> Result<Self, RunnerError> {
        if !container.is_running() {
            return Err(RunnerError::NotRunning { name: container.config.name.clone() });
        }
        let failed = |source| RunnerError::Monitor { name: container.config.name.clone(), source };
        Self::of(connect(container.dir()).map_err(failed)?, &container.config.name)
    }

    /// Uses a connection that the monitor of the container `name` has got from its parent.
    pub fn of(stream: UnixStream, name: &str) -> Result<Self, RunnerError> {
        let copy =
            stream.try_clone().map_err(|source| RunnerError::Monitor { name: name.to_owned(), source })?;
        Ok(Self { stream, sender: Sender(Arc::new(Mutex::new(copy))), name: name.to_owned() })
    }

    /// Returns the side that frames are sent to.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Sends the request with which a client begins.
    pub fn request(&self, request: &Request) -> Result<(), RunnerError> {
        let json = serde_json::to_vec(request).expect("plain data");
        self.sender.send(&Frame::Request(json)).map_err(|source| self.broken(source))
    }

    /// Waits for the next frame; `None` if the monitor has closed the connection. A refusal is an error.
    pub fn receive(&mut self) -> Result<Option<Frame>, RunnerError> {
        match Frame::read(&mut self.stream) {
            Ok(Some(Frame::Failed(Refusal { code, message }))) => Err(RunnerError::Refused { message, code }),
            Ok(frame) => Ok(frame),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(source) => Err(self.broken(source)),
        }
    }

    fn broken(&self, source: io::Error) -> RunnerError {
        RunnerError::Monitor { name: self.name.clone(), source }
    }
}

impl Sender {
    /// Sends a frame as a whole.
    pub fn send(&self, frame: &Frame) -> io::Result<()> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame.write(&mut *stream)
    }

    /// Ends the connection, for this side and the other.
    fn hang_up(&self) {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Sends a request, and returns the document that the monitor answers with.
pub fn ask(container: &Container, request: &Request) -> Result<Vec<u8>, RunnerError> {
    let mut connection = Connection::open(container)?;
    connection.request(request)?;
    match connection.receive()? {
        Some(Frame::Answer(json)) => Ok(json),
        _ => Err(connection.broken(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Waits for the end of a container, and returns its exit code. The code of one that does not run is that of its last run.
pub fn wait(container: &Container) -> Result<i32, RunnerError> {
    let last = || container.state().exit_code.unwrap_or(0);
    let mut connection = match Connection::open(container) {
        Err(RunnerError::NotRunning { .. }) => return Ok(last()),
        opened => opened?,
    };
    connection.request(&Request::Wait)?;
    loop {
        match connection.receive()? {
            Some(Frame::Exited(Exited { code, .. })) => return Ok(code),
            Some(_) => {}
            None => {
                container.wait()?;
                return Ok(last());
            }
        }
    }
}
