//! What is read is on its way to the device while the next is read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::exec::{Batch, ExecError, Executor, Results};
use wgmerge::merge::{Device, Merge, Progress, Settings};
use wgmerge::plan::DeviceLimits;
use wgmerge::recipe::Options;
use wgmerge::recipe::compose::{merge, model};

use crate::support::models::{floats, values, write};

/// What a lane does, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Bytes come from a file, or go to one.
    Moved(u64),
    /// Bytes are sent.
    Sent(usize),
    /// A Program runs.
    Ran,
}

#[derive(Clone, Debug, Default)]
struct Trace(Arc<Mutex<HashMap<ThreadId, Vec<Event>>>>);

impl Trace {
    fn note(&self, event: Event) {
        let mut lanes = self.0.lock().expect("a trace");
        let own = lanes.entry(std::thread::current().id());
        own.or_default().push(event);
    }
}

impl Progress for Trace {
    fn begin(&self, _pass: &str, _bytes: u64) {}

    fn advance(&self, bytes: u64) {
        self.note(Event::Moved(bytes));
    }

    fn warn(&self, message: &str) {
        panic!("{message}");
    }
}

/// An executor that notes what it is asked for.
struct Traced {
    executor: Box<dyn Executor + Send>,
    trace: Trace,
}

impl Executor for Traced {
    fn upload(&mut self, arena: &[u8], bytes: Range<usize>) -> Result<(), ExecError> {
        self.trace.note(Event::Sent(bytes.len()));
        self.executor.upload(arena, bytes)
    }

    fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        self.trace.note(Event::Ran);
        self.executor.run(batch, arena, results)
    }
}

/// Merges two models of one tensor with a device; what each lane did, in its order.
fn traced(
    open: impl Fn(usize, usize, Level) -> Result<Box<dyn Executor + Send>, ExecError>
    + Send
    + Sync
    + 'static,
) -> Vec<Vec<Event>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let n = 3 << 20;
    let models = [1, 2].map(|number| {
        let path = folder.path().join(format!("{number}.safetensors"));
        write(
            &path,
            &[floats(
                "w",
                Float::F32,
                &[n],
                &values(n as usize, 1, number),
            )],
        );
        path
    });
    let [a, b] = &models;
    let sum = merge("weighted_sum")
        .input(model(a))
        .input(model(b))
        .value();
    let recipe = sum.into_recipe(Options::default());
    let trace = Trace::default();
    let log = trace.clone();
    let slot = move |arena, output, level| {
        let executor = open(arena, output, level)?;
        let trace = log.clone();
        Ok(Box::new(Traced { executor, trace }) as Box<dyn Executor + Send>)
    };
    let limits = DeviceLimits {
        binding_bytes: 128 << 20,
    };
    let settings = Settings {
        output: folder.path().join("out.safetensors"),
        overwrite: true,
        reads: Vec::new(),
        memory: 1 << 30,
        threads: 1,
        device: Some(Device::new("traced".to_owned(), limits, Box::new(slot))),
        level: Level::detect(),
        proof: wgmerge::merge::Proof::Full,
        min_survival: None,
    };
    let merge = Merge::prepare(recipe.expect("a recipe"), settings).expect("a sound merge");
    merge.run(&trace, &AtomicBool::new(false)).expect("a merge");
    let lanes = trace.0.lock().expect("a trace");
    lanes.values().cloned().collect()
}

/// Of every task the first inputs are sent before the last are read.
fn check(what: &str, lanes: &[Vec<Event>]) {
    println!("{what}: {lanes:?}");
    let tasks = lanes
        .iter()
        .flat_map(|lane| lane.split(|event| *event == Event::Ran));
    let mut overlapped = 0;
    for task in tasks {
        let sent = task
            .iter()
            .position(|event| matches!(event, Event::Sent(_)));
        let Some(sent) = sent else { continue };
        let after = &task[sent + 1..];
        let read = after.iter().any(|event| matches!(event, Event::Moved(_)));
        let next = after.iter().any(|event| matches!(event, Event::Sent(_)));
        assert!(
            read && next,
            "{what}: all is read before anything is sent: {task:?}"
        );
        overlapped += 1;
    }
    assert!(overlapped > 1, "{what}: {overlapped} tasks");
}

#[test]
fn inputs_are_sent_while_the_next_are_read() {
    let events = traced(|_, _, level| Ok(Box::new(CpuExecutor::new(level))));
    check("a stand-in", &events);
}

#[cfg(feature = "gpu")]
#[test]
fn inputs_are_sent_to_every_adapter_while_the_next_are_read() {
    use crate::support::backends::{found, open};
    for adapter in found() {
        let device = Device::gpu(open(&adapter));
        let events = traced(move |arena, output, level| device.open_slot(arena, output, level));
        check(&adapter.to_string(), &events);
    }
}
