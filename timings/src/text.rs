//! Times, shares and names as a report shows them.

use std::time::Duration;

/// Returns a time with its unit: `340 µs`, `12.3 ms`, `1.24 s`, `2 min 05 s`, `1 h 02 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} µs", s * 1e6),
        s if s < 0.009_995 => format!("{:.2} ms", s * 1e3),
        s if s < 0.099_95 => format!("{:.1} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 59.95 => format!("{s:.1} s"),
        s => {
            let whole = s.round() as u64;
            match whole / 3600 {
                0 => format!("{} min {:02} s", whole / 60, whole % 60),
                hours => format!("{hours} h {:02} min", whole / 60 % 60),
            }
        }
    }
}

/// Returns the share of `part` in `whole` in percent; 0 if `whole` is zero.
pub fn percent(part: Duration, whole: Duration) -> f64 {
    match whole.as_secs_f64() {
        0.0 => 0.0,
        whole => part.as_secs_f64() / whole * 100.0,
    }
}

/// Splits `[build 2/5] RUN make` into `build 2/5` and `RUN make`. The place is empty if the name has none.
pub fn split_name(name: &str) -> (&str, &str) {
    let place = name.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    place.unwrap_or(("", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_about_three_digits() {
        let check = |micros: u64, expected: &str| {
            assert_eq!(duration(Duration::from_micros(micros)), expected);
        };
        check(0, "0 µs");
        check(340, "340 µs");
        check(1_500, "1.50 ms");
        check(12_340, "12.3 ms");
        check(999_400, "999 ms");
        check(999_900, "1.00 s");
        check(12_345_000, "12.3 s");
        check(59_960_000, "1 min 00 s");
        check(125_000_000, "2 min 05 s");
        check(3_725_000_000, "1 h 02 min");
    }

    #[test]
    fn a_name_is_split_into_place_and_text() {
        assert_eq!(split_name("[build 2/5] RUN a [b] c"), ("build 2/5", "RUN a [b] c"));
        assert_eq!(split_name("exporting to image"), ("", "exporting to image"));
        assert_eq!(split_name("[odd"), ("", "[odd"));
    }

    #[test]
    fn a_share_of_zero_is_zero() {
        assert_eq!(percent(Duration::from_secs(1), Duration::ZERO), 0.0);
        assert_eq!(percent(Duration::from_secs(1), Duration::from_secs(4)), 25.0);
    }
}
