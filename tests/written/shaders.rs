//! The shader files by two ways to run them: naga and the interpreter, rustc and the CPU.

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::written::{Value, formula, interpret};
use wgmerge::kernel::{
    Compute, Entry, Formula, Kind, OnOverflow, Operand, Output, Program, Row, SlotId, Step,
};

use crate::support::backends::levels;
use crate::support::random::random;

const COUNT: usize = 1024;

/// f32 bits: of ordinary size, tiny, huge, zeros, infinities and NaN, as results of kernels are.
fn word(state: &mut u64) -> u32 {
    let drawn = random(state);
    let (sign, mantissa) = (drawn as u32 & 0x8000_0000, drawn as u32 & 0x7f_ffff);
    let exponent = (drawn >> 32) as u32;
    let bits = match drawn >> 59 {
        0 => sign,
        1 => sign | 0x7f80_0000,
        2 => 0x7fc0_0000,
        3 => sign | 0x3f80_0000,
        4..=7 => sign | ((exponent % 254 + 1) << 23) | mantissa,
        8 => sign | ((exponent % 24 + 127) << 23) | (mantissa & 0x7f_8000),
        _ => sign | ((exponent % 12 + 121) << 23) | mantissa,
    };
    codec::settled(bits)
}

/// What a formula makes of its arguments: of lanes and words element by element, of others
/// the same for all.
fn compiled(level: Level, called: Formula, arguments: &[Vec<u32>]) -> Vec<u32> {
    let (mut steps, mut operands, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
    let mut row = Row::default();
    for (kind, words) in called.parameters().iter().zip(arguments) {
        operands.push(match kind {
            Kind::Lane | Kind::Word => {
                let slot = SlotId::new(inputs.len() as u16);
                inputs.push(words);
                steps.push(Step::Load {
                    slot,
                    float: Float::F32,
                    entry: Entry::Raw,
                });
                Operand::Value((steps.len() as u16 - 1).into())
            }
            Kind::Scalar | Kind::Code => {
                row.scalars.push(words[0]);
                Operand::Scalar((row.scalars.len() as u16 - 1).into())
            }
        });
    }
    let value = (steps.len() as u16).into();
    steps.push(Step::Call {
        formula: called,
        operands,
    });
    let stored = Output::Store {
        value,
        float: Float::F32,
        on_overflow: OnOverflow::Keep,
    };
    let program = Program::new(Compute::F32, steps, vec![stored]);
    let arena: Vec<u8> = inputs
        .iter()
        .flat_map(|words| words.iter().flat_map(|word| word.to_le_bytes()))
        .collect();
    let piece = Piece {
        row: &row,
        start: 0,
        len: COUNT,
        inputs: (0..inputs.len()).map(|slot| slot * 4 * COUNT).collect(),
        output: 0,
    };
    let batch = Batch {
        program: &program,
        pieces: std::slice::from_ref(&piece),
    };
    let mut output = vec![0; 4 * COUNT];
    let run = CpuExecutor::new(level).run(&batch, &arena, &mut Results::storing(&mut output));
    run.expect("the CPU does it");
    let words = output.as_chunks::<4>().0.iter();
    words.map(|word| u32::from_le_bytes(*word)).collect()
}

fn is_nan(bits: u32) -> bool {
    bits & 0x7fff_ffff > 0x7f80_0000
}

#[test]
fn every_formula_is_what_its_text_says() {
    let mut state = 41;
    for &called in Formula::ALL {
        let arguments: Vec<Vec<u32>> = called
            .parameters()
            .iter()
            .map(|kind| match kind {
                Kind::Lane | Kind::Word => (0..COUNT).map(|_| word(&mut state)).collect(),
                Kind::Scalar => vec![word(&mut state); COUNT],
                Kind::Code => vec![random(&mut state) as u32 >> 1; COUNT],
            })
            .collect();
        let interpreted: Vec<u32> = (0..COUNT)
            .map(|i| {
                let words: Vec<u32> = arguments.iter().map(|words| words[i]).collect();
                let result = formula(called, &words).expect("every formula is interpreted");
                codec::settled(result.to_bits())
            })
            .collect();
        for level in levels() {
            let compiled = compiled(level, called, &arguments);
            for i in 0..COUNT {
                let (found, wanted) = (compiled[i], interpreted[i]);
                let arguments: Vec<u32> = arguments.iter().map(|words| words[i]).collect();
                assert!(
                    found == wanted || (is_nan(found) && is_nan(wanted)),
                    "{called:?} of {arguments:x?} at {}: {found:08x}, interpreted {wanted:08x}",
                    level.name()
                );
            }
        }
    }
}

/// What a function of words gives.
fn called(function: &str, words: &[u32]) -> u32 {
    let arguments = words.iter().map(|word| Value::Unsigned(*word)).collect();
    match interpret(function, arguments) {
        Ok(Value::Unsigned(word)) => word,
        other => panic!("{function}: {other:?}"),
    }
}

#[test]
fn codecs_are_what_their_texts_say() {
    for word in 0..=0xffff_u32 {
        for float in [Float::F16, Float::BF16] {
            let decode = format!("{}_decode", float.to_string().to_lowercase());
            let wanted = codec::decode(float, u64::from(word));
            assert_eq!(called(&decode, &[word]), wanted, "{float} {word:04x}");
        }
    }
    let mut state = 5;
    for _ in 0..4000 {
        let bits = word(&mut state);
        for float in [Float::F16, Float::BF16, Float::F8E4M3, Float::F8E5M2] {
            let encode = match float {
                Float::F8E4M3 => "f8_e4m3_encode".to_owned(),
                Float::F8E5M2 => "f8_e5m2_encode".to_owned(),
                other => format!("{}_encode", other.to_string().to_lowercase()),
            };
            let wanted = codec::encode(float, bits) as u32;
            assert_eq!(called(&encode, &[bits]), wanted, "{float} {bits:08x}");
        }
    }
}

/// The device takes its own root and quotient as a first guess; here they are off as far as WGSL
/// allows.
#[test]
fn a_guess_that_is_off_gives_the_root_and_the_quotient() {
    let mut state = 9;
    for turn in 0..20_000_u32 {
        let (a, b) = (word(&mut state), word(&mut state));
        let near = |exact: f32, units: u32| {
            let off = turn % (2 * units + 1);
            exact.to_bits().wrapping_add(off).wrapping_sub(units)
        };
        let odd = 1 - ((a >> 23) & 1);
        let reduced = f32::from_bits((a & 0x7f_ffff) | (0x3f80_0000 + (odd << 23)));
        let root = called("root_bits", &[a, near(reduced.sqrt(), 5)]);
        let wanted = f32::from_bits(a).sqrt().to_bits();
        assert!(
            root == wanted || (is_nan(root) && is_nan(wanted)),
            "the root of {a:08x}: {root:08x}, not {wanted:08x}"
        );
        let mantissa = |word: u32| f32::from_bits((word & 0x7f_ffff) | 0x3f80_0000);
        let (ma, mb) = (mantissa(a), mantissa(b));
        let guess = if ma < mb { 2.0 * ma / mb } else { ma / mb };
        let quotient = codec::settled(called("divide_bits", &[a, b, near(guess, 3)]));
        let wanted = codec::settled((f32::from_bits(a) / f32::from_bits(b)).to_bits());
        assert!(
            quotient == wanted || (is_nan(quotient) && is_nan(wanted)),
            "{a:08x} / {b:08x}: {quotient:08x}, not {wanted:08x}"
        );
    }
}

#[test]
fn uniform_numbers_are_from_0_on_below_1() {
    let number = |word| formula(Formula::Uniform, &[word]).expect("it is interpreted");
    assert_eq!(number(0), 0.0);
    assert_eq!(number(1 << 31), 0.5);
    assert_eq!(number(u32::MAX), 1.0 - 1.0 / 16_777_216.0);
}

/// A formula, and what it is in Rust.
type Twin = (Formula, fn(f32) -> f32);

#[test]
fn whole_numbers_are_those_of_f32() {
    let mut state = 3;
    let single: [Twin; 4] = [
        (Formula::RoundDown, f32::floor),
        (Formula::RoundUp, f32::ceil),
        (Formula::WholePart, f32::trunc),
        (Formula::RoundEven, f32::round_ties_even),
    ];
    for (called, wanted) in single {
        for _ in 0..20_000 {
            let bits = word(&mut state);
            let found = formula(called, &[bits])
                .expect("it is interpreted")
                .to_bits();
            let wanted = wanted(f32::from_bits(bits)).to_bits();
            assert!(
                found == wanted || (is_nan(found) && is_nan(wanted)),
                "{called:?} of {bits:08x}: {found:08x}, not {wanted:08x}"
            );
        }
    }
}
