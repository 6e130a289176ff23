//! How the work is cut: whatever the shapes, types and budgets, every byte of the output is made
//! once and nothing is larger than what a lane holds.

use proptest::prelude::*;
use wgmerge::dtype::{DType, Float};
use wgmerge::kernel::TILE;
use wgmerge::plan::{Action, Job, Limits, Part, Plan, PlanError, Task};
use wgmerge::recipe::OutputDType;

use super::{Model, Work, device};

/// What the process holds besides the lanes.
const PROCESS_BYTES: u64 = 20 << 20;
/// One lane's tensors on the CPU.
const LONE_BYTES: u64 = 1 << 30;
const ALIGNMENT: u64 = 16;
const PAGE: u64 = 4096;

/// Bytes of inputs that lie in the arena for so many units of a job.
fn arena_bytes(job: &Job, units: u64) -> u64 {
    let padded = |bytes: u64| bytes.next_multiple_of(ALIGNMENT);
    match &job.action {
        Action::Copy(_) | Action::Part => padded(units),
        Action::Merge { inputs, .. } => {
            let inputs = inputs.iter();
            inputs
                .map(|input| padded(units * input.element_bytes))
                .sum()
        }
    }
}

/// How many units a job has, elements or bytes of a copy, and the bytes that each makes.
fn units(job: &Job) -> (u64, u64) {
    match &job.action {
        Action::Copy(_) | Action::Part => (job.bytes, 1),
        Action::Merge { float, .. } => (job.elements, float.bytes() as u64),
    }
}

/// Checks that parts cover a job from end to end, each unit once.
fn check_cover(job: &Job, mut parts: Vec<Part>) {
    parts.sort_by_key(|part| part.start);
    let mut covered = 0;
    for part in &parts {
        assert_eq!(part.start, covered, "{}: {parts:?}", job.key);
        if let Action::Merge { .. } = job.action {
            assert!(
                part.start.is_multiple_of(TILE as u64),
                "{}: {part:?}",
                job.key
            );
        }
        covered += part.len;
    }
    assert!(
        !parts.is_empty() && covered == units(job).0,
        "{}: {parts:?}",
        job.key
    );
    let empty = parts.iter().filter(|part| part.len == 0).count();
    assert!(empty == 0 || parts.len() == 1, "{}: {parts:?}", job.key);
}

/// Checks that a task makes one run of bytes of one file, and that its figures are right.
fn check_task(plan: &Plan, task: &Task) {
    let (mut arena, mut output, mut end) = (0, 0, None);
    for part in &task.parts {
        let job = &plan.jobs[part.job];
        let unit = units(job).1;
        let start = (job.place.file, job.place.offset + part.start * unit);
        assert!(
            end.is_none_or(|end| end == start),
            "{task:?}: a gap at {start:?}"
        );
        end = Some((start.0, start.1 + part.len * unit));
        arena += arena_bytes(job, part.len);
        output += part.len * unit;
    }
    assert_eq!(
        (task.arena_bytes, task.output_bytes),
        (arena, output),
        "{task:?}"
    );
    let memory = &plan.memory;
    if !task.streams(&plan.jobs) {
        assert!(arena <= memory.arena_bytes as u64, "{task:?} {memory:?}");
    }
    if !task
        .parts
        .iter()
        .any(|part| is_resident(&plan.jobs[part.job]))
    {
        assert!(output <= memory.output_bytes as u64, "{task:?} {memory:?}");
    }
}

fn is_resident(job: &Job) -> bool {
    matches!(job.action, Action::Merge { resident: true, .. })
}

/// Checks that what a lane has to hold at once fits its buffers, and the lanes fit the budget.
fn check_memory(plan: &Plan, limits: &Limits) {
    let memory = &plan.memory;
    let tile = TILE as u64;
    for job in &plan.jobs {
        let (count, unit) = units(job);
        let window = count.min(tile) * unit;
        assert!(
            window <= memory.output_bytes as u64,
            "{}: {window} {memory:?}",
            job.key
        );
        if let (Action::Merge { .. }, true) = (&job.action, job.streams) {
            let chunk = memory.chunk_elements;
            assert!(chunk > 0 && chunk.is_multiple_of(TILE), "{memory:?}");
            let bytes = arena_bytes(job, count.min(chunk as u64));
            assert!(
                bytes <= memory.arena_bytes as u64,
                "{}: {bytes} {memory:?}",
                job.key
            );
        }
    }
    let copies = if limits.device.is_some() { 3 } else { 1 };
    let lanes = memory.lanes as u64;
    let held = (memory.arena_bytes + memory.output_bytes) as u64 * lanes;
    assert_eq!(memory.host_bytes, held);
    assert_eq!(memory.device_bytes, held * (copies - 1));
    let sorted = memory.statistics_bytes as u64 * lanes;
    let placed = (held + lanes * PAGE) * copies;
    let most = placed.max(held * copies + sorted);
    assert!(
        most + PROCESS_BYTES <= limits.memory,
        "{memory:?} {limits:?}"
    );
    let most = if limits.device.is_some() {
        6
    } else {
        limits.threads + 4
    };
    assert!((1..=most).contains(&memory.lanes), "{memory:?}");
    if let Some(device) = limits.device {
        let largest = memory.arena_bytes.max(memory.output_bytes) as u64;
        assert!(largest <= device.binding_bytes, "{memory:?} {device:?}");
    }
}

/// Checks which jobs find their statistics by themselves and which are surveyed.
fn check_survey(plan: &Plan, scope_is_model: bool) {
    let mut surveyed = Vec::new();
    for (at, job) in plan.jobs.numbered() {
        let Action::Merge {
            outputs, resident, ..
        } = &job.action
        else {
            continue;
        };
        let statistics = &outputs[0].statistics;
        assert_eq!(
            statistics.is_empty(),
            plan.classes[outputs[0].class].rounds.is_empty()
        );
        let fits = match job.streams {
            true => job.input_bytes() <= LONE_BYTES,
            // The least is known: what lies whole lies in the arena.
            false => arena_bytes(job, job.elements) <= plan.memory.arena_bytes as u64,
        };
        let wanted = fits && !statistics.is_empty() && !scope_is_model;
        if job.streams || *resident {
            assert_eq!(*resident, wanted, "{}", job.key);
        }
        if !resident && !statistics.is_empty() {
            surveyed.push(at);
        }
    }
    surveyed.sort_by_key(|&job| &plan.jobs[job].key);
    assert_eq!(plan.survey, surveyed);
}

/// Everything that holds for every plan.
fn check(plan: &Plan, limits: &Limits, scope_is_model: bool) {
    let mut parts: Vec<Vec<Part>> = vec![Vec::new(); plan.jobs.len()];
    let mut tasks = 0;
    for task in plan.tasks() {
        check_task(plan, &task);
        for part in task.parts {
            parts[part.job.index()].push(part);
        }
        tasks += 1;
    }
    assert_eq!(plan.task_count, tasks);
    for (job, parts) in plan.jobs.iter().zip(parts) {
        check_cover(job, parts);
    }
    check_memory(plan, limits);
    check_survey(plan, scope_is_model);
}

/// The least budget of a merge.
fn needed(work: &mut Work<'_>) -> u64 {
    work.limits.memory = 0;
    match work.plan() {
        Err(PlanError::Memory { needed, .. }) => needed,
        other => panic!("planned without memory: {other:?}"),
    }
}

/// Shapes around the borders of tiles, chunks and buffers, and beyond what fits anywhere.
fn shapes() -> impl Strategy<Value = Vec<u64>> {
    let sizes = prop::sample::select(vec![0, 1, 3, 1023, 1024, 1025, 65_536, 65_537, 1 << 20]);
    prop_oneof![
        2 => Just(Vec::new()),
        8 => sizes.prop_map(|size| vec![size]),
        8 => (0_u64..5000, 1_u64..40).prop_map(|(rows, columns)| vec![rows, columns]),
        4 => (1_u64 << 20..1 << 28).prop_map(|size| vec![size]),
        1 => (1_u64 << 28..1 << 31).prop_map(|size| vec![size]),
    ]
}

fn dtypes() -> impl Strategy<Value = DType> {
    let floats: Vec<DType> = Float::ALL.iter().map(|float| float.dtype()).collect();
    let copied = vec![DType::I64, DType::U8, DType::Bool, DType::U16];
    prop_oneof![6 => prop::sample::select(floats), 1 => prop::sample::select(copied)]
}

/// Method, models besides the base, parameters.
const WORKS: &[(&str, usize, &[&str])] = &[
    ("n_average", 1, &[]),
    ("linear", 3, &[]),
    ("n_average", 12, &[]),
    ("slerp", 2, &[]),
    ("task_arithmetic", 1, &[]),
    ("ties", 2, &["density=0.3"]),
    ("ties", 7, &["density=0.3"]),
    ("ties", 2, &["density=0.3", "scope=model"]),
];

/// Budgets beyond the least one.
fn spare() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        2 => 0_u64..1 << 16,
        2 => 0_u64..1 << 24,
        2 => 0_u64..1 << 33,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_byte_is_made_once_within_the_budget(
        entries in prop::collection::vec((dtypes(), shapes()), 1..20),
        work in prop::sample::select(WORKS),
        threads in 1_usize..9,
        spare in spare(),
        binding in prop_oneof![Just(None), (20_u32..32).prop_map(Some)],
        wide in prop::sample::select(vec![None, Some(Float::F64), Some(Float::F8E5M2)]),
    ) {
        let names: Vec<String> = (0..entries.len()).map(|n| format!("layer.{n}")).collect();
        let entries = names.iter().zip(&entries);
        let entries: Vec<_> = entries
            .map(|(name, (dtype, shape))| (name.as_str(), *dtype, shape.as_slice()))
            .collect();
        let (method, count, parameters) = work;
        let models: Vec<Model> = (0..=count)
            .map(|number| Model::new(&format!("model-{number}"), &entries))
            .collect();
        let mut work = Work::new(method, &models.iter().collect::<Vec<_>>());
        if !work.has_base {
            work.models.pop();
        }
        work.parameters = parameters;
        work.options.dtype = wide.map_or(OutputDType::Keep, OutputDType::Float);
        work.limits.threads = threads;
        work.limits.device = binding.and_then(|bits| device(1 << bits));
        let needed = needed(&mut work);
        work.limits.memory = needed - 1;
        prop_assert!(work.plan().is_err());
        work.limits.memory = needed + spare;
        check(&work.planned(), &work.limits, parameters.contains(&"scope=model"));
    }
}

#[test]
fn what_no_device_computes_leaves_the_rest_on_it() {
    let entries: [(&str, DType, &[u64]); 4] = [
        ("a.bias", DType::BF16, &[48]),
        ("a.weight", DType::BF16, &[64, 48]),
        ("b.bias", DType::BF16, &[48]),
        ("b.weight", DType::BF16, &[64, 48]),
    ];
    let models = ["base", "a", "b"].map(|name| Model::new(name, &entries));
    let mut work = Work::new("tsv_m", &models.each_ref());
    work.limits.device = device(1 << 27);
    let plan = work.planned();
    for job in &plan.jobs {
        assert_eq!(job.streams, job.shape.len() == 2, "{}", job.key);
    }
    for task in plan.tasks() {
        let mut parts = task.parts.iter();
        let same = parts.all(|part| plan.jobs[part.job].streams == task.streams(&plan.jobs));
        assert!(same, "{task:?}");
    }
    assert_eq!(plan.summary().beside_device, 2);
    work.limits.device = None;
    let plan = work.planned();
    assert!(plan.jobs.iter().all(|job| job.streams) && !plan.uses_device());
    assert_eq!(plan.summary().beside_device, 0);
}
