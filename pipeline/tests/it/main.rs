//! Builds driven through the library, as Compose and an API drive them.

mod check;
mod times;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use builder::StepError;
use export::ExportRequest;
use frontend::options::Context;
use graph::Lines;
use patterns::IgnoreFile;
use pipeline::{BuildError, BuildRequest, Pipeline, Watch};
use progress::{Cancel, Event, EventKind, NoSink, Progress, Sink};
use registry::Client;
use sources::{ImportFrom, import};
use testing::Env;

fn pipeline(env: &Env) -> Pipeline {
    let store = cache::Store::open(&env.path("builds")).expect("a store");
    Pipeline::new(store, Client::new(registry::Options::default()), false, 2)
}

/// Builds a Dockerfile without a context and exports it as `output` says; returns the image ID and what went to stdout.
fn build(dockerfile: &str, output: &str) -> (oci::Digest, Vec<u8>) {
    let env = Env::new();
    let pipeline = pipeline(&env);
    let exports = vec![ExportRequest::parse(output).expect("an output")];
    let mut request = BuildRequest { dockerfile: dockerfile.into(), exports, ..BuildRequest::default() };
    let (progress, cancel) = (Progress::new(Arc::new(NoSink)), Cancel::default());
    let watch = Watch { progress: &progress, cancel: &cancel };
    let built = pipeline.build(&mut request, watch).expect("built");
    let mut stdout = Vec::new();
    let exported = pipeline.export(&built.result, &request.exports, &mut stdout, watch).expect("exported");
    (exported[0].image_id().expect("an image"), stdout)
}

#[test]
fn a_docker_archive_that_was_exported_is_imported_as_the_same_image() {
    let dockerfile = "FROM scratch\nCOPY <<f /f\ntext\nf\nENV a=b\n";
    let (id, archive) = build(dockerfile, "type=docker,\"name=a:1,r.example/b:2\"");
    let other = Env::new();
    let from = ImportFrom::Stream(&mut &archive[..]);
    let imported = import(&other.layers, from, &[], &|_, _, _, _| ()).expect("imported");
    assert_eq!(imported[0].image_id, id);
    assert_eq!(imported[0].names.len(), 2);
}

/// Keeps the names of vertices that finished.
#[derive(Default)]
struct Finished(Mutex<(BTreeMap<usize, String>, Vec<String>)>);

impl Sink for Finished {
    fn event(&self, event: Event) {
        let mut seen = self.0.lock().expect("no test panics while it holds the lock");
        match event.kind {
            EventKind::Added { name, .. } => drop(seen.0.insert(event.vertex, name)),
            EventKind::Finished { .. } => {
                let name = seen.0[&event.vertex].clone();
                seen.1.push(name);
            }
            _ => {}
        }
    }
}

#[test]
fn a_missing_source_is_reported_before_any_step_runs() {
    let env = Env::new();
    let context = env.path("context");
    std::fs::create_dir(&context).expect("created");
    std::fs::write(context.join("app.py"), "").expect("written");
    let dockerfile = "FROM scratch\nCOPY app.py /a\nCOPY app.pyy /b\nCOPY none*.txt /c/\n";
    let mut request = BuildRequest { dockerfile: dockerfile.into(), ..BuildRequest::default() };
    request.options.context = Context::Local { path: context, ignore: IgnoreFile::default() };
    let sink = Arc::new(Finished::default());
    let (progress, cancel) = (Progress::new(Arc::clone(&sink) as Arc<dyn Sink>), Cancel::default());
    let error = pipeline(&env)
        .build(&mut request, Watch { progress: &progress, cancel: &cancel })
        .expect_err("a source is missing");
    let BuildError::Step { lines, cause, .. } = error else { panic!("{error}") };
    assert_eq!(lines, Some(Lines::single(3)));
    let StepError::NotFound { diagnosis, .. } = *cause else { panic!("{cause}") };
    assert_eq!(diagnosis.suggestion.as_deref(), Some("app.py"));
    let finished = sink.0.lock().expect("not poisoned").1.clone();
    assert!(finished.iter().all(|name| !name.contains("COPY")), "{finished:?}");
}

/// Rewrites the files of a directory one after another, each with one letter from its first byte to its last.
fn rewrite_files(dir: &std::path::Path, is_done: &dyn Fn() -> bool) {
    for turn in 0_usize.. {
        if is_done() {
            return;
        }
        let path = dir.join(format!("f{}", turn % 20));
        let letter = b'a' + u8::try_from(turn % 26).expect("a letter");
        let draft = path.with_extension("draft");
        std::fs::write(&draft, vec![letter; 50_000 + turn % 7]).expect("written");
        std::fs::rename(&draft, &path).expect("renamed");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn files_that_are_being_written_are_copied_whole() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let env = Env::new();
    let context = env.path("context");
    std::fs::create_dir_all(context.join("d")).expect("created");
    (0..20).for_each(|n| std::fs::write(context.join(format!("d/f{n}")), [b'a'; 50_000]).expect("written"));
    let ignore = IgnoreFile::parse(".dockerignore".into(), b"**/*.draft").expect("a pattern");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&done);
        scope.spawn(|| rewrite_files(&context.join("d"), &|| done.load(Ordering::Relaxed)));
        for _ in 0..5 {
            let mut request =
                BuildRequest { dockerfile: "FROM scratch\nCOPY d /d\n".into(), ..BuildRequest::default() };
            request.options.context = Context::Local { path: context.clone(), ignore: ignore.clone() };
            request.exports = vec![ExportRequest::parse("type=tar").expect("an output")];
            let (progress, cancel) = (Progress::new(Arc::new(NoSink)), Cancel::default());
            let watch = Watch { progress: &progress, cancel: &cancel };
            let pipeline = pipeline(&env);
            let built = pipeline.build(&mut request, watch).expect("built although files change");
            let mut tar = Vec::new();
            pipeline.export(&built.result, &request.exports, &mut tar, watch).expect("exported");
            check_whole_files(&tar);
        }
    });
}

/// Ends a thread when the test ends, also by a failure.
struct SetOnDrop<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Checks that each file of a tar consists of one letter.
fn check_whole_files(tar: &[u8]) {
    let mut count = 0;
    for entry in tar::Archive::new(tar).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
            assert!(bytes.len() >= 50_000 && bytes.iter().all(|byte| *byte == bytes[0]));
            count += 1;
        }
    }
    assert_eq!(count, 20);
}

#[test]
fn the_same_dockerfile_gives_the_same_image_in_two_stores() {
    let dockerfile = "FROM scratch\nCOPY <<f /f\ntext\nf\n";
    assert_eq!(build(dockerfile, "type=oci"), build(dockerfile, "type=oci"));
}
