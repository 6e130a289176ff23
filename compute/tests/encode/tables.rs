//! bitsandbytes' formats, and Q8_0 of GGUF.

use wgmerge_compute::dtype::Float;
use wgmerge_compute::format::{Code, Encoding, Format, Gguf, Rule, Stretch, Table, TableScale};
use wgmerge_compute::level::Level;

use crate::bands::weights;
use crate::golden::{File, assert_bytes, encode, encode_stretch};
use crate::layouts::{encoding, tensor};
use crate::others::file;

fn of(rule: Rule, format: Format) -> Encoding {
    Encoding {
        format,
        ..encoding(rule, tensor(Code::I8))
    }
}

fn table() -> Encoding {
    let format = Format::Table(Table {
        block: 64,
        scale: TableScale::Plain,
        rounded: Float::F32,
    });
    of(Rule::BitsAndBytes, format)
}

const TYPES: [&str; 3] = ["f32", "bf16", "f16"];

#[test]
fn nf4() {
    for word in TYPES {
        for layer in 0..5 {
            let name = format!("l{layer}.weight");
            let parts = [
                name.clone(),
                format!("{name}.absmax"),
                format!("{name}.quant_map"),
            ];
            let parts = parts.each_ref().map(String::as_str);
            file(
                &table(),
                "bitsandbytes",
                &format!("nf4_{word}"),
                &name,
                &parts,
            );
        }
    }
}

/// The table is the file's. The library may write the other zero, and has other ties.
#[test]
fn fp4() {
    for word in TYPES {
        let source = File::read("bitsandbytes", &format!("fp4_{word}.src"));
        let output = File::read("bitsandbytes", &format!("fp4_{word}.quant"));
        let (mut differing, mut all) = (0, 0);
        for layer in 0..5 {
            let name = format!("l{layer}.weight");
            let numbers = source.source(&name);
            let map = output.bytes(&format!("{name}.quant_map"));
            let kept: [&[u8]; 3] = [&[], &[], &map];
            let stretch = Stretch {
                shape: &numbers.shape,
                start: 0,
                values: &numbers.values,
                largest: &[],
                kept: &kept,
            };
            let parts = encode_stretch(&table(), Level::detect(), stretch);
            assert_bytes(&name, &parts[1], &output.bytes(&format!("{name}.absmax")));
            assert_eq!(parts[2], map);
            let expected = output.bytes(&name);
            for (a, b) in parts[0].iter().zip(&expected) {
                for (a, b) in [(a & 15, b & 15), (a >> 4, b >> 4)] {
                    all += 1;
                    differing += u32::from(a != b && (a & 7, b & 7) != (0, 0));
                }
            }
        }
        assert!(differing * 500 <= all, "{differing} of {all} codes differ");
    }
}

/// The offset is the file's, a mean that the library found.
#[test]
fn nested() {
    for word in ["nf4_nested_f32", "nf4_nested_bf16", "nf4_nested_f16"] {
        let source = File::read("bitsandbytes", &format!("{word}.src"));
        let output = File::read("bitsandbytes", &format!("{word}.quant"));
        for layer in 0..5 {
            let name = format!("l{layer}.weight");
            let numbers = source.source(&name);
            let state = output.bytes(&format!("{name}.quant_state.bitsandbytes__nf4"));
            let state: serde_json::Value = serde_json::from_slice(&state).expect("JSON");
            let offset = state["nested_offset"].as_f64().expect("a number") as f32;
            let format = Format::Table(Table {
                block: 64,
                scale: TableScale::Nested {
                    block: 256,
                    offset: offset.to_bits(),
                },
                rounded: Float::F32,
            });
            let encoding = Encoding {
                source: numbers.float,
                ..of(Rule::BitsAndBytes, format)
            };
            let beside = [
                "",
                ".absmax",
                ".quant_map",
                ".nested_absmax",
                ".nested_quant_map",
            ];
            let expected = beside.map(|part| output.bytes(&format!("{name}{part}")));
            let kept = expected.each_ref().map(Vec::as_slice);
            let stretch = Stretch {
                shape: &numbers.shape,
                start: 0,
                values: &numbers.values,
                largest: &[],
                kept: &kept,
            };
            let parts = encode_stretch(&encoding, Level::detect(), stretch);
            for part in [0, 2, 3, 4] {
                assert_bytes(
                    &format!("{word} {name} {part}"),
                    &parts[part],
                    &expected[part],
                );
            }
            for (a, b) in parts[1].iter().zip(&expected[1]) {
                // Under a scale of zero any code is the offset.
                let is_one = numbers.values.len() <= 64;
                assert!(a.abs_diff(*b) <= 1 || is_one, "{word} {name}: {a}, not {b}");
            }
        }
    }
}

#[test]
fn nested_bands_make_up_the_whole() {
    let output = File::read("bitsandbytes", "nf4_nested_f32.quant");
    let numbers = output.bytes("l0.weight.nested_quant_map");
    let kept: [&[u8]; 5] = [&[], &[], &[], &[], &numbers];
    let format = Format::Table(Table {
        block: 64,
        scale: TableScale::Nested {
            block: 256,
            offset: 0.3f32.to_bits(),
        },
        rounded: Float::F32,
    });
    let encoding = of(Rule::BitsAndBytes, format);
    let shape = [100, 403];
    let values = weights(40_300, 7);
    let run = |start: usize, values: &[f32]| {
        let stretch = Stretch {
            shape: &shape,
            start: start as u64,
            values,
            largest: &[],
            kept: &kept,
        };
        encode_stretch(&encoding, Level::detect(), stretch)
    };
    let whole = run(0, &values);
    let band = encoding.band(&shape) as usize;
    let mut found = vec![Vec::new(); 5];
    for (place, values) in values.chunks(band).enumerate() {
        for (part, bytes) in run(place * band, values).into_iter().enumerate() {
            match part {
                2 | 4 => found[part] = bytes,
                _ => found[part].extend(bytes),
            }
        }
    }
    assert!(found == whole);
}

#[test]
fn int8() {
    let bytes = of(Rule::BitsAndBytes, Format::Bnb8);
    for word in TYPES {
        for layer in 0..3 {
            let parts = [format!("l{layer}.weight"), format!("l{layer}.SCB")];
            let parts = parts.each_ref().map(String::as_str);
            file(
                &bytes,
                "bitsandbytes",
                &format!("int8_{word}"),
                parts[0],
                &parts,
            );
        }
    }
}

/// The types of GGUF that are written.
pub const BLOCKS: [(&str, Gguf); 5] = [
    ("q4_0", Gguf::Q4_0),
    ("q4_1", Gguf::Q4_1),
    ("q5_0", Gguf::Q5_0),
    ("q5_1", Gguf::Q5_1),
    ("q8_0", Gguf::Q8_0),
];

/// The data of a GGUF file end it, filled up to 32 bytes for each tensor.
#[test]
fn blocks_of_gguf() {
    for (word, gguf) in BLOCKS {
        let source = File::read("gguf", &format!("enc_{word}.src"));
        let encoding = of(Rule::Gguf, Format::Gguf(gguf));
        let mut data = Vec::new();
        for name in ["blk.0.w", "blk.1.w"] {
            let numbers = source.source(name);
            let parts = encode(&encoding, &numbers.shape, &numbers.values);
            data.extend_from_slice(&parts[0]);
            data.resize(data.len().next_multiple_of(32), 0);
        }
        let whole = File::raw("gguf", &format!("enc_{word}.gguf"));
        assert_bytes(word, &data, &whole[whole.len() - data.len()..]);
    }
}
