//! Answers to uploads: a blob goes up by POST and PUT, and a manifest by PUT once all its blobs are there.

use serde_json::Value;

use super::image::{Image, digest};
use super::message::{Answer, Request, Target};

/// Path below which blobs are uploaded.
const UPLOADS: &str = "/v2/image/blobs/uploads/";

/// Path below which manifests are published.
const MANIFESTS: &str = "/v2/image/manifests/";

/// Returns the right answer to an upload, or `None` for any other request.
pub fn answer(request: &Request, image: &Image) -> Option<(Option<Target>, Answer)> {
    let (path, _) = split(request);
    let json = |status, body: &str| Answer::new(path, status, "application/json", body.as_bytes().to_vec());
    match request.method.as_str() {
        "POST" if path.starts_with(UPLOADS) => {
            let mut started = json(202, "");
            started.header("Location", &format!("{UPLOADS}1"));
            Some((Some(Target::Start), started))
        }
        "PUT" if path.starts_with(UPLOADS) => {
            let is_right = named(request) == digest(&request.body);
            let mut kept = json(if is_right { 201 } else { 400 }, "");
            kept.header("Docker-Content-Digest", &digest(&request.body));
            Some((Some(Target::Upload), kept))
        }
        "PUT" if path.starts_with(MANIFESTS) => {
            let mut kept = json(if is_complete(&request.body, image) { 201 } else { 400 }, "");
            kept.header("Docker-Content-Digest", &digest(&request.body));
            Some((Some(Target::Publish), kept))
        }
        _ => None,
    }
}

/// Keeps the blob or manifest of a request that was answered with 201.
pub fn keep(request: &Request, image: &mut Image) {
    if split(request).0.starts_with(MANIFESTS) {
        image.manifest.clone_from(&request.body);
        image.media_type = request.header("content-type").unwrap_or_default().to_owned();
    } else {
        image.blobs.insert(digest(&request.body), request.body.clone());
    }
}

/// Splits the target of a request into path and query.
fn split(request: &Request) -> (&str, &str) {
    request.path.split_once('?').unwrap_or((&request.path, ""))
}

/// Returns the digest in the query, in which a colon can be written as `%3A`.
fn named(request: &Request) -> String {
    let fields = split(request).1.split('&');
    let digest = fields.filter_map(|field| field.strip_prefix("digest=")).next().unwrap_or_default();
    digest.replace("%3A", ":")
}

/// Reports whether the configuration and all layers of a manifest are there.
fn is_complete(manifest: &[u8], image: &Image) -> bool {
    let Ok(manifest) = serde_json::from_slice::<Value>(manifest) else { return false };
    let layers = manifest["layers"].as_array().into_iter().flatten();
    let mut all = layers.chain([&manifest["config"]]);
    all.all(|part| part["digest"].as_str().is_some_and(|digest| image.blobs.contains_key(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, body: &str) -> Request {
        let (method, path, body) = (method.to_owned(), path.to_owned(), body.as_bytes().to_vec());
        Request { method, path, headers: Vec::new(), body }
    }

    #[track_caller]
    fn check(method: &str, path: &str, body: &str, status: u16) {
        let mut image = Image::default();
        keep(&request("PUT", UPLOADS, "blob"), &mut image);
        let (_, found) = answer(&request(method, path, body), &image).unwrap();
        assert_eq!(found.status, status);
    }

    #[test]
    fn a_blob_is_accepted_under_its_digest_only() {
        let path = |text: &str| format!("{UPLOADS}1?digest={}", digest(text.as_bytes()).replace(':', "%3A"));
        check("POST", UPLOADS, "", 202);
        check("PUT", &path("new"), "new", 201);
        check("PUT", &path("new"), "other", 400);
    }

    #[test]
    fn a_manifest_is_accepted_with_its_blobs_only() {
        let manifest = |text: &str| format!(r#"{{"config":{{"digest":"{}"}}}}"#, digest(text.as_bytes()));
        check("PUT", "/v2/image/manifests/1", &manifest("blob"), 201);
        check("PUT", "/v2/image/manifests/1", &manifest("unknown"), 400);
        check("PUT", "/v2/image/manifests/1", "no JSON", 400);
    }

    #[test]
    fn other_requests_are_not_uploads() {
        assert!(answer(&request("GET", "/v2/image/manifests/1", ""), &Image::default()).is_none());
    }
}
