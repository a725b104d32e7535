//! Events of a build, shown.
//!
//! Each mode is a [`Display`]: it gets every event in turn, and `tick`s where it moves by itself. All write to stderr.

mod plain;
mod rawjson;
mod tty;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use progress::MissReason;
use progress::{Event, Sink};

use crate::args::build::ProgressMode;
use crate::output;

/// How often a live view is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// Shows events.
trait Display: Send {
    /// One happened.
    fn event(&mut self, event: Event);

    /// Time has passed.
    fn tick(&mut self) {}

    /// The build is over, well or badly.
    fn finish(&mut self, succeeded: bool);
}

/// The display that the user asked for.
pub struct Screen {
    display: Arc<Mutex<Box<dyn Display>>>,
    stop: Arc<AtomicBool>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

impl Screen {
    /// Starts showing.
    pub fn new(mode: ProgressMode) -> Arc<Self> {
        use std::io::IsTerminal as _;
        let mode = match mode {
            ProgressMode::Auto if std::io::stderr().is_terminal() => ProgressMode::Tty,
            ProgressMode::Auto => ProgressMode::Plain,
            mode => mode,
        };
        let display: Box<dyn Display> = match mode {
            ProgressMode::Tty => Box::new(tty::Tty::new(output::styled())),
            ProgressMode::Rawjson => Box::new(rawjson::RawJson::default()),
            ProgressMode::Quiet | ProgressMode::None => Box::new(Silent),
            ProgressMode::Auto | ProgressMode::Plain => Box::new(plain::Plain::default()),
        };
        let screen = Arc::new(Self {
            display: Arc::new(Mutex::new(display)),
            stop: Arc::default(),
            ticker: Mutex::default(),
        });
        if mode == ProgressMode::Tty {
            screen.start_ticking();
        }
        screen
    }

    fn start_ticking(&self) {
        let (display, stop) = (Arc::clone(&self.display), Arc::clone(&self.stop));
        let ticker = std::thread::Builder::new().spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                lock(&display).tick();
            }
        });
        // Without a thread of its own the view changes with events only.
        *lock(&self.ticker) = ticker.ok();
    }

    /// Stops showing; what follows on stderr stands below.
    pub fn finish(&self, succeeded: bool) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = lock(&self.ticker).take() {
            ticker.thread().unpark();
            // A ticker that panicked has shown so itself.
            let _ = ticker.join();
        }
        lock(&self.display).finish(succeeded);
    }
}

impl Sink for Screen {
    fn event(&self, event: Event) {
        lock(&self.display).event(event);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Shows nothing.
struct Silent;

impl Display for Silent {
    fn event(&mut self, _event: Event) {}

    fn finish(&mut self, _succeeded: bool) {}
}

/// Splits what comes into lines; an unfinished one waits for its end.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// The lines that are complete now, fit for a terminal.
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.0.split_off(end + 1);
        let complete = std::mem::replace(&mut self.0, rest);
        complete[..end].split(|byte| *byte == b'\n').map(line).collect()
    }

    /// What was left without an end.
    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| line(&rest))
    }
}

/// A progress bar rewrites its line by carriage returns: its last state counts.
fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\r');
    output::sanitized(text.rsplit('\r').next().unwrap_or_default())
}

/// Why a step runs although it was built before; a step that is new needs no explanation.
fn not_cached(reason: &MissReason) -> Option<String> {
    match reason {
        MissReason::New | MissReason::Forced => None,
        reason => Some(output::sanitized(&format!("not cached: {reason}"))),
    }
}

/// Seconds as BuildKit's logs have them: more digits for short times.
fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        s if s < 10.0 => format!("{s:.3}"),
        s if s < 100.0 => format!("{s:.2}"),
        s => format!("{s:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_into_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\n\nthree"), ["two", ""]);
        assert_eq!(lines.rest().as_deref(), Some("three"));
        assert_eq!(lines.rest(), None);
        assert_eq!(lines.push(b" 10%\r 50%\r100%\r\n"), ["100%"]);
        assert_eq!(lines.push(b"\xff\n"), ["\u{fffd}"]);
    }
}
