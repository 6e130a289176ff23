//! What numbers the parts of a plan.

wgmerge_compute::ids! {
    /// Which tensor of the output: the number of its job.
    JobId(usize);
    /// Which input of a job.
    InputId(u16);
    /// Which output of a sweep.
    OutputId(usize);
    /// Which file of an output.
    FileId(usize);
    /// Which class of jobs.
    ClassId(usize);
    /// Which Program.
    ProgramId(usize);
}

impl OutputId {
    /// The only output of what is no sweep, or the first.
    pub const FIRST: OutputId = OutputId::new(0);
}
