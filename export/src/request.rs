//! `--output`: what is to be written, and where.
//!
//! ```text
//! output = PATH | "-" | pair { "," pair }      PATH is type=local,dest=PATH;  "-" is type=tar,dest=-
//! pair   = KEY [ "=" VALUE ]                   quoted as in CSV: "name=a:1,b:2" is one pair
//! ```

use std::path::PathBuf;

use oci::{Platform, Reference};

use super::ExportError;

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// The form of the output.
    pub kind: ExportKind,
    /// Where it goes; types that are files go to stdout where absent.
    pub dest: Option<Dest>,
    /// The image's names.
    pub names: Vec<Reference>,
    /// How layers are packed; the type decides where absent.
    pub compression: Option<LayerCompression>,
    /// OCI's media types, not Docker's.
    pub oci_media_types: bool,
    /// Times of files are clamped to the source date; else they are kept.
    pub rewrite_timestamp: bool,
    /// Annotations, in order.
    pub annotations: Vec<Annotation>,
    /// A folder for each platform; by default if there is more than one.
    pub platform_split: Option<bool>,
    /// A layout is written as a tar, not as a folder.
    pub tar: bool,
    /// The image goes to its registry too.
    pub push: Option<Push>,
    /// It is pushed by plain HTTP.
    pub is_registry_insecure: bool,
}

/// How an image is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Under its names.
    Named,
    /// By its digest alone, to the repositories of its names; it gets no name here either.
    ByDigest,
}

/// The form of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportKind {
    /// An image in our own store.
    Image,
    /// An OCI layout.
    Oci,
    /// What `docker load` takes.
    Docker,
    /// A folder with the files.
    Local,
    /// A tar with the files.
    Tar,
    /// Nothing: the result stays in the cache.
    CacheOnly,
}

impl ExportKind {
    /// Its name in `type=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Oci => "oci",
            Self::Docker => "docker",
            Self::Local => "local",
            Self::Tar => "tar",
            Self::CacheOnly => "cacheonly",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Image, Self::Oci, Self::Docker, Self::Local, Self::Tar, Self::CacheOnly];
        all.into_iter().find(|kind| kind.name() == name).or((name == "none").then_some(Self::CacheOnly))
    }
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dest {
    /// To the standard output of the program.
    Stdout,
    /// To a file or folder.
    Path(PathBuf),
}

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerCompression {
    /// Not at all.
    Uncompressed,
    /// gzip, at a level from 0 to 9.
    Gzip {
        /// The level.
        level: u32,
    },
    /// zstd, at a level from 1 to 22.
    Zstd {
        /// The level.
        level: i32,
    },
}

impl LayerCompression {
    /// gzip as other builders set it.
    pub const GZIP: Self = Self::Gzip { level: 6 };
}

/// An annotation and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// To which document.
    pub target: AnnotationTarget,
    /// To the image of this platform only.
    pub platform: Option<Platform>,
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// The document that carries an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationTarget {
    /// The manifest of an image.
    Manifest,
    /// The index of a multi-platform image.
    Index,
    /// The descriptor of a manifest in that index.
    ManifestDescriptor,
    /// The descriptor of the index in a layout.
    IndexDescriptor,
}

impl Annotation {
    /// Reads an `--annotation`: `[manifest|index|manifest-descriptor|index-descriptor [ "[" platform "]" ] ":"] KEY=VALUE`.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let error = |reason| ExportError::Request { text: text.to_owned(), reason };
        let (key, value) = text.split_once('=').ok_or_else(|| error("it is not KEY=VALUE".to_owned()))?;
        let attribute = match key.split_once(':') {
            Some((kind, name)) => match kind.split_once('[') {
                Some((kind, platform)) => format!("annotation-{kind}[{platform}.{name}"),
                None => format!("annotation-{kind}.{name}"),
            },
            None => format!("annotation.{key}"),
        };
        annotation(&attribute, value).map_err(error)
    }
}

impl ExportRequest {
    /// A request with the defaults of its type.
    pub fn new(kind: ExportKind) -> Self {
        Self {
            kind,
            dest: None,
            names: Vec::new(),
            compression: None,
            oci_media_types: true,
            rewrite_timestamp: true,
            annotations: Vec::new(),
            platform_split: None,
            tar: true,
            push: None,
            is_registry_insecure: false,
        }
    }

    /// An image that is pushed: `type=registry`.
    pub fn pushed() -> Self {
        Self { push: Some(Push::Named), ..Self::new(ExportKind::Image) }
    }

    /// Reads an `--output`.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        parse(text).map_err(|reason| ExportError::Request { text: text.to_owned(), reason })
    }

    /// Looks whether it can be done, once it has all its names.
    pub fn check(&self) -> Result<(), ExportError> {
        let refused =
            |reason: &str| Err(ExportError::Unsupported { kind: "registry", reason: reason.to_owned() });
        match self.push {
            Some(_) if self.names.is_empty() => {
                refused("what is pushed needs a name: give -t REGISTRY/NAME[:TAG]")
            }
            Some(_) if self.names.iter().any(|name| name.digest.is_some()) => {
                refused("an image cannot be pushed under a digest that is given: it has its own")
            }
            _ => Ok(()),
        }
    }

    /// How layers are packed. Nothing is compressed that stays on this machine.
    pub fn layer_compression(&self) -> LayerCompression {
        match self.kind {
            ExportKind::Image if self.push.is_some() => self.compression.unwrap_or(LayerCompression::GZIP),
            ExportKind::Oci => self.compression.unwrap_or(LayerCompression::GZIP),
            _ => self.compression.unwrap_or(LayerCompression::Uncompressed),
        }
    }
}

fn parse(text: &str) -> Result<ExportRequest, String> {
    let fields = csv(text)?;
    if let [path] = &fields[..]
        && !path.contains('=')
    {
        let kind = if path == "-" { ExportKind::Tar } else { ExportKind::Local };
        return Ok(ExportRequest { dest: Some(dest(path)?), ..ExportRequest::new(kind) });
    }
    let pairs: Vec<(&str, &str)> =
        fields.iter().map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
    let kind = pairs.iter().rev().find(|(key, _)| *key == "type").ok_or("type is required")?.1;
    let mut request = match kind {
        "registry" => ExportRequest::pushed(),
        kind => ExportRequest::new(ExportKind::parse(kind).ok_or_else(|| format!("unknown type {kind:?}"))?),
    };
    let (mut level, mut by_digest) = (None, false);
    for (key, value) in pairs {
        match key {
            "push" | "push-by-digest" if request.kind != ExportKind::Image => {
                return Err(format!("{key}: only type=image and type=registry are pushed"));
            }
            "push-by-digest" => by_digest = boolean(key, value)?,
            "compression-level" => {
                level = Some(value.parse::<i32>().map_err(|_| not_a("number", key, value))?)
            }
            _ => apply(&mut request, key, value)?,
        }
    }
    if let Some(level) = level {
        request.compression = Some(with_level(request.layer_compression(), level)?);
    }
    // How, not whether: as with BuildKit it says nothing where nothing is pushed.
    if by_digest {
        request.push = request.push.map(|_| Push::ByDigest);
    }
    Ok(request)
}

fn apply(request: &mut ExportRequest, key: &str, value: &str) -> Result<(), String> {
    match key {
        "type" => {}
        "dest" => request.dest = Some(dest(value)?),
        "name" => request.names.append(&mut names(value)?),
        "compression" => request.compression = Some(compression(value)?),
        "oci-mediatypes" => request.oci_media_types = boolean(key, value)?,
        "rewrite-timestamp" => request.rewrite_timestamp = boolean(key, value)?,
        "platform-split" => request.platform_split = Some(boolean(key, value)?),
        "tar" => request.tar = boolean(key, value)?,
        // Every layer has its tar here, so base layers are always packed anew; and what we build is always stored.
        // And an image of ours is found by its digest without a name for it.
        "force-compression" | "unpack" | "store" | "name-canonical" => drop(boolean(key, value)?),
        "push" => request.push = boolean(key, value)?.then_some(Push::Named),
        "registry.insecure" => request.is_registry_insecure = boolean(key, value)?,
        _ => request.annotations.push(annotation(key, value)?),
    }
    Ok(())
}

fn dest(value: &str) -> Result<Dest, String> {
    match value {
        "" => Err("dest is empty".to_owned()),
        "-" => Ok(Dest::Stdout),
        path => Ok(Dest::Path(path.into())),
    }
}

fn names(value: &str) -> Result<Vec<Reference>, String> {
    let parse = |name: &str| name.parse::<Reference>().map_err(|error| error.to_string());
    value.split(',').filter(|name| !name.is_empty()).map(parse).collect()
}

fn compression(value: &str) -> Result<LayerCompression, String> {
    match value {
        "uncompressed" => Ok(LayerCompression::Uncompressed),
        "gzip" => Ok(LayerCompression::GZIP),
        "zstd" => Ok(LayerCompression::Zstd { level: 3 }),
        _ => Err(format!("unsupported compression {value:?}: expected uncompressed, gzip or zstd")),
    }
}

fn with_level(compression: LayerCompression, level: i32) -> Result<LayerCompression, String> {
    let out_of_range = |max| format!("compression-level {level} is not between 0 and {max}");
    match compression {
        LayerCompression::Uncompressed => Ok(compression),
        LayerCompression::Gzip { .. } => match u32::try_from(level) {
            Ok(level @ 0..=9) => Ok(LayerCompression::Gzip { level }),
            _ => Err(out_of_range(9)),
        },
        LayerCompression::Zstd { .. } if (0..=22).contains(&level) => Ok(LayerCompression::Zstd { level }),
        LayerCompression::Zstd { .. } => Err(out_of_range(22)),
    }
}

/// `annotation[-manifest|-index|-manifest-descriptor|-index-descriptor][ "[" platform "]" ].KEY`
fn annotation(key: &str, value: &str) -> Result<Annotation, String> {
    let unknown = || format!("unknown attribute {key:?}");
    let rest = key.strip_prefix("annotation").ok_or_else(unknown)?;
    let end = rest.find(['.', '[']).ok_or_else(unknown)?;
    let target = match &rest[..end] {
        "" | "-manifest" => AnnotationTarget::Manifest,
        "-index" => AnnotationTarget::Index,
        "-manifest-descriptor" => AnnotationTarget::ManifestDescriptor,
        "-index-descriptor" => AnnotationTarget::IndexDescriptor,
        _ => return Err(unknown()),
    };
    let (platform, name) = match rest[end..].strip_prefix('[') {
        Some(selected) => {
            let (platform, name) = selected.split_once("].").ok_or_else(unknown)?;
            (Some(platform.parse::<Platform>().map_err(|error| error.to_string())?), name)
        }
        None => (None, &rest[end + 1..]),
    };
    if name.is_empty() {
        return Err(unknown());
    }
    Ok(Annotation { target, platform, key: name.to_owned(), value: value.to_owned() })
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(not_a("boolean", key, value)),
    }
}

fn not_a(what: &str, key: &str, value: &str) -> String {
    format!("{key}={value} is not a {what}")
}

/// The fields of a line of CSV: separated by commas, in double quotes where they contain one.
fn csv(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let (mut quoted, mut chars) = (false, line.chars().peekable());
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("there is always a field");
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            _ => field.push(c),
        }
    }
    if quoted { Err("a quoted field does not end".to_owned()) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ExportRequest {
        ExportRequest::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn path(path: &str) -> Option<Dest> {
        Some(Dest::Path(path.into()))
    }

    #[test]
    fn a_lone_word_is_a_place() {
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
    fn types_have_their_compression() {
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
    fn what_is_pushed_says_so() {
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
        check("annotation-manifest-descriptor.k", AnnotationTarget::ManifestDescriptor, None, "k");
        check("annotation-index-descriptor.k", AnnotationTarget::IndexDescriptor, None, "k");
    }

    #[test]
    fn nonsense_is_refused() {
        #[track_caller]
        fn check(text: &str, complaint: &str) {
            let error = ExportRequest::parse(text).expect_err(text).to_string();
            assert!(error.contains(complaint), "{error}");
        }
        check("dest=x,name=y", "type is required");
        check("type=floppy", "unknown type \"floppy\"");
        check("type=oci,colour=red", "unknown attribute \"colour\"");
        check("type=oci,tar=perhaps", "not a boolean");
        check("type=oci,compression=lzma", "unsupported compression");
        check("type=oci,compression-level=10", "not between 0 and 9");
        check("type=oci,dest=", "dest is empty");
        check("type=oci,\"name=a", "does not end");
        check("type=oci,push=true", "only type=image");
        check("type=image,push=perhaps", "not a boolean");
        check("type=image,name=UPPER", "lower-case");
    }
}
