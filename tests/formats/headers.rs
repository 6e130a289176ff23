//! Every fault of a header, and what a sound one gives.

use wgmerge::checkpoint::{encode_header, parse_header};
use wgmerge::dtype::DType;

/// The message for a header with this text over this many data bytes.
fn fault(json: &str, data_bytes: u64) -> String {
    parse_header(json.as_bytes(), data_bytes)
        .unwrap_err()
        .to_string()
}

/// The message for a single tensor `a` with this entry over 4 data bytes.
fn entry_fault(entry: &str) -> String {
    fault(&format!(r#"{{"a":{entry}}}"#), 4)
}

#[test]
fn too_long() {
    let message = parse_header(&vec![b' '; 100_000_001], 0)
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "the header is 100000001 bytes long, the limit is 100000000; the file is damaged or no \
         safetensors file"
    );
}

#[test]
fn not_utf8() {
    assert_eq!(
        parse_header(b"{\"\xff\":1}", 0).unwrap_err().to_string(),
        "the header is not UTF-8 from its byte 2 on; the file is damaged or no safetensors file"
    );
}

#[test]
fn not_object() {
    let message = |found| {
        format!(
            "the header begins with {found}, it must begin with `{{`; the file is damaged or no \
             safetensors file"
        )
    };
    assert_eq!(fault("[]", 0), message("`[`"));
    assert_eq!(fault(" {}", 0), message("` `"));
    assert_eq!(fault("", 0), message("nothing"));
}

#[test]
fn not_json() {
    let message =
        |fault| format!("the header is not JSON: {fault}; the file is damaged, download it again");
    assert_eq!(
        fault("{", 0),
        message("EOF while parsing an object at line 1 column 1")
    );
    assert_eq!(
        fault("{} x", 0),
        message("trailing characters at line 1 column 4")
    );
    assert!(fault("{1:2}", 0).starts_with("the header is not JSON: "));
    assert!(fault(r#"{"\ud800":{}}"#, 0).starts_with("the header is not JSON: "));
}

#[test]
fn duplicate_key() {
    let entry = r#"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#;
    let message = |key| {
        format!("the header has the key `{key}` twice, names must be unique; write the file again")
    };
    assert_eq!(
        fault(&format!(r#"{{"a":{entry},"b":{entry},"a":{entry}}}"#), 0),
        message("a")
    );
    // The same name, spelled in another way.
    assert_eq!(
        fault(&format!(r#"{{"a":{entry},"\u0061":{entry}}}"#), 0),
        message("a")
    );
    let twice = r#"{"__metadata__":{},"__metadata__":{}}"#;
    assert_eq!(fault(twice, 0), message("__metadata__"));
}

#[test]
fn duplicate_metadata() {
    assert_eq!(
        fault(r#"{"__metadata__":{"format":"pt","format":"pt"}}"#, 0),
        "`__metadata__` has the key `format` twice, keys must be unique; write the file again"
    );
}

#[test]
fn duplicate_field() {
    assert_eq!(
        entry_fault(r#"{"dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4]}"#),
        "tensor `a` has the field `shape` twice; write the file again"
    );
}

/// As the safetensors library has it; what is passed over is said.
#[test]
fn unknown_fields_are_passed_over() {
    let fields = r#""dtype":"F32","shape":[],"data_offsets":[0,4]"#;
    let json = format!(r#"{{"a":{{"strides":[[[]]],{fields},"quant":{{"x":null}}}}}}"#);
    let header = parse_header(json.as_bytes(), 4).expect("a sound header");
    assert_eq!(header.tensors["a"].span, 0..4);
    let ignored = header.ignored.expect("fields that are passed over");
    assert_eq!(
        ignored.to_string(),
        "tensor `a` has the unknown field `strides`, which is passed over, as is another"
    );
    let theirs = super::bytes::file(&json, 4);
    let theirs = safetensors::SafeTensors::deserialize(&theirs).expect("a sound file");
    assert_eq!(theirs.names(), ["a"]);
}

#[test]
fn metadata_may_be_null() {
    let json = r#"{"__metadata__":null,"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#;
    let header = parse_header(json.as_bytes(), 4).expect("a sound header");
    assert!(header.metadata.is_empty() && header.ignored.is_none());
    let theirs = super::bytes::file(json, 4);
    assert!(safetensors::SafeTensors::deserialize(&theirs).is_ok());
    let twice = r#"{"__metadata__":null,"__metadata__":{}}"#;
    assert!(fault(twice, 0).contains("the key `__metadata__` twice"));
}

#[test]
fn missing_field() {
    let message = |field| format!("tensor `a` lacks the field `{field}`; write the file again");
    assert_eq!(entry_fault("{}"), message("dtype"));
    assert_eq!(entry_fault(r#"{"dtype":"F32"}"#), message("shape"));
    assert_eq!(
        entry_fault(r#"{"dtype":"F32","shape":[]}"#),
        message("data_offsets")
    );
}

#[test]
fn not_entry() {
    assert_eq!(
        entry_fault("3"),
        "the entry of tensor `a` is not an object: invalid type: integer `3`, expected a map with \
         `dtype`, `shape` and `data_offsets` at line 1 column 6; write the file again"
    );
}

#[test]
fn wrong_type() {
    assert_eq!(
        entry_fault(r#"{"dtype":1,"shape":[],"data_offsets":[0,4]}"#),
        "tensor `a`, field `dtype`: invalid type: integer `1`, expected a string at line 1 column \
         15; write the file again"
    );
    for shape in [
        "[-1]",
        "[1.0]",
        "[1e3]",
        "[\"1\"]",
        "[99999999999999999999]",
        "1",
        "null",
    ] {
        let message = entry_fault(&format!(r#"{{"dtype":"F32","shape":{shape}}}"#));
        assert!(
            message.starts_with("tensor `a`, field `shape`: invalid "),
            "{message}"
        );
    }
    for (offsets, count) in [("[0,4,8]", 3), ("[0]", 1), ("[]", 0)] {
        let json = format!(r#"{{"dtype":"F32","shape":[],"data_offsets":{offsets}}}"#);
        let message = entry_fault(&json);
        let start = format!(
            "tensor `a`, field `data_offsets`: {count} numbers, expected 2 (begin and end)"
        );
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn not_text() {
    let message = fault(r#"{"__metadata__":{"n":1}}"#, 0);
    assert_eq!(
        message,
        "`__metadata__` is not a map from text to text: invalid type: integer `1`, expected a \
         string at line 1 column 22; write the file again"
    );
    assert!(fault(r#"{"__metadata__":[]}"#, 0).contains("expected a map from text to text"));
}

#[test]
fn unknown_dtype() {
    let message = entry_fault(r#"{"dtype":"F33","shape":[],"data_offsets":[0,4]}"#);
    let start = "tensor `a` has the unknown dtype `F33`; the dtypes are BOOL, F4, F6_E2M3, ";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn overflow() {
    let max = u64::MAX;
    assert_eq!(
        entry_fault(&format!(
            r#"{{"dtype":"U8","shape":[{max},2],"data_offsets":[0,4]}}"#
        )),
        "tensor `a` of shape [18446744073709551615, 2] and dtype U8 has more bits than 64-bit \
         numbers can count; the file is damaged"
    );
    // The elements can be counted, their bits cannot.
    assert!(
        entry_fault(&format!(
            r#"{{"dtype":"U8","shape":[{max}],"data_offsets":[0,{max}]}}"#
        ))
        .contains("has more bits than")
    );
}

#[test]
fn partial_byte() {
    assert_eq!(
        entry_fault(r#"{"dtype":"F4","shape":[3],"data_offsets":[0,2]}"#),
        "tensor `a` of shape [3] and dtype F4 has 12 bits, not a whole number of bytes; the file \
         is damaged"
    );
    let whole = r#"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#;
    assert!(parse_header(whole.as_bytes(), 3).is_ok());
}

#[test]
fn backwards() {
    assert_eq!(
        entry_fault(r#"{"dtype":"F32","shape":[],"data_offsets":[4,0]}"#),
        "tensor `a` begins at byte 4 but ends at byte 0; the file is damaged"
    );
}

#[test]
fn span_mismatch() {
    assert_eq!(
        entry_fault(r#"{"dtype":"F16","shape":[2,3],"data_offsets":[0,4]}"#),
        "tensor `a` spans 4 bytes, its shape [2, 3] and dtype F16 need 12; the file is damaged"
    );
}

#[test]
fn truncated() {
    let json = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let (expected, actual) = (8 + json.len() + 8, 8 + json.len() + 7);
    assert_eq!(
        fault(json, 7),
        format!(
            "tensor `a` needs the file to have at least {expected} bytes, it has {actual}; the \
             file is truncated, download it again"
        )
    );
    let far = format!(
        r#"{{"a":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}}}}"#,
        u64::MAX - 1,
        u64::MAX
    );
    assert!(fault(&far, 1).contains("at least 18446744073709551615 bytes"));
}

/// A header with one U8 tensor per span, named a, b, c.
fn spans(spans: &[(u64, u64)]) -> String {
    let entries: Vec<String> = spans
        .iter()
        .zip('a'..)
        .map(|(&(begin, end), key)| {
            let n = end - begin;
            format!(r#""{key}":{{"dtype":"U8","shape":[{n}],"data_offsets":[{begin},{end}]}}"#)
        })
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[test]
fn overlap() {
    assert_eq!(
        fault(&spans(&[(2, 5), (0, 3)]), 5),
        "tensor `a` begins at byte 2, inside tensor `b` that ends at byte 3; the file is damaged"
    );
    assert_eq!(
        fault(&spans(&[(0, 4), (0, 4)]), 4),
        "tensor `b` begins at byte 0, inside tensor `a` that ends at byte 4; the file is damaged"
    );
}

#[test]
fn hole() {
    assert_eq!(
        fault(&spans(&[(0, 2), (5, 6)]), 6),
        "no tensor has the 3 bytes at byte 2 of the data, in front of tensor `b`; the format \
         allows no holes, write the file again"
    );
}

#[test]
fn trailing() {
    assert_eq!(
        fault(&spans(&[(0, 2)]), 6),
        "no tensor has the 4 bytes at byte 2 of the data, behind the last tensor; the file is \
         damaged or was appended to, download it again"
    );
    assert!(fault("{}", 1).starts_with("no tensor has the 1 byte at byte 0"));
}

#[test]
fn sound_headers_come_in_order_of_bytes() {
    let header = parse_header(spans(&[(4, 6), (4, 4), (0, 4), (0, 0)]).as_bytes(), 6).unwrap();
    assert_eq!(
        header.tensors.keys().collect::<Vec<_>>(),
        ["d", "c", "b", "a"]
    );
    let empty = parse_header(b"{}   ", 0).unwrap();
    assert!(empty.tensors.is_empty() && empty.metadata.is_empty());
    let unnamed = r#"{"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#;
    assert!(
        parse_header(unnamed.as_bytes(), 1)
            .unwrap()
            .tensors
            .contains_key("")
    );
}

#[test]
fn encoded_headers_are_exact() {
    let metadata = [
        ("format".into(), "pt".into()),
        ("a\"b".into(), "\u{e9}\n".into()),
    ];
    let tensors = [
        ("w.\"x", &DType::F16, &[2, 3][..], 0..12),
        ("s", &DType::F32, &[], 12..16),
    ];
    let bytes = encode_header(tensors.into_iter(), &metadata, 64).unwrap();
    let json = concat!(
        r#"{"__metadata__":{"format":"pt","a\"b":"é\n"},"#,
        r#""w.\"x":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"#,
        r#""s":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}"#
    );
    assert_eq!(bytes.len(), 192);
    assert_eq!(bytes[..8], 184_u64.to_le_bytes());
    assert_eq!(std::str::from_utf8(&bytes[8..]).unwrap().trim_end(), json);
    let none: [(&str, &DType, &[u64], std::ops::Range<u64>); 0] = [];
    assert_eq!(
        encode_header(none.into_iter(), &[], 0).unwrap(),
        b"\x02\0\0\0\0\0\0\0{}"
    );
}

#[test]
fn encoding_refuses_what_reading_would() {
    let one = |key| (key, &DType::U8, &[1_u64][..], 0..1);
    let encode = |tensors: Vec<_>, metadata: &[(String, String)]| {
        encode_header(tensors.into_iter(), metadata, 8)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        encode(vec![one("__metadata__")], &[]),
        "a tensor cannot be named `__metadata__`, the format keeps this name; rename it"
    );
    assert!(encode(vec![one("a"), one("a")], &[]).contains("has the key `a` twice"));
    assert!(encode(vec![("a", &DType::U8, &[2], 0..1)], &[]).contains("spans 1 byte,"));
    let pair = ("k".to_string(), String::new());
    assert!(encode(vec![], &[pair.clone(), pair]).contains("`__metadata__` has the key `k` twice"));
    let long = [("k".to_string(), "x".repeat(100_000_000))];
    assert!(encode(vec![], &long).contains("the limit is 100000000"));
}
