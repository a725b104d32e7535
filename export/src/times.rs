//! Times that an output can carry: of the image itself, and of its files.

use rootfs::layers::{Clamp, Times};

/// Times that a build knows; all in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildTimes {
    /// `SOURCE_DATE_EPOCH` of the build, or `None` if it is not set.
    pub source_date_s: Option<i64>,
    /// Time of the commit that the build context is a checkout of, or `None` for any other context.
    pub commit_s: Option<i64>,
    /// Time at which the build ran.
    pub built_s: i64,
}

impl BuildTimes {
    /// Returns the times with another source date, if there is one: `source-date-epoch=` of an output.
    pub(crate) fn with_source_date(self, source_date_s: Option<i64>) -> Self {
        Self { source_date_s: source_date_s.or(self.source_date_s), ..self }
    }

    /// Returns the time of creation for the config and its history.
    ///
    /// That is the source date, else the time of the commit, else 1980-01-02, so that the same input gives the same
    /// image. With `rewrite-timestamp=false` and without a source date it is the time of the build.
    pub(crate) fn created_s(&self, is_rewritten: bool) -> i64 {
        match self.source_date_s {
            Some(date) => date,
            None if is_rewritten => self.commit_s.unwrap_or(Clamp::STORE.0),
            None => self.built_s,
        }
    }

    /// Returns the times that the files of layers get.
    pub(crate) fn files(&self, is_rewritten: bool) -> Times {
        match self.source_date_s {
            _ if !is_rewritten => Times::Real,
            Some(date) => Times::Clamped(Clamp(date)),
            None => Times::Store,
        }
    }

    /// Returns the source date that rewritten layers are annotated with; `None` if the files have no source date.
    pub(crate) fn rewritten_s(&self, is_rewritten: bool) -> Option<i64> {
        self.source_date_s.filter(|_| is_rewritten)
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

    #[test]
    fn the_source_date_of_an_output_replaces_that_of_the_build() {
        let times = BuildTimes { source_date_s: Some(5), commit_s: None, built_s: 9 };
        assert_eq!(times.with_source_date(None).created_s(true), 5);
        assert_eq!(times.with_source_date(Some(6)).created_s(true), 6);
        assert_eq!((times.rewritten_s(true), times.rewritten_s(false)), (Some(5), None));
    }

    #[test]
    fn the_default_date_is_one_that_zip_can_store_in_every_time_zone() {
        // zip stores local times from 1980-01-01T00:00 on, and the westernmost zone is 12 hours behind UTC.
        let first_zip_time_s = 315_532_800 + 12 * 3600;
        let times = BuildTimes { source_date_s: None, commit_s: None, built_s: 9 };
        assert!(times.created_s(true) >= first_zip_time_s);
        assert_eq!(oci::rfc3339(times.created_s(true)), "1980-01-02T00:00:00Z");
    }
}
