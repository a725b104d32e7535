//! Frames on their way to one client, which can be slow, stopped or gone.
//!
//! While the process runs, a slow client slows it down, as a terminal would. Once the process has ended, nothing waits for
//! the client any more: what is left fits into a pipe, and is kept until the client has read it.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::protocol::{Frame, Refusal};
use crate::{RunnerError, launch};

/// Number of frames that wait for a client before the process has to.
const MAX_WAITING: usize = 32;

/// Sender of frames to one client.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    /// Whether frames are taken without limit, as the process has ended.
    unlimited: bool,
    /// Whether no further frame comes.
    is_closed: bool,
    /// Whether the client is gone.
    is_broken: bool,
}

impl Outbox {
    /// Starts a thread that sends to a client. The thread ends when the outbox is closed, or the client gone.
    pub(super) fn start(stream: UnixStream) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let outbox = Arc::new(Self { queue: Mutex::default(), changed: Condvar::new() });
        let sender = Arc::clone(&outbox);
        let thread = std::thread::Builder::new().spawn(move || sender.send_to(&stream))?;
        Ok((outbox, thread))
    }

    /// Adds a frame. Waits while too many others do, unless the client is gone.
    pub(super) fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        while queue.frames.len() >= MAX_WAITING && !queue.unlimited && !queue.is_broken {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.is_broken && !queue.is_closed {
            queue.frames.push_back(frame);
            self.changed.notify_all();
        }
    }

    /// Lets nothing wait for the client any more.
    pub(super) fn lift_limit(&self) {
        self.lock().unlimited = true;
        self.changed.notify_all();
    }

    /// Adds the last frame.
    pub(super) fn finish(&self, last: Frame) {
        let mut queue = self.lock();
        queue.frames.push_back(last);
        queue.is_closed = true;
        self.changed.notify_all();
    }

    /// Ends without a last frame.
    pub(super) fn hang_up(&self) {
        let mut queue = self.lock();
        (queue.is_closed, queue.is_broken) = (true, true);
        self.changed.notify_all();
    }

    fn send_to(&self, mut stream: &UnixStream) {
        while let Some(frame) = self.next() {
            if frame.write(&mut stream).is_err() {
                self.hang_up();
            }
        }
        // The reader of this client wakes up, too.
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn next(&self) -> Option<Frame> {
        let mut queue = self.lock();
        loop {
            if queue.is_broken {
                return None;
            }
            if let Some(frame) = queue.frames.pop_front() {
                self.changed.notify_all();
                return Some(frame);
            }
            if queue.is_closed {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an error and its causes for a client.
pub(super) fn refusal(error: &RunnerError) -> Refusal {
    let (mut message, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Refusal { code: launch::unstarted_exit_code(error), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_all_frames_in_order_and_the_last_one() {
        let (ours, mut theirs) = UnixStream::pair().expect("sockets");
        let (outbox, thread) = Outbox::start(ours).expect("a thread");
        let pusher = Arc::clone(&outbox);
        let pushing = std::thread::spawn(move || {
            (0..200_u8).for_each(|number| pusher.push(Frame::Output(vec![number; 4096])));
            pusher.finish(Frame::InputEnd);
        });
        let frames: Vec<Frame> = std::iter::from_fn(|| Frame::read(&mut theirs).expect("a frame")).collect();
        assert_eq!(frames.len(), 201);
        assert_eq!(frames[199], Frame::Output(vec![199; 4096]));
        assert_eq!(frames[200], Frame::InputEnd);
        pushing.join().and_then(|()| thread.join()).expect("no panic");
    }

    #[test]
    fn nothing_waits_for_a_client_that_is_gone_or_for_one_after_the_end() {
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        let (outbox, thread) = Outbox::start(ours).expect("a thread");
        drop(theirs);
        (0..100).for_each(|_| outbox.push(Frame::Output(vec![0; 65536])));
        thread.join().expect("no panic");
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        let (outbox, thread) = Outbox::start(ours).expect("a thread");
        outbox.lift_limit();
        (0..100).for_each(|_| outbox.push(Frame::Output(vec![0; 65536])));
        outbox.hang_up();
        drop(theirs);
        thread.join().expect("no panic");
    }
}
