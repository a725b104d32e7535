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

#[test]
fn the_same_dockerfile_gives_the_same_image_in_two_stores() {
    let dockerfile = "FROM scratch\nCOPY <<f /f\ntext\nf\n";
    assert_eq!(build(dockerfile, "type=oci"), build(dockerfile, "type=oci"));
}
