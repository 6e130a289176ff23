//! Every disagreement between an index and its shards.

use super::bytes::{Scratch, keys, scalars, texts};

const INDEX: &str = "DIR/model.safetensors.index.json";

/// A folder with `1.safetensors` (a, b), `2.safetensors` (c) and this `weight_map`.
fn sharded(weight_map: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.put("1.safetensors", &scalars(&["a", "b"]));
    scratch.put("2.safetensors", &scalars(&["c"]));
    let json = format!(r#"{{"metadata":{{"total_size":[[1]]}},"weight_map":{weight_map}}}"#);
    scratch.put("model.safetensors.index.json", json.as_bytes());
    scratch
}

#[test]
fn an_index_governs_its_folder() {
    let scratch = sharded(r#"{"c":"2.safetensors","a":"1.safetensors","b":"1.safetensors"}"#);
    scratch.put("consolidated.safetensors", &scalars(&["a", "b", "c"]));
    let checkpoint = scratch.open().unwrap();
    assert!(checkpoint.is_folder());
    assert_eq!(keys(&checkpoint), ["a", "b", "c"]);
    assert_eq!(checkpoint.get("c").unwrap().file, 1);
    assert_eq!(texts(checkpoint.left_out()), ["consolidated.safetensors"]);
}

#[test]
fn any_index_name_will_do_and_variants_yield() {
    let scratch = Scratch::with(&["d.safetensors", "d.fp16.safetensors"]);
    let index = |shard| format!(r#"{{"weight_map":{{"{shard}":"{shard}.safetensors"}}}}"#);
    scratch.put("d.safetensors.index.json", index("d").as_bytes());
    scratch.put("d.safetensors.index.fp16.json", index("d.fp16").as_bytes());
    let checkpoint = scratch.open().unwrap();
    assert_eq!(keys(&checkpoint), ["d"]);
    assert_eq!(texts(checkpoint.left_out()), ["d.fp16.safetensors"]);
}

#[cfg(unix)]
#[test]
fn read_fails() {
    let scratch = Scratch::with(&["model.safetensors"]);
    let index = scratch.path().join("model.safetensors.index.json");
    std::os::unix::fs::symlink("nowhere", index).unwrap();
    let message = scratch.message();
    let broken = format!("{INDEX}: is a link to nowhere, which is not there; ");
    assert!(message.starts_with(&broken), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_index_that_is_no_file_is_not_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let scratch = Scratch::with(&["model.safetensors"]);
    let index = scratch.path().join("model.safetensors.index.json");
    mknodat(CWD, &index, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let refused = format!("{INDEX}: is not a regular file, so it is no index; remove it");
    assert_eq!(scratch.message(), refused);
    std::fs::remove_file(&index).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &index).unwrap();
    assert_eq!(scratch.message(), refused);
}

#[test]
fn too_long() {
    let scratch = Scratch::new();
    let path = scratch.put("model.safetensors.index.json", b"");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(100_000_001).unwrap();
    assert_eq!(
        scratch.message(),
        format!("{INDEX}: has more than 100000000 bytes; it is no index of weights")
    );
}

#[test]
fn malformed() {
    let message =
        |fault| format!("{INDEX}: is not an index with a `weight_map`: {fault}; download it again");
    let scratch = Scratch::with(&["model.safetensors"]);
    for (json, fault) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{}", "missing field `weight_map` at line 1 column 2"),
        (
            "[]",
            "invalid type: sequence, expected a map with `weight_map` at line 1 column 1",
        ),
        (
            "{\"weight_map\":{}}x",
            "trailing characters at line 1 column 18",
        ),
        (
            r#"{"weight_map":{},"weight_map":{}}"#,
            "duplicate field `weight_map` at line 1 column 33",
        ),
        (
            r#"{"weight_map":{"a":1}}"#,
            "invalid type: integer `1`, expected a string at line 1 column 21",
        ),
    ] {
        scratch.put("model.safetensors.index.json", json.as_bytes());
        assert_eq!(scratch.message(), message(fault));
    }
}

#[test]
fn duplicate_key() {
    assert_eq!(
        sharded(r#"{"a":"1.safetensors","a":"2.safetensors"}"#).message(),
        format!("{INDEX}: `weight_map` has the key `a` twice; download it again")
    );
}

#[test]
fn bad_shard_name() {
    for shard in [
        "../1.safetensors",
        "/etc/passwd",
        "x/1.safetensors",
        "",
        "..",
        ".",
    ] {
        assert_eq!(
            sharded(&format!(r#"{{"a":"{shard}"}}"#)).message(),
            format!(
                "{INDEX}: tensor `a` is put into `{shard}`, which is not a file name in the folder"
            )
        );
    }
}

#[test]
fn missing_shard() {
    assert_eq!(
        sharded(r#"{"a":"3.safetensors"}"#).message(),
        format!("{INDEX}: the shard `3.safetensors` is not in the folder; download it")
    );
}

#[test]
fn missing_key() {
    assert_eq!(
        sharded(r#"{"a":"1.safetensors","b":"1.safetensors","d":"1.safetensors"}"#).message(),
        format!(
            "{INDEX}: puts tensor `d` into `1.safetensors`, which does not hold it; download both \
             again"
        )
    );
}

#[test]
fn wrong_shard() {
    assert_eq!(
        sharded(r#"{"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"}"#).message(),
        format!(
            "{INDEX}: puts tensor `b` into `2.safetensors`, but `1.safetensors` holds it; download \
             the shards again"
        )
    );
}

#[test]
fn unlisted_key() {
    assert_eq!(
        sharded(r#"{"a":"1.safetensors","c":"2.safetensors"}"#).message(),
        format!(
            "{INDEX}: does not name tensor `b`, which `1.safetensors` holds; download both again"
        )
    );
}

#[test]
fn two_shards() {
    let scratch = sharded(r#"{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}"#);
    scratch.put("2.safetensors", &scalars(&["b", "c"]));
    let refused = "tensor `b` is in `1.safetensors` and in `2.safetensors`; download both again";
    assert_eq!(scratch.message(), format!("{INDEX}: {refused}"));
}

/// Each component has an index of its own, which names tensors without the component.
#[test]
fn components_with_indexes() {
    let scratch = Scratch::new();
    scratch.put("model_index.json", b"{}");
    for (component, key) in [("unet", "a"), ("vae", "b")] {
        let stem = "diffusion_pytorch_model";
        let file = |tail| format!("{component}/{stem}.safetensors{tail}");
        let index = format!(r#"{{"weight_map":{{"{key}":"{stem}.safetensors"}}}}"#);
        scratch.put(&file(""), &scalars(&[key]));
        scratch.put(&file(".index.json"), index.as_bytes());
    }
    assert_eq!(keys(&scratch.open().unwrap()), ["unet/a", "vae/b"]);
    let stem = "diffusion_pytorch_model";
    let other = scratch.put(
        &format!("vae/{stem}.safetensors"),
        &scalars(&["b", "extra"]),
    );
    assert!(other.exists());
    let message = scratch.message();
    let unlisted = format!("does not name tensor `extra`, which `{stem}.safetensors` holds");
    assert!(message.contains(&unlisted), "{message}");
}
