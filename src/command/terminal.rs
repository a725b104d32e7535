//! The user's terminal and a container's: raw mode, sizes, signals.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, Signal};
use runner::supervise::Supervised;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::report::Failure;

/// The user's terminal in raw mode; as it was when this is dropped.
struct Raw {
    before: Option<Termios>,
}

impl Raw {
    /// Does nothing where stdin is no terminal.
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

/// Joins the user's terminal and the container's until it ends; returns its exit code.
pub fn attach(mut supervised: Supervised) -> Result<i32, Failure> {
    let terminal = supervised.take_terminal().expect("a container with a terminal has one, not taken yet");
    copy_size(&terminal);
    follow_size(terminal.try_clone()?)?;
    let raw = Raw::enter();
    let mut input = terminal.try_clone()?;
    // Ends with the process: a read from the user's terminal cannot be taken back.
    std::thread::Builder::new().spawn(move || pump(&mut io::stdin().lock(), &mut input))?;
    let mut output = terminal;
    let printer = std::thread::Builder::new().spawn(move || pump(&mut output, &mut io::stdout().lock()))?;
    let exit = supervised.wait()?;
    // What it wrote last is still on the way.
    let _ = printer.join();
    drop(raw);
    Ok(exit)
}

/// Copies until one side is gone.
fn pump(from: &mut dyn Read, to: &mut dyn Write) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) if to.write_all(&buffer[..length]).and_then(|()| to.flush()).is_err() => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn copy_size(terminal: &File) {
    if let Ok(size) = tcgetwinsize(io::stdout()) {
        let _ = tcsetwinsize(terminal.as_fd(), size);
    }
}

/// Tells the container when the user's window changes.
fn follow_size(terminal: File) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGWINCH);
    signals.thread_block()?;
    std::thread::Builder::new().spawn(move || {
        while signals.wait().is_ok() {
            copy_size(&terminal)
        }
    })?;
    Ok(())
}

/// Hands SIGINT, SIGTERM and the like on to the container's first process.
pub fn forward_signals(pid: u32) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2]
    {
        signals.add(signal);
    }
    signals.thread_block()?;
    let Ok(pid) = i32::try_from(pid) else { return Ok(()) };
    std::thread::Builder::new().spawn(move || {
        while let Ok(signal) = signals.wait() {
            // It may have ended just now.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    })?;
    Ok(())
}
