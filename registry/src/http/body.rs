//! Bodies that must keep a pace: a server that sends a byte now and then is given up.
//!
//! Two limits hold for every body: a least rate over each period of [`Patience::stall`], and a total. Only the time spent
//! waiting for the network counts, so a caller that unpacks slowly, or a machine that sleeps, breaks neither.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::BodyReader;

use super::patience::Patience;

/// A body that fails once it falls below its least rate or takes longer than its total.
pub(crate) struct PacedBody {
    body: BodyReader<'static>,
    pace: Pace,
}

impl PacedBody {
    /// Watches over `body` from now on.
    pub fn new(body: ureq::Body, pace: Pace) -> Self {
        Self { body: body.into_reader(), pace }
    }

    /// Returns the time that the reader has waited for bytes so far.
    pub fn waited(&self) -> Duration {
        self.pace.waited
    }

    /// Returns the time that went into a period which was too slow; zero for a body that kept its pace.
    pub fn wasted(&self) -> Duration {
        self.pace.wasted
    }
}

impl Read for PacedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let count = self.body.read(buffer)?;
        self.pace.record(started.elapsed(), count)?;
        Ok(count)
    }
}

/// Limits of one body, and how it has done so far.
#[derive(Debug)]
pub(crate) struct Pace {
    min_bytes_per_s: u64,
    period: Duration,
    total: Duration,
    /// Time spent waiting since the body began.
    waited: Duration,
    /// The same and the bytes that came, since the current period began.
    period_waited: Duration,
    period_bytes: u64,
    /// Time of the period that was too slow.
    wasted: Duration,
}

impl Pace {
    /// Limits of a body that can take `total`.
    pub fn new(patience: &Patience, total: Duration) -> Self {
        Self {
            min_bytes_per_s: patience.min_bytes_per_s,
            period: patience.stall,
            total,
            waited: Duration::ZERO,
            period_waited: Duration::ZERO,
            period_bytes: 0,
            wasted: Duration::ZERO,
        }
    }

    /// Counts a read that waited for `waited` and brought `count` bytes.
    fn record(&mut self, waited: Duration, count: usize) -> io::Result<()> {
        self.waited += waited;
        self.period_waited += waited;
        self.period_bytes += count as u64;
        if self.waited > self.total {
            return Err(timed_out(format!("the body takes longer than {:?}", self.total)));
        }
        if self.period_waited < self.period {
            return Ok(());
        }
        let rate = self.period_bytes as f64 / self.period_waited.as_secs_f64();
        if rate < self.min_bytes_per_s as f64 {
            let least = self.min_bytes_per_s;
            self.wasted = self.period_waited;
            return Err(timed_out(format!("the body comes at {rate:.0} bytes a second, less than {least}")));
        }
        (self.period_waited, self.period_bytes) = (Duration::ZERO, 0);
        Ok(())
    }
}

fn timed_out(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(total_s: u64) -> Pace {
        Pace::new(&Patience::default(), Duration::from_secs(total_s))
    }

    #[test]
    fn a_byte_a_second_is_too_slow_after_half_a_minute() {
        let mut pace = pace(3600);
        let failed = (1..100).find(|_| pace.record(Duration::from_secs(1), 1).is_err());
        assert_eq!(failed, Some(30));
    }

    #[test]
    fn a_slow_link_is_fast_enough() {
        let mut pace = pace(3600);
        assert!((0..1000).all(|_| pace.record(Duration::from_secs(1), 600).is_ok()));
    }

    #[test]
    fn a_fast_start_does_not_excuse_a_slow_rest() {
        let mut pace = pace(3600);
        assert!((0..30).all(|_| pace.record(Duration::from_secs(1), 1 << 30).is_ok()));
        let failed = (1..100).find(|_| pace.record(Duration::from_secs(1), 1).is_err());
        assert_eq!(failed, Some(30));
    }

    #[test]
    fn a_body_ends_when_its_time_is_up_whatever_its_rate() {
        let mut pace = pace(60);
        let failed = (1..100).find(|_| pace.record(Duration::from_secs(1), 1000).is_err());
        assert_eq!(failed, Some(61));
    }
}
