//! Against Debian's `docker-registry`, where it is installed.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oci::{Descriptor, Digest, Manifest, Reference, media_type};
use registry::{Client, Options, Pushed, RawManifest, RegistryError};

/// A registry of its own on a free port; ended when dropped.
struct Registry {
    child: Child,
    host: String,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// `None`, with a word to whoever reads the log, where none is installed.
    fn start() -> Option<Self> {
        let program = Path::new("/usr/bin/docker-registry");
        if !program.exists() {
            skip("docker-registry is not installed");
            return None;
        }
        let dir = tempfile::tempdir().expect("temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port();
        let config = dir.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}}}\n",
            dir.path().join("data").display()
        );
        std::fs::write(&config, text).expect("write");
        let child = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start docker-registry");
        let host = format!("127.0.0.1:{port}");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&host).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, host, _dir: dir })
    }

    fn name(&self, tag: &str) -> Reference {
        format!("{}/a/b:{tag}", self.host).parse().expect("a reference")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It is going away; there is nothing to do if it has already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn skip(reason: &str) {
    eprintln!("SKIP {reason}");
}

#[test]
fn privileged_images_go_to_a_real_registry_and_come_back() {
    let Some(registry) = Registry::start() else { return };
    let layer: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let client = Client::new(Options::default());
    let push = |bytes: &[u8], media_type: &str| {
        let blob = Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64);
        let bytes = bytes.to_vec();
        let open = move || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn Read + Send>);
        let pushed = client.push_blob(&registry.name("v1"), &blob, &open).expect("pushed");
        assert_eq!(client.push_blob(&registry.name("v1"), &blob, &open).expect("there"), Pushed::Present);
        (blob, pushed)
    };
    let (config, _) = push(b"{}", media_type::CONFIG);
    let (layer_blob, pushed) = push(&layer, media_type::LAYER_TAR);
    assert_eq!(pushed, Pushed::Sent);
    let manifest = serde_json::to_vec(&Manifest::new(config, vec![layer_blob.clone()])).expect("JSON");
    let sent = RawManifest {
        media_type: media_type::MANIFEST.to_owned(),
        digest: Digest::of(&manifest),
        bytes: manifest.clone(),
    };
    client.push_manifest(&registry.name("v1"), &sent).expect("by tag");
    let untagged = Reference { tag: None, ..registry.name("v1") };
    client.push_manifest(&untagged, &sent).expect("by digest");

    let raw = client.manifest(&registry.name("v1")).expect("by tag");
    assert_eq!((raw.media_type.as_str(), raw.digest), (media_type::MANIFEST, Digest::of(&manifest)));
    assert_eq!(raw.bytes, manifest);
    let pinned = Reference { digest: Some(raw.digest), ..registry.name("v1") };
    assert_eq!(client.manifest(&pinned).expect("by digest").bytes, manifest);

    let mut bytes = Vec::new();
    let mut stream = client.blob(&registry.name("v1"), &layer_blob).expect("blob");
    stream.read_to_end(&mut bytes).expect("verified");
    assert!(bytes == layer);

    let missing = client.manifest(&registry.name("nope")).expect_err("no such tag");
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
    let absent = Descriptor::new(media_type::LAYER_TAR, Digest::of(b"absent"), 6);
    let missing = client.blob(&registry.name("v1"), &absent).err().expect("no such blob");
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");

    let dangling = serde_json::to_vec(&Manifest::new(absent, Vec::new())).expect("JSON");
    let dangling = RawManifest { digest: Digest::of(&dangling), bytes: dangling, ..sent };
    let refused = client.push_manifest(&registry.name("v2"), &dangling).expect_err("a part is not there");
    assert!(matches!(&refused, RegistryError::Refused { .. }), "{refused}");
}
