//! Texts of `--output` and `--annotation`.

use super::annotation::{Annotation, AnnotationTarget};
use super::*;

fn parsed(text: &str) -> ExportRequest {
    ExportRequest::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn path(path: &str) -> Option<Dest> {
    Some(Dest::Path(path.into()))
}

#[test]
fn a_path_alone_is_a_directory_and_a_dash_is_a_tar_on_stdout() {
    let local = parsed("out");
    assert_eq!((local.kind, local.dest), (ExportKind::Local, path("out")));
    let tar = parsed("-");
    assert_eq!((tar.kind, tar.dest), (ExportKind::Tar, Some(Dest::Stdout)));
}

#[test]
fn attributes_set_fields() {
    let request =
        parsed("type=oci,dest=a.tar,tar=false,rewrite-timestamp=0,oci-mediatypes=false,\"name=a,b:1\"");
    assert_eq!(request.dest, path("a.tar"));
    assert!(!request.tar && !request.rewrite_timestamp && !request.oci_media_types);
    let names: Vec<String> = request.names.iter().map(Reference::to_string).collect();
    assert_eq!(names, ["docker.io/library/a:latest", "docker.io/library/b:1"]);
}

#[test]
fn each_type_has_its_default_compression() {
    #[track_caller]
    fn check(text: &str, expected: LayerCompression) {
        assert_eq!(parsed(text).layer_compression(), expected, "{text}");
    }
    check("type=oci", LayerCompression::GZIP);
    check("type=docker", LayerCompression::Uncompressed);
    check("type=image", LayerCompression::Uncompressed);
    check("type=registry", LayerCompression::GZIP);
    check("type=image,push=false", LayerCompression::Uncompressed);
    check("type=oci,compression=uncompressed", LayerCompression::Uncompressed);
    check("type=oci,compression-level=9", LayerCompression::Gzip { level: 9 });
    check("compression-level=19,compression=zstd,type=image", LayerCompression::Zstd { level: 19 });
}

#[test]
fn push_attributes_decide_whether_and_how_an_image_is_pushed() {
    #[track_caller]
    fn check(text: &str, expected: Option<Push>, is_insecure: bool) {
        let request = parsed(text);
        let got = (request.kind, request.push, request.is_registry_insecure);
        assert_eq!(got, (ExportKind::Image, expected, is_insecure), "{text}");
    }
    check("type=image,name=a", None, false);
    check("type=image,push=false", None, false);
    check("type=image,push=true,registry.insecure=true", Some(Push::Named), true);
    check("type=image,push", Some(Push::Named), false);
    check("push=true,type=image", Some(Push::Named), false);
    check("type=registry", Some(Push::Named), false);
    check("type=registry,push=false", None, false);
    check("type=image,push-by-digest=true,name-canonical=true,push=true", Some(Push::ByDigest), false);
    check("type=image,push-by-digest=true", None, false);
    check("type=image,push=true,push-by-digest=true", Some(Push::ByDigest), false);
}

#[test]
fn annotations_name_their_target() {
    #[track_caller]
    fn check(text: &str, target: AnnotationTarget, platform: Option<&str>, key: &str) {
        let request = parsed(&format!("type=oci,{text}=v=w"));
        let expected = Annotation {
            target,
            platform: platform.map(|platform| platform.parse().expect("a platform")),
            key: key.to_owned(),
            value: "v=w".to_owned(),
        };
        assert_eq!(request.annotations, [expected]);
    }
    check("annotation.a.b", AnnotationTarget::Manifest, None, "a.b");
    check("annotation-index.k", AnnotationTarget::Index, None, "k");
    check("annotation-manifest[linux/arm64].k", AnnotationTarget::Manifest, Some("linux/arm64"), "k");
    check(
        "annotation-manifest[linux/arm/v7].a[b].c",
        AnnotationTarget::Manifest,
        Some("linux/arm/v7"),
        "a[b].c",
    );
    check("annotation-manifest-descriptor.k", AnnotationTarget::ManifestDescriptor, None, "k");
    check("annotation-index-descriptor.k", AnnotationTarget::IndexDescriptor, None, "k");
}

#[test]
fn invalid_outputs_are_refused_with_a_reason() {
    #[track_caller]
    fn check(text: &str, complaint: &str) {
        let error = ExportRequest::parse(text).expect_err(text).to_string();
        assert!(error.contains(complaint), "{error}");
    }
    check("dest=x,name=y", "type is required");
    check("", "it is empty");
    check(
        "type=floppy",
        "unknown type \"floppy\": expected local, tar, oci, docker, image, cacheonly or registry",
    );
    check("type=oci,colour=red", "unknown attribute \"colour\"");
    check("type=oci,tar=perhaps", "not a boolean");
    check("type=oci,compression=lzma", "unsupported compression");
    check("type=oci,compression-level=10", "not between 0 and 9");
    check("type=oci,source-date-epoch=yesterday", "source-date-epoch=yesterday is not a number");
    check("type=oci,annotation-floppy.k=v", "unknown attribute");
    check("type=oci,\"name=a", "does not end");
    check("type=oci,push=true", "only type=image");
    check("type=image,push=perhaps", "not a boolean");
    check("type=image,name=UPPER", "lower-case");
}

#[test]
fn empty_values_are_defaults_as_with_buildkit() {
    let request = parsed("type=oci,dest=,name=,oci-mediatypes=,rewrite-timestamp=,source-date-epoch=,tar=");
    assert_eq!(request, ExportRequest::new(ExportKind::Oci));
    assert_eq!(parsed("type=image,push="), ExportRequest::pushed());
}

#[test]
fn keys_are_case_insensitive() {
    assert_eq!(
        parsed("Type=oci, Tar=false"),
        ExportRequest { tar: false, ..ExportRequest::new(ExportKind::Oci) }
    );
}

#[test]
fn an_output_has_a_source_date_of_its_own() {
    assert_eq!(parsed("type=oci,source-date-epoch=1000000000").source_date_s, Some(1_000_000_000));
    assert_eq!(parsed("type=oci,source-date-epoch=-1").source_date_s, Some(-1));
}

#[test]
fn the_annotation_flag_names_targets_and_platforms() {
    #[track_caller]
    fn check(text: &str, expected: &[(AnnotationTarget, Option<&str>)]) {
        let found = Annotation::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let targets: Vec<_> = found.iter().map(|one| (one.target, one.platform.clone())).collect();
        let platform = |text: &&str| text.parse().expect("a platform");
        let expected: Vec<_> =
            expected.iter().map(|(target, text)| (*target, text.as_ref().map(platform))).collect();
        assert_eq!(targets, expected, "{text}");
        assert!(found.iter().all(|one| (one.key.as_str(), one.value.as_str()) == ("a.b", "v=w")), "{text}");
    }
    check("a.b=v=w", &[(AnnotationTarget::Manifest, None)]);
    check("index:a.b=v=w", &[(AnnotationTarget::Index, None)]);
    check("manifest[linux/arm64]:a.b=v=w", &[(AnnotationTarget::Manifest, Some("linux/arm64"))]);
    check(
        "manifest,index-descriptor:a.b=v=w",
        &[(AnnotationTarget::Manifest, None), (AnnotationTarget::IndexDescriptor, None)],
    );
    check("", &[]);
    for text in ["a", "floppy:a=b", "manifest[linux/arm64:a=b", "index:=v"] {
        let error = Annotation::parse(text).expect_err(text).to_string();
        assert!(error.contains(text), "{error}");
    }
}
