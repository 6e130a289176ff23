//! Averages of the checkpoints of one training run, and of the models of federated clients.

mod counts;
mod order;
mod schedule;

pub use counts::{Counts, CountsError};
pub use order::by_name;
pub use schedule::Schedule;

use std::path::PathBuf;
use std::sync::Arc;

use super::flags::merge_by;
use super::sweep::VALUES_MAX;
use super::{FlagError, Options, Recipe, Text};
use crate::figures::counted;
use crate::method::ParameterValue;

/// The method that adds checkpoints up.
const METHOD: &str = "linear";

/// What each checkpoint counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Weighting {
    /// What a schedule gives for its place, in each window anew.
    Schedule(Schedule),
    /// In proportion to a number of its own.
    Counts(Counts),
}

/// An average of checkpoints, or several: of the newest so many of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// The newest first: what a merge copies is its first model's.
    checkpoints: Vec<PathBuf>,
    /// The number that each checkpoint has of its own, where it has one.
    counts: Option<Vec<f64>>,
    schedule: Schedule,
    /// From the smallest to the largest.
    windows: Vec<usize>,
    older: usize,
}

/// An average that cannot be made.
#[derive(Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AverageError {
    #[error("an average is of at least 2 checkpoints, {} given", counted(*.given, "checkpoint"))]
    Few { given: usize },
    #[error("{} is given twice: a checkpoint counts once", .path.display())]
    Twice { path: PathBuf },
    #[error("a window of {window} checkpoints is none: it has at least 2")]
    Small { window: usize },
    #[error("a window of {window} checkpoints is too large: {given} are given")]
    Large { window: usize, given: usize },
    #[error("the window {window} is given twice: each output needs a name of its own")]
    WindowTwice { window: usize },
    #[error("{given} windows are too many: {VALUES_MAX} at most")]
    Windows { given: usize },
    #[error(transparent)]
    Counts(#[from] CountsError),
    #[error("the counts of the last {} are all 0", counted(*.window, "checkpoint"))]
    NoCount { window: usize },
    #[error(transparent)]
    Method(#[from] FlagError),
}

impl Average {
    /// An average of these checkpoints, the oldest first. Where there are `windows`, it is one of
    /// the last so many checkpoints for each of them, and older ones are not read.
    ///
    /// # Errors
    /// Fewer than two checkpoints in all or in a window, a checkpoint or a window that is there
    /// twice, a window that is larger than what is given, more than 101 windows, and counts that do
    /// not fit the checkpoints or are all 0.
    pub fn new(
        mut checkpoints: Vec<PathBuf>,
        weighting: &Weighting,
        windows: &[usize],
    ) -> Result<Average, AverageError> {
        let given = checkpoints.len();
        if given < 2 {
            return Err(AverageError::Few { given });
        }
        let mut sorted: Vec<&PathBuf> = checkpoints.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            let path = pair[0].clone();
            return Err(AverageError::Twice { path });
        }
        let windows = sound(windows, given)?;
        let (schedule, mut counts) = match weighting {
            Weighting::Schedule(schedule) => (*schedule, None),
            Weighting::Counts(counts) => (Schedule::Uniform, Some(counts.of(&checkpoints)?)),
        };
        checkpoints.reverse();
        counts.as_deref_mut().unwrap_or_default().reverse();
        let read = windows.last().copied().unwrap_or(given);
        checkpoints.truncate(read);
        let average = Average {
            checkpoints,
            counts,
            schedule,
            windows,
            older: given - read,
        };
        let mut spans = average.spans().into_iter();
        match spans.find(|&span| average.weights(span).iter().all(|weight| *weight == 0.0)) {
            Some(window) => Err(AverageError::NoCount { window }),
            None => Ok(average),
        }
    }

    /// The windows, from the smallest to the largest; none where all checkpoints are one.
    pub fn windows(&self) -> &[usize] {
        &self.windows
    }

    /// How many of the checkpoints given are older than the largest window.
    pub fn older(&self) -> usize {
        self.older
    }

    /// How many checkpoints each output is of.
    pub fn spans(&self) -> Vec<usize> {
        match self.windows.as_slice() {
            [] => vec![self.checkpoints.len()],
            windows => windows.to_vec(),
        }
    }

    /// The weights of the newest `span` checkpoints, before they are divided by their sum.
    fn weights(&self, span: usize) -> Vec<f64> {
        match &self.counts {
            None => self.schedule.weights(span).into_iter().rev().collect(),
            Some(counts) => counts[..span].to_vec(),
        }
    }

    /// The recipe of the largest window. Tensors that are not averaged, and all that a folder has
    /// besides tensors, are the newest checkpoint's.
    ///
    /// # Errors
    /// More checkpoints than a merge takes.
    pub fn recipe(&self, options: Options) -> Result<Recipe, AverageError> {
        self.over(&self.checkpoints, self.checkpoints.len(), options)
    }

    /// The recipes of all windows, each of the first models of the largest.
    pub(crate) fn recipes(&self, largest: &Recipe) -> Result<Vec<Recipe>, AverageError> {
        let spans = self.spans().into_iter();
        let recipe = |span| self.over(&largest.models, span, largest.options.clone());
        spans.map(recipe).collect()
    }

    /// The average of the first so many of some models.
    fn over(
        &self,
        models: &[PathBuf],
        span: usize,
        options: Options,
    ) -> Result<Recipe, AverageError> {
        let weights = ParameterValue::Numbers(self.weights(span));
        let own = models[..span].to_vec();
        let recipe = merge_by(
            METHOD,
            None,
            own,
            &[("weight".to_owned(), weights)],
            options,
        )?;
        let how = match &self.counts {
            None => format!("schedule {}", self.schedule),
            Some(_) => "weighted by counts".to_owned(),
        };
        let text = format!("{span} checkpoints, the newest first, {how}");
        Ok(Recipe {
            models: models.to_vec(),
            text: Some(Arc::new(Text {
                dialect: "average",
                text,
                name: None,
                references: Vec::new(),
                truncates: false,
            })),
            ..recipe
        })
    }
}

/// Windows that so many checkpoints have, in order.
fn sound(windows: &[usize], given: usize) -> Result<Vec<usize>, AverageError> {
    let mut windows = windows.to_vec();
    windows.sort_unstable();
    if windows.len() > VALUES_MAX {
        let given = windows.len();
        return Err(AverageError::Windows { given });
    }
    for pair in windows.windows(2) {
        if pair[0] == pair[1] {
            return Err(AverageError::WindowTwice { window: pair[0] });
        }
    }
    match (windows.first(), windows.last()) {
        (Some(&window), _) if window < 2 => Err(AverageError::Small { window }),
        (_, Some(&window)) if window > given => Err(AverageError::Large { window, given }),
        _ => Ok(windows),
    }
}
