//! The output of a process: forwarded as it arrives, and its end kept for error messages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::Mutex;

use progress::{EventKind, Vertex};

/// Bytes of output that an error message can show.
const TAIL_BYTES: usize = 16 * 1024;

/// The last bytes that a process wrote to either stream.
#[derive(Debug, Default)]
pub struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().expect("no thread panics while it holds the lock");
        tail.extend(bytes);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }

    /// Returns the text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        let mut tail = self.0.lock().expect("no thread panics while it holds the lock");
        String::from_utf8_lossy(tail.make_contiguous()).into_owned()
    }
}

/// Reads `pipe` to its end and reports the output.
pub fn forward(mut pipe: File, stream: u8, vertex: &Vertex, tail: &Tail) {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                tail.push(&buffer[..length]);
                vertex.send(EventKind::Log { stream, bytes: buffer[..length].to_vec() });
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other end is closed. The exit status is reported elsewhere.
            Err(_) => return,
        }
    }
}
