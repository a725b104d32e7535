//! Retries: which failures are worth another attempt, after which pause, and when to give up.
//!
//! The rules are those of [`Patience`]: pauses double up to [`Patience::MAX_PAUSE`], the time lost is bounded, and a
//! server's `Retry-After` is honored up to a limit. `Retry-After` as a date is not read: clocks differ.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::patience::Patience;
use crate::cancel::Cancellation;

/// Least number of attempts at a request that a server does not answer.
const MIN_ATTEMPTS_AT_SILENCE: u32 = 2;

/// Repeats `attempt` while its failures can pass, with growing pauses.
pub(crate) fn persist<T>(
    patience: Patience,
    cancel: &Cancellation,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut retries = Retries::new(patience);
    loop {
        cancel.check()?;
        let started = Instant::now();
        let failure = match attempt() {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        match retries.pause_after(&failure, started.elapsed()) {
            Some(pause) => cancel.sleep(pause)?,
            None => return Err(failure),
        }
    }
}

/// Bookkeeping of the failures of one request.
#[derive(Debug)]
pub(crate) struct Retries {
    patience: Patience,
    failures: u32,
    /// Time that attempts without a result and our own pauses took.
    lost: Duration,
    /// Time that the server asked to wait.
    asked: Duration,
}

impl Retries {
    /// Starts to count; nothing has failed yet.
    pub fn new(patience: Patience) -> Self {
        Self { patience, failures: 0, lost: Duration::ZERO, asked: Duration::ZERO }
    }

    /// Returns the pause before the next attempt, or `None` if the request is to be given up.
    ///
    /// `took` is how long the failed attempt lasted without getting anywhere.
    pub fn pause_after(&mut self, failure: &Failure, took: Duration) -> Option<Duration> {
        let limit = limit(failure, &self.patience)?;
        self.failures += 1;
        self.lost += took;
        if self.failures >= self.patience.attempts {
            return None;
        }
        let doubled = self.patience.pause.saturating_mul(1 << (self.failures - 1).min(16));
        let pause = doubled.min(Patience::MAX_PAUSE);
        if let Some(asked) = retry_after(failure).filter(|asked| *asked > pause) {
            self.asked = self.asked.saturating_add(asked);
            return (self.asked <= self.patience.retry_after).then_some(asked);
        }
        if self.failures >= min_attempts(failure, &self.patience) && self.lost >= limit {
            return None;
        }
        self.lost += pause;
        Some(pause)
    }
}

/// Returns how long a failure is worth retrying; `None` if it will not pass.
fn limit(failure: &Failure, patience: &Patience) -> Option<Duration> {
    let limit = match failure {
        Failure::NoAddress { .. } | Failure::NoConnection { .. } => {
            patience.total.min(Patience::MAX_UNREACHABLE)
        }
        _ => patience.total,
    };
    failure.is_temporary().then_some(limit)
}

/// Returns how often a request is tried at least. A server that stays silent is asked once more, however long the request:
/// each attempt has cost the time of a stall.
fn min_attempts(failure: &Failure, patience: &Patience) -> u32 {
    let most = if *failure == Failure::Silence { MIN_ATTEMPTS_AT_SILENCE } else { u32::MAX };
    patience.min_attempts.min(most)
}

fn retry_after(failure: &Failure) -> Option<Duration> {
    match failure {
        Failure::Transient { retry_after, .. } => *retry_after,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(retry_after_s: Option<u64>) -> Failure {
        Failure::Transient { reason: "busy".to_owned(), retry_after: retry_after_s.map(Duration::from_secs) }
    }

    /// Collects the pauses after attempts that fail with `failure` and take `took`.
    fn pauses_ms(patience: Patience, failure: &Failure, took: Duration) -> Vec<u128> {
        let mut retries = Retries::new(patience);
        std::iter::from_fn(|| retries.pause_after(failure, took)).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn pauses_double_for_about_half_a_minute() {
        let pauses = pauses_ms(Patience::default(), &busy(None), Duration::ZERO);
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000]);
    }

    #[test]
    fn slow_attempts_use_up_patience_as_pauses_do() {
        let pauses = pauses_ms(Patience::default(), &busy(None), Duration::from_secs(10));
        assert_eq!(pauses, [200, 400]);
    }

    #[test]
    fn one_failure_is_retried_however_long_it_took() {
        let pauses = pauses_ms(Patience::default(), &busy(None), Duration::from_secs(600));
        assert_eq!(pauses, [200]);
    }

    #[test]
    fn a_long_upload_is_tried_four_times() {
        let pauses = pauses_ms(Patience::default().for_upload(), &busy(None), Duration::from_secs(600));
        assert_eq!(pauses, [200, 400, 800]);
    }

    #[test]
    fn an_upload_to_a_silent_server_is_tried_twice() {
        let patience = Patience::default().for_upload();
        assert_eq!(pauses_ms(patience, &Failure::Silence, patience.stall), [200]);
    }

    #[test]
    fn attempts_are_limited_where_the_caller_limits_them() {
        let patience = Patience { attempts: 3, ..Patience::default() };
        assert_eq!(pauses_ms(patience, &busy(None), Duration::ZERO), [200, 400]);
        let patience = Patience { attempts: 1, ..Patience::default() };
        assert_eq!(pauses_ms(patience, &busy(None), Duration::ZERO), [0; 0]);
    }

    #[test]
    fn a_server_can_ask_for_a_minute_in_all() {
        assert_eq!(pauses_ms(Patience::default(), &busy(Some(25)), Duration::ZERO), [25_000, 25_000]);
        assert_eq!(pauses_ms(Patience::default(), &busy(Some(99_999)), Duration::ZERO), [0; 0]);
    }

    #[test]
    fn a_pause_beyond_all_time_is_not_added_up() {
        let mut retries = Retries::new(Patience::default());
        let ask = |retries: &mut Retries, seconds| retries.pause_after(&busy(Some(seconds)), Duration::ZERO);
        assert_eq!(ask(&mut retries, 1), Some(Duration::from_secs(1)));
        assert_eq!(ask(&mut retries, u64::MAX), None);
    }

    #[test]
    fn a_server_that_asks_for_no_pause_is_not_flooded() {
        let pauses = pauses_ms(Patience::default(), &busy(Some(0)), Duration::ZERO);
        assert_eq!(pauses[..3], [200, 400, 800]);
    }

    #[test]
    fn failures_that_do_not_pass_are_not_retried() {
        let reason = || "because".to_owned();
        for failure in [
            Failure::Canceled,
            Failure::Bad { reason: reason() },
            Failure::NotHttp { reason: reason() },
            Failure::NoAddress { reason: reason(), is_temporary: false },
            Failure::NoConnection { reason: reason(), is_temporary: false },
            Failure::NoAnswer { reason: reason(), is_temporary: false },
        ] {
            assert_eq!(pauses_ms(Patience::default(), &failure, Duration::ZERO), [0; 0], "{failure:?}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_retried_for_a_few_seconds_only() {
        let reason = || "try again".to_owned();
        for failure in [
            Failure::NoAddress { reason: reason(), is_temporary: true },
            Failure::NoConnection { reason: reason(), is_temporary: true },
        ] {
            let pauses = pauses_ms(Patience::default(), &failure, Duration::ZERO);
            assert_eq!(pauses, [200, 400, 800, 1600, 3200]);
        }
    }

    #[test]
    fn a_canceled_request_is_not_tried_again() {
        let cancel = Cancellation::when(|| true);
        let result = persist(Patience::default(), &cancel, || -> Result<(), Failure> { panic!("tried") });
        assert_eq!(result, Err(Failure::Canceled));
    }
}
