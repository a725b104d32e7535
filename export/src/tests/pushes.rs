//! Images on their way to a registry: base layers are mounted or left where they are, and the image is kept here first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use images::layer_blobs;
use oci::media_type;
use oci::{Descriptor, Digest, Reference};
use testing::http::{Request, Server, answer};

use super::{Built, TIMES};

/// Takes whatever is pushed. `mounts`: it mounts blobs from other repositories; `has` are blobs that it has already.
fn registry(mounts: bool, has: &[Digest]) -> Server {
    let known: Mutex<BTreeSet<String>> = Mutex::new(has.iter().map(Digest::to_string).collect());
    Server::start(move |request: &Request| {
        let mut known = known.lock().expect("not poisoned");
        let last = request.target.rsplit(['/', '=']).next().unwrap_or_default().to_owned();
        match request.method.as_str() {
            "HEAD" if known.contains(&last) => answer(200, &[], b""),
            "POST" if mounts && request.target.contains("mount=") => {
                let digest = request.target.split("mount=").nth(1).and_then(|rest| rest.split('&').next());
                known.extend(digest.map(str::to_owned));
                answer(201, &[], b"")
            }
            "POST" => answer(202, &[("Location", "/v2/up?x=1")], b""),
            "PUT" => {
                known.insert(last);
                answer(201, &[], b"")
            }
            _ => answer(404, &[], b""),
        }
    })
}

fn host(server: &Server) -> String {
    server.url("").replace("http://", "")
}

/// Notes that the base layer was pulled from `repository`, as a blob whose bytes nobody has.
fn pulled_from(built: &Built, repository: &str) -> Descriptor {
    let blob = Descriptor::new(media_type::LAYER_GZIP, Digest::of(b"packed elsewhere"), 16);
    let name: Reference = repository.parse().expect("a reference");
    let noted = layer_blobs::with_source(&blob, &name);
    layer_blobs::remember(&built.env.store, &built.layers[0], layer_blobs::ORIGIN, &noted).expect("noted");
    blob
}

fn pushed_manifest(server: &Server) -> oci::Manifest {
    let is_manifest = |request: &&Request| request.method == "PUT" && request.target.contains("/manifests/");
    let body = server.requests().iter().rfind(is_manifest).expect("a manifest").body.clone();
    serde_json::from_slice(&body).expect("JSON")
}

fn uploads(server: &Server) -> usize {
    server
        .requests()
        .iter()
        .filter(|request| request.method == "PUT" && request.target.starts_with("/v2/up"))
        .count()
}

#[test]
fn a_base_in_the_same_registry_is_mounted() {
    let built = Built::new(&["linux/amd64"]);
    let server = registry(true, &[]);
    let blob = pulled_from(&built, &format!("{}/t/dup", host(&server)));
    built.export(&format!("type=registry,name={}/app/one:1", host(&server)), TIMES);
    assert_eq!(pushed_manifest(&server).layers[0].digest, blob.digest);
    let mount = format!("/v2/app/one/blobs/uploads/?mount={}&from=t/dup", blob.digest);
    assert!(server.requests().iter().any(|request| request.target == mount), "{:?}", server.requests());
    assert_eq!(uploads(&server), 2, "the new layer and the config");
}

#[test]
fn a_base_layer_that_the_registry_has_is_not_sent() {
    let built = Built::new(&["linux/amd64"]);
    let blob = pulled_from(&built, "other.example/t/dup");
    let server = registry(false, &[blob.digest]);
    built.export(&format!("type=registry,name={}/app/one:1", host(&server)), TIMES);
    assert_eq!(pushed_manifest(&server).layers[0].digest, blob.digest);
    assert_eq!(uploads(&server), 2, "the new layer and the config");
}

#[test]
fn a_base_layer_goes_from_its_registry_to_the_other_one() {
    let built = Built::new(&["linux/amd64"]);
    let origin = Server::start(|_| answer(200, &[], b"packed elsewhere"));
    let blob = pulled_from(&built, &format!("{}/t/dup", host(&origin)));
    let server = registry(false, &[]);
    built.export(&format!("type=registry,name={}/app/one:1", host(&server)), TIMES);
    assert_eq!(pushed_manifest(&server).layers[0].digest, blob.digest);
    assert_eq!(uploads(&server), 3);
}

#[test]
fn a_base_layer_that_nobody_has_is_compressed_anew() {
    let built = Built::new(&["linux/amd64"]);
    let origin = Server::start(|_| answer(404, &[], b""));
    let blob = pulled_from(&built, &format!("{}/t/dup", host(&origin)));
    let server = registry(false, &[]);
    built.export(&format!("type=registry,name={}/app/one:1", host(&server)), TIMES);
    assert_ne!(pushed_manifest(&server).layers[0].digest, blob.digest);
    assert_eq!(uploads(&server), 3);
}

#[test]
fn a_failed_push_keeps_the_image() {
    let built = Built::new(&["linux/amd64"]);
    let server = Server::start(|_| answer(403, &[], b""));
    let name = format!("{}/app/one:1", host(&server));
    built.try_export(&format!("type=registry,name={name}"), TIMES).expect_err("refused");
    let kept = built.env.store.resolve(&name.parse().expect("a name")).expect("readable").expect("kept");
    assert_eq!(kept.media_type, media_type::MANIFEST);
}

#[test]
fn the_kept_image_and_the_pushed_one_have_the_same_id() {
    let built = Built::new(&["linux/amd64"]);
    let server = Arc::new(registry(false, &[]));
    let name = format!("{}/app/one:1", host(&server));
    let (exported, _) = built.export(&format!("type=registry,name={name}"), TIMES);
    let kept = built.env.store.resolve(&name.parse().expect("a name")).expect("readable").expect("kept");
    let text = built.env.store.get_blob(&kept.digest, 1 << 20).expect("stored");
    let kept: oci::Manifest = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(kept.config.digest, pushed_manifest(&server).config.digest);
    assert_eq!(exported.image_id(), Some(kept.config.digest));
    assert!(kept.layers.iter().all(|layer| layer.media_type == media_type::LAYER_TAR));
}
