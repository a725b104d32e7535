//! Progress of a build on stderr.
//!
//! ```text
//! plain    a line for each event          rawjson  JSON lines
//! tty      a view redrawn in place        lines    output of a process -> lines
//! ```
//!
//! Each mode is a [`Display`]: it receives every event in order, and `tick`s if its view changes by itself.
//! Concurrency: events come from many threads; one lock orders them.

mod lines;
mod plain;
mod rawjson;
mod tty;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use progress::MissReason;
use progress::{Event, Sink};

use crate::output::{self, Stream};
use cli::build::ProgressMode;

/// Time between two drawings of the live view.
const TICK: Duration = Duration::from_millis(100);

/// Form in which events are shown.
trait Display: Send {
    /// Shows an event of the build.
    fn event(&mut self, event: Event);

    /// Redraws what changes with time.
    fn tick(&mut self) {}

    /// Ends the display of a build that succeeded or failed.
    fn finish(&mut self, succeeded: bool);
}

/// Sink that shows events in the form that the user chose.
pub struct Screen {
    display: Arc<Mutex<Box<dyn Display>>>,
    stop: Arc<AtomicBool>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

impl Screen {
    /// Starts the display of a build. A live view needs a terminal that can move its cursor; elsewhere lines are printed.
    pub fn new(mode: ProgressMode) -> Arc<Self> {
        let mode = match mode {
            ProgressMode::Auto if Stream::Stderr.has_cursor() => ProgressMode::Tty,
            ProgressMode::Tty if Stream::Stderr.is_terminal() && !Stream::Stderr.has_cursor() => {
                ProgressMode::Plain
            }
            ProgressMode::Auto => ProgressMode::Plain,
            mode => mode,
        };
        let display: Box<dyn Display> = match mode {
            ProgressMode::Tty => Box::new(tty::Tty::new(Stream::Stderr.has_colors())),
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

    /// A machine that gives us no thread shows the view less often: at events only.
    fn start_ticking(&self) {
        let (display, stop) = (Arc::clone(&self.display), Arc::clone(&self.stop));
        let ticker = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(TICK);
                lock(&display).tick();
            }
        });
        *lock(&self.ticker) = ticker.ok();
    }

    /// Ends the display. Later output on stderr appears below it.
    pub fn finish(&self, succeeded: bool) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = lock(&self.ticker).take() {
            ticker.thread().unpark();
            // A ticker that panicked has printed its message.
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

/// Display of `--progress=quiet` and `none`.
struct Silent;

impl Display for Silent {
    fn event(&mut self, _event: Event) {}

    fn finish(&mut self, _succeeded: bool) {}
}

/// Returns why a step runs although it was built before. A new step needs no explanation.
fn not_cached(reason: &MissReason) -> Option<String> {
    match reason {
        MissReason::New | MissReason::Forced => None,
        reason => Some(output::sanitized(&format!("not cached: {reason}"))),
    }
}

/// Returns seconds as BuildKit's logs have them, with more digits for short times.
fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        s if s < 10.0 => format!("{s:.3}"),
        s if s < 100.0 => format!("{s:.2}"),
        s => format!("{s:.1}"),
    }
}
