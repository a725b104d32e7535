//! Blobs of base images keep their digests and bytes.

use images::layer_blobs;
use oci::media_type::{self, Compression};
use oci::{Descriptor, Digest, Reference};
use testing::http::{Server, answer};
use testing::packed;

use super::{Built, Layout, TIMES};

/// Packs the base layer in a way that our own compressor does not, and notes that it was pulled as that blob.
fn pulled(built: &Built, repository: Option<&Reference>) -> (Descriptor, Vec<u8>) {
    let base = built.layers[0];
    let tar = std::fs::read(built.env.store.blob_path(&base.0)).expect("read");
    let bytes = packed(&tar, Compression::Gzip);
    let blob = Descriptor::new(media_type::DOCKER_LAYER_GZIP, Digest::of(&bytes), bytes.len() as u64);
    let noted = repository.map_or_else(|| blob.clone(), |name| layer_blobs::with_source(&blob, name));
    layer_blobs::remember(&built.env.store, &base, layer_blobs::ORIGIN, &noted).expect("noted");
    (blob, bytes)
}

fn repository(server: &Server) -> Reference {
    let host = server.url("").replace("http://", "");
    format!("{host}/base").parse().expect("a reference")
}

/// Serves one blob.
fn serve(bytes: Vec<u8>) -> impl Fn(&testing::http::Request) -> Vec<u8> {
    move |request| {
        let is_blob = request.target.contains(&Digest::of(&bytes).to_string());
        if is_blob { answer(200, &[], &bytes) } else { answer(404, &[], b"") }
    }
}

#[test]
fn a_base_layer_keeps_its_blob_if_the_store_has_it() {
    let built = Built::new(&["linux/amd64"]);
    let (blob, bytes) = pulled(&built, None);
    built.env.store.put_blob(&bytes).expect("stored");
    for output in ["type=oci", "type=oci,compression=zstd"] {
        let (manifest, _) = Layout::of_tar(&built.export(output, TIMES).1).only();
        assert_eq!(
            (manifest.layers[0].digest, &*manifest.layers[0].media_type),
            (blob.digest, media_type::LAYER_GZIP)
        );
    }
    let (manifest, _) = Layout::of_tar(&built.export("type=oci,oci-mediatypes=false", TIMES).1).only();
    assert_eq!(manifest.layers[0].media_type, media_type::DOCKER_LAYER_GZIP);
    let (manifest, _) = Layout::of_tar(&built.export("type=oci,force-compression=true", TIMES).1).only();
    assert_ne!(manifest.layers[0].digest, blob.digest, "compressed anew on demand");
}

#[test]
fn a_base_layer_is_fetched_from_where_it_was_pulled() {
    let mut built = Built::new(&["linux/amd64"]);
    let (_, bytes) = pulled(&built, None);
    let server = Server::start(serve(bytes));
    let (blob, _) = pulled(&built, Some(&repository(&server)));
    let (manifest, _) = Layout::of_tar(&built.export("type=oci", TIMES).1).only();
    assert_eq!(manifest.layers[0].digest, blob.digest);
    let count = server.requests().len();
    built.export("type=oci", TIMES);
    assert_eq!(server.requests().len(), count, "the store has it now");

    // The name of the base is known from the build as well.
    built = Built::new(&["linux/amd64"]);
    pulled(&built, None);
    built.planned[0].base_name = Some(repository(&server));
    let (manifest, _) = Layout::of_tar(&built.export("type=oci", TIMES).1).only();
    assert_eq!(manifest.layers[0].digest, blob.digest);
}

#[test]
fn a_base_layer_that_is_unavailable_is_compressed_anew_with_a_warning() {
    let built = Built::new(&["linux/amd64"]);
    let server = Server::start(|_| answer(404, &[], b""));
    let (blob, _) = pulled(&built, Some(&repository(&server)));
    let (manifest, _) = Layout::of_tar(&built.export("type=oci", TIMES).1).only();
    assert_ne!(manifest.layers[0].digest, blob.digest);
    let warned = |text: &String| text.contains("compressed anew") && text.contains(&blob.digest.to_string());
    assert!(built.events.texts().iter().any(warned), "{:?}", built.events.texts());
}

#[test]
fn outputs_that_stay_here_need_no_blob_of_the_base() {
    let built = Built::new(&["linux/amd64"]);
    let server = Server::start(|_| answer(500, &[], b""));
    pulled(&built, Some(&repository(&server)));
    built.export("type=image,name=a:1", TIMES);
    built.export("type=docker", TIMES);
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}
