//! The user's streams, connected to those of a process in a container: raw mode, sizes, signals.

use std::io::{self, IsTerminal, Read};

use nix::sys::signal::{SigSet, Signal};
use runner::client::{Attached, DetachKeys, Ending, Output, Sender};
use runner::protocol::Frame;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::failure::Failure;
use crate::output::{self, Stream};

/// Signals that are passed on to the process.
const FORWARDED: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// Streams of the user that a process gets.
pub struct Session {
    /// Whether our stdin goes to the process.
    pub stdin: bool,
    /// Whether the process has a terminal.
    pub terminal: bool,
    /// Whether signals go to the process.
    pub forwards_signals: bool,
    /// Keys that detach; only a terminal has any.
    pub keys: DetachKeys,
}

impl Session {
    /// Reads `--detach-keys`, whose default is that of docker.
    pub fn keys(text: Option<&str>) -> Result<DetachKeys, Failure> {
        let keys = text.map(str::parse).transpose();
        let keys = keys.map_err(|reason| Failure::usage(format!("--detach-keys: {reason}")))?;
        Ok(keys.unwrap_or_default())
    }

    /// Refuses a stdin that is no terminal for a process that gets one, as docker does.
    pub fn check(&self) -> Result<(), Failure> {
        if self.stdin && self.terminal && !io::stdin().is_terminal() {
            return Err(Failure::usage("the input device is not a TTY")
                .hint("leave out -t, or call it from a terminal"));
        }
        Ok(())
    }

    /// Connects until the process ends or the user detaches.
    pub fn run(self, attached: Attached) -> Result<Ending, Failure> {
        let raw = self.terminal.then(Raw::enter);
        if self.terminal {
            send_size(&attached.sender());
        }
        self.watch_signals(attached.sender())?;
        if self.stdin {
            let keys = self.terminal.then_some(self.keys);
            attached.send_input(Stdin, keys)?;
        }
        let ending = attached.follow(&mut Streams)?;
        drop(raw);
        if ending == Ending::Detached {
            output::note("read escape sequence");
        }
        Ok(ending)
    }

    /// Passes on signals and changes of the size of the user's window.
    fn watch_signals(&self, sender: Sender) -> Result<(), Failure> {
        let mut signals = SigSet::empty();
        if self.terminal {
            signals.add(Signal::SIGWINCH);
        }
        if self.forwards_signals {
            FORWARDED.into_iter().for_each(|signal| signals.add(signal));
        }
        signals.thread_block()?;
        std::thread::Builder::new().spawn(move || {
            while let Ok(signal) = signals.wait() {
                match signal {
                    Signal::SIGWINCH => send_size(&sender),
                    // The process may have ended meanwhile.
                    signal => drop(sender.send(&Frame::Signal(signal as i32))),
                }
            }
        })?;
        Ok(())
    }
}

/// Returns the size of the user's terminal in rows and columns, if there is one.
pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

fn send_size(sender: &Sender) {
    if let Some((rows, columns)) = size() {
        // The process may have ended meanwhile.
        let _ = sender.send(&Frame::Resize(rows, columns));
    }
}

/// Our stdin, without a buffer of its own.
struct Stdin;

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), buffer)?)
    }
}

/// Our stdout and stderr, which get the bytes of the process as they are.
struct Streams;

impl Output for Streams {
    fn stdout(&mut self, bytes: &[u8]) -> io::Result<()> {
        output::passed_on(Stream::Stdout, bytes)
    }

    fn stderr(&mut self, bytes: &[u8]) -> io::Result<()> {
        output::passed_on(Stream::Stderr, bytes)
    }
}

/// The user's terminal in raw mode. Its former mode returns when this is dropped.
struct Raw {
    before: Option<Termios>,
}

impl Raw {
    /// Enters raw mode if stdin is a terminal.
    fn enter() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
        }
        Self { before }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
