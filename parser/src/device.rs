//! The value of `RUN --device`: `vendor.com/class=name,required`.
//!
//! ```text
//! device = field { "," field }                          quoted as in CSV
//! field  = "name=" name | name | "required" [ "=" boolean ]
//! ```
//!
//! Variables are not expanded. The form of the name is not checked here but when the device is looked up.

use crate::{ast::Device, csv, error::Fault, suggest::suggest};

/// Parses the value of `--device`.
pub(crate) fn parse(value: &str) -> Result<Device, Fault> {
    let fields = csv::fields(value).map_err(|reason| format!("failed to parse csv devices: {reason}"))?;
    let mut device = Device::default();
    for field in &fields {
        set_field(&mut device, field)?;
    }
    Ok(device)
}

fn set_field(device: &mut Device, field: &str) -> Result<(), Fault> {
    let (key, value) = match field.split_once('=') {
        Some((key, value)) => (key.to_lowercase(), Some(value)),
        None => (field.to_lowercase(), None),
    };
    match (key.as_str(), value) {
        ("required", None) => device.required = true,
        ("required", Some(value)) => {
            let required = csv::boolean(value);
            device.required = required.ok_or_else(|| format!("invalid value for {key}: {value}"))?;
        }
        ("name", Some(_)) if !device.name.is_empty() => {
            return Err(Fault::new(format!("device name already set to {}", device.name)));
        }
        ("name", Some(value)) => device.name = value.to_owned(),
        // The name as it is: `vendor.com/class=name` contains a "=" of its own.
        _ if device.name.is_empty() => device.name = field.to_owned(),
        (_, None) => return Err(Fault::new(format!("invalid field '{field}' must be a key=value pair"))),
        (_, Some(_)) => {
            let fault = Fault::new(format!("unexpected key '{key}' in '{field}'"));
            return Err(fault.suggesting(suggest(&key, &["name", "required"])));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, name: &str, required: bool) {
        assert_eq!(parse(value), Ok(Device { name: name.to_owned(), required }), "{value}");
    }

    #[test]
    fn a_name_needs_no_key() {
        check("vendor1.com/device=foo", "vendor1.com/device=foo", false);
        check("vendor1.com/device", "vendor1.com/device", false);
        check("name=vendor1.com/device=foo", "vendor1.com/device=foo", false);
    }

    #[test]
    fn required_is_a_flag_or_a_boolean() {
        check("vendor1.com/device=foo,required", "vendor1.com/device=foo", true);
        check("vendor1.com/device=foo,required=true", "vendor1.com/device=foo", true);
        check("vendor1.com/device=foo,required=false", "vendor1.com/device=foo", false);
        check("\"vendor1.com/device=foo\",required=0", "vendor1.com/device=foo", false);
    }

    #[test]
    fn keys_can_be_written_in_any_case_and_order() {
        check("Required,NAME=vendor1.com/device=*", "vendor1.com/device=*", true);
    }

    #[test]
    fn malformed_values_are_errors() {
        let check_error = |value: &str, expected: &str| {
            assert_eq!(parse(value).map_err(|fault| fault.message), Err(expected.to_owned()), "{value}");
        };
        check_error("v.com/d=a,name=v.com/d=b", "device name already set to v.com/d=a");
        check_error("v.com/d=a,required=maybe", "invalid value for required: maybe");
        check_error("v.com/d=a,v.com/d", "invalid field 'v.com/d' must be a key=value pair");
        check_error("v.com/d=a,require=1", "unexpected key 'require' in 'require=1'");
        check_error("", "failed to parse csv devices: EOF");
        check_error("a\"b", "failed to parse csv devices: bare \" in non-quoted-field");
    }

    #[test]
    fn a_misspelled_key_gets_a_suggestion() {
        let hint = parse("v.com/d=a,require=1").expect_err("an unknown key").hint;
        assert_eq!(hint.as_deref(), Some("did you mean required?"));
    }
}
