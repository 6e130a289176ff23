//! Round trips of arbitrary checkpoints, also through the safetensors crate, and random damage.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use wgmerge::checkpoint::{Checkpoint, encode_header, parse_header};
use wgmerge::dtype::DType;

use super::bytes::{Scratch, scalars};

type Tensors = BTreeMap<String, (DType, Vec<u64>)>;

/// A few tensors of any dtype, whole bytes long, empty ones and scalars among them.
fn tensors() -> impl Strategy<Value = Tensors> {
    let dtype = prop::sample::select(DType::ALL);
    let shape = prop::collection::vec(0_u64..5, 0..4);
    let tensor = (dtype, shape).prop_map(|(dtype, mut shape)| {
        if dtype.bits() < 8 {
            shape.push(4);
        }
        (dtype, shape)
    });
    prop::collection::btree_map("[ -~\u{e9}\u{4e00}]{0,12}", tensor, 0..8)
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(any::<String>(), any::<String>(), 0..4)
}

fn size(dtype: DType, shape: &[u64]) -> u64 {
    shape.iter().product::<u64>() * dtype.bits() / 8
}

/// The bytes of a file with these tensors, in order of their keys, as our writer lays it out.
fn encode(tensors: &Tensors, texts: &BTreeMap<String, String>, alignment: usize) -> Vec<u8> {
    let mut offset = 0;
    let entries: Vec<_> = tensors
        .iter()
        .map(|(key, (dtype, shape))| {
            let begin = offset;
            offset += size(*dtype, shape);
            (key.as_str(), dtype, shape.as_slice(), begin..offset)
        })
        .collect();
    let texts: Vec<_> = texts
        .iter()
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect();
    let mut bytes = encode_header(entries.into_iter(), &texts, alignment).unwrap();
    assert_eq!(bytes.len() % alignment, 0);
    bytes.extend((0..offset).map(|n| n as u8));
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_files_open_the_same(tensors in tensors(), texts in texts(), power in 0_u32..13) {
        let bytes = encode(&tensors, &texts, 1 << power);
        let scratch = Scratch::new();
        let checkpoint = Checkpoint::open(&scratch.put("m.safetensors", &bytes)).unwrap();
        prop_assert!(checkpoint.tensors().keys().eq(tensors.keys()));
        prop_assert!(checkpoint.metadata().iter().eq(texts.iter()));
        for (key, (dtype, shape)) in &tensors {
            let info = checkpoint.get(key).unwrap();
            prop_assert_eq!((info.dtype, info.shape.as_slice()), (*dtype, shape.as_slice()));
            prop_assert_eq!(info.bytes(), size(*dtype, shape));
            let mut buf = vec![0; info.bytes() as usize];
            checkpoint.read_at(info.file, info.span.start, &mut buf).unwrap();
            prop_assert_eq!(&buf, &bytes[info.span.start as usize..info.span.end as usize]);
        }
    }

    #[test]
    fn the_safetensors_crate_reads_ours(tensors in tensors(), texts in texts()) {
        let bytes = encode(&tensors, &texts, 8);
        let theirs = SafeTensors::deserialize(&bytes).unwrap();
        prop_assert_eq!(theirs.len(), tensors.len());
        let mut offset = 0;
        for (key, (dtype, shape)) in &tensors {
            let view = theirs.tensor(key).unwrap();
            prop_assert_eq!(view.dtype().to_string(), dtype.name());
            prop_assert!(view.shape().iter().map(|&n| n as u64).eq(shape.iter().copied()));
            let end = offset + size(*dtype, shape);
            prop_assert_eq!(view.data(), (offset..end).map(|n| n as u8).collect::<Vec<_>>());
            offset = end;
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let none = HashMap::new();
        let read = header.metadata().as_ref().unwrap_or(&none);
        prop_assert!(read.iter().collect::<BTreeMap<_, _>>().into_iter().eq(texts.iter()));
    }

    #[test]
    fn ours_reads_the_safetensors_crate(tensors in tensors(), texts in texts()) {
        let data: Vec<u8> = (0..2048).map(|n| n as u8).collect();
        let views = tensors.iter().map(|(key, (dtype, shape))| {
            let theirs = serde_json::from_str(&format!("\"{dtype}\"")).unwrap();
            let dimensions = shape.iter().map(|&n| n as usize).collect();
            let data = &data[..size(*dtype, shape) as usize];
            (key, TensorView::new(theirs, dimensions, data).unwrap())
        });
        // For no tensors and an empty map, safetensors 0.8 writes what is not JSON.
        let metadata = (!texts.is_empty()).then(|| texts.clone().into_iter().collect());
        let bytes = safetensors::serialize(views, metadata).unwrap();
        let scratch = Scratch::new();
        let checkpoint = Checkpoint::open(&scratch.put("m.safetensors", &bytes)).unwrap();
        prop_assert_eq!(checkpoint.tensors().len(), tensors.len());
        for (key, (dtype, shape)) in &tensors {
            let info = checkpoint.get(key).unwrap();
            prop_assert_eq!((info.dtype, info.shape.as_slice()), (*dtype, shape.as_slice()));
            let mut buf = vec![0; info.bytes() as usize];
            checkpoint.read_at(0, info.span.start, &mut buf).unwrap();
            prop_assert_eq!(&buf, &data[..buf.len()]);
        }
        prop_assert_eq!(checkpoint.metadata().len(), texts.len());
    }

    #[test]
    fn random_headers_never_panic(json in prop::collection::vec(any::<u8>(), 0..200), data: u64) {
        let _ = parse_header(&json, data);
        let _ = parse_header(&[&b"{"[..], &json].concat(), data);
    }

    #[test]
    fn random_numbers_never_panic(begin: u64, end: u64, shape: Vec<u64>, data: u64) {
        let dtypes = DType::ALL.iter().map(|dtype| format!(
            r#"{{"a":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}}}"#
        ));
        for json in dtypes {
            if let Ok(header) = parse_header(json.as_bytes(), data) {
                prop_assert_eq!(header.tensors["a"].span.clone(), 0..data);
            }
        }
    }

    #[test]
    fn damaged_files_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let scratch = Scratch::new();
        let mut bytes = scalars(&["a", "b", "c"]);
        for (at, byte) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let path = scratch.put("m.safetensors", &bytes);
        let accepted = Checkpoint::open(&path).is_ok();
        // Whatever we accept, the reference accepts.
        prop_assert!(!accepted || SafeTensors::deserialize(&bytes).is_ok());
        std::fs::write(&path, &bytes[..cut.index(bytes.len())]).unwrap();
        prop_assert!(Checkpoint::open(&path).is_err());
        scratch.put("d/model.safetensors.index.json", &bytes);
        prop_assert!(Checkpoint::open(&scratch.path().join("d")).is_err());
    }
}
