//! The shared shader files as a source: every formula, to be interpreted.

use std::sync::LazyLock;

use super::run::{Rounding, Run};
use super::source::Source;
use super::value::{Number, Value};
use crate::fault::Fault;
use crate::kernel::{Compute, Expression, Formula, Kind, Operand, Program, Row, Step};
use crate::wgsl::{codec_files, formula_files, texts};

const FILES: [&[&str]; 3] = [
    codec_files!(texts),
    formula_files!(texts),
    texts! { "guard/f32" "kernel/interpreted" },
];

static SHADERS: LazyLock<Source> = LazyLock::new(|| {
    let text = FILES.concat().join("\n");
    Source::read(&text).expect("tests read the shader files")
});

/// What a function of the shared files gives for arguments that are known, in f32.
pub fn interpret(function: &str, arguments: Vec<Value>) -> Result<Value, Fault> {
    let mut expression = Expression::new(Compute::F32);
    Run::new(&SHADERS, &mut expression, Rounding::Stated).call(function, arguments)
}

/// What a formula gives for words: bits of f32, or integers, as its parameters are.
pub fn formula(formula: Formula, words: &[u32]) -> Option<f32> {
    let kinds = formula.parameters().iter().zip(words);
    let arguments = kinds.map(|(kind, &word)| match kind {
        Kind::Lane | Kind::Scalar => Value::known(f32::from_bits(word)),
        Kind::Word | Kind::Code => Value::Unsigned(word),
    });
    match interpret(formula.function(), arguments.collect()) {
        Ok(Value::Number(Number::Known(x))) => Some(x),
        _ => None,
    }
}

/// The number that a Program computes of a row alone: its inputs are numbers of the row, and it has
/// one output. None where it reads anything else.
pub fn folded(program: &Program, row: &Row) -> Option<f32> {
    let mut values: Vec<u32> = Vec::new();
    for step in program.steps() {
        let Step::Call {
            formula: called,
            operands,
        } = step
        else {
            return None;
        };
        let words = operands.iter().map(|operand| match *operand {
            Operand::Value(value) => Some(values[value.index()]),
            Operand::Scalar(scalar) => row.scalars.get(scalar.index()).copied(),
            Operand::Cutoff(_) | Operand::Index => None,
        });
        let words = words.collect::<Option<Vec<u32>>>()?;
        values.push(formula(*called, &words)?.to_bits());
    }
    let output = program.outputs().first()?;
    Some(f32::from_bits(values[output.value().index()]))
}
