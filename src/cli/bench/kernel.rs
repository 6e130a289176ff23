//! The methods' arithmetic on synthetic tensors, on any executor.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde::Serialize;

use super::crowd::{Gate, crowd};
use crate::checkpoint::{TensorInfo, Tensors};
use crate::cli::failure::Failure;
use crate::dtype::{Float, codec};
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Piece, Results};
use crate::kernel::{Program, Row, TILE};
use crate::merge::{Device, Slot};
use crate::method::{Base, Method, Range, Shape};
use crate::plan::{self, Limits, Output, OutputId, Plan, Source};
use crate::recipe::{Options, Recipe, merge_of};

/// Bytes of inputs that a thread of the CPU works on at a time, about what a task of a merge holds.
const CPU_ARENA_BYTES: usize = 8 << 20;
/// The same for a device, which needs more to outweigh the latency of a dispatch.
const DEVICE_ARENA_BYTES: usize = 64 << 20;
/// Batches of a device that are under way at the same time.
const DEVICE_SLOTS: usize = 3;
/// How long a rate is measured at a time.
const LEAST: Duration = Duration::from_millis(70);
/// How often it is measured. The best counts: what else the machine does only slows it down.
const SPANS: usize = 3;
/// Models that are merged where the method does not say otherwise.
const MODELS: usize = 2;

/// Something that runs Programs, in several threads at once.
pub(super) struct Engine {
    name: String,
    slots: NonZeroUsize,
    arena_bytes: usize,
    open: Box<Slot>,
}

impl Engine {
    /// The CPU with this many threads.
    pub(super) fn cpu(threads: NonZeroUsize) -> Engine {
        Engine {
            name: "CPU".to_owned(),
            slots: threads,
            arena_bytes: CPU_ARENA_BYTES,
            open: Box::new(|_, _, level| Ok(Box::new(CpuExecutor::new(level)))),
        }
    }

    /// A device.
    pub(super) fn device(device: Device) -> Engine {
        let binding_bytes = usize::try_from(device.limits.binding_bytes).unwrap_or(usize::MAX);
        Engine {
            name: device.name.clone(),
            slots: NonZeroUsize::MIN.saturating_add(DEVICE_SLOTS - 1),
            arena_bytes: DEVICE_ARENA_BYTES.min(binding_bytes),
            open: Box::new(move |arena, output, level| device.open_slot(arena, output, level)),
        }
    }
}

/// What one method reaches on one engine.
#[derive(Debug, Serialize)]
pub(super) struct Rate {
    /// The engine.
    pub(super) device: String,
    /// The method.
    pub(super) method: &'static str,
    /// The stored type of inputs and output.
    pub(super) dtype: &'static str,
    /// Models that are read.
    pub(super) inputs: usize,
    /// 10^9 bytes per second, inputs and output together.
    pub(super) gb_per_s: f64,
    /// The same as a share of the memory copy.
    pub(super) share_of_copy: f64,
}

/// Measures a method on an engine.
///
/// # Errors
/// [`Failure::Run`] where the engine fails.
pub(super) fn rate(
    engine: &Engine,
    method: &'static Method,
    float: Float,
    level: Level,
    copy_gb_per_s: f64,
) -> Result<Rate, Failure> {
    let failed = |fault: String| Failure::Run(format!("{} on {}: {fault}", method.id, engine.name));
    let recipe = recipe(method).map_err(|fault| failed(fault.to_string()))?;
    let elements = elements(engine.arena_bytes, recipe.models.len(), float);
    let plan = plan(&recipe, elements as u64, float).map_err(|fault| failed(fault.to_string()))?;
    let work = Work::of(&plan, elements, float)
        .ok_or_else(|| failed("the plan has no arithmetic".to_owned()))?;
    let bytes_per_s = work
        .measure(engine, level)
        .map_err(|fault| failed(fault.to_string()))?;
    Ok(Rate {
        device: engine.name.clone(),
        method: method.id,
        dtype: float.name(),
        inputs: work.inputs,
        gb_per_s: bytes_per_s / 1e9,
        share_of_copy: bytes_per_s / 1e9 / copy_gb_per_s,
    })
}

/// A merge by the method with its defaults, but for shares: half of the entries is kept, as a share
/// of 1 would leave out the very arithmetic that is to be measured.
fn recipe(method: &'static Method) -> Result<Recipe, crate::recipe::FlagError> {
    let parameters = method.parameters.iter();
    let shares = parameters.filter(|p| matches!(p.shape, Shape::Number(_, Range::Share)));
    let halves: Vec<String> = shares.map(|share| format!("{}=0.5", share.name)).collect();
    let count = MODELS.clamp(method.models_min, method.models_max);
    let models = (0..count).map(|model| PathBuf::from(format!("model {model}")));
    let base = (method.base == Base::Required).then(|| PathBuf::from("base"));
    merge_of(
        method.id,
        base,
        models.collect(),
        &halves,
        Options::default(),
    )
}

/// Elements of each tensor such that those of all models fill the arena; whole tiles.
fn elements(arena_bytes: usize, models: usize, float: Float) -> usize {
    let fit = arena_bytes / (models * float.bytes());
    (fit / TILE).max(1) * TILE
}

/// The plan of a merge of models that hold one tensor each.
fn plan(recipe: &Recipe, elements: u64, float: Float) -> Result<Plan, crate::plan::PlanError> {
    let info = TensorInfo {
        dtype: float.dtype(),
        shape: [elements].as_slice().into(),
        file: 0,
        span: 0..elements * float.bytes() as u64,
        strides: None,
        coding: None,
    };
    let tensors = Tensors::from_iter([("synthetic".to_owned(), info)]);
    let metadata = IndexMap::new();
    let source = |path: &PathBuf| Source {
        path: path.clone(),
        tensors: &tensors,
        entries: &tensors,
        markers: &[],
        metadata: &metadata,
        undecoded: None,
        fingerprint: String::new(),
        files: vec![path.clone()],
        is_folder: false,
    };
    let sources: Vec<Source<'_>> = recipe.models.iter().map(source).collect();
    // Nothing is held by a plan that is not run.
    let limits = Limits {
        memory: u64::MAX >> 16,
        threads: 1,
        device: None,
        measures: false,
    };
    plan::build(recipe, &sources, &Output::File, &limits)
}

/// The arithmetic of one tensor, and what it works on.
struct Work<'a> {
    program: &'a Program,
    row: &'a Row,
    offsets: Vec<usize>,
    elements: usize,
    inputs: usize,
    arena: Vec<u8>,
    output_bytes: usize,
}

impl<'a> Work<'a> {
    fn of(plan: &'a Plan, elements: usize, float: Float) -> Option<Work<'a>> {
        let planned = plan.jobs.first()?.work(OutputId::FIRST)?;
        let tensor_bytes = elements * float.bytes();
        let used = planned.slots.iter().flatten().count();
        let mut offset = 0;
        let mut offsets = Vec::with_capacity(planned.slots.len());
        for input in &planned.slots {
            offsets.push(if input.is_some() { offset } else { 0 });
            offset += if input.is_some() { tensor_bytes } else { 0 };
        }
        Some(Work {
            program: &plan.programs[plan.classes[planned.class].store],
            row: &planned.row,
            offsets,
            elements,
            inputs: used,
            arena: synthetic(float, used * elements),
            output_bytes: tensor_bytes,
        })
    }

    /// Bytes per second of all slots together.
    fn measure(&self, engine: &Engine, level: Level) -> Result<f64, ExecError> {
        let rates = crowd(engine.slots.get(), |gate| self.repeat(engine, level, gate));
        rates.into_iter().sum()
    }

    fn repeat(&self, engine: &Engine, level: Level, gate: &Gate) -> Result<f64, ExecError> {
        // Each slot has inputs of its own, as in a merge.
        let arena = self.arena.clone();
        let mut output = vec![0; self.output_bytes];
        let opened = (engine.open)(arena.len(), output.len(), level);
        let ready = opened.and_then(|mut executor| {
            self.run(executor.as_mut(), &arena, &mut output)?;
            Ok(executor)
        });
        // Who failed waits too, or the others would wait for ever.
        gate.wait();
        let mut executor = ready?;
        let mut best = 0.0_f64;
        for _ in 0..SPANS {
            let begun = Instant::now();
            let mut runs = 0u32;
            while begun.elapsed() < LEAST {
                self.run(executor.as_mut(), &arena, &mut output)?;
                runs += 1;
            }
            let bytes = (arena.len() + output.len()) as f64 * f64::from(runs);
            best = best.max(bytes / begun.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    fn run(
        &self,
        executor: &mut dyn Executor,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<(), ExecError> {
        let piece = Piece {
            row: self.row,
            start: 0,
            len: self.elements,
            inputs: self.offsets.clone(),
            output: 0,
        };
        let batch = Batch {
            program: self.program,
            pieces: std::slice::from_ref(&piece),
        };
        executor.upload(arena, 0..arena.len())?;
        executor.run(&batch, arena, &mut Results::storing(output))
    }
}

/// Stored numbers between -0.02 and 0.02, as weights are.
fn synthetic(float: Float, count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count * float.bytes());
    for _ in 0..count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Its low bits, of either sign.
        let value = (state as i16) as f32 * (0.02 / 32768.0);
        let word = codec::encode(float, codec::settled(value.to_bits()));
        bytes.extend_from_slice(&word.to_le_bytes()[..float.bytes()]);
    }
    bytes
}
