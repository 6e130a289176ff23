//! The means of all rows of gathered matrices.

use std::sync::{Arc, Mutex};

use crate::plan::Gathered;

/// Those that are known.
#[derive(Debug, Default)]
pub(in crate::merge) struct Averages(pub(in crate::merge) Mutex<Vec<Average>>);

/// The mean of all rows of a matrix.
#[derive(Debug)]
pub(in crate::merge) struct Average {
    pub(in crate::merge) of: Gathered,
    pub(in crate::merge) values: Arc<[f32]>,
}
