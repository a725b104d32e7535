//! Waiting for something that another process or another step holds.

use std::time::Duration;

/// Interval at which something that is held by others is tried again.
const POLL: Duration = Duration::from_millis(50);

/// Calls `take` until it returns a value, or until `is_canceled`: then returns `None`.
///
/// `show` is called with true once the first attempt was in vain, and with false at the end of such a wait.
pub fn wait_for<T, E>(
    is_canceled: &dyn Fn() -> bool,
    show: &dyn Fn(bool),
    mut take: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    if let Some(taken) = take()? {
        return Ok(Some(taken));
    }
    show(true);
    let result = loop {
        if is_canceled() {
            break Ok(None);
        }
        std::thread::sleep(POLL);
        match take() {
            Ok(None) => {}
            taken => break taken,
        }
    };
    show(false);
    result
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Waits for a value that the attempt with this number returns. Returns the value and what was shown.
    fn wait(succeeds_at: u32, canceled_at: u32) -> (Option<u32>, Vec<bool>) {
        let (attempts, shown) = (Cell::new(0), RefCell::new(Vec::new()));
        let taken =
            wait_for(&|| attempts.get() >= canceled_at, &|waits| shown.borrow_mut().push(waits), || {
                attempts.set(attempts.get() + 1);
                Ok::<_, ()>((attempts.get() == succeeds_at).then_some(attempts.get()))
            });
        (taken.unwrap(), shown.into_inner())
    }

    #[test]
    fn only_a_real_wait_is_shown() {
        assert_eq!(wait(1, 9), (Some(1), vec![]));
        assert_eq!(wait(3, 9), (Some(3), vec![true, false]));
    }

    #[test]
    fn a_cancellation_ends_the_wait() {
        assert_eq!(wait(9, 2), (None, vec![true, false]));
    }
}
