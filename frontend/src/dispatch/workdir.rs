//! WORKDIR: the image's working directory, and a layer with the folder.

use super::{Current, Dispatcher, Inputs};
use crate::error::Problem;
use crate::{check, history};
use graph::paths;
use graph::{FileAction, FileOp, Op};

/// Mode of folders that WORKDIR makes.
const MODE: u32 = 0o755;

impl Dispatcher<'_> {
    /// An absolute path is recorded as written, a relative one joined and cleaned; the folder that is made is
    /// the clean path. `/` is there always and makes no layer.
    pub(super) fn workdir(&mut self, current: &mut Current<'_>, path: &str) -> Result<(), Problem> {
        let path = self.expand(current, path)?;
        let is_first = !std::mem::replace(&mut current.state.workdir_is_set, true);
        self.found(current, check::relative_workdir(&path, is_first, &current.state.platform.os));
        let recorded = match path.starts_with('/') {
            true => path,
            false => paths::join(&current.state.image.config.working_dir, &path),
        };
        current.state.image.config.working_dir.clone_from(&recorded);
        let folder = paths::clean(&recorded);
        let text = format!("WORKDIR {recorded}");
        if folder == "/" {
            self.record(current, history::empty, text);
            return Ok(());
        }
        self.make_folder(current, folder);
        self.record(current, history::layer, text);
        Ok(())
    }

    fn make_folder(&mut self, current: &mut Current<'_>, path: String) {
        let text = self.text(current, &[]);
        let name = current.counter.next(&text);
        let mut inputs = Inputs::default();
        let base = current.state.step.map(|step| inputs.index(step));
        let owner = current.state.image.config.user.clone();
        let action = FileAction::Mkdir { path, mode: MODE, owner, mtime_s: self.session.epoch_s };
        let mut meta = self.meta(current, name);
        // As in BuildKit: a folder is the same each time, so that running it again would show nothing.
        meta.ignore_cache = false;
        let op = Op::File(FileOp { base, actions: vec![action] });
        let step = self.arena.add(op, inputs.0, &current.state.platform, meta);
        current.state.advance(step);
    }
}
