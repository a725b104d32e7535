//! The signal that asks a container to stop.

use crate::RunnerError;

/// Returns the number of the signal that an image's STOPSIGNAL names; SIGTERM if it is empty.
///
/// A signal that Linux does not have is an error. Another signal in its place could kill the program before it has
/// cleaned up.
pub(crate) fn number(text: &str) -> Result<i32, RunnerError> {
    let number = if text.is_empty() { Some(oci::signal::TERM) } else { oci::signal::number(text) };
    number
        .filter(|number| (1..=oci::signal::MAX).contains(number))
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| RunnerError::BadSignal { signal: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_signal_is_a_signal_of_linux() {
        let check = |text, expected| assert_eq!(number(text).ok(), expected, "{text:?}");
        check("", Some(15));
        check("SIGINT", Some(2));
        check("quit", Some(3));
        check("SIGRTMIN+3", Some(37));
        check("64", Some(64));
        check("65", None);
        check("-9", None);
        check("0", None);
        check("SIGNOPE", None);
    }

    #[test]
    fn names_have_the_numbers_of_this_machine() {
        for signal in nix::sys::signal::Signal::iterator() {
            assert_eq!(number(signal.as_str()).ok(), Some(signal as i32), "{signal}");
        }
    }
}
