//! Whole merges on every adapter: the same file as on the CPU, also when the device fails.

mod overlap;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::exec::{Batch, ExecError, Executor, Results};
use wgmerge::merge::{Device, MergeError};
use wgmerge::method::METHODS;
use wgmerge::plan::{DeviceLimits, PlanError};

use crate::support::models::{Case, family};

/// Every method with parameters under which it does all that it can.
const CASES: &[(&str, &[&str])] = &[
    ("linear", &["weight=0.2,0.5,-0.4"]),
    ("n_average", &[]),
    ("slerp", &["t=0.3"]),
    ("slerp", &["t=0.3", "norm=interpolate"]),
    ("add_difference", &["alpha=0.7"]),
    ("task_arithmetic", &["weight=0.4,-0.3,0.8", "lambda=1.2"]),
    ("ties", &["density=0.3"]),
    (
        "ties",
        &["density=0.3", "scope=model", "ties=keep", "elect=frequency"],
    ),
    (
        "ties",
        &[
            "density=0.6,0.2,0.4",
            "weight=0.5,1,2",
            "elect_on=raw",
            "divisor=count",
        ],
    ),
    ("dare_linear", &["drop=0.5", "lambda=0.7"]),
    ("dare_linear", &["drop=0.9", "rescale=l1"]),
    ("dare_ties", &["drop=0.4", "weight=1,0.5,2"]),
    ("dare_then_ties", &["drop=0.5", "trim=0.4"]),
    ("supermario", &["p=0.6", "lambda=1.5"]),
    ("linear", &["weight=3,2,1", "order=steps"]),
    (
        "ties",
        &["density=0.3", "elect=none", "divisor=count", "round=bf16"],
    ),
    ("breadcrumbs", &["density=0.4", "gamma=0.05"]),
    ("breadcrumbs_ties", &["density=0.4", "rescale=l1"]),
    ("model_stock", &[]),
    ("model_stock", &["filter_wise=true"]),
    ("nearswap", &["t=0.02"]),
    ("nuslerp", &["weight=0.3,0.5"]),
    ("multislerp", &["weight=0.3,0.5,0.7"]),
    ("karcher", &[]),
    ("sce", &["select_topk=0.3"]),
    ("ram", &["epsilon=0.02"]),
    ("ramplus_tl", &["epsilon=0.02"]),
    ("arcee_fusion", &[]),
    ("della", &["density=0.5"]),
    ("della_linear", &["density=0.5", "epsilon=0.3"]),
    ("peft_magnitude_prune", &["density=0.3", "weight=0.5,1,2"]),
    ("peft_ties", &["density=0.3", "weight=0.5,1,2"]),
    (
        "peft_dare_ties",
        &["drop=0.5", "majority_sign_method=frequency"],
    ),
    ("paper_ties", &["density=0.3"]),
    ("paper_ties", &["density=0.3", "merge=max"]),
    ("paper_dare_ties", &["drop=0.5", "trim=0.4"]),
    ("darex_q", &["drop=0.5", "q=0.7"]),
    ("consensus_ta", &["tasks=2"]),
    ("pcb", &["density=0.3"]),
    ("cabs", &["n=1,2,1"]),
    ("fisher", &[]),
    ("assembly_of_experts", &["threshold=0.01"]),
    ("ablate", &["keep_norms=true"]),
    ("tsv_m", &[]),
    ("iso_c", &[]),
    ("iso_cts", &["common_space_fraction=0.5"]),
    ("star", &["eta=0.5"]),
    ("knots_ties", &["density=0.5"]),
];

fn case<'a>(
    folder: &std::path::Path,
    method: &'a str,
    float: Float,
    parameters: &'a [&'a str],
) -> Case<'a> {
    let row = METHODS
        .iter()
        .find(|row| row.id == method)
        .expect("a method of the table");
    let models: Vec<_> = (0..4).map(|model| family(folder, float, model)).collect();
    let base = matches!(row.base, wgmerge::method::Base::Required).then(|| &models[0]);
    let given = match row.models_min {
        4 => &models[..],
        _ => &models[1..=row.models_max.min(3)],
    };
    Case {
        parameters,
        ..Case::new(method, base, given)
    }
}

#[test]
fn the_cases_cover_every_method() {
    for method in METHODS {
        assert!(
            CASES.iter().any(|(id, _)| *id == method.id),
            "no case for {}",
            method.id
        );
    }
}

/// An executor that first asks whether to fail.
struct Faulty<F> {
    executor: Box<dyn Executor + Send>,
    fault: F,
}

impl<F: FnMut() -> Result<(), ExecError>> Executor for Faulty<F> {
    fn upload(&mut self, arena: &[u8], bytes: Range<usize>) -> Result<(), ExecError> {
        (self.fault)()?;
        self.executor.upload(arena, bytes)
    }

    fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        (self.fault)()?;
        self.executor.run(batch, arena, results)
    }
}

#[test]
fn a_device_that_fails_at_any_call_leaves_the_rest_to_the_cpu() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let faults = [
        ExecError::Lost("pulled out".to_owned()),
        ExecError::OutOfMemory("no room".to_owned()),
    ];
    for &(method, parameters) in CASES {
        let case = case(folder.path(), method, Float::F16, parameters);
        let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
        for after in 0..8 {
            let fault = faults[after % 2].clone();
            let calls = Arc::new(AtomicUsize::new(0));
            let slot = move |_, _, _| {
                let (calls, fault) = (Arc::clone(&calls), fault.clone());
                let executor = Box::new(CpuExecutor::new(Level::BASELINE));
                let fault = move || match calls.fetch_add(1, Ordering::SeqCst) >= after {
                    true => Err(fault.clone()),
                    false => Ok(()),
                };
                Ok(Box::new(Faulty { executor, fault }) as Box<dyn Executor + Send>)
            };
            let limits = DeviceLimits {
                binding_bytes: 64 << 10,
            };
            let device = Device::new("faulty".to_owned(), limits, Box::new(slot));
            let (found, _) = case
                .run(&output, Some(device))
                .expect("a merge all the same");
            assert!(
                expected == found,
                "{method} fails after {after} calls: other bytes"
            );
        }
    }
}

#[test]
fn a_device_that_opens_no_slot_leaves_everything_to_the_cpu() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let case = case(folder.path(), "linear", Float::BF16, &[]);
    let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
    let slot = |_, _, _| Err(ExecError::OutOfMemory("full".to_owned()));
    let limits = DeviceLimits {
        binding_bytes: 1 << 20,
    };
    let device = Device::new("full".to_owned(), limits, Box::new(slot));
    let (found, report) = case
        .run(&output, Some(device))
        .expect("a merge all the same");
    assert!(expected == found, "other bytes");
    assert!(report.device.contains("then CPU"), "{}", report.device);
}

/// What `auto` chooses leaves a merge to the CPU where the memory does for the CPU alone; what is
/// asked for does not.
#[test]
fn a_budget_that_is_too_small_for_a_device() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let mut case = case(folder.path(), "linear", Float::F16, &[]);
    let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
    let device = || {
        let slot = |_, _, _| -> Result<Box<dyn Executor + Send>, ExecError> {
            panic!("nothing runs on the device")
        };
        let limits = DeviceLimits {
            binding_bytes: 1 << 20,
        };
        Device::new("large".to_owned(), limits, Box::new(slot))
    };
    let needed = |case: &Case<'_>, device| match case.run(&output, device) {
        Err(MergeError::Plan(fault)) => match *fault {
            PlanError::Memory { needed, .. } => needed,
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    };
    case.memory = 1 << 20;
    case.memory = needed(&case, None);
    assert!(needed(&case, Some(device())) > case.memory);
    let (found, report) = case
        .run(&output, Some(device().or_cpu()))
        .expect("a merge on the CPU");
    assert!(expected == found, "other bytes");
    assert_eq!(report.device, "CPU");
}

#[cfg(feature = "gpu")]
mod gpu {
    use wgmerge::kernel::Compute;
    use wgmerge::recipe::{OnNan, Options, OutputDType};

    use super::*;

    /// Runs `body` for every adapter.
    fn for_each_device(mut body: impl FnMut(&dyn Fn() -> Device)) {
        for gpu in crate::support::backends::devices() {
            println!("on {}", gpu.description());
            body(&|| Device::gpu(Arc::clone(gpu)));
        }
    }

    #[test]
    fn every_method_and_dtype_gives_the_bytes_of_the_cpu() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out.safetensors");
        for_each_device(|device| {
            for &(method, parameters) in CASES {
                for &float in Float::ALL {
                    let case = case(folder.path(), method, float, parameters);
                    let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
                    let (found, report) = case
                        .run(&output, Some(device()))
                        .expect("a merge on the GPU");
                    assert!(!report.device.contains("then CPU"), "{}", report.device);
                    assert!(
                        expected == found,
                        "{method} {parameters:?} in {float} differs"
                    );
                }
            }
        });
    }

    #[test]
    fn working_and_output_dtypes_give_the_bytes_of_the_cpu() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out.safetensors");
        for_each_device(|device| {
            for compute in Compute::ALL {
                for &float in Float::ALL {
                    let parameters = &["density=0.4", "lambda=0.9"];
                    let mut case = case(folder.path(), "ties", Float::BF16, parameters);
                    let dtype = OutputDType::Float(float);
                    case.options = Options {
                        compute,
                        dtype,
                        on_nan: OnNan::Zero,
                        ..Options::default()
                    };
                    let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
                    let (found, _) = case
                        .run(&output, Some(device()))
                        .expect("a merge on the GPU");
                    assert!(expected == found, "{} into {float} differs", compute.name());
                }
            }
        });
    }

    #[test]
    fn a_device_destroyed_in_mid_run_leaves_the_rest_to_the_cpu() {
        use crate::support::backends::{found, open};
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out.safetensors");
        let case = case(folder.path(), "ties", Float::F32, &["density=0.3"]);
        let (expected, _) = case.run(&output, None).expect("a merge on the CPU");
        for adapter in found() {
            for after in 0..4 {
                let gpu = open(&adapter);
                let inner = Device::gpu(Arc::clone(&gpu));
                let calls = Arc::new(AtomicUsize::new(0));
                let slot = move |arena, output, level| {
                    let executor = inner.open_slot(arena, output, level)?;
                    let (gpu, calls) = (Arc::clone(&gpu), Arc::clone(&calls));
                    let fault = move || {
                        if calls.fetch_add(1, Ordering::SeqCst) == after {
                            gpu.destroy();
                        }
                        Ok(())
                    };
                    Ok(Box::new(Faulty { executor, fault }) as Box<dyn Executor + Send>)
                };
                let limits = DeviceLimits {
                    binding_bytes: 128 << 20,
                };
                let device = Device::new("doomed".to_owned(), limits, Box::new(slot));
                let (found, report) = case
                    .run(&output, Some(device))
                    .expect("a merge all the same");
                assert!(
                    expected == found,
                    "destroyed after {after} calls: other bytes"
                );
                println!("destroyed after {after} calls: {}", report.device);
                assert!(report.device.contains("then CPU"), "{}", report.device);
            }
        }
    }
}
