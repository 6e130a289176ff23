//! The assembled shaders: they are plain WebGPU and translate to every driver's language.

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ScalarKind, TypeInner};
use wgmerge::dtype::Float;
use wgmerge::kernel::table::{INVOCATIONS, Layout};
use wgmerge::kernel::wgsl::assemble;
use wgmerge::kernel::{
    Compute, Entry, Formula, Kind, OnOverflow, Operand, Output, Program, SlotId, Step, ValueId,
};

/// Whether a formula's word is a random one; otherwise it is the element's index.
fn draws(formula: Formula) -> bool {
    matches!(
        formula,
        Formula::Dropout | Formula::DropoutDelta | Formula::Uniform
    )
}

/// A Program that loads every element type, calls every formula once and ends as told.
fn every_formula(compute: Compute, outputs: impl FnOnce(ValueId) -> Vec<Output>) -> Program {
    let mut steps: Vec<Step> = Float::ALL
        .iter()
        .zip(0..)
        .map(|(float, slot)| Step::Load {
            slot: SlotId::new(slot),
            float: *float,
            entry: if slot % 2 == 0 {
                Entry::Checked
            } else {
                Entry::Raw
            },
        })
        .collect();
    let word = steps.len() as u16;
    steps.push(Step::Word { stream: 0.into() });
    for (number, formula) in (0..).zip(Formula::ALL) {
        let last = steps.len() as u16 - 1;
        let lane = if last == word { 0 } else { last };
        let operands = formula
            .parameters()
            .iter()
            .zip(0..)
            .map(|(kind, nth)| match kind {
                Kind::Lane if nth == 0 => Operand::Value(lane.into()),
                Kind::Lane => Operand::Value(nth.into()),
                Kind::Word if draws(*formula) => Operand::Value(word.into()),
                Kind::Word => Operand::Index,
                Kind::Scalar => Operand::Scalar((3 * number).into()),
                Kind::Code
                    if usize::from(nth) + 1 == formula.parameters().len() && !draws(*formula) =>
                {
                    Operand::Cutoff(0.into())
                }
                Kind::Code => Operand::Scalar((3 * number + 1).into()),
            });
        steps.push(Step::Call {
            formula: *formula,
            operands: operands.collect(),
        });
    }
    let last = steps.len() as u16 - 1;
    Program::new(compute, steps, outputs(last.into()))
}

fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    for compute in Compute::ALL {
        for float in Float::ALL {
            let stored = |value| Output::Store {
                value,
                float: *float,
                on_overflow: OnOverflow::Keep,
            };
            programs.push(every_formula(compute, |value| vec![stored(value)]));
            programs.push(every_formula(compute, |value| {
                let (sum, most) = (Output::Sum(2.into()), Output::Max(value));
                let change = Output::Change {
                    value,
                    base: 0.into(),
                    float: *float,
                };
                let pair = Output::Pair([0.into(), value]);
                let count = Output::Count(value);
                vec![sum, most, change, pair, stored(value), count]
            }));
        }
        programs.push(every_formula(compute, |value| {
            [value, 0.into(), 7.into()].map(Output::Sum).to_vec()
        }));
        programs.push(every_formula(compute, |value| {
            [2.into(), value].map(Output::Count).to_vec()
        }));
    }
    programs
}

fn validate(name: &str, text: &str) -> (Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, name)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, name)));
    (module, info)
}

#[test]
fn shaders_are_plain_webgpu() {
    for program in programs() {
        let source = assemble(&program);
        let (module, _) = validate(&source.label, &source.text);
        assert_eq!(module.entry_points.len(), 1, "{}", source.label);
        let entry = &module.entry_points[0];
        assert_eq!(entry.name, "main");
        assert_eq!(entry.workgroup_size, [INVOCATIONS as u32, 1, 1]);
        const { assert!(INVOCATIONS <= 256, "WebGPU allows no more by default") };
    }
}

#[test]
fn shaders_translate_for_every_driver() {
    for program in programs() {
        let source = assemble(&program);
        let (module, info) = validate(&source.label, &source.text);
        naga::back::spv::write_vec(&module, &info, &Default::default(), None)
            .unwrap_or_else(|error| panic!("{} to SPIR-V: {error}", source.label));
        let mut text = String::new();
        let options = naga::back::hlsl::Options {
            fake_missing_bindings: true,
            ..Default::default()
        };
        naga::back::hlsl::Writer::new(&mut text, &options, &Default::default())
            .write(&module, &info, None)
            .unwrap_or_else(|error| panic!("{} to HLSL: {error}", source.label));
        let options = naga::back::msl::Options {
            fake_missing_bindings: true,
            ..Default::default()
        };
        naga::back::msl::write_string(&module, &info, &options, &Default::default())
            .unwrap_or_else(|error| panic!("{} to MSL: {error}", source.label));
    }
}

#[test]
fn bindings_fit_the_default_limits() {
    for program in programs() {
        let source = assemble(&program);
        let (module, _) = validate(&source.label, &source.text);
        let mut found = Vec::new();
        let mut workgroup_bytes = 0;
        for (_, global) in module.global_variables.iter() {
            if global.space == AddressSpace::WorkGroup {
                workgroup_bytes += module.types[global.ty].inner.size(module.to_ctx());
            }
            if let Some(binding) = &global.binding {
                let name = global.name.as_deref().unwrap_or_default();
                found.push((binding.group, binding.binding, name));
            }
        }
        found.sort_unstable();
        let expected = ["params", "arena", "table", "output", "partials"];
        let expected: Vec<_> = (0..).zip(expected).map(|(i, name)| (0, i, name)).collect();
        assert_eq!(found, expected, "{}", source.label);
        assert!(
            workgroup_bytes <= 16 << 10,
            "{}: {workgroup_bytes}",
            source.label
        );
    }
}

#[test]
fn params_are_four_words() {
    let program = every_formula(Compute::F32, |value| vec![Output::Sum(value)]);
    let (module, _) = validate("params", &assemble(&program).text);
    let (_, params) = module
        .types
        .iter()
        .find(|(_, ty)| ty.name.as_deref() == Some("Params"))
        .expect("a struct of that name");
    let TypeInner::Struct { members, span } = &params.inner else {
        panic!("Params is a struct");
    };
    let names: Vec<_> = members
        .iter()
        .map(|m| (m.name.as_deref().unwrap_or(""), m.offset))
        .collect();
    assert_eq!(
        names,
        [("zero", 0), ("groups", 4), ("columns", 8), ("pieces", 12)]
    );
    assert_eq!(*span, 16);
}

/// The scalar kind of a function's parameter or result.
fn scalar_kind(module: &Module, ty: naga::Handle<naga::Type>) -> ScalarKind {
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) => scalar.kind,
        ref other => panic!("{other:?} is no scalar"),
    }
}

#[test]
fn formulas_have_the_parameters_of_the_table() {
    let program = every_formula(Compute::BF16, |value| vec![Output::Sum(value)]);
    let (module, _) = validate("formulas", &assemble(&program).text);
    for formula in Formula::ALL {
        let (_, function) = module
            .functions
            .iter()
            .find(|(_, function)| function.name.as_deref() == Some(formula.function()))
            .unwrap_or_else(|| panic!("{formula:?} has no function"));
        let found: Vec<ScalarKind> = function
            .arguments
            .iter()
            .map(|argument| scalar_kind(&module, argument.ty))
            .collect();
        let expected: Vec<ScalarKind> = formula
            .parameters()
            .iter()
            .map(|kind| match kind {
                Kind::Lane | Kind::Scalar => ScalarKind::Float,
                Kind::Word | Kind::Code => ScalarKind::Uint,
            })
            .collect();
        assert_eq!(found, expected, "{formula:?}");
        let result = function.result.as_ref().expect("a formula returns a value");
        assert_eq!(
            scalar_kind(&module, result.ty),
            ScalarKind::Float,
            "{formula:?}"
        );
    }
}

#[test]
fn constants_are_those_of_the_layout() {
    let program = every_formula(Compute::F16, |value| {
        [value, 1.into()].map(Output::Count).to_vec()
    });
    let layout = Layout::of(&program);
    let (module, _) = validate("constants", &assemble(&program).text);
    let constant = |wanted: &str| {
        let (_, constant) = module
            .constants
            .iter()
            .find(|(_, constant)| constant.name.as_deref() == Some(wanted))
            .unwrap_or_else(|| panic!("no constant {wanted}"));
        match module.global_expressions[constant.init] {
            naga::Expression::Literal(naga::Literal::U32(value)) => value as usize,
            ref other => panic!("{wanted} is {other:?}"),
        }
    };
    assert_eq!(constant("RECORD_WORDS"), layout.record_words());
    assert_eq!(constant("GRIDS"), layout.grids());
    assert_eq!(constant("TILES_PER_GROUP"), layout.tiles_per_group());
    assert_eq!(
        layout.record_words(),
        layout.grids() + 4,
        "two windows of two words"
    );
    assert_eq!(constant("COUNTS"), 2);
}
