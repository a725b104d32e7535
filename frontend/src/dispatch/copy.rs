//! COPY and ADD: a File step with an action for each source, first files, then heredocs.
//!
//! With `--link` the step has no base, and a Merge step puts its layer on top of the stage.

use graph::git_url::git_source;
use graph::paths;
use graph::{CopyAction, CopySource, FileAction, FileOp, Mode, Op, Source, StepId};
use parser::ast::{self, Heredoc, Instruction};
use parser::expand::Expander;

use super::remote::{self, SourceKind};
use super::{CurrentStage, Dispatcher, EntryFiles, Inputs};
use crate::error::Problem;
use crate::stages::StageId;
use crate::{check, history, step_names};

/// A COPY or ADD after expansion.
struct ExpandedCopy<'c> {
    sources: Vec<String>,
    heredocs: Vec<(&'c Heredoc, String)>,
    /// Destination after expansion, relative to the working directory.
    destination: String,
    owner: Option<String>,
    /// Value of `--chmod` as the history shows it; `None` if the flag is absent.
    mode_text: Option<String>,
    mode: Option<Mode>,
    checksum: Option<String>,
    is_add: bool,
    link: bool,
    written: &'c ast::Copy,
}

impl Dispatcher<'_> {
    /// Makes the steps of a COPY or ADD.
    pub(super) fn copy(
        &mut self,
        current: &mut CurrentStage<'_>,
        written: &ast::Copy,
        is_add: bool,
    ) -> Result<(), Problem> {
        let command = current.command;
        let copy = self.expand_copy(current, written, is_add)?;
        let files = match command.from {
            Some(from) => Some(self.stage_files(current, from)?),
            None => None,
        };
        let text = self.text(current, &[]);
        let name = current.counter.next(&text);
        let mut inputs = Inputs::default();
        let below = current.state.step.filter(|_| !copy.link);
        let base = below.map(|step| inputs.index(step));
        let actions = self.actions(current, &copy, files, &name, &mut inputs)?;
        let meta = self.meta(current, name);
        let op = Op::File(FileOp { base, actions });
        let mut step = self.graph.add(op, inputs.0, &current.state.platform, meta);
        if let Some(below) = current.state.step.filter(|_| copy.link) {
            let meta = self.meta(current, current.counter.again(&format!("LINK {text}")));
            step = self.graph.add(Op::Merge, vec![below, step], &current.state.platform, meta);
        }
        current.state.advance(step);
        self.record(current, history::layer, created_by(&copy));
        Ok(())
    }

    /// Expands the words and flags of a COPY or ADD.
    fn expand_copy<'c, 'k>(
        &self,
        current: &CurrentStage<'k>,
        written: &'c ast::Copy,
        is_add: bool,
    ) -> Result<ExpandedCopy<'c>, Problem>
    where
        'k: 'c,
    {
        let instruction: &'c Instruction = &current.command.instruction;
        let expand = |word: &String| self.expand(current, word);
        let flag = |value: &Option<String>| self.expand_flag(current, value.as_deref());
        let paths = written.sources.iter().filter(|source| instruction.heredoc(source).is_none());
        let sources = paths.map(expand).collect::<Result<Vec<_>, _>>()?;
        let destination = expand(&written.destination)?;
        let (owner, mode_text) = (flag(&written.chown)?, flag(&written.chmod)?);
        let checksum = flag(&written.checksum)?;
        let mode = mode_text.as_deref().map(Mode::parse).transpose()?;
        // BuildKit ignores --link if there is a mode, and results must be the same.
        let link = written.link && mode.is_none();
        let heredocs = self.heredocs(current, written)?;
        Ok(ExpandedCopy {
            sources,
            heredocs,
            destination,
            owner,
            mode_text,
            mode,
            checksum,
            is_add,
            link,
            written,
        })
    }

    /// Expands the value of a flag. An empty value counts as absent.
    fn expand_flag(
        &self,
        current: &CurrentStage<'_>,
        value: Option<&str>,
    ) -> Result<Option<String>, Problem> {
        let value = value.map(|word| self.expand(current, word)).transpose()?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// Returns the heredocs among the sources, with their contents.
    fn heredocs<'k>(
        &self,
        current: &CurrentStage<'k>,
        written: &ast::Copy,
    ) -> Result<Vec<(&'k Heredoc, String)>, Problem> {
        let instruction: &'k Instruction = &current.command.instruction;
        let heredocs = written.sources.iter().filter_map(|source| instruction.heredoc(source));
        heredocs.map(|heredoc| Ok((heredoc, self.content(current, heredoc)?))).collect()
    }

    /// Returns the content of a heredoc. It is expanded unless the delimiter is quoted; the escape character is always the
    /// backslash, and quotes are text.
    fn content(&self, current: &CurrentStage<'_>, heredoc: &Heredoc) -> Result<String, Problem> {
        let content = heredoc.chomped();
        if !heredoc.expand {
            return Ok(content);
        }
        Ok(self.checked(current, Expander::for_heredocs().word(&content, &current.state)?))
    }

    /// Returns the files of `--from`.
    fn stage_files(&mut self, current: &CurrentStage<'_>, from: StageId) -> Result<EntryFiles, Problem> {
        self.files_of(from).ok_or_else(|| Problem::CopyFromLater {
            from: self.table.entry(from).label.clone(),
            stage: self.stage_name(current.id),
        })
    }

    fn actions(
        &mut self,
        current: &CurrentStage<'_>,
        copy: &ExpandedCopy<'_>,
        files: Option<EntryFiles>,
        name: &str,
        inputs: &mut Inputs,
    ) -> Result<Vec<FileAction>, Problem> {
        check_checksum(copy)?;
        let mut actions = Vec::with_capacity(copy.sources.len() + copy.heredocs.len());
        for source in &copy.sources {
            let (from, unpack, keep_owner) = match self.remote(current, copy, source, name, inputs)? {
                Some(from) => (from, copy.written.unpack.unwrap_or(false), false),
                None => {
                    let (step, keep_owner) = match files {
                        Some(EntryFiles { step, keeps_owner }) => (step, keeps_owner),
                        None => (self.context_for(current, source, copy.is_add), false),
                    };
                    let unpack = copy.written.unpack.unwrap_or(copy.is_add);
                    let path = source_path(source, copy.written.parents);
                    let input = inputs.index(step);
                    (CopySource::Input { input, path, as_written: source.clone() }, unpack, keep_owner)
                }
            };
            actions.push(self.action(current, copy, from, unpack, keep_owner)?);
        }
        for (heredoc, content) in &copy.heredocs {
            let from = CopySource::Text { name: heredoc.name.clone(), content: content.clone() };
            actions.push(self.action(current, copy, from, false, false)?);
        }
        Ok(actions)
    }

    /// Returns the step of the main context, after checking that its ignore file does not exclude `source`.
    fn context_for(&mut self, current: &CurrentStage<'_>, source: &str, is_add: bool) -> StepId {
        let session = self.session;
        if !current.uses_placeholders.get() {
            let context = &session.options.context;
            self.found(current, check::ignored_file(session.checks, context, source, is_add));
        }
        self.context()
    }

    /// Returns the files of a URL or repository, or `None` if `source` is a path.
    fn remote(
        &mut self,
        current: &CurrentStage<'_>,
        copy: &ExpandedCopy<'_>,
        source: &str,
        name: &str,
        inputs: &mut Inputs,
    ) -> Result<Option<CopySource>, Problem> {
        let checksum = copy.checksum.as_deref();
        let (source_op, path) = match remote::kind(source)? {
            SourceKind::Path => return Ok(None),
            SourceKind::Git(_) if !copy.is_add => return Err(Problem::GitForCopy),
            SourceKind::Http if !copy.is_add => return Err(Problem::UrlForCopy),
            SourceKind::Git(url) => (git_source(url, copy.written.keep_git_dir, checksum)?, "/".to_owned()),
            SourceKind::Http => {
                let op = remote::http_source(source, checksum)?;
                let path = match &op {
                    Source::Http { filename, .. } => format!("/{filename}"),
                    _ => "/".to_owned(),
                };
                (op, path)
            }
        };
        let meta = self.meta(current, name.to_owned());
        let step = self.graph.add(Op::Source(source_op), Vec::new(), &self.session.build_platform, meta);
        Ok(Some(CopySource::Input { input: inputs.index(step), path, as_written: source.to_owned() }))
    }

    fn action(
        &self,
        current: &CurrentStage<'_>,
        copy: &ExpandedCopy<'_>,
        from: CopySource,
        unpack: bool,
        keep_owner: bool,
    ) -> Result<FileAction, Problem> {
        let destination = current.state.slashed(&copy.destination)?;
        Ok(FileAction::Copy(Box::new(CopyAction {
            from,
            destination: paths::destination(&current.state.working_dir(), &destination),
            owner: copy.owner.clone(),
            mode: copy.mode.clone(),
            excludes: copy.written.excludes.clone(),
            parents: copy.written.parents,
            unpack,
            keep_owner,
            link: copy.link,
            mtime_s: self.session.epoch_s,
        })))
    }
}

/// Fails if there is a `--checksum` for anything but a single remote source.
fn check_checksum(copy: &ExpandedCopy<'_>) -> Result<(), Problem> {
    if copy.checksum.is_none() {
        return Ok(());
    }
    let [source] = &copy.sources[..] else { return Err(Problem::ChecksumOfSeveral) };
    match remote::kind(source)? {
        SourceKind::Path => Err(Problem::ChecksumOfLocal),
        _ => Ok(()),
    }
}

/// Returns the clean path of a source.
///
/// With `--parents` the first `/./` divides it into the directory from which the structure is copied, and the rest.
/// Without `/./` that directory is the root.
fn source_path(source: &str, parents: bool) -> String {
    if !parents {
        return paths::clean(source);
    }
    let (root, pattern) = source.split_once("/./").unwrap_or(("/", source));
    let root = paths::clean(root);
    format!("{}/.{}", root.trim_end_matches('/'), paths::clean(pattern))
}

/// Returns the text of the history entry: expanded words, without the flags that do not change the content.
fn created_by(copy: &ExpandedCopy<'_>) -> String {
    let mut words = vec![if copy.is_add { "ADD" } else { "COPY" }.to_owned()];
    words.extend(copy.written.parents.then(|| "--parents".to_owned()));
    words.extend(copy.owner.as_ref().map(|owner| format!("--chown={owner}")));
    words.extend(copy.mode_text.as_ref().map(|mode| format!("--chmod={mode}")));
    words.extend(copy.sources.iter().map(|source| step_names::without_logins(source)));
    words.extend(copy.heredocs.iter().map(|(heredoc, _)| format!("<<{}", heredoc.name)));
    words.push(copy.destination.clone());
    format!("{} # buildkit", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, parents: bool, expected: &str) {
        assert_eq!(source_path(source, parents), expected, "{source}");
    }

    #[test]
    fn the_source_path_is_clean_and_divided_for_parents() {
        check("a/b/", false, "/a/b");
        check("../../a", false, "/a");
        check(".", false, "/");
        check("a/b", true, "/./a/b");
        check("./a/b", true, "/./a/b");
        check("a/./b/../c", true, "/a/./c");
        check("a/./b/./c", true, "/a/./b/c");
        check("/a/.", true, "/./a");
    }
}
