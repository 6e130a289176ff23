//! The limits of a header: what no library writes is refused before it costs memory.

use wgmerge::checkpoint::parse_header;

/// The message for a header with this text over 4 data bytes.
fn fault(json: &str) -> String {
    let fault = parse_header(json.as_bytes(), 4).expect_err("a refusal");
    fault.to_string()
}

#[test]
fn what_no_library_writes_is_refused() {
    let shape = |n: usize| format!(r#"{{"dtype":"F32","shape":[{}1"#, "1,".repeat(n - 1));
    let sound = format!(r#"{{"a":{}],"data_offsets":[0,4]}}}}"#, shape(64));
    assert_eq!(
        parse_header(sound.as_bytes(), 4).expect("sound").tensors[0]
            .shape
            .len(),
        64
    );
    // The rest is not looked at.
    assert_eq!(
        fault(&format!(r#"{{"a":{}}}"#, shape(65))),
        "tensor `a` has more than 64 dimensions, the limit; the file is damaged"
    );
    let texts = |n: usize| {
        let texts: Vec<String> = (0..n).map(|n| format!("\"{n}\":\"\"")).collect();
        format!(r#"{{"__metadata__":{{{}}}}}"#, texts.join(","))
    };
    let sound = parse_header(texts(100_000).as_bytes(), 0).expect("a sound header");
    assert_eq!(sound.metadata.len(), 100_000);
    assert_eq!(
        fault(&texts(100_001)),
        "`__metadata__` has more than 100000 texts, the limit; write the file again with less"
    );
    let entry = r#"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#;
    let tensors: Vec<String> = (0..500_001).map(|n| format!("\"{n}\":{entry}")).collect();
    assert_eq!(
        fault(&format!("{{{}}}", tensors.join(","))),
        "the header has more than 500000 tensors, the limit; divide it into several files"
    );
}
