//! The streams of a process: forwarded as they come, and their end kept for an error message.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::Mutex;

use progress::{EventKind, Vertex};

/// How much of the output an error can show.
const TAIL_BYTES: usize = 16 * 1024;

/// The last bytes that a process wrote, both streams together.
#[derive(Debug, Default)]
pub struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().expect("no thread panics while it holds the lock");
        tail.extend(bytes);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }

    /// As text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        let mut tail = self.0.lock().expect("no thread panics while it holds the lock");
        String::from_utf8_lossy(tail.make_contiguous()).into_owned()
    }
}

/// Reads `pipe` to its end and reports what comes.
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
            // The other end is gone; how the process ended is told elsewhere.
            Err(_) => return,
        }
    }
}
