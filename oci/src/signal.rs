//! Signals as `StopSignal` of an image config writes them: names and numbers.
//!
//! The numbers are those of Linux on x86-64, arm64 and all other architectures that containers run on; alpha, mips,
//! parisc and sparc differ.
//!
//! Source: moby/sys/signal, `signal_linux.go`; signal(7), "Standard signals".

/// Highest number that Linux has a signal for, `SIGRTMAX`.
pub const MAX: i64 = 64;

/// Number of `SIGTERM`, which stops a container whose image names no signal.
pub const TERM: i64 = 15;

/// First and last real-time signal, as glibc and musl number them.
const REAL_TIME_MIN: i64 = 34;
const REAL_TIME_MAX: i64 = MAX;

/// Highest offsets for which moby has a name: `RTMIN+15` and `RTMAX-14`.
const MAX_ABOVE_MIN: i64 = 15;
const MAX_BELOW_MAX: i64 = 14;

/// Every signal with a name of its own, without `SIG`. `CLD`, `IOT` and `POLL` are second names.
const NAMES: [(&str, i64); 36] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", TERM),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("RTMIN", REAL_TIME_MIN),
    ("RTMAX", REAL_TIME_MAX),
];

/// Returns the number of the signal that `text` stands for: a name in any case, with or without `SIG`, or a number.
///
/// Like moby, lets any number but 0 pass, negative ones and those above [`MAX`] included: a Dockerfile is written for
/// other machines too. `None` if `text` is neither a name nor such a number.
pub fn number(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number).filter(|number| *number != 0);
    }
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or_else(|| real_time(name))
}

/// Returns the number of a name like `RTMIN+3` or `RTMAX-1`.
fn real_time(name: &str) -> Option<i64> {
    let offset = |prefix: &str, max: i64| {
        let digits = name.strip_prefix(prefix)?;
        (1..=max).find(|offset| offset.to_string() == digits)
    };
    let above = offset("RTMIN+", MAX_ABOVE_MIN).map(|offset| REAL_TIME_MIN + offset);
    above.or_else(|| offset("RTMAX-", MAX_BELOW_MAX).map(|offset| REAL_TIME_MAX - offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(number(text), expected, "{text:?}");
    }

    #[test]
    fn every_number_from_1_to_31_has_a_name() {
        for number in 1..=31 {
            assert!(NAMES.iter().any(|(_, known)| *known == number), "{number}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_with_or_without_sig() {
        check("SIGTERM", Some(15));
        check("term", Some(15));
        check("sigwinch", Some(28));
        check("SIGCLD", Some(17));
        check("SIGIOT", Some(6));
        check("SIGSIGTERM", None);
        check("SIGNOPE", None);
        check("SIG", None);
        check("", None);
    }

    #[test]
    fn real_time_signals_are_counted_from_both_ends() {
        check("RTMIN", Some(34));
        check("SIGRTMIN+3", Some(37));
        check("RTMIN+15", Some(49));
        check("RTMAX-14", Some(50));
        check("rtmax", Some(64));
        check("RTMIN+16", None);
        check("RTMAX-15", None);
        check("RTMIN+0", None);
        check("RTMIN+03", None);
        check("RTMIN++3", None);
        check("RTMIN+", None);
        check("RTMIN-1", None);
    }

    #[test]
    fn any_number_but_zero_passes() {
        check("9", Some(9));
        check("99", Some(99));
        check("-1", Some(-1));
        check("0", None);
        check("1.5", None);
    }
}
