//! `--sbom` and `--provenance`: what the attestations of an image say, and who can read them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::env::{Ran, TestEnv, skip_unless};
use crate::registry::{Registry, env_with_registry, inspect};
use crate::servers::http_server;

/// A Dockerfile whose image has a package of dpkg and one of Python.
const PACKAGES: &str = "FROM base\n\
    COPY status /var/lib/dpkg/status\n\
    COPY METADATA /usr/lib/python3/dist-packages/demo-2.0.dist-info/METADATA\n";

const STATUS: &str = "Package: hello\nStatus: install ok installed\nMaintainer: A Team <a@example.org>\n\
    Architecture: amd64\nVersion: 2.10-3\n\n";

const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 2.0\nLicense: MIT\n\n";

/// Creates an environment whose context has the databases of [`PACKAGES`].
fn with_packages(env: TestEnv) -> TestEnv {
    env.file("status", STATUS).file("METADATA", METADATA);
    env
}

/// Reads a blob of a layout.
fn blob(layout: &Path, digest: &Value) -> Value {
    let name = digest.as_str().expect("a digest").replace(':', "/");
    serde_json::from_slice(&fs::read(layout.join("blobs").join(name)).expect("it is there")).expect("JSON")
}

/// Builds with these flags into a layout; returns the statements about its only image, by the type of their claims.
fn statements(env: &TestEnv, dockerfile: &str, flags: &[&str]) -> Vec<(String, Value)> {
    let layout = env.path("layout");
    let _ = fs::remove_dir_all(&layout);
    env.build(dockerfile, &[&["-o", "type=oci,tar=false,dest=layout"], flags].concat()).success();
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).expect("written")).expect("JSON");
    let root = blob(&layout, &index["manifests"][0]["digest"]);
    let attestation = blob(&layout, &root["manifests"][1]["digest"]);
    let statement = |layer: &Value| {
        let statement = blob(&layout, &layer["digest"]);
        (statement["predicateType"].as_str().expect("text").to_owned(), statement["predicate"].clone())
    };
    attestation["layers"].as_array().expect("a list").iter().map(statement).collect()
}

#[test]
fn privileged_the_sbom_lists_the_packages_of_the_image() {
    let env = with_packages(skip_unless!(TestEnv::new()));
    let statements = statements(&env, PACKAGES, &["--sbom=true"]);
    let [(kind, document)] = &statements[..] else { panic!("{statements:?}") };
    assert_eq!(kind, "https://spdx.dev/Document");
    let packages = document["packages"].as_array().expect("a list").iter().skip(1);
    let found: Vec<[&str; 3]> = packages
        .map(|package| {
            ["name", "versionInfo", "licenseDeclared"].map(|key| package[key].as_str().expect("text"))
        })
        .collect();
    assert_eq!(found, [["hello", "2.10-3", "NOASSERTION"], ["demo", "2.0", "MIT"]]);
    assert_eq!(document["packages"][0]["name"], "t:latest");
}

#[test]
fn privileged_an_attested_image_has_the_same_digest_from_another_store() {
    let env = with_packages(skip_unless!(TestEnv::new()));
    let other = env.clean();
    let digest = |env: &TestEnv| {
        let flags = ["--sbom=true", "--provenance=mode=max", "--iidfile=iid"];
        env.build(PACKAGES, &flags).success();
        fs::read_to_string(env.path("iid")).expect("written")
    };
    assert_eq!(digest(&env), digest(&other));
    let plain = env.digest(PACKAGES);
    assert_ne!(digest(&env), plain, "the digest is that of an index");
    assert_eq!(
        env.dsbuild(&["run", "--rm", "--network=none", "t", "cat", "/etc/group"]).success().stderr(),
        ""
    );
}

#[test]
fn privileged_the_provenance_names_sources_and_hides_values() {
    let env = skip_unless!(TestEnv::new());
    fs::create_dir(env.path("served")).expect("directories can be made");
    fs::write(env.path("served/file"), "downloaded").expect("files can be written");
    let server = http_server(env.path("served"));
    let dockerfile = format!(
        "FROM base\nARG TOKEN\nADD {server}/file /file\n\
         RUN --network=none --mount=type=secret,id=key echo $TOKEN > /dev/null\n"
    );
    fs::write(env.path("key"), "s3cr3t-value").expect("files can be written");
    let flags = ["--build-arg=TOKEN=t0ken-value", "--secret=id=key,src=key", "--label=a=b"];
    let provenance = |mode: &str| -> Value {
        let flags = [&flags[..], &[mode]].concat();
        let statements = statements(&env, &dockerfile, &flags);
        assert_eq!(statements[0].0, "https://slsa.dev/provenance/v1");
        statements[0].1.clone()
    };
    let small = provenance("--provenance=true");
    let definition = &small["buildDefinition"];
    let dependencies = definition["resolvedDependencies"].as_array().expect("a list");
    let uris: Vec<&str> = dependencies.iter().map(|one| one["uri"].as_str().expect("text")).collect();
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let base = format!("pkg:docker/base@latest?platform=linux%2F{machine}");
    assert_eq!(uris, [&format!("{server}/file"), &base]);
    // sha256 of the text that the server sends.
    let digest = "b7a8a844a613be796bc1892dc480f9d92c50d32a5713a87758e5c5addc4ec814";
    assert_eq!(dependencies[0]["digest"], json!({"sha256": digest}));
    assert_eq!(definition["externalParameters"]["request"]["args"], json!({}));
    let text = small.to_string();
    assert!(!text.contains("t0ken-value") && !text.contains("s3cr3t-value"), "{text}");

    let large = provenance("--provenance=mode=max");
    let request = &large["buildDefinition"]["externalParameters"]["request"];
    assert_eq!(request["args"], json!({"build-arg:TOKEN": "t0ken-value", "label:a": "b"}));
    assert_eq!(request["secrets"], json!([{"id": "key", "optional": true}]));
    assert!(!large.to_string().contains("s3cr3t-value"), "{large}");
    let steps = large["buildDefinition"]["internalParameters"]["buildConfig"]["llbDefinition"].clone();
    let operations: Vec<String> = steps
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|step| step["op"]["Op"].as_object().expect("an object").keys().cloned())
        .collect();
    assert_eq!(operations, ["source", "source", "file", "exec"]);
}

#[test]
fn privileged_a_push_lists_the_attestations_as_referrers() {
    let env = with_packages(skip_unless!(env_with_registry()));
    let registry = Registry::open(&env);
    let name = registry.name("team/app:1");
    env.file("Dockerfile", PACKAGES);
    env.dsbuild(&["build", "--sbom=true", "--push", "-t", &name, "context"]).success();
    let index = inspect(&name, &["--raw"]);
    let (image, attestation) = (&index["manifests"][0], &index["manifests"][1]);
    assert_eq!(attestation["annotations"]["vnd.docker.reference.digest"], image["digest"]);
    // The registry of Debian keeps no list of referrers, so that the list is under a tag.
    let tag = image["digest"].as_str().expect("text").replace(':', "-");
    let list = inspect(&registry.name(&format!("team/app:{tag}")), &["--raw"]);
    let expected = json!([{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": attestation["digest"],
        "size": attestation["size"],
        "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
    }]);
    assert_eq!(list["manifests"], expected);
    // The image itself is what others pull.
    let elsewhere = env.clean();
    elsewhere.build(&format!("FROM {name}\n"), &[]).success();
}

#[test]
fn privileged_an_image_of_the_store_leaves_with_its_attestations() {
    let env = with_packages(skip_unless!(env_with_registry()));
    let registry = Registry::open(&env);
    let name = registry.name("team/app:1");
    env.file("Dockerfile", PACKAGES);
    env.dsbuild(&["build", "--sbom=true", "-t", &name, "context"]).success();
    let pushed = env.dsbuild(&["push", &name]).success();
    assert!(!pushed.stderr().contains("not pushed"), "{}", pushed.stderr());
    let index = inspect(&name, &["--raw"]);
    let (image, attestation) = (&index["manifests"][0], &index["manifests"][1]);
    assert_eq!(attestation["annotations"]["vnd.docker.reference.digest"], image["digest"]);
    let manifest = inspect(
        &format!("{}@{}", registry.name("team/app"), attestation["digest"].as_str().expect("text")),
        &["--raw"],
    );
    assert_eq!(manifest["subject"]["digest"], image["digest"]);
    // A copy of everything that the archive names succeeds only if it has everything.
    env.dsbuild(&["save", "--output", "saved.tar", &name]).success();
    let mut skopeo = env.program("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--quiet", "--all", "oci-archive:saved.tar", "dir:copy"]);
    Ran(skopeo.output().expect("skopeo runs")).success();
    assert!(fs::read_dir(env.path("copy")).expect("copied").count() > 6);
}

#[test]
fn privileged_the_provenance_names_the_commit_of_the_context() {
    let env = skip_unless!(TestEnv::new());
    let git = |args: &[&str]| {
        let mut git = env.program("git");
        git.args(["-C", "context", "-c", "user.name=t", "-c", "user.email=t@example.org"]).args(args);
        Ran(git.output().expect("git is installed")).success().stdout().trim().to_owned()
    };
    let dockerfile = "FROM base\n";
    env.file("Dockerfile", dockerfile);
    env.give("context");
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=first"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let revision = || {
        let statements = statements(&env, dockerfile, &["--provenance=true"]);
        statements[0].1["runDetails"]["metadata"]["buildkit_metadata"]["vcs"]["revision"].clone()
    };
    assert_eq!(revision(), commit);
    env.file("new", "not committed");
    assert_eq!(revision(), format!("{commit}-dirty"));
}

#[test]
fn privileged_inspect_shows_the_attestations() {
    let env = with_packages(skip_unless!(TestEnv::new()));
    env.build(PACKAGES, &["--sbom=true", "--provenance=true"]).success();
    let shown = |args: &[&str]| -> Value {
        let text = env.dsbuild(&[&["inspect"], args, &["t"]].concat()).success().stdout();
        serde_json::from_str(&text).expect("JSON")
    };
    let sbom = &shown(&["--sbom"])[0];
    assert_eq!(sbom["SPDX"]["packages"][1]["name"], "hello");
    assert_eq!(shown(&["--format", "{{json .SBOM}}"]), *sbom);
    let frontend = "{{json .Provenance.SLSA.buildDefinition.externalParameters.request.frontend}}";
    assert_eq!(shown(&["--format", frontend]), "dockerfile.v0");
    assert_eq!(shown(&["--provenance"])[0]["SLSA"]["runDetails"]["builder"]["id"], "");
    let told = env.dsbuild(&["inspect", "--sbom", "base"]).fails(1).stderr();
    assert!(told.contains("the image base has no SBOM") && told.contains("--sbom=true"), "{told}");
}
