//! Mirrors: asked first, and never pushed to.

use oci::{Digest, media_type};
use registry::{Client, Options, RawManifest};

use crate::server::{Answer, Server};
use crate::support::{LAYER, layer, manifest, name, options};

fn client(registry: &Server, mirror: &str) -> Client {
    let mirrors = [(registry.host(), mirror.to_owned())].into();
    Client::new(Options { mirrors, ..options() })
}

/// Asks for a manifest that a mirror answers with `status`; expects so many requests to the registry itself.
#[track_caller]
fn check(status: u16, asked: usize) {
    let registry = Server::start(|_, _| Answer::new(200, manifest()));
    let mirror = Server::start(move |_, _| Answer::new(status, manifest()));
    let client = client(&registry, &format!("http://{}/proxy", mirror.host()));
    client.manifest(&name(&registry)).expect("one of them has it");
    assert_eq!(mirror.requests()[0].path, "/v2/proxy/a/b/manifests/t");
    assert_eq!(registry.requests().len(), asked, "after {status}");
}

#[test]
fn a_mirror_that_has_the_image_is_enough() {
    check(200, 0);
}

#[test]
fn a_mirror_that_fails_in_any_way_leads_to_the_registry() {
    for status in [404, 403, 418, 503] {
        check(status, 1);
    }
}

#[test]
fn a_mirror_that_is_down_is_asked_twice_and_no_more() {
    let registry = Server::start(|_, _| Answer::new(200, manifest()));
    let mirror = Server::start(|_, _| Answer::new(503, ""));
    let mirrors = [(registry.host(), format!("http://{}", mirror.host()))].into();
    let client = Client::new(Options { mirrors, ..Options::default() });
    client.manifest(&name(&registry)).expect("the registry has it");
    assert_eq!(mirror.requests().len(), 2);
}

#[test]
fn nothing_is_pushed_to_a_mirror() {
    let registry = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => Answer::new(202, "").with("Location", "/upload"),
        _ => Answer::new(201, ""),
    });
    let mirror = Server::start(|_, _| Answer::new(201, ""));
    let client = client(&registry, &format!("http://{}", mirror.host()));
    client.push_blob(&name(&registry), &layer(), &|| Ok(Box::new(LAYER))).expect("pushed");
    let bytes = manifest();
    let media_type = media_type::MANIFEST.to_owned();
    let pushed = RawManifest { media_type, digest: Digest::of(&bytes), bytes };
    client.push_manifest(&name(&registry), &pushed).expect("pushed");
    assert_eq!(mirror.connections(), 0);
}
