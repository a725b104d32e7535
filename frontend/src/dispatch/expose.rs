//! EXPOSE: ports and protocols of the image config.

use oci::Empty;

use super::{CurrentStage, Dispatcher};
use crate::error::Problem;
use crate::{check, history, ports};

impl Dispatcher<'_> {
    /// Adds ports to the image. A variable can hold several words.
    ///
    /// Words are sorted as they are written, so that their order does not matter to the image.
    pub(super) fn expose(&self, current: &mut CurrentStage<'_>, words: &[String]) -> Result<(), Problem> {
        let mut sorted: Vec<&String> = words.iter().collect();
        sorted.sort();
        let mut exposed = Vec::new();
        for word in sorted {
            for spec in self.expander().words(word, &current.state)?.0 {
                self.found(current, check::ports(&spec));
                let parsed = ports::parse(&spec).map_err(|reason| Problem::Expose { word: spec, reason })?;
                self.session.budget.spend(parsed.iter().map(String::len).sum());
                self.session.budget.check()?;
                exposed.extend(parsed);
            }
        }
        self.record(current, history::empty, format!("EXPOSE {}", history::plain_list(&exposed)));
        let config = &mut current.state.image.config.exposed_ports;
        config.extend(exposed.into_iter().map(|port| (port, Empty {})));
        Ok(())
    }
}
