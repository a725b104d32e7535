//! `--filter` of `dsbuild images`, and the name that it takes as an argument.

use cache::Store;
use images::catalog::Entry;
use images::find::at;
use oci::{Descriptor, Platform, Reference};
use patterns::glob;

use crate::command::image::find;
use crate::command::image::summary::Summary;
use crate::failure::Failure;
use crate::output;
use cli::filters::Filters;
use cli::image::LsArgs;

/// Filters that docker's `images` knows.
const KNOWN: &[&str] = &["before", "dangling", "label", "label!", "reference", "since", "until"];

/// Conditions that an image must satisfy to be listed.
pub(super) struct ImageFilter<'a> {
    store: &'a Store,
    filters: Filters,
    dangling: Option<bool>,
    /// Patterns for names; empty if any name will do.
    patterns: Vec<String>,
    before_ms: Option<u64>,
    since_ms: Option<u64>,
}

impl<'a> ImageFilter<'a> {
    /// Reads the conditions. Images that they name must exist.
    pub(super) fn parse(store: &'a Store, args: &LsArgs) -> Result<Self, Failure> {
        let filters = Filters::parse(&args.filters, KNOWN)?;
        let mut patterns: Vec<String> = filters.values("reference").map(str::to_owned).collect();
        patterns.extend(args.reference.clone());
        if let Some(bad) = patterns.iter().find(|pattern| glob::check(pattern).is_err()) {
            return Err(Failure::usage(format!("{bad:?} is not a pattern for names")));
        }
        let created = |key: &str| -> Result<Option<u64>, Failure> {
            let Some(name) = filters.values(key).last() else { return Ok(None) };
            Ok(Summary::of(store, find::find(store, name)?.root()).created_ms)
        };
        let until_ms = filters.until_ms(output::now_ms())?;
        let before_ms = created("before")?.into_iter().chain(until_ms).min();
        let since_ms = created("since")?;
        Ok(Self { store, dangling: filters.switch("dangling")?, before_ms, since_ms, filters, patterns })
    }

    /// Reports whether an image is listed, under some of its names.
    pub(super) fn accepts(&self, entry: &Entry, summary: &Summary) -> bool {
        let created_ms = summary.created_ms.unwrap_or(0);
        let is_named = !entry.names.is_empty();
        self.dangling.is_none_or(|dangling| dangling != is_named)
            && (self.patterns.is_empty() || is_named)
            && self.before_ms.is_none_or(|before_ms| created_ms < before_ms)
            && self.since_ms.is_none_or(|since_ms| created_ms > since_ms)
            && self.accepts_labels(&entry.root)
    }

    /// Reports whether an image is listed under a name.
    pub(super) fn accepts_name(&self, name: &Reference) -> bool {
        let repository = Reference { tag: None, digest: None, ..name.clone() }.familiar();
        let familiar = name.familiar();
        let fits = |pattern: &String| {
            [&familiar, &repository]
                .into_iter()
                .any(|text| glob::matches(pattern, text.as_bytes()) == Ok(true))
        };
        self.patterns.is_empty() || self.patterns.iter().any(fits)
    }

    /// Reads the labels only if they are asked for: they are in another document than everything else.
    fn accepts_labels(&self, root: &Descriptor) -> bool {
        if self.filters.values("label").chain(self.filters.values("label!")).next().is_none() {
            return true;
        }
        let image = at(self.store, root, &Platform::host());
        image.is_ok_and(|image| self.filters.accepts_labels(&image.config.config.labels))
    }
}
