//! Finding the result of a step in the cache, or running the step and recording the result.
//!
//! Most steps are looked up under both keys, and run if neither has a record. A copy from a context is keyed by the files
//! that it takes, so these are read once for the lookup and once more to write the layer. If no record can exist (no step
//! with its [outline](KeyMaker::outline) was ever recorded, or the cache is disabled) the copy runs first: writing the layer
//! yields the digests for the keys, and each file is read once.
//!
//! Concurrency: two processes that need the same step take the lock of its key. The second one waits, looks the step up
//! again, and finds the result of the first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cache::{Record, StepKey, StepLock, StepPosition, hashed_name};
use oci::DiffId;
use rootfs::layers::Clamp;

use super::Solver;
use crate::StepError;
use crate::chain::Chain;
use crate::key::{KeyMaker, Part, Parts, reason};
use crate::result::{Files, Recipe, StepResult};
use graph::{Op, Step};
use progress::MissReason;
use progress::{EventKind, KeyKind, Phase, Vertex, wait_for};

/// Name in a record of the digest of file times that show in outputs; not part of any key.
const TIMES: &str = "times";

/// Status of a step that waits for another process.
const WAITING: &str = "waiting for another build that runs this step";

/// A step that is being solved.
pub(super) struct CachedStep<'a> {
    pub solver: &'a Solver<'a>,
    pub step: &'a Step,
    /// Position of the step among those of its stage.
    pub ordinal: usize,
    pub inputs: &'a [StepResult],
    pub vertex: &'a Vertex,
}

/// Runs the step; returns its layer.
type Run<'a> = dyn Fn(&[Files]) -> Result<DiffId, StepError> + 'a;

/// A result, and whether it was cached.
type Solved = Result<(StepResult, bool), StepError>;

impl CachedStep<'_> {
    /// Finds the result, or runs the step.
    pub(super) fn solve(&self, run: &Run<'_>) -> Solved {
        self.vertex.enter(Phase::Hash);
        let maker = KeyMaker::new(self.solver.layers, self.clamp(), self.step, self.inputs);
        let maker = if self.solver.options.has_single_id { maker.with_single_id() } else { maker };
        if let Some(outline) = maker.outline()?
            && !self.was_seen(&outline)?
        {
            let _lock = self.lock(&outline.key())?;
            // Another process may have run it in the meantime.
            if !self.was_seen(&outline)? {
                return self.run_first(&maker, &outline, run);
            }
        }
        self.look_up_first(&maker, run)
    }

    fn look_up_first(&self, maker: &KeyMaker<'_>, run: &Run<'_>) -> Solved {
        self.vertex.enter(Phase::Hash);
        let definition = maker.parts(KeyKind::Definition)?;
        let recipe = maker.recipe(&definition);
        let definition = definition.key();
        if let Some(record) = self.hit(KeyKind::Definition, &definition)? {
            return self.found(maker, recipe, record.layer, true);
        }
        self.vertex.enter(Phase::Hash);
        let content = maker.parts(KeyKind::Content)?;
        let _lock = self.lock(&content.key())?;
        if let Some(record) = self.hit(KeyKind::Content, &content.key())? {
            self.vertex.enter(Phase::Record);
            self.solver.store.save_record(&definition, &record)?;
            return self.found(maker, recipe, record.layer, true);
        }
        self.report_miss(&content.for_record())?;
        self.solver.preflight()?;
        let started = Instant::now();
        let layer = run(&self.files())?;
        self.record(started, layer, &content, &[content.key(), definition])?;
        self.found(maker, recipe, layer, false)
    }

    /// Runs a step that cannot hit, and computes its keys afterwards.
    fn run_first(&self, maker: &KeyMaker<'_>, outline: &Parts, run: &Run<'_>) -> Solved {
        self.report_miss(&self.with_former_files(outline)?)?;
        self.solver.preflight()?;
        let started = Instant::now();
        let layer = run(&self.files())?;
        self.vertex.enter(Phase::Hash);
        let definition = maker.parts(KeyKind::Definition)?;
        let content = maker.parts(KeyKind::Content)?;
        let keys = [content.key(), definition.key(), outline.key()];
        self.record(started, layer, &content, &keys)?;
        self.found(maker, maker.recipe(&definition), layer, false)
    }

    /// Takes the lock of a key. Waiting for another process is shown, and ends when the user cancels the build.
    fn lock(&self, key: &StepKey) -> Result<StepLock, StepError> {
        self.vertex.enter(Phase::Lock);
        let cancel = &self.solver.cancel;
        let show = |begins: bool| self.vertex.waits(WAITING, begins);
        let lock = wait_for(&|| cancel.is_canceled(), &show, || self.solver.store.try_lock_step(key))?;
        lock.ok_or(StepError::Canceled)
    }

    /// Returns the clamp of the outputs: times before it show in layers.
    fn clamp(&self) -> Clamp {
        Clamp(self.solver.options.source_date_s.unwrap_or(i64::MIN)).max(Clamp::STORE)
    }

    /// Returns the digest of the file times in a layer that show in the outputs and are not in its tar. `None` where there
    /// are no such times: without a later source date, and for processes, which set their own times.
    fn shown_times(&self, layer: &DiffId) -> Result<Option<String>, StepError> {
        let clamp = self.clamp();
        if clamp == Clamp::STORE || !matches!(self.step.op, Op::File(_)) {
            return Ok(None);
        }
        Ok(Some(self.solver.layers.times_digest(layer, clamp)?.to_string()))
    }

    /// Reports whether the layer of a record has the file times that it had when it was recorded: the same tar can have been
    /// made from files with other times since.
    fn has_recorded_times(&self, record: &Record) -> Result<bool, StepError> {
        if self.clamp() != Clamp::STORE && !self.solver.layers.has_real_times(&record.layer)? {
            return Ok(false);
        }
        let Some(times) = self.shown_times(&record.layer)? else { return Ok(true) };
        let none = hashed_name(&[]);
        Ok(*record.inputs.get(TIMES).unwrap_or(&none) == times)
    }

    /// Reports whether a record of a step with this outline can exist.
    fn was_seen(&self, outline: &Parts) -> Result<bool, StepError> {
        Ok(!self.step.meta.ignore_cache && self.solver.store.load_record(&outline.key())?.is_some())
    }

    fn files(&self) -> Vec<Files> {
        self.inputs.iter().map(|input| input.files.clone()).collect()
    }

    fn found(&self, maker: &KeyMaker<'_>, recipe: Recipe, layer: DiffId, cached: bool) -> Solved {
        let layers = match maker.base() {
            Some(base) => base.files.layers()?.with(layer),
            None => Chain::default().with(layer),
        };
        Ok((StepResult { files: Files::Layers(layers), recipe }, cached))
    }

    /// Returns the record of a key if its layer is in the store and the user does not want the step to run again.
    fn hit(&self, kind: KeyKind, key: &StepKey) -> Result<Option<Record>, StepError> {
        self.vertex.enter(Phase::Lookup);
        if self.step.meta.ignore_cache {
            return Ok(None);
        }
        match self.solver.store.load_record(key)? {
            Some(record)
                if self.solver.layers.contains(&record.layer)? && self.has_recorded_times(&record)? =>
            {
                self.vertex.send(EventKind::Found { key: kind, took_ms: record.duration_ms });
                Ok(Some(record))
            }
            _ => Ok(None),
        }
    }

    fn record(
        &self,
        started: Instant,
        layer: DiffId,
        parts: &Parts,
        keys: &[StepKey],
    ) -> Result<(), StepError> {
        let mut inputs = parts.for_record();
        inputs.extend(self.shown_times(&layer)?.map(|times| (TIMES.to_owned(), times)));
        let record = Record {
            layer,
            created_ms: since_1970_ms(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            inputs,
        };
        self.vertex.enter(Phase::Record);
        // The two keys differ only if the step takes files of other stages.
        let distinct: BTreeSet<StepKey> = keys.iter().copied().collect();
        distinct.iter().try_for_each(|key| self.solver.store.save_record(key, &record))?;
        Ok(self.solver.store.save_last_record(&self.position(), &record)?)
    }

    /// Returns the position of the step in this Dockerfile.
    fn position(&self) -> StepPosition {
        let (project, platform, stage) =
            (&self.solver.options.project, &self.step.platform, &self.step.meta.stage);
        StepPosition::of(format!("place\0{project}\0{platform}\0{stage}\0{}", self.ordinal).as_bytes())
    }

    fn report_miss(&self, parts: &BTreeMap<String, String>) -> Result<(), StepError> {
        let reason = match self.solver.store.load_last_record(&self.position())? {
            _ if self.step.meta.ignore_cache => MissReason::Forced,
            None => MissReason::New,
            Some(mut record) => {
                record.inputs.remove(TIMES);
                reason(&record.inputs, parts)
            }
        };
        self.vertex.send(EventKind::Missed { reason });
        Ok(())
    }

    /// Returns the outline with the files of the last build, since this miss is not about files.
    fn with_former_files(&self, outline: &Parts) -> Result<BTreeMap<String, String>, StepError> {
        let mut parts = outline.for_record();
        // No record has this part, so it would always be reported as the change.
        parts.remove(&Part::Outline.to_string());
        if let Some(record) = self.solver.store.load_last_record(&self.position())? {
            let files = record
                .inputs
                .into_iter()
                .filter(|(name, _)| name.parse().is_ok_and(|part: Part| part.is_files()));
            parts.extend(files);
        }
        Ok(parts)
    }
}

fn since_1970_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
