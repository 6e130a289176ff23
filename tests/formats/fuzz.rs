//! Headers that are made up and damaged: what is accepted is sound, and nothing panics.

use std::path::Path;

use safetensors::SafeTensors;
use wgmerge::checkpoint::convention::{Said, recognise};
use wgmerge::checkpoint::header::Header;
use wgmerge::checkpoint::{TensorInfo, Tensors, encode_header, parse_header};
use wgmerge::dtype::DType;
use wgmerge::keys::adapter::Adapter;

use super::bytes::file;
use crate::support::fuzz::{damage, rounds};
use crate::support::random::Rng;

const NAMES: &[&str] = &[
    "a",
    "b.weight",
    "b.scale_weight",
    "scaled_fp8",
    "l.qweight",
    "l.g_idx",
    "x.weight.absmax",
    "_blocks",
    "_scales",
    "e.weight_scale",
    "lora_unet_x.lora_up.weight",
    "__metadata__",
    "\u{e9}\u{4e00}.weight",
    "\\u0061",
    "",
    ".",
    "..weight",
];

/// Pieces that headers are made of, or nearly.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "-1",
    "0",
    "1e9",
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"F4\"",
    "\"__metadata__\":null,",
    "\"\\ud800\"",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "\u{0}",
    "\u{4e00}",
    "[[[[[[[[[[",
    "\"x\":{},",
    " ",
    "\n",
];

fn number(rng: &mut Rng) -> u64 {
    match rng.below(12) {
        0 => rng.word(),
        1 => 1 << rng.below(64),
        2 => u64::MAX - rng.below(3) as u64,
        _ => rng.below(6) as u64,
    }
}

/// The text of a header whose spans follow each other, but for an occasional wrong number.
fn header(rng: &mut Rng) -> (String, u64) {
    let (mut entries, mut end) = (Vec::new(), 0_u64);
    if rng.once_in(3) {
        let texts = ["null", "{}", r#"{"format":"pt"}"#, r#"{"n":1}"#, "[]"];
        entries.push(format!(r#""__metadata__":{}"#, rng.pick(&texts)));
    }
    for _ in 0..rng.below(5) {
        let dtype = *rng.pick(DType::ALL);
        let mut shape: Vec<u64> = (0..rng.below(4)).map(|_| rng.below(5) as u64).collect();
        if rng.once_in(20) {
            shape.push(number(rng));
        }
        let bits = shape
            .iter()
            .fold(dtype.bits(), |bits, n| bits.wrapping_mul(*n));
        let (mut begin, mut next) = (end, end.wrapping_add(bits / 8));
        if rng.once_in(20) {
            (begin, next) = (number(rng), number(rng));
        }
        end = next;
        let extra = if rng.once_in(10) { r#""x":[{}],"# } else { "" };
        let name = rng.pick(NAMES);
        let fields = format!(r#"{extra}"dtype":"{dtype}","shape":{shape:?}"#);
        let entry = format!(r#""{name}":{{{fields},"data_offsets":[{begin},{next}]}}"#);
        entries.push(entry);
    }
    (format!("{{{}}}", entries.join(",")), end)
}

/// Damages a text somewhere.
fn damaged(rng: &mut Rng, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.below(4) {
        damage(rng, &mut bytes, PIECES);
    }
    bytes
}

/// What an accepted header must be, whatever it was made of.
fn check_sound(header: &Header, data_bytes: u64) {
    let mut covered = 0;
    for (key, entry) in &header.tensors {
        assert_eq!(entry.span.start, covered, "{key}");
        let elements = entry.shape.iter().map(|&n| u128::from(n)).product::<u128>();
        let bytes = u128::from(entry.span.end - entry.span.start);
        assert_eq!(
            bytes * 8,
            elements * u128::from(entry.dtype.bits()),
            "{key}"
        );
        covered = entry.span.end;
    }
    assert_eq!(covered, data_bytes);
}

/// Written again and read again it is the same.
fn check_round_trip(header: &Header, data_bytes: u64) {
    let tensors = header.tensors.iter();
    let entries = tensors.map(|(key, entry)| {
        (
            key.as_str(),
            &entry.dtype,
            entry.shape.as_slice(),
            entry.span.clone(),
        )
    });
    let texts: Vec<(String, String)> = header
        .metadata
        .iter()
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect();
    let bytes = encode_header(entries, &texts, 8).expect("what was read can be written");
    let again = parse_header(&bytes[8..], data_bytes).expect("what was written can be read");
    assert!(again.tensors.iter().eq(&header.tensors));
    assert_eq!(again.metadata, header.metadata);
}

/// The judges of names take any name.
fn check_names(header: &Header) {
    let tensors: Tensors = header
        .tensors
        .iter()
        .map(|(key, entry)| {
            let info = TensorInfo {
                dtype: entry.dtype,
                shape: entry.shape.clone(),
                file: 0,
                span: entry.span.clone(),
                strides: None,
                coding: None,
            };
            (key.clone(), info)
        })
        .collect();
    let said = Said {
        path: Path::new("m"),
        metadata: &header.metadata,
        quantisation: None,
        settings: &[],
        layers: &[],
    };
    let mut read = |info: &TensorInfo| Ok(vec![b'{'; info.bytes().min(9) as usize]);
    let stored = recognise(&tensors, &said, &mut read).expect("a reader that does not fail");
    let coded = stored.into_iter().flat_map(|found| found.tensors);
    for (_, coded) in coded {
        let mut keys = coded.parts.iter().chain(&coded.beside);
        assert!(keys.all(|key| tensors.contains_key(key)), "{coded:?}");
    }
    let adapter = Adapter::of(tensors.keys().map(String::as_str));
    assert!(adapter.is_none_or(|adapter| adapter.factors <= tensors.len()));
}

#[test]
fn made_up_headers() {
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    rounds(20_000, |rng| {
        let (text, data_bytes) = header(rng);
        let json = damaged(rng, &text);
        // Data is only pretended, so that sizes near the end of 64 bits are tried too.
        let data_bytes = if rng.once_in(10) {
            number(rng)
        } else {
            data_bytes
        };
        match parse_header(&json, data_bytes) {
            Ok(header) => {
                accepted += 1;
                check_sound(&header, data_bytes);
                check_round_trip(&header, data_bytes);
                check_names(&header);
                let text = String::from_utf8(json).expect("an accepted header is text");
                if data_bytes < 1 << 16 {
                    let bytes = file(&text, data_bytes as usize);
                    let theirs = SafeTensors::deserialize(&bytes);
                    assert!(theirs.is_ok(), "{:?}: {text}", theirs.err());
                }
            }
            Err(fault) => {
                refused += 1;
                assert!(!fault.to_string().is_empty());
            }
        }
    });
    assert!(
        accepted > 0 && refused > 0,
        "{accepted} accepted, {refused} refused"
    );
}
