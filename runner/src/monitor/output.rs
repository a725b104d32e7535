//! The streams of a process, copied to the log and to clients.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::hub::Hub;
use crate::launch::Streams;
use crate::log::{STDERR, STDOUT};
use crate::protocol::Frame;

/// Largest piece of output that is passed on at once, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// Starts a thread for each stream. They end with the process.
pub(super) fn start(hub: &Arc<Hub>, streams: Streams) -> io::Result<Vec<JoinHandle<()>>> {
    match streams {
        Streams::Terminal(terminal) => Ok(vec![copy(hub, terminal, STDOUT)?]),
        Streams::Pipes { stdout, stderr, .. } => {
            Ok(vec![copy(hub, stdout, STDOUT)?, copy(hub, stderr, STDERR)?])
        }
    }
}

fn copy(hub: &Arc<Hub>, mut from: File, stream: u8) -> io::Result<JoinHandle<()>> {
    let hub = Arc::clone(hub);
    std::thread::Builder::new().spawn(move || {
        let mut log = hub.log().stream(stream);
        each_piece(&mut from, &mut |piece| {
            log.push(piece);
            hub.send_output(&frame(stream, piece));
        });
    })
}

/// Returns the frame with a piece of output.
pub(super) fn frame(stream: u8, piece: &[u8]) -> Frame {
    if stream == STDERR { Frame::Errors(piece.to_vec()) } else { Frame::Output(piece.to_vec()) }
}

/// Reads a stream to its end. A terminal whose process is gone ends with an error.
pub(super) fn each_piece(from: &mut File, take: &mut dyn FnMut(&[u8])) {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => take(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
