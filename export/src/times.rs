//! The times that an exported image may carry.

use rootfs::layers::{Clamp, Times};

/// What times an image may carry; all in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildTimes {
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_s: Option<i64>,
    /// When the commit was made that the build context is a checkout of.
    pub commit_s: Option<i64>,
    /// When it was really built.
    pub built_s: i64,
}

impl BuildTimes {
    /// When the image and its steps were made, as the config tells it: the source date, else the commit's, else 1980,
    /// so that the same input gives the same image; or the truth, where real times were asked for.
    pub(crate) fn created_s(&self, rewrite: bool) -> i64 {
        match self.source_date_s {
            Some(date) => date,
            None if rewrite => self.commit_s.unwrap_or(Clamp::STORE.0),
            None => self.built_s,
        }
    }

    /// What becomes of the times of files.
    pub(crate) fn files(&self, rewrite: bool) -> Times {
        match self.source_date_s {
            _ if !rewrite => Times::Real,
            Some(date) => Times::Clamped(Clamp(date)),
            None => Times::Store,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_follow_the_source_date() {
        #[track_caller]
        fn check(
            source_date_s: Option<i64>,
            commit_s: Option<i64>,
            rewrite: bool,
            created: i64,
            files: Times,
        ) {
            let times = BuildTimes { source_date_s, commit_s, built_s: 9 };
            assert_eq!((times.created_s(rewrite), times.files(rewrite)), (created, files));
        }
        check(None, None, true, Clamp::STORE.0, Times::Store);
        check(None, Some(7), true, 7, Times::Store);
        check(Some(5), Some(7), true, 5, Times::Clamped(Clamp(5)));
        check(None, Some(7), false, 9, Times::Real);
        check(Some(5), None, false, 5, Times::Real);
    }
}
