//! Cancellation: how a caller stops a client that is waiting.
//!
//! Every wait of this crate is cut into slices of [`SLICE`]: name lookups, connecting, TLS handshakes, reading, writing,
//! pauses between attempts and credential helpers. Between two slices the client checks with its [`Cancellation`] whether to
//! go on, so a canceled client returns an error within a second, whatever the server does.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time that a wait takes before it asks whether it is canceled.
pub(crate) const SLICE: Duration = Duration::from_millis(200);

/// Handle by which a caller cancels the requests of a client; the default is never canceled.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// let stop = Arc::new(AtomicBool::new(false));
/// let watched = Arc::clone(&stop);
/// let cancel = registry::Cancellation::when(move || watched.load(Ordering::SeqCst));
/// let client = registry::Client::new(registry::Options { cancel, ..registry::Options::default() });
/// stop.store(true, Ordering::SeqCst); // From now on every request of `client` fails.
/// ```
#[derive(Clone, Default)]
pub struct Cancellation(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Cancellation {
    /// Returns a handle that is canceled once `is_canceled` returns true.
    ///
    /// The function is called often and from every thread that waits: it should only read a flag.
    pub fn when(is_canceled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_canceled)))
    }

    /// Fails if the caller has canceled.
    pub(crate) fn check(&self) -> Result<(), Canceled> {
        let is_canceled = self.0.as_ref().is_some_and(|is_canceled| is_canceled());
        if is_canceled { Err(Canceled) } else { Ok(()) }
    }

    /// Sleeps for `pause`, or until the caller cancels.
    pub(crate) fn sleep(&self, pause: Duration) -> Result<(), Canceled> {
        let started = Instant::now();
        loop {
            self.check()?;
            let left = pause.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(SLICE));
        }
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancellation(canceled: {})", self.check().is_err())
    }
}

/// The caller canceled the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("canceled")]
pub(crate) struct Canceled;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_pause_ends_when_it_is_canceled() {
        let asked = AtomicU32::new(0);
        let cancel = Cancellation::when(move || asked.fetch_add(1, Ordering::SeqCst) == 2);
        let started = Instant::now();
        assert_eq!(cancel.sleep(Duration::from_secs(60)), Err(Canceled));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }

    #[test]
    fn a_pause_that_nobody_cancels_takes_its_time() {
        let started = Instant::now();
        assert_eq!(Cancellation::default().sleep(Duration::from_millis(30)), Ok(()));
        assert!(started.elapsed() >= Duration::from_millis(30), "{:?}", started.elapsed());
    }
}
