//! The value of `RUN --device`: `vendor.com/class=name,required`.
//!
//! ```text
//! device = field { "," field }                          quoted as in CSV
//! field  = "name=" name | name | "required" [ "=" boolean ]
//! ```
//!
//! Nothing in it is expanded. What a name may be is not looked at here.

use crate::{ast::Device, csv, error::Fault, suggest::suggest};

/// Reads a value.
pub(crate) fn parse(value: &str) -> Result<Device, Fault> {
    let fields = csv::fields(value).map_err(|reason| format!("failed to parse csv devices: {reason}"))?;
    let mut device = Device::default();
    for field in &fields {
        let (key, given) = match field.split_once('=') {
            Some((key, given)) => (key.to_lowercase(), Some(given)),
            None => (field.to_lowercase(), None),
        };
        match (key.as_str(), given) {
            ("required", None) => device.required = true,
            ("required", Some(given)) => {
                let required = csv::boolean(given);
                device.required = required.ok_or_else(|| format!("invalid value for {key}: {given}"))?;
            }
            ("name", Some(_)) if !device.name.is_empty() => {
                return Err(Fault::new(format!("device name already set to {}", device.name)));
            }
            ("name", Some(given)) => device.name = given.to_owned(),
            _ if device.name.is_empty() => device.name.clone_from(field),
            (_, None) => return Err(Fault::new(format!("invalid field '{field}' must be a key=value pair"))),
            (_, Some(_)) => {
                let fault = Fault::new(format!("unexpected key '{key}' in '{field}'"));
                return Err(fault.or_rather(suggest(&key, &["name", "required"])));
            }
        }
    }
    Ok(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        let check = |value: &str, name: &str, required: bool| {
            assert_eq!(parse(value), Ok(Device { name: name.to_owned(), required }), "{value}");
        };
        check("vendor1.com/device=foo", "vendor1.com/device=foo", false);
        check("vendor1.com/device", "vendor1.com/device", false);
        check("vendor1.com/device=foo,required", "vendor1.com/device=foo", true);
        check("vendor1.com/device=foo,required=true", "vendor1.com/device=foo", true);
        check("vendor1.com/device=foo,required=false", "vendor1.com/device=foo", false);
        check("name=vendor1.com/device=foo", "vendor1.com/device=foo", false);
        check("Required,NAME=vendor1.com/device=*", "vendor1.com/device=*", true);
        check("\"vendor1.com/device=foo\",required=0", "vendor1.com/device=foo", false);
    }

    #[test]
    fn what_is_no_device() {
        let check = |value: &str, expected: &str| {
            assert_eq!(parse(value).map_err(|fault| fault.message), Err(expected.to_owned()), "{value}");
        };
        check("v.com/d=a,name=v.com/d=b", "device name already set to v.com/d=a");
        check("v.com/d=a,required=maybe", "invalid value for required: maybe");
        check("v.com/d=a,v.com/d", "invalid field 'v.com/d' must be a key=value pair");
        check("v.com/d=a,require=1", "unexpected key 'require' in 'require=1'");
        check("", "failed to parse csv devices: EOF");
        check("a\"b", "failed to parse csv devices: bare \" in non-quoted-field");
        let hint = parse("v.com/d=a,require=1").expect_err("no device").hint;
        assert_eq!(hint.as_deref(), Some("did you mean required?"));
    }
}
