//! Debian's `docker-registry`, where it is installed: what is pushed comes back, by plain HTTP and by TLS.

use std::io::{Cursor, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oci::{Descriptor, Digest, Manifest, Reference, media_type};
use registry::{Client, Options, Pushed, RawManifest, RegistryError};

use crate::server::free_port;
use crate::tls::fixture;

/// Program of the registry.
const PROGRAM: &str = "/usr/bin/docker-registry";

/// A registry of its own on a free port; it ends when dropped.
struct Registry {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Registry {
    /// Starts a registry; `tls` is appended to the section `http` of its configuration. `None` where none is installed.
    fn start(tls: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            skip("docker-registry is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("temporary folder");
        let port = free_port().local_addr().expect("address").port();
        let config = directory.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'{tls}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n",
            directory.path().join("data").display()
        );
        std::fs::write(&config, text).expect("write");
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("start docker-registry");
        let registry = Self { child, port, _directory: directory };
        registry.wait();
        Some(registry)
    }

    fn start_tls() -> Option<Self> {
        let (certificate, key) = (fixture("own.crt"), fixture("own.key"));
        Self::start(&format!(", tls: {{certificate: {}, key: {}}}", certificate.display(), key.display()))
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn name(&self, tag: &str) -> Reference {
        self.name_at("127.0.0.1", tag)
    }

    fn name_at(&self, host: &str, tag: &str) -> Reference {
        format!("{host}:{}/a/b:{tag}", self.port).parse().expect("a reference")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is of no more use, whether or not it still runs.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn skip(reason: &str) {
    eprintln!("SKIP {reason}");
}

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n % 251) as u8).collect()
}

fn push(client: &Client, name: &Reference, bytes: &[u8], media_type: &str) -> (Descriptor, Pushed) {
    let blob = Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64);
    let bytes = bytes.to_vec();
    let open = move || Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>);
    let pushed = client.push_blob(name, &blob, &open).expect("pushed");
    (blob, pushed)
}

fn manifest(config: Descriptor, layers: Vec<Descriptor>) -> RawManifest {
    let bytes = serde_json::to_vec(&Manifest::new(config, layers)).expect("JSON");
    RawManifest { media_type: media_type::MANIFEST.to_owned(), digest: Digest::of(&bytes), bytes }
}

/// Pushes an image with one layer, and pulls it again by tag and by digest.
#[track_caller]
fn check_round_trip(client: &Client, name: &Reference) {
    let (config, _) = push(client, name, b"{}", media_type::CONFIG);
    let (layer, _) = push(client, name, &content(), media_type::LAYER_TAR);
    let sent = manifest(config, vec![layer.clone()]);
    client.push_manifest(name, &sent).expect("by tag");
    client.push_manifest(&Reference { tag: None, ..name.clone() }, &sent).expect("by digest");
    let pinned = Reference { digest: Some(sent.digest), ..name.clone() };
    for name in [name, &pinned] {
        let raw = client.manifest(name).expect("the manifest");
        assert_eq!((raw.media_type.as_str(), raw.digest), (media_type::MANIFEST, sent.digest));
        assert_eq!(raw.bytes, sent.bytes);
    }
    let mut bytes = Vec::new();
    client.blob(name, &layer).expect("the layer").read_to_end(&mut bytes).expect("verified");
    assert!(bytes == content());
}

#[test]
fn an_image_that_is_pushed_comes_back() {
    let Some(registry) = Registry::start("") else { return };
    check_round_trip(&Client::new(Options::default()), &registry.name("v1"));
}

#[test]
fn a_blob_that_was_pushed_is_not_sent_again() {
    let Some(registry) = Registry::start("") else { return };
    let (client, name) = (Client::new(Options::default()), registry.name("v1"));
    assert_eq!(push(&client, &name, b"layer", media_type::LAYER_TAR).1, Pushed::Sent);
    assert_eq!(push(&client, &name, b"layer", media_type::LAYER_TAR).1, Pushed::Present);
}

#[test]
fn images_and_blobs_that_do_not_exist_are_not_found() {
    let Some(registry) = Registry::start("") else { return };
    let client = Client::new(Options::default());
    let missing = client.manifest(&registry.name("nope")).expect_err("no such tag");
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
    let absent = Descriptor::new(media_type::LAYER_TAR, Digest::of(b"absent"), 6);
    let missing = client.blob(&registry.name("v1"), &absent).err().expect("no such blob");
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
}

#[test]
fn a_manifest_whose_parts_are_missing_is_refused() {
    let Some(registry) = Registry::start("") else { return };
    let absent = Descriptor::new(media_type::CONFIG, Digest::of(b"absent"), 6);
    let sent = manifest(absent, Vec::new());
    let client = Client::new(Options::default());
    let refused = client.push_manifest(&registry.name("v2"), &sent).expect_err("a part is not there");
    assert!(matches!(&refused, RegistryError::Refused { .. }), "{refused}");
}

#[test]
fn a_registry_with_tls_on_this_machine_needs_no_option() {
    let Some(registry) = Registry::start_tls() else { return };
    let client = Client::new(Options::default());
    check_round_trip(&client, &registry.name("v1"));
    client.manifest(&registry.name_at("localhost", "v1")).expect("by its other name");
}

#[test]
fn a_registry_with_tls_elsewhere_needs_its_certificate_or_to_be_insecure() {
    let Some(registry) = Registry::start_tls() else { return };
    let name = registry.name_at("[::ffff:127.0.0.1]", "v1");
    let error = Client::new(Options::default()).manifest(&name).expect_err("not trusted");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    check_round_trip(&Client::new(Options::default()).with_insecure(&name.registry), &name);
    let certificates = tempfile::tempdir().expect("temporary folder");
    let folder = certificates.path().join(&name.registry);
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(fixture("own.crt"), folder.join("ca.crt")).expect("a copy");
    let certificate_folders = vec![certificates.path().to_owned()];
    check_round_trip(&Client::new(Options { certificate_folders, ..Options::default() }), &name);
}
