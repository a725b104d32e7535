//! Bodies that must keep a pace: a server that sends a byte now and then is given up.
//!
//! Two limits hold for every body: a least rate over the last [`Patience::stall`] at any moment, so that a fast start
//! excuses nothing, and a total. Only the time spent waiting for the network counts, so a caller that unpacks slowly, or a
//! machine that sleeps, breaks neither.

use std::collections::VecDeque;
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

    /// Returns the time for which the body was too slow before it was given up; zero for a body that kept its pace.
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

/// Number of slices that a window is measured in. The window is at most one slice longer than its period.
const SLICES: u32 = 16;

/// Limits of one body, and how it has done so far.
#[derive(Debug)]
pub(crate) struct Pace {
    min_bytes_per_s: u64,
    period: Duration,
    total: Duration,
    /// Time spent waiting since the body began.
    waited: Duration,
    window: Window,
    /// Time for which the body was too slow.
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
            window: Window::default(),
            wasted: Duration::ZERO,
        }
    }

    /// Counts a read that waited for `waited` and brought `count` bytes.
    fn record(&mut self, waited: Duration, count: usize) -> io::Result<()> {
        self.window.add(self.waited, count as u64, self.period / SLICES);
        self.waited += waited;
        if self.waited > self.total {
            return Err(timed_out(format!("the body takes longer than {:?}", self.total)));
        }
        let length = self.window.shorten(self.waited, self.period);
        if length < self.period {
            return Ok(());
        }
        let rate = self.window.bytes as f64 / length.as_secs_f64();
        if rate < self.min_bytes_per_s as f64 {
            let least = self.min_bytes_per_s;
            self.wasted = length;
            return Err(timed_out(format!("the body comes at {rate:.0} bytes a second, less than {least}")));
        }
        Ok(())
    }
}

/// The bytes that came lately. Times are those spent waiting since the body began.
#[derive(Debug, Default)]
struct Window {
    /// Begin and bytes of each slice, oldest first.
    slices: VecDeque<(Duration, u64)>,
    /// Bytes of all slices.
    bytes: u64,
}

impl Window {
    /// Counts bytes that came in a read which began at `begin`; a new slice begins if the last one is `slice` old.
    fn add(&mut self, begin: Duration, bytes: u64, slice: Duration) {
        match self.slices.back_mut().filter(|(started, _)| begin - *started < slice) {
            Some((_, counted)) => *counted += bytes,
            None => self.slices.push_back((begin, bytes)),
        }
        self.bytes += bytes;
    }

    /// Drops the slices that are not needed to cover the `period` before `now`; returns the length of the window.
    fn shorten(&mut self, now: Duration, period: Duration) -> Duration {
        while self.slices.get(1).is_some_and(|(second, _)| now - *second >= period) {
            self.bytes -= self.slices.pop_front().map_or(0, |(_, bytes)| bytes);
        }
        self.slices.front().map_or(Duration::ZERO, |(begin, _)| now - *begin)
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
    fn one_large_read_does_not_excuse_the_time_after_it() {
        let mut pace = pace(3600);
        pace.record(Duration::from_millis(5), 880_155).unwrap();
        let failed = (1..100).find(|_| pace.record(Duration::from_secs(1), 1).is_err());
        assert_eq!(failed, Some(32), "a period and a slice");
        assert!(pace.wasted >= Duration::from_secs(30), "{:?}", pace.wasted);
    }

    #[test]
    fn a_window_keeps_few_slices() {
        let mut pace = pace(3600);
        assert!((0..10_000).all(|_| pace.record(Duration::from_millis(100), 1000).is_ok()));
        assert!(pace.window.slices.len() <= SLICES as usize + 2, "{}", pace.window.slices.len());
    }

    #[test]
    fn a_body_ends_when_its_time_is_up_whatever_its_rate() {
        let mut pace = pace(60);
        let failed = (1..100).find(|_| pace.record(Duration::from_secs(1), 1000).is_err());
        assert_eq!(failed, Some(61));
    }
}
