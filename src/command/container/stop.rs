//! `dsbuild stop`: asks containers to stop, and kills the ones that go on.

use runner::signal;

use super::each::each;
use super::find::find;
use crate::failure::Failure;
use cli::container::StopArgs;

/// Stops containers and prints the name of each.
pub fn run(args: &StopArgs) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| {
        signal::stop(&find(name)?, args.signal.as_deref(), patience_s(args.time_s))?;
        Ok(Some(name.to_owned()))
    })
}

/// Returns the seconds of `--time`: `Some(None)` to wait for ever, `None` if the container decides.
pub fn patience_s(time_s: Option<i64>) -> Option<Option<u64>> {
    time_s.map(|seconds| u64::try_from(seconds).ok())
}
