//! A GPU that goes away, hangs or has no memory is an error, never a panic.

use std::sync::Arc;
use std::time::Duration;

use crate::support::backends::{devices, found, open};
use crate::support::cases::{Case, Elements, Outcome, row};
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;
use wgmerge::exec::{ExecError, Executor};
use wgmerge::gpu::{AdapterChoice, GpuDevice, GpuExecutor, OpenError, adapters, probe};
use wgmerge::kernel::{
    Compute, Entry, Formula, OnOverflow, Operand, Output, Program, SlotId, Step,
};

const BYTES: usize = 1 << 20;

/// Devices of its own for a test that ruins them.
fn fresh_devices() -> Vec<Arc<GpuDevice>> {
    found().iter().map(open).collect()
}

fn sum_of_two() -> Case {
    let entry = Entry::Checked;
    let float = Float::F32;
    let mut steps: Vec<Step> = [0, 1]
        .map(SlotId::new)
        .map(|slot| Step::Load { slot, float, entry })
        .into_iter()
        .collect();
    steps.push(Step::Call {
        formula: Formula::Add,
        operands: vec![Operand::Value(0.into()), Operand::Value(1.into())],
    });
    let stored = Output::Store {
        value: 2.into(),
        float,
        on_overflow: OnOverflow::Keep,
    };
    let program = Program::new(Compute::F32, steps, vec![stored]);
    let rows = vec![row(0, 0, &mut 1)];
    Case::new(program, rows, &[(0, 100_000)], &[Elements::Tame], 2)
}

fn executor(device: &Arc<GpuDevice>) -> GpuExecutor {
    GpuExecutor::new(Arc::clone(device), BYTES, BYTES, Level::BASELINE).expect("a slot")
}

fn is_lost(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(ExecError::Lost(_)))
}

#[test]
fn a_destroyed_device_is_lost_for_every_executor() {
    for device in fresh_devices() {
        let case = sum_of_two();
        let (mut first, mut second) = (executor(&device), executor(&device));
        assert!(matches!(case.run(&mut first), Outcome::Done { .. }));
        assert!(!device.is_lost());
        device.destroy();
        assert!(is_lost(&case.run(&mut first)));
        assert!(is_lost(&case.run(&mut second)));
        assert!(device.is_lost());
        let refused = GpuExecutor::new(Arc::clone(&device), BYTES, BYTES, Level::BASELINE);
        assert!(matches!(refused, Err(ExecError::Lost(_))));
        assert!(!probe::run(&device, 2).passed());
    }
}

/// A device that is dropped stays open. Who opens the adapter next gets one that works.
#[test]
fn an_adapter_is_opened_again_whatever_became_of_its_device() {
    for adapter in found() {
        let devices: Vec<Arc<GpuDevice>> = (0..3).map(|_| open(&adapter)).collect();
        devices[0].destroy();
        devices[1].set_timeout(Duration::ZERO);
        drop(devices);
        for _ in 0..4 {
            let device = open(&adapter);
            assert!(!device.is_lost());
            let outcome = sum_of_two().run(&mut executor(&device));
            assert!(matches!(outcome, Outcome::Done { .. }));
        }
    }
}

#[test]
fn a_device_destroyed_between_upload_and_run_is_lost() {
    for device in fresh_devices() {
        let mut executor = executor(&device);
        executor.upload(&[0; BYTES], 0..BYTES).expect("an upload");
        device.destroy();
        assert!(is_lost(&sum_of_two().run(&mut executor)));
    }
}

#[test]
fn a_device_destroyed_while_workers_run_gives_right_bytes_or_an_error() {
    for device in fresh_devices() {
        let case = sum_of_two();
        let right = case.run(&mut executor(&device));
        let worker = || {
            let mut executor = executor(&device);
            for _ in 0..10_000 {
                let outcome = case.run(&mut executor);
                if is_lost(&outcome) {
                    return;
                }
                assert!(outcome == right, "bytes of a lost device were trusted");
            }
            panic!("the loss was not noticed");
        };
        std::thread::scope(|scope| {
            let workers = [scope.spawn(worker), scope.spawn(worker)];
            std::thread::sleep(Duration::from_millis(50));
            device.destroy();
            for worker in workers {
                worker.join().expect("a worker that ends in order");
            }
        });
    }
}

#[test]
fn a_device_that_takes_too_long_is_lost() {
    for device in fresh_devices() {
        if device.description().backend == "gl" {
            println!("skipped on GL: its software driver is done before it could be late");
            continue;
        }
        let mut executor = executor(&device);
        device.set_timeout(Duration::ZERO);
        // On a busy machine the work may be done before the wait for it begins.
        let late = (0..100).any(|_| is_lost(&sum_of_two().run(&mut executor)));
        assert!(late, "a hundred batches were done in no time");
        device.set_timeout(Duration::from_secs(30));
        assert!(
            is_lost(&sum_of_two().run(&mut executor)),
            "it does not come back"
        );
    }
}

#[test]
fn a_slot_beyond_the_limits_is_out_of_memory() {
    for device in devices() {
        let bytes = device.limits().binding_bytes as usize + 1;
        for (arena, output) in [(bytes, 16), (16, bytes)] {
            let refused = GpuExecutor::new(Arc::clone(device), arena, output, Level::BASELINE);
            assert!(
                matches!(refused, Err(ExecError::OutOfMemory(_))),
                "{refused:?}"
            );
        }
        assert!(!device.is_lost(), "the device stays usable");
        assert!(matches!(
            sum_of_two().run(&mut executor(device)),
            Outcome::Done { .. }
        ));
    }
}

#[test]
fn the_probe_passes_on_every_adapter() {
    for device in devices() {
        let begin = std::time::Instant::now();
        let report = probe::run(device, 2);
        println!(
            "{}: {report} in {:?}",
            device.description(),
            begin.elapsed()
        );
        assert!(report.passed(), "{}: {report}", device.description());
        assert!(report.checks.len() > 15);
    }
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    for choice in [
        AdapterChoice::Named("no such GPU".into()),
        AdapterChoice::Index(1000),
    ] {
        let error = GpuDevice::open(&choice).expect_err("no such adapter");
        assert!(matches!(error, OpenError::NoAdapter { .. }), "{error}");
        assert!(
            error.to_string().starts_with("there is no adapter "),
            "{error}"
        );
    }
    let Some(software) = adapters().into_iter().find(|adapter| adapter.software) else {
        return;
    };
    let named = GpuDevice::open(&AdapterChoice::Named(software.name.to_uppercase()));
    assert!(named.is_ok(), "a part of the name in any case");
    if adapters().iter().all(|adapter| adapter.software) {
        let best = GpuDevice::open(&AdapterChoice::Best);
        assert!(best.is_err(), "software is never the best GPU");
        assert!(GpuDevice::open(&AdapterChoice::Any).is_ok());
    }
}

/// Work on a pool of threads needs executors that can be sent there.
#[test]
fn executors_move_between_threads() {
    fn sendable<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    sendable::<GpuExecutor>();
    shared::<GpuDevice>();
}
