//! The user's terminal and that of a container: raw mode, sizes, signals.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::sys::signal::{SigSet, Signal};
use runner::supervise::Supervised;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use crate::failure::Failure;

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

/// Connects the user's terminal to that of the container until its process ends. Returns the exit code of the process.
pub fn attach(mut supervised: Supervised) -> Result<i32, Failure> {
    let terminal = supervised.take_terminal().expect("a container with a terminal has one, not taken yet");
    copy_size(&terminal);
    follow_size(terminal.try_clone()?)?;
    let raw = Raw::enter();
    let mut input = terminal.try_clone()?;
    // This thread ends with dsbuild: a read from the user's terminal cannot be interrupted.
    std::thread::spawn(move || pump(&mut io::stdin().lock(), &mut input));
    let mut output = terminal;
    let printer = std::thread::spawn(move || pump(&mut output, &mut io::stdout().lock()));
    let exit = supervised.wait()?;
    // The last output is still on its way.
    let _ = printer.join();
    drop(raw);
    Ok(exit)
}

/// Copies until one side is closed.
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

/// Passes on changes of the size of the user's window.
fn follow_size(terminal: File) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGWINCH);
    signals.thread_block()?;
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            copy_size(&terminal)
        }
    });
    Ok(())
}

/// Passes SIGINT, SIGTERM and the like on to the first process of the container.
pub fn forward_signals(pid: u32) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in
        [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2]
    {
        signals.add(signal);
    }
    signals.thread_block()?;
    let Ok(pid) = i32::try_from(pid) else { return Ok(()) };
    std::thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            // The process may have ended meanwhile.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    });
    Ok(())
}
