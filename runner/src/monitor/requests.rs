//! The requests of clients: one thread for each.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::hub::Hub;
use super::outbox::{Outbox, refusal};
use crate::protocol::{Frame, Request};
use crate::{RunnerError, stop_signal};

const SIGKILL: i32 = 9;

/// The client that started the monitor.
pub(super) struct First(Option<Arc<Outbox>>);

impl First {
    /// Sends it the news that the process runs.
    pub(super) fn started(&self) {
        if let Some(outbox) = &self.0 {
            outbox.push(Frame::Started);
        }
    }
}

/// Takes the request of the client that started the monitor: to attach it, or to send the news of the start. A client that
/// is gone changes nothing: the container starts all the same.
pub(super) fn first(hub: &Arc<Hub>, client: UnixStream) -> First {
    let outbox = match request(&client) {
        Ok(Request::Attach { stdin, size }) => attach(hub, client, stdin, size, false).ok(),
        Ok(_) => hub.add_client(client, false).ok(),
        Err(_) => None,
    };
    First(outbox)
}

/// Does what a client asks for.
pub(super) fn serve(hub: &Arc<Hub>, client: UnixStream) {
    let Ok(request) = request(&client) else { return };
    // A client that goes away in between has no further use for the answer.
    let _ = dispatch(hub, client, request);
}

fn request(mut client: &UnixStream) -> io::Result<Request> {
    match Frame::read(&mut client)? {
        Some(Frame::Request(json)) => Ok(serde_json::from_slice(&json)?),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn dispatch(hub: &Arc<Hub>, client: UnixStream, request: Request) -> io::Result<()> {
    match request {
        Request::Start => answer(&client, Ok(())),
        Request::Attach { stdin, size } => attach(hub, client, stdin, size, true).map(drop),
        Request::Exec(request) => super::exec::serve(hub, client, &request),
        Request::Wait => hub.add_client(client, false).map(drop),
        Request::Signal { number } => {
            if number == SIGKILL || is_stop_signal(hub, number) {
                hub.stop();
            }
            answer(
                &client,
                hub.signal(number).and_then(|()| if number == SIGKILL { hub.thaw() } else { Ok(()) }),
            )
        }
        Request::Stop { signal, patience_s } => {
            let stopped = stop(hub, signal, patience_s.map(Duration::from_secs));
            answer(&client, stopped)
        }
        Request::Pause => answer(&client, hub.pause()),
        Request::Unpause => answer(&client, hub.unpause()),
        Request::Stats => answer(&client, hub.used()),
        Request::Update => answer(&client, hub.update()),
    }
}

fn is_stop_signal(hub: &Hub, number: i32) -> bool {
    stop_signal::number(&hub.container().config.stop_signal).is_ok_and(|stop| stop == number)
}

/// Sends the outcome of a request: a document, `null` or an error.
fn answer(mut client: &UnixStream, done: Result<impl Serialize, RunnerError>) -> io::Result<()> {
    match done {
        Ok(document) => Frame::Answer(serde_json::to_vec(&document)?),
        Err(error) => Frame::Failed(refusal(&error)),
    }
    .write(&mut client)?;
    client.flush()
}

fn stop(hub: &Hub, signal: i32, patience: Option<Duration>) -> Result<(), RunnerError> {
    hub.stop();
    hub.note(|state| state.stopped_by_user = true)?;
    hub.signal(signal)?;
    hub.thaw()?;
    if !hub.wait_for_end(patience) {
        hub.signal(SIGKILL)?;
        hub.wait_for_end(None);
    }
    Ok(())
}

/// Attaches a client: it gets the output from now on, and what it sends goes to the process.
fn attach(
    hub: &Arc<Hub>,
    client: UnixStream,
    stdin: bool,
    size: Option<(u16, u16)>,
    is_started: bool,
) -> io::Result<Arc<Outbox>> {
    let from = client.try_clone()?;
    let outbox = hub.add_client(client, true)?;
    if is_started {
        outbox.push(Frame::Started);
    }
    if let Some((rows, columns)) = size {
        hub.resize(rows, columns);
    }
    let (hub, of_client) = (Arc::clone(hub), Arc::clone(&outbox));
    std::thread::Builder::new().spawn(move || {
        listen(&hub, from, stdin);
        hub.remove_client(&of_client);
    })?;
    Ok(outbox)
}

/// Passes on what a client sends, until it is gone.
fn listen(hub: &Hub, mut client: UnixStream, stdin: bool) {
    while let Ok(Some(frame)) = Frame::read(&mut client) {
        match frame {
            Frame::Input(bytes) if stdin => hub.write_input(&bytes),
            Frame::InputEnd if stdin => hub.end_input(),
            Frame::Resize(rows, columns) => hub.resize(rows, columns),
            Frame::Signal(number) => drop(hub.signal(number)),
            _ => {}
        }
    }
}
