//! TCP connections that can be canceled.
//!
//! ureq's own transport blocks in the kernel until its time limit. This one wakes up every [`SLICE`], asks whether the
//! request is canceled, and goes on where it was: connecting is a non-blocking `connect` followed by `poll`, reading and
//! writing use socket time-outs of one slice. TLS and proxy tunnels run on top, so their handshakes are covered too.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socket_with, sockopt};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::failure::Failure;
use super::interim;
use crate::cancel::{Cancellation, SLICE};

/// Makes TCP connections for an agent, unless a proxy has made one already.
#[derive(Debug)]
pub(crate) struct TcpConnector {
    cancel: Cancellation,
}

impl TcpConnector {
    /// A connector whose connections heed `cancel`.
    pub fn new(cancel: Cancellation) -> Self {
        Self { cancel }
    }

    /// Connects to the first address that accepts, within `limit`.
    fn connect_any(&self, addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Failure> {
        let started = Instant::now();
        let mut failure = unconnected(&io::Error::from(io::ErrorKind::AddrNotAvailable));
        for (index, address) in addresses.iter().enumerate() {
            let left = limit.saturating_sub(started.elapsed());
            // An address that swallows packets must leave time for the others.
            let share = if index + 1 == addresses.len() { left } else { left / 2 };
            match self.connect(address, share) {
                Err(Failure::Canceled) => return Err(Failure::Canceled),
                Err(error) => failure = error,
                Ok(stream) => return Ok(stream),
            }
        }
        Err(failure)
    }

    fn connect(&self, address: &SocketAddr, limit: Duration) -> Result<TcpStream, Failure> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)
            .map_err(|error| unconnected(&error.into()))?;
        match rustix::net::connect(&socket, address) {
            Ok(()) => {}
            Err(Errno::INPROGRESS | Errno::INTR) => self.await_connection(&socket, limit)?,
            Err(error) => return Err(unconnected(&error.into())),
        }
        prepare(TcpStream::from(socket)).map_err(|error| unconnected(&error))
    }

    /// Waits until the kernel has made the connection, or knows that it cannot.
    fn await_connection(&self, socket: &rustix::fd::OwnedFd, limit: Duration) -> Result<(), Failure> {
        let started = Instant::now();
        let slice = Timespec { tv_sec: 0, tv_nsec: SLICE.subsec_nanos().into() };
        loop {
            self.cancel.check()?;
            let mut waiting = [PollFd::new(socket, PollFlags::OUT)];
            match poll(&mut waiting, Some(&slice)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => break,
                Err(error) => return Err(unconnected(&error.into())),
            }
            if started.elapsed() >= limit {
                return Err(unconnected(&io::Error::from(io::ErrorKind::TimedOut)));
            }
        }
        let result = sockopt::socket_error(socket).and_then(|error| error);
        result.map_err(|error| unconnected(&error.into()))
    }
}

/// Sets up a connected socket for reads and writes of one slice.
fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SLICE))?;
    stream.set_write_timeout(Some(SLICE))?;
    Ok(stream)
}

fn unconnected(error: &io::Error) -> Failure {
    let is_temporary = error.kind() != io::ErrorKind::PermissionDenied;
    Failure::NoConnection { reason: error.to_string(), is_temporary }
}

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, TcpTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        if let Some(tunnel) = chained {
            return Ok(Some(Either::A(tunnel)));
        }
        let stream = self.connect_any(&details.addrs, *details.timeout.after).map_err(Failure::into_ureq)?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let buffers = LazyBuffers::new(input, output);
        Ok(Some(Either::B(TcpTransport { stream, buffers, cancel: self.cancel.clone() })))
    }
}

/// A TCP connection; its reads and writes wait in slices.
#[derive(Debug)]
pub(crate) struct TcpTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    cancel: Cancellation,
}

/// A read or write in progress, with the time it has.
struct Wait {
    started: Instant,
    limit: NextTimeout,
}

impl Wait {
    fn new(limit: NextTimeout) -> Self {
        Self { started: Instant::now(), limit }
    }

    /// Fails if the request is canceled or its time is up.
    fn check(&self, cancel: &Cancellation) -> Result<(), ureq::Error> {
        cancel.check().map_err(|canceled| Failure::from(canceled).into_ureq())?;
        if self.started.elapsed() >= *self.limit.after {
            return Err(ureq::Error::Timeout(self.limit.reason));
        }
        Ok(())
    }
}

/// Reports whether a socket call only ran out of its slice. A time-out of TCP itself is another error.
fn is_slice_over(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let wait = Wait::new(timeout.for_write());
        let mut output = &self.buffers.output()[..amount];
        while !output.is_empty() {
            wait.check(&self.cancel)?;
            match (&self.stream).write(output) {
                Ok(count) => output = &output[count..],
                Err(error) if is_slice_over(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        // A server that has to store a body can be silent for longer than others before it answers.
        let is_head = timeout.reason == ureq::Timeout::RecvResponse;
        let wait = Wait::new(if is_head { timeout } else { timeout.for_read() });
        loop {
            wait.check(&self.cancel)?;
            match (&self.stream).read(self.buffers.input_append_buf()) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    interim::discard(&mut self.buffers, timeout.reason)?;
                    return Ok(count > 0);
                }
                Err(error) if is_slice_over(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A connection can be used again if the server neither closed it nor sent anything unasked.
    fn is_open(&mut self) -> bool {
        let looked = recv(&self.stream, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looked.is_err_and(|error| error == Errno::AGAIN)
    }
}
