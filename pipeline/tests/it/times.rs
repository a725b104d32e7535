//! The times of files in images: the same from the cache as from a clean store, and those of a build's own files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use export::{ExportRequest, Exported};
use frontend::options::Context;
use patterns::IgnoreFile;
use pipeline::{BuildRequest, Pipeline, Watch};
use progress::{Cancel, Event, EventKind, NoSink, Progress, Sink};
use testing::Env;

use crate::pipeline;

const DOCKERFILE: &str = "FROM scratch AS s\nCOPY f /f\nFROM scratch\nCOPY --from=s /f /g\nCOPY d /d/\n";
const IN_2019: u64 = 1_546_300_800;
const IN_2020: u64 = 1_577_836_800;
const IN_2021: u64 = 1_609_459_200;
const IN_1975: u64 = 157_766_400;
const IN_1976: u64 = 189_302_400;

/// A context whose files are touched.
struct Files {
    env: Env,
    path: PathBuf,
}

impl Files {
    fn new() -> Self {
        let env = Env::new();
        let path = env.path("context");
        std::fs::create_dir_all(path.join("d")).expect("created");
        std::fs::write(path.join("f"), "same").expect("written");
        std::fs::write(path.join("d/h"), "same").expect("written");
        Self { env, path }
    }

    fn touch(&self, time_s: u64) {
        for name in ["f", "d/h", "d"] {
            let file = std::fs::File::open(self.path.join(name)).expect("opened");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(time_s)).expect("touched");
        }
    }
}

fn build(
    pipeline: &Pipeline,
    context: &Path,
    output: &str,
    change: impl FnOnce(&mut BuildRequest),
) -> (Exported, Vec<u8>) {
    let exports = vec![ExportRequest::parse(output).expect("an output")];
    let mut request = BuildRequest { dockerfile: DOCKERFILE.into(), exports, ..BuildRequest::default() };
    request.options.context = Context::Local { path: context.to_owned(), ignore: IgnoreFile::default() };
    change(&mut request);
    let (progress, cancel) = (Progress::new(Arc::new(NoSink)), Cancel::default());
    let watch = Watch { progress: &progress, cancel: &cancel };
    let built = pipeline.build(&mut request, watch).expect("built");
    let mut stdout = Vec::new();
    let mut exported =
        pipeline.export(&built.result, &request.exports, &mut stdout, watch).expect("exported");
    (exported.remove(0), stdout)
}

/// Keeps the warnings of a build.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Sink for Warnings {
    fn event(&self, event: Event) {
        if let EventKind::Warning { text } = event.kind {
            self.0.lock().expect("no test panics while it holds the lock").push(text);
        }
    }
}

/// Builds a context beside a `.git/HEAD` that is no text; expects so many warnings, about the default date.
#[track_caller]
fn check_unreadable_commit(change: fn(&mut BuildRequest), expected: usize) {
    let files = Files::new();
    std::fs::create_dir(files.path.join(".git")).expect("created");
    std::fs::write(files.path.join(".git/HEAD"), [0xff; 4]).expect("written");
    let mut request = BuildRequest { dockerfile: DOCKERFILE.into(), ..BuildRequest::default() };
    request.options.context = Context::Local { path: files.path.clone(), ignore: IgnoreFile::default() };
    change(&mut request);
    let sink = Arc::new(Warnings::default());
    let (progress, cancel) = (Progress::new(Arc::clone(&sink) as Arc<dyn Sink>), Cancel::default());
    let watch = Watch { progress: &progress, cancel: &cancel };
    pipeline(&files.env).build(&mut request, watch).expect("built");
    let warnings = sink.0.lock().expect("no test panics while it holds the lock");
    assert_eq!(warnings.len(), expected, "{warnings:?}");
    let is_right = |text: &String| {
        text.starts_with("cannot read the date of the commit in ")
            && text.ends_with("the default date, 1980-01-02")
    };
    assert!(warnings.iter().all(is_right), "{warnings:?}");
}

#[test]
fn a_commit_that_cannot_be_read_is_a_warning_unless_the_date_is_given() {
    check_unreadable_commit(|_| {}, 1);
    check_unreadable_commit(dated, 0);
}

fn dated(request: &mut BuildRequest) {
    request.options.build_args.insert("SOURCE_DATE_EPOCH".to_owned(), "1700000000".to_owned());
}

/// Builds with files of one time and then of the others in one store; each image must be the one that a clean store gives.
#[track_caller]
fn check(output: &str, times_s: &[u64], change: fn(&mut BuildRequest)) {
    let files = Files::new();
    let cached = pipeline(&files.env);
    for time_s in times_s {
        files.touch(*time_s);
        let clean = Env::new();
        let (from_cache, _) = build(&cached, &files.path, output, change);
        let (from_clean, _) = build(&pipeline(&clean), &files.path, output, change);
        assert_eq!(from_cache, from_clean, "{output}: files of {time_s}");
    }
}

#[test]
fn a_cached_build_with_a_source_date_is_the_clean_one() {
    check("type=oci", &[IN_2020, IN_2021, IN_2020, IN_2019], dated);
    check("type=oci,source-date-epoch=1700000000", &[IN_2020, IN_2021, IN_2020], |_| ());
}

#[test]
fn a_cached_build_of_files_from_before_1980_is_the_clean_one() {
    check("type=oci", &[IN_1975, IN_1976, IN_2020, IN_1975], |_| ());
}

#[test]
fn later_times_of_files_change_nothing() {
    let files = Files::new();
    let pipeline = pipeline(&files.env);
    files.touch(IN_2020);
    let (before, _) = build(&pipeline, &files.path, "type=oci", |_| ());
    files.touch(IN_2021);
    assert_eq!(build(&pipeline, &files.path, "type=oci", |_| ()).0, before);
}

/// Returns the times of the files in a tar, by name.
fn times(tar: &[u8]) -> Vec<(String, u64)> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().expect("a tar").map(|entry| {
        let entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        (name, entry.header().mtime().expect("a time"))
    });
    entries.collect()
}

#[test]
fn a_copy_without_the_cache_has_the_times_of_its_own_files() {
    let files = Files::new();
    let pipeline = pipeline(&files.env);
    for time_s in [IN_2019, IN_2021] {
        files.touch(time_s);
        let (_, tar) = build(&pipeline, &files.path, "type=tar,rewrite-timestamp=false", |request| {
            request.options.no_cache = true;
        });
        let expected = ["d", "d/h", "g"].map(|name| (name.to_owned(), time_s));
        let found: Vec<_> = times(&tar)
            .into_iter()
            .map(|(name, time)| (name.trim_end_matches('/').to_owned(), time))
            .collect();
        assert_eq!(found, expected);
    }
}
