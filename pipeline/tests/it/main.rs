//! Builds driven through the library, as Compose and an API drive them.

use std::sync::Arc;

use export::ExportRequest;
use pipeline::{BuildRequest, Pipeline, Watch};
use progress::{Cancel, NoSink, Progress};
use registry::Client;
use sources::{ImportFrom, import};
use testing::Env;

/// Builds a Dockerfile without a context and exports it as `output` says; returns the image ID and what went to stdout.
fn build(dockerfile: &str, output: &str) -> (oci::Digest, Vec<u8>) {
    let env = Env::new();
    let store = cache::Store::open(&env.path("builds")).expect("a store");
    let pipeline = Pipeline::new(store, Client::new(registry::Options::default()), false, 2);
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

#[test]
fn the_same_dockerfile_gives_the_same_image_in_two_stores() {
    let dockerfile = "FROM scratch\nCOPY <<f /f\ntext\nf\n";
    assert_eq!(build(dockerfile, "type=oci"), build(dockerfile, "type=oci"));
}
