//! Proxies of docker's `config.json`, which every build of the user gets as predefined ARGs.
//!
//! They reach the processes of RUN, and neither the image nor the keys of the cache.
//!
//! Source: docker's documentation, "Use a proxy server with the Docker CLI"; docker/cli, `ParseProxyConfig`.

use std::collections::BTreeMap;
use std::path::Path;

use pipeline::input;
use serde::Deserialize;

use crate::output;

/// Part of `config.json` that has the proxies.
#[derive(Debug, Default, Deserialize)]
struct ConfigFile {
    /// Proxies by address of the daemon, and `default` for all of them.
    proxies: Option<BTreeMap<String, Proxies>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Proxies {
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    ftp_proxy: Option<String>,
    no_proxy: Option<String>,
    all_proxy: Option<String>,
}

/// Adds the default proxies of `config` to `build_args`, in upper and lower case. An argument of the user wins. A missing
/// file has no proxies. Returns a note for the user about a file that cannot be read; the build goes on, as with docker.
pub fn add(build_args: &mut BTreeMap<String, String>, config: &Path) -> Option<String> {
    if !config.exists() {
        return None;
    }
    let found = input::read(config).map_err(|error| error.to_string());
    match found.and_then(|bytes| default_proxies(&bytes).map_err(|error| error.to_string())) {
        Ok(proxies) => {
            for (name, value) in proxies {
                build_args.entry(name.to_lowercase()).or_insert_with(|| value.clone());
                build_args.entry(name.to_owned()).or_insert(value);
            }
            None
        }
        Err(error) => Some(format!("cannot read the proxies in {}: {error}", output::path(config))),
    }
}

fn default_proxies(bytes: &[u8]) -> Result<Vec<(&'static str, String)>, serde_json::Error> {
    let file: ConfigFile = serde_json::from_slice(bytes)?;
    let Proxies { http_proxy, https_proxy, ftp_proxy, no_proxy, all_proxy } =
        file.proxies.and_then(|mut proxies| proxies.remove("default")).unwrap_or_default();
    let all = [
        ("HTTP_PROXY", http_proxy),
        ("HTTPS_PROXY", https_proxy),
        ("FTP_PROXY", ftp_proxy),
        ("NO_PROXY", no_proxy),
        ("ALL_PROXY", all_proxy),
    ];
    let set =
        all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    Ok(set.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, given: &[(&str, &str)], expected: &[(&str, &str)]) {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("config.json");
        std::fs::write(&path, config).expect("the file can be written");
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut args = map(given);
        assert_eq!(add(&mut args, &path), None);
        assert_eq!(args, map(expected), "{config}");
    }

    #[test]
    fn the_default_proxies_become_arguments_in_both_cases() {
        check(
            r#"{"auths":{},"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"localhost","ftpProxy":""}}}"#,
            &[],
            &[
                ("HTTP_PROXY", "http://p:1"),
                ("http_proxy", "http://p:1"),
                ("NO_PROXY", "localhost"),
                ("no_proxy", "localhost"),
            ],
        );
    }

    #[test]
    fn an_argument_of_the_user_wins() {
        check(
            r#"{"proxies":{"default":{"httpsProxy":"http://p:1"}}}"#,
            &[("HTTPS_PROXY", "")],
            &[("HTTPS_PROXY", ""), ("https_proxy", "http://p:1")],
        );
    }

    #[test]
    fn a_file_without_default_proxies_adds_nothing() {
        for config in ["{}", r#"{"proxies":null}"#, r#"{"proxies":{"tcp://h:1":{"httpProxy":"x"}}}"#] {
            check(config, &[], &[]);
        }
    }

    #[test]
    fn a_damaged_file_is_a_note_that_names_it() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("config.json");
        std::fs::write(&path, "{").expect("the file can be written");
        let note = add(&mut BTreeMap::new(), &path).expect("the file is not JSON");
        assert!(note.contains("config.json: EOF while parsing"), "{note}");
        assert_eq!(add(&mut BTreeMap::new(), &dir.path().join("missing")), None);
    }
}
