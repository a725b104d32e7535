//! Completing an image's config once its layers and times are known.

use jiff::Timestamp;

use crate::{DiffId, History, ImageConfig};

/// The config of an image with these layers, made at `created_s`. Entries of the history that have a time keep it:
/// they are the base image's.
pub fn finish_config(mut config: ImageConfig, layers: &[DiffId], created_s: i64) -> ImageConfig {
    let created = rfc3339(created_s);
    config.rootfs.diff_ids = layers.to_vec();
    fit_history(&mut config.history, layers.len());
    for entry in &mut config.history {
        entry.created.get_or_insert_with(|| created.clone());
    }
    config.created = Some(created);
    config
}

/// `2006-01-02T15:04:05Z`; the start of 1970 for a time that no calendar has.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Makes the history tell of as many layers as there are: a base image may have left some out, or told of too many.
///
/// Source: moby/buildkit, `exporter/containerimage/writer.go`, `normalizeLayersAndHistory`.
fn fit_history(history: &mut Vec<History>, layers: usize) {
    let told = history.iter().filter(|entry| !entry.empty_layer).count();
    let missing = layers.saturating_sub(told);
    let unknown = History { comment: "dsbuild.exporter.v0".to_owned(), ..History::default() };
    history.extend(std::iter::repeat_n(unknown, missing));
    let superfluous = told.saturating_sub(layers);
    for entry in history.iter_mut().filter(|entry| !entry.empty_layer).take(superfluous) {
        entry.empty_layer = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn diffs(count: u8) -> Vec<DiffId> {
        (0..count).map(|n| DiffId(Digest::of(&[n]))).collect()
    }

    fn entry(created: Option<&str>, empty_layer: bool) -> History {
        History { created: created.map(str::to_owned), empty_layer, ..History::default() }
    }

    #[test]
    fn the_base_history_keeps_its_times() {
        let history = vec![entry(Some("2020-02-02T00:00:00Z"), false), entry(None, true), entry(None, false)];
        let config = finish_config(ImageConfig { history, ..ImageConfig::default() }, &diffs(2), 315_532_800);
        let times: Vec<_> = config.history.iter().map(|entry| entry.created.as_deref()).collect();
        let own = Some("1980-01-01T00:00:00Z");
        assert_eq!(times, [Some("2020-02-02T00:00:00Z"), own, own]);
        assert_eq!(config.created.as_deref(), own);
        assert_eq!(config.rootfs.diff_ids, diffs(2));
    }

    #[test]
    fn the_history_is_made_to_fit() {
        #[track_caller]
        fn check(told: usize, layers: u8) {
            let history = vec![entry(None, false); told];
            let config = finish_config(ImageConfig { history, ..ImageConfig::default() }, &diffs(layers), 0);
            let fits = config.history.iter().filter(|entry| !entry.empty_layer).count();
            assert_eq!(fits, usize::from(layers), "{told} entries for {layers} layers");
        }
        check(0, 0);
        check(0, 2);
        check(1, 3);
        check(3, 1);
        check(2, 2);
    }
}
