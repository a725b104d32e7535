//! The text of `--output`.
//!
//! ```text
//! output = PATH | "-" | pair { "," pair }      PATH is type=local,dest=PATH;  "-" is type=tar,dest=-
//! pair   = KEY [ "=" VALUE ]                   quoted as in CSV: "name=a:1,b:2" is one pair
//! ```
//!
//! Keys are case-insensitive. A key without a value is a flag that is set; an empty `dest` or `source-date-epoch` is as if
//! it were not given.
//!
//! Source: buildx, `util/buildflags/export.go`; BuildKit, `exporter/containerimage/opts.go`.

use oci::Reference;

use super::annotation::of_attribute;
use super::csv;
use super::{Dest, ExportKind, ExportRequest, LayerCompression, Push};

/// Parses an output; the error is a clause.
pub fn parse(text: &str) -> Result<ExportRequest, String> {
    let fields = csv::fields(text)?;
    if let [path] = &fields[..]
        && !path.contains('=')
    {
        let kind = if path == "-" { ExportKind::Tar } else { ExportKind::Local };
        let dest = dest(path).ok_or("it is empty")?;
        return Ok(ExportRequest { dest: Some(dest), ..ExportRequest::new(kind) });
    }
    let pairs: Vec<(String, &str)> = fields.iter().map(|field| pair(field)).collect();
    let kind = pairs.iter().rev().find(|(key, _)| key == "type").ok_or("type is required")?.1;
    let mut request = of_type(kind)?;
    let (mut level, mut by_digest) = (None, false);
    for (key, value) in &pairs {
        match key.as_str() {
            "push" | "push-by-digest" if request.kind != ExportKind::Image => {
                return Err(format!("{key}: only type=image and type=registry are pushed"));
            }
            "push-by-digest" => by_digest = boolean(key, value)?,
            "compression-level" => level = Some(number(key, value)?),
            _ => apply(&mut request, key, value)?,
        }
    }
    if let Some(level) = level {
        request.compression = Some(with_level(request.layer_compression(), level)?);
    }
    // As with BuildKit, this attribute does not make the image be pushed; it says how.
    if by_digest {
        request.push = request.push.map(|_| Push::ByDigest);
    }
    Ok(request)
}

fn pair(field: &str) -> (String, &str) {
    let (key, value) = field.split_once('=').unwrap_or((field, ""));
    (key.trim().to_ascii_lowercase(), value)
}

fn of_type(name: &str) -> Result<ExportRequest, String> {
    let kind = match name {
        "registry" => return Ok(ExportRequest::pushed()),
        "none" => ExportKind::CacheOnly,
        name => {
            ExportKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| unknown_type(name))?
        }
    };
    Ok(ExportRequest::new(kind))
}

fn unknown_type(name: &str) -> String {
    let known: Vec<&str> = ExportKind::ALL.into_iter().map(ExportKind::name).collect();
    format!("unknown type {name:?}: expected {} or registry", known.join(", "))
}

fn apply(request: &mut ExportRequest, key: &str, value: &str) -> Result<(), String> {
    match key {
        "type" => {}
        "dest" => request.dest = dest(value),
        "name" => request.names.append(&mut names(value)?),
        "compression" => request.compression = Some(compression(value)?),
        "force-compression" => request.force_compression = boolean(key, value)?,
        "oci-mediatypes" => request.oci_media_types = boolean(key, value)?,
        "attestation-prefix" if value.contains('/') => {
            return Err(format!(
                "attestation-prefix={value} is a path: expected the beginning of a file's name"
            ));
        }
        "attestation-prefix" => request.attestation_prefix = value.to_owned(),
        "oci-artifact" => request.oci_artifact = boolean(key, value)?,
        "rewrite-timestamp" => request.rewrite_timestamp = boolean(key, value)?,
        "source-date-epoch" if value.is_empty() => request.source_date_s = None,
        "source-date-epoch" => request.source_date_s = Some(number(key, value)?),
        "platform-split" => request.platform_split = Some(boolean(key, value)?),
        "tar" => request.tar = boolean(key, value)?,
        // An image is stored and unpacked in any case, and is found by its digest without a name for it. Attestations are
        // made before the export.
        "unpack" | "store" | "name-canonical" | "attestation-inline" | "buildinfo" | "buildinfo-attrs" => {
            boolean(key, value)?;
        }
        "push" => request.push = boolean(key, value)?.then_some(Push::Named),
        "registry.insecure" => request.is_registry_insecure = boolean(key, value)?,
        _ => request.annotations.push(of_attribute(key, value)?),
    }
    Ok(())
}

/// Parses a destination; `None` if it is empty.
fn dest(value: &str) -> Option<Dest> {
    match value {
        "" => None,
        "-" => Some(Dest::Stdout),
        path => Some(Dest::Path(path.into())),
    }
}

fn names(value: &str) -> Result<Vec<Reference>, String> {
    let parse = |name: &str| name.parse::<Reference>().map_err(|error| error.to_string());
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(parse).collect()
}

fn compression(value: &str) -> Result<LayerCompression, String> {
    match value {
        "uncompressed" => Ok(LayerCompression::Uncompressed),
        "gzip" => Ok(LayerCompression::GZIP),
        "zstd" => Ok(LayerCompression::Zstd { level: 3 }),
        _ => Err(format!("unsupported compression {value:?}: expected uncompressed, gzip or zstd")),
    }
}

fn with_level(compression: LayerCompression, level: i64) -> Result<LayerCompression, String> {
    let out_of_range = |max| format!("compression-level {level} is not between 0 and {max}");
    match compression {
        LayerCompression::Uncompressed => Ok(compression),
        LayerCompression::Gzip { .. } => match u32::try_from(level) {
            Ok(level @ 0..=9) => Ok(LayerCompression::Gzip { level }),
            _ => Err(out_of_range(9)),
        },
        LayerCompression::Zstd { .. } => match i32::try_from(level) {
            Ok(level @ 0..=22) => Ok(LayerCompression::Zstd { level }),
            _ => Err(out_of_range(22)),
        },
    }
}

fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{key}={value} is not a boolean")),
    }
}

fn number(key: &str, value: &str) -> Result<i64, String> {
    value.parse().map_err(|_| format!("{key}={value} is not a number"))
}
