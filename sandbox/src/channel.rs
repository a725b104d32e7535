//! Messages with descriptors between two processes, over a connected pair of unix stream sockets.
//!
//! ```text
//! message = u32 payload length, u32 number of descriptors   (the first batch of descriptors comes with these 8 bytes)
//!           one byte per further batch of descriptors
//!           payload
//! ```
//!
//! Received descriptors are close-on-exec. When the other end is closed, the stream ends and `receive` returns `None`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// Descriptors in one system call; the kernel's limit is 253.
const BATCH: usize = 64;
const HEADER_BYTES: usize = 8;
/// Largest payload that is accepted. Plans have secrets of up to 500 KB and argument lists of up to 2 MB.
const MAX_PAYLOAD_BYTES: usize = 256 << 20;

/// One end of a connected pair.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
}

/// A received message with its descriptors.
pub(crate) struct Message {
    pub(crate) payload: Vec<u8>,
    pub(crate) fds: Vec<OwnedFd>,
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<OwnedFd> for Channel {
    fn from(socket: OwnedFd) -> Self {
        Self { socket }
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.socket
    }
}

impl Channel {
    /// Makes two connected ends.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((one.into(), other.into()))
    }

    /// Sends one message. If the other end is closed, that is an error and not a SIGPIPE.
    pub(crate) fn send(&self, payload: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&length(payload.len())?);
        header[4..].copy_from_slice(&length(fds.len())?);
        let mut batches = fds.chunks(BATCH);
        self.send_bytes(&header, batches.next().unwrap_or_default())?;
        for batch in batches {
            self.send_bytes(&[0], batch)?;
        }
        self.send_bytes(payload, &[])
    }

    fn send_bytes(&self, mut bytes: &[u8], mut fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let sent =
                retry(|| sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL))?;
            bytes = &bytes[sent..];
            fds = &[];
        }
        Ok(())
    }

    /// Waits for the next message. Returns `None` if the other end is closed and no message is left.
    pub(crate) fn receive(&self) -> io::Result<Option<Message>> {
        let mut fds = Vec::new();
        let mut header = [0; HEADER_BYTES];
        if !self.receive_bytes(&mut header, &mut fds)? {
            return Ok(None);
        }
        let [payload_bytes, fd_count] = [&header[..4], &header[4..]].map(number);
        for _ in 1..fd_count.div_ceil(BATCH) {
            self.must_receive(&mut [0], &mut fds)?;
        }
        if payload_bytes > MAX_PAYLOAD_BYTES || fds.len() != fd_count {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut payload = vec![0; payload_bytes];
        self.must_receive(&mut payload, &mut fds)?;
        Ok(Some(Message { payload, fds }))
    }

    fn must_receive(&self, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<()> {
        if self.receive_bytes(buffer, fds)? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Fills `buffer`. Returns false at the end of the stream; an end within `buffer` is an error.
    fn receive_bytes(&self, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let rest = IoSliceMut::new(&mut buffer[filled..]);
            let received = match retry({
                let mut rest = [rest];
                let socket = &self.socket;
                let control = &mut control;
                move || recvmsg(socket, &mut rest, control, RecvFlags::CMSG_CLOEXEC)
            }) {
                Ok(message) => message.bytes,
                // The other end was closed with unread data in its queue.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                Err(error) => return Err(error),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(received) = message {
                    fds.extend(received);
                }
            }
            match (received, filled) {
                (0, 0) => return Ok(false),
                (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => filled += received,
            }
        }
        Ok(true)
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

fn length(len: usize) -> io::Result<[u8; 4]> {
    u32::try_from(len).map(u32::to_le_bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn number(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().expect("half a header is 4 bytes")) as usize
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn messages_keep_their_bytes_and_descriptors() {
        let (one, other) = Channel::pair().unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        one.send(b"first", &[]).unwrap();
        one.send(b"", &vec![write.as_fd(); 3 * BATCH + 1]).unwrap();
        one.send(&[7; 100_000], &[]).unwrap();
        drop((one, write));
        assert_eq!(other.receive().unwrap().unwrap().payload, b"first");
        let message = other.receive().unwrap().unwrap();
        assert_eq!((message.payload.len(), message.fds.len()), (0, 3 * BATCH + 1));
        drop(message);
        assert_eq!(other.receive().unwrap().unwrap().payload, [7; 100_000]);
        assert!(other.receive().unwrap().is_none());
        let mut rest = Vec::new();
        std::fs::File::from(read).read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "all copies of the write end are closed");
    }

    #[test]
    fn a_truncated_message_is_an_error() {
        let (one, other) = Channel::pair().unwrap();
        one.send_bytes(&[5, 0, 0, 0, 0, 0, 0, 0, b'x'], &[]).unwrap();
        drop(one);
        assert_eq!(other.receive().err().map(|error| error.kind()), Some(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn sending_to_a_closed_end_is_an_error() {
        let (one, other) = Channel::pair().unwrap();
        drop(other);
        assert!(one.send(b"x", &[]).is_err());
    }
}
