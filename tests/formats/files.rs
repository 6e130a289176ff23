//! Single files: what can be wrong around the header, and what an opened one lends.

use std::path::Path;

use wgmerge::checkpoint::{Checkpoint, FileIdentity};
use wgmerge::dtype::DType;

use super::bytes::{Scratch, file, keys, scalars};

const PICKLE: &str = "is a pickle file, which wgmerge does not read; convert it to safetensors \
    with Python: load it, and save its tensors with `safetensors.torch.save_file`";
const NO_GGUF: &str = "is neither a GGUF file nor a safetensors file, whatever its name says; it \
    is damaged, or no weights";

/// The message for a file `m.safetensors` of these bytes.
fn fault(bytes: &[u8]) -> String {
    let scratch = Scratch::new();
    scratch.put("m.safetensors", bytes);
    scratch.message_of("m.safetensors")
}

#[test]
fn open_fails() {
    let message = Scratch::new().message_of("none.safetensors");
    assert!(
        message.starts_with("DIR/none.safetensors: cannot be opened: "),
        "{message}"
    );
}

#[test]
fn too_short() {
    let message = |bytes| {
        format!(
            "DIR/m.safetensors: the file has {bytes} bytes, a file of weights has at least 8; it \
             is truncated, download it again"
        )
    };
    assert_eq!(fault(b""), message(0));
    assert_eq!(fault(&[0; 7]), message(7));
}

#[test]
fn header_too_long() {
    assert_eq!(
        fault(&[0xff; 100]),
        "DIR/m.safetensors: the header is 18446744073709551615 bytes long, the limit is 100000000; \
         the file is damaged or no safetensors file"
    );
}

#[test]
fn header_beyond_file() {
    assert_eq!(
        fault(&file("{}", 0)[..9]),
        "DIR/m.safetensors: the header ends at byte 10, the file has 9 bytes; it is truncated, \
         download it again"
    );
}

#[test]
fn header_faults_name_the_file() {
    assert_eq!(
        fault(&file("{}", 1)),
        "DIR/m.safetensors: no tensor has the 1 byte at byte 0 of the data, behind the last \
         tensor; the file is damaged or was appended to, download it again"
    );
}

#[test]
fn foreign_by_name() {
    let scratch = Scratch::new();
    for name in ["m.pkl", "m.PICKLE"] {
        scratch.put(name, b"anything");
        assert_eq!(scratch.message_of(name), format!("DIR/{name}: {PICKLE}"));
    }
    scratch.put("m.gguf", b"anything");
    assert_eq!(
        scratch.message_of("m.gguf"),
        format!("DIR/m.gguf: {NO_GGUF}")
    );
}

/// The first bytes tell the format, not the name.
#[test]
fn format_by_content() {
    let scratch = Scratch::new();
    for name in ["m.ckpt", "m.pt", "m.pth", "m.bin", "m.PTH"] {
        scratch.put(name, b"anything");
        assert_eq!(
            scratch.message_of(name),
            format!(
                "DIR/{name}: is neither a PyTorch file nor a safetensors file, whatever its name \
                 says; it is damaged, or no weights"
            )
        );
        let path = scratch.put(name, &scalars(&["a"]));
        assert_eq!(keys(&Checkpoint::open(&path).unwrap()), ["a"]);
    }
    let archive = fault(b"PK\x03\x04\0\0\x08\x08");
    assert!(archive.starts_with("DIR/m.safetensors: the archive cannot be read: "));
    let pickle = fault(b"\x80\x02\x8a\x0al\xfc\x9cF");
    assert!(pickle.starts_with("DIR/m.safetensors: the pickle is damaged at byte 2 (LONG1): "));
    let gguf = fault(b"GGUF\x03\0\0\0");
    assert!(
        gguf.starts_with("DIR/m.safetensors: the header goes on at byte 8, "),
        "{gguf}"
    );
}

#[test]
fn lfs_pointer() {
    assert_eq!(
        fault(b"version https://git-lfs.github.com/spec/v1\n"),
        "DIR/m.safetensors: is a Git LFS pointer, not the weights; fetch them with `git lfs pull`"
    );
}

#[test]
fn index_named() {
    let scratch = Scratch::new();
    scratch.put("model.safetensors.index.json", b"{}");
    assert_eq!(
        scratch.message_of("model.safetensors.index.json"),
        "DIR/model.safetensors.index.json: is the index of a sharded checkpoint; name its folder \
         instead"
    );
}

#[cfg(unix)]
#[test]
fn not_regular() {
    let message = Checkpoint::open(Path::new("/dev/null"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "/dev/null: is not a regular file; copy its content into a .safetensors file"
    );
}

#[test]
fn truncated_while_reading() {
    let scratch = Scratch::new();
    let path = scratch.put("m.safetensors", &scalars(&["a", "b"]));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let span = checkpoint.get("b").unwrap().span.clone();
    let writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    writer.set_len(span.start + 1).unwrap();
    let message = checkpoint
        .read_at(0, span.start, &mut [0; 4])
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        format!(
            "{}: the file was truncated while reading: 4 bytes expected at byte {}, 1 found; \
             leave the file alone during the run",
            path.display(),
            span.start
        )
    );
}

#[test]
fn a_file_lends_its_tensors() {
    let json = concat!(
        r#"{"b":{"dtype":"F32","shape":[],"data_offsets":[6,10]},"__metadata__":{"format":"pt"},"#,
        r#""a":{"dtype":"BF16","shape":[3,1],"data_offsets":[0,6]}}"#
    );
    let scratch = Scratch::new();
    let path = scratch.put("my.model.safetensors", &file(json, 10));
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.path(), path);
    assert_eq!(checkpoint.name(), "my.model");
    assert!(!checkpoint.is_folder() && checkpoint.left_out().is_empty());
    assert_eq!(keys(&checkpoint), ["a", "b"]);
    assert_eq!(checkpoint.metadata()["format"], "pt");
    assert_eq!(checkpoint.bytes(), 10);
    let weights = &checkpoint.files()[0];
    assert_eq!(weights.relative, Path::new("my.model.safetensors"));
    assert_eq!(weights.len, weights.data_start + 10);
    let a = checkpoint.get("a").unwrap();
    assert_eq!(
        (a.dtype, a.elements(), a.bytes(), a.file),
        (DType::BF16, 3, 6, 0)
    );
    assert_eq!(checkpoint.get("b").unwrap().elements(), 1);
    assert!(checkpoint.get("c").is_none());
    let start = a.span.start;
    let checkpoint = &checkpoint;
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                let mut buf = [0; 2];
                checkpoint.read_at(0, start + n, &mut buf).unwrap();
                assert_eq!(buf, [n as u8, n as u8 + 1]);
            });
        }
    });
}

#[test]
fn identity_sees_through_symbolic_links() {
    let scratch = Scratch::with(&["a.safetensors", "b.safetensors"]);
    let (a, b) = (
        scratch.path().join("a.safetensors"),
        scratch.path().join("b.safetensors"),
    );
    let checkpoint = Checkpoint::open(&a).unwrap();
    let identity = checkpoint.files()[0].identity();
    assert_eq!(*identity, FileIdentity::of(&a).unwrap());
    assert_ne!(*identity, FileIdentity::of(&b).unwrap());
    #[cfg(unix)]
    for (n, link) in [
        std::os::unix::fs::symlink(&a, scratch.path().join("0")),
        std::fs::hard_link(&a, scratch.path().join("1")),
    ]
    .into_iter()
    .enumerate()
    {
        link.unwrap();
        let path = scratch.path().join(n.to_string());
        assert_eq!(*identity, FileIdentity::of(&path).unwrap());
    }
}
