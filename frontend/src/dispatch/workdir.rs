//! WORKDIR: the working directory of the image, and a layer with the directory.

use graph::paths;
use graph::{FileAction, FileOp, Op};

use super::{CurrentStage, Dispatcher, Inputs};
use crate::error::Problem;
use crate::{check, history};

/// Mode of directories that WORKDIR creates.
const MODE: u32 = 0o755;

impl Dispatcher<'_> {
    /// Sets the working directory and creates it.
    ///
    /// An absolute path is recorded as written, a relative path is joined and cleaned. The directory that is created is
    /// the clean path. `/` always exists and makes no layer. An image for Windows records the clean path in the manner of
    /// Windows, without its drive.
    ///
    /// Source: BuildKit, `dispatchWorkdir` and `util/system.NormalizeWorkdir`.
    pub(super) fn workdir(&mut self, current: &mut CurrentStage<'_>, path: &str) -> Result<(), Problem> {
        let path = self.expand(current, path)?;
        let is_first = !std::mem::replace(&mut current.state.workdir_is_set, true);
        self.found(current, check::relative_workdir(&path, is_first, &current.state.platform.os));
        let (recorded, is_windows) = (self.recorded(current, path)?, current.state.is_windows());
        let directory = paths::clean(&recorded);
        let text = format!("WORKDIR {recorded}");
        current.state.image.config.working_dir =
            if is_windows { paths::to_windows(&recorded) } else { recorded };
        if directory == "/" {
            self.record(current, history::empty, text);
            return Ok(());
        }
        self.make_directory(current, directory);
        self.record(current, history::layer, text);
        Ok(())
    }

    /// Returns the working directory that WORKDIR `path` sets, with slashes.
    fn recorded(&self, current: &CurrentStage<'_>, path: String) -> Result<String, Problem> {
        let state = &current.state;
        if state.is_windows() {
            return Ok(paths::join(&state.working_dir(), &state.slashed(&path)?));
        }
        let is_absolute = path.starts_with('/');
        Ok(if is_absolute { path } else { paths::join(&state.image.config.working_dir, &path) })
    }

    fn make_directory(&mut self, current: &mut CurrentStage<'_>, path: String) {
        let text = self.text(current, &[]);
        let name = current.counter.next(&text);
        let mut inputs = Inputs::default();
        let base = current.state.step.map(|step| inputs.index(step));
        let owner = current.state.image.config.user.clone();
        let action = FileAction::Mkdir { path, mode: MODE, owner, mtime_s: self.session.epoch_s };
        let mut meta = self.meta(current, name);
        // As in BuildKit, --no-cache does not matter: the directory is the same each time.
        meta.ignore_cache = false;
        let op = Op::File(FileOp { base, actions: vec![action] });
        let step = self.graph.add(op, inputs.0, &current.state.platform, meta);
        current.state.advance(step);
    }
}
