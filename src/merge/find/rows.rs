//! The numbers of all tensors: those of the plan, and of surveyed tensors with what was found.

use std::collections::HashMap;

use crate::kernel::Row;
use crate::plan::{JobId, OutputId, Plan};

/// The numbers that each output computes each tensor with.
pub(in crate::merge) struct Rows<'p> {
    plan: &'p Plan,
    /// By job and output.
    found: HashMap<(JobId, OutputId), Row>,
    /// Of tensors that are copied.
    none: Row,
}

impl<'p> Rows<'p> {
    /// The numbers of the plan.
    pub(in crate::merge) fn new(plan: &'p Plan) -> Rows<'p> {
        Rows {
            plan,
            found: HashMap::new(),
            none: Row::default(),
        }
    }

    /// The numbers of an output of a job.
    pub(in crate::merge) fn get(&self, job: JobId, output: OutputId) -> &Row {
        let planned = || self.plan.jobs[job].work(output).map(|work| &work.row);
        let found = self.found.get(&(job, output)).or_else(planned);
        found.unwrap_or(&self.none)
    }

    /// The numbers of an output of a job, to be filled in.
    pub(in crate::merge) fn fill(&mut self, job: JobId, output: OutputId) -> &mut Row {
        let planned = || {
            let work = self.plan.jobs[job].work(output);
            work.map(|work| work.row.clone()).unwrap_or_default()
        };
        self.found.entry((job, output)).or_insert_with(planned)
    }
}
