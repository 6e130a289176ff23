//! Files that are made to harm: each is an error that says why, at once and in little memory.

use std::path::PathBuf;

use super::message;

/// Where files are put.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("scratch"))
    }

    pub fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join("m.pt");
        std::fs::write(&path, bytes).expect("scratch");
        path
    }

    fn message(&self, bytes: &[u8]) -> String {
        message(&self.put(bytes))
    }
}

/// A member of an archive that is written by hand.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub data: Vec<u8>,
}

impl Member {
    pub fn new(name: &str, data: &[u8]) -> Member {
        let (name, data) = (name.to_owned(), data.to_vec());
        Member { name, data }
    }
}

/// The header of a member, local or of the directory, from its version on.
fn header(member: &Member, size: u32) -> Vec<u8> {
    let mut bytes = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(size.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend((member.name.len() as u16).to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// An archive of stored members. `directory` lists them with the numbers of the members whose bytes
/// they claim.
pub fn archive(members: &[Member], directory: &[(Member, usize)]) -> Vec<u8> {
    let (mut bytes, mut begins) = (Vec::new(), Vec::new());
    for member in members {
        begins.push(bytes.len() as u32);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(header(member, member.data.len() as u32));
        bytes.extend(member.name.bytes());
        bytes.extend(&member.data);
    }
    let start = bytes.len() as u32;
    for (member, number) in directory {
        bytes.extend(b"PK\x01\x02\x14\0");
        bytes.extend(header(member, member.data.len() as u32));
        bytes.extend([0; 10]);
        bytes.extend(begins[*number].to_le_bytes());
        bytes.extend(member.name.bytes());
    }
    let len = bytes.len() as u32 - start;
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((directory.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u16).to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// An archive whose directory tells the truth.
pub fn honest(members: &[Member]) -> Vec<u8> {
    let directory: Vec<(Member, usize)> = members.iter().cloned().zip(0..).collect();
    archive(members, &directory)
}

/// An archive with this pickle and one storage of bytes.
pub fn with_pickle(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    honest(&[
        Member::new("m/data.pkl", pickle),
        Member::new("m/data/0", storage),
    ])
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.bytes());
    bytes
}

fn number(number: i64) -> Vec<u8> {
    let mut bytes = vec![0x8a, 8];
    bytes.extend(number.to_le_bytes());
    bytes
}

/// Instructions for a tensor of floats in storage `0`.
pub fn tensor(elements: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let mut bytes = b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    bytes.extend(text("storage"));
    bytes.extend(b"ctorch\nFloatStorage\n");
    bytes.extend(text("0"));
    bytes.extend(text("cpu"));
    bytes.extend(number(elements));
    bytes.extend(b"tQ");
    bytes.extend(number(offset));
    for numbers in [shape, strides] {
        bytes.push(b'(');
        bytes.extend(numbers.iter().flat_map(|n| number(*n)));
        bytes.push(b't');
    }
    bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    bytes
}

/// A pickle of a dict with one entry.
pub fn dict(key: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02}".to_vec();
    bytes.extend(text(key));
    bytes.extend(value);
    bytes.extend(b"s.");
    bytes
}

#[test]
fn what_is_made_here_is_read() {
    let scratch = Scratch::new();
    let pickle = dict("a", &tensor(4, 1, &[3], &[1]));
    let path = scratch.put(&with_pickle(&pickle, &[7; 16]));
    assert_eq!(super::tensors(&path)[0].bytes, [7; 12]);
}

#[test]
fn numbers_of_tensors_are_checked() {
    let scratch = Scratch::new();
    let fault = |elements, offset, shape: &[i64], strides: &[i64]| {
        let pickle = dict("a", &tensor(elements, offset, shape, strides));
        scratch.message(&with_pickle(&pickle, &[0; 16]))
    };
    let beyond = |needed: u64| {
        format!(
            "tensor `a`: it needs {needed} bytes of its storage `0`, which has 16; the file is \
             damaged"
        )
    };
    assert_eq!(fault(4, 0, &[5], &[1]), beyond(20));
    assert_eq!(fault(4, 2, &[3], &[1]), beyond(20));
    assert_eq!(fault(4, 0, &[2, 2], &[3, 1]), beyond(20));
    let absurd = |shape: &[i64], strides: &[i64]| {
        format!(
            "tensor `a`: its shape {shape:?} and strides {strides:?} are too large to be true; the \
             file is damaged"
        )
    };
    const HALF: i64 = 1 << 62;
    for (shape, strides) in [
        (&[HALF, HALF][..], &[1, 1][..]),
        (&[2, 2], &[HALF, HALF]),
        (&[i64::MAX], &[2]),
        (&[HALF], &[0]),
        (&[1 << 30, 2], &[0, 1]),
    ] {
        assert_eq!(fault(4, 0, shape, strides), absurd(shape, strides));
    }
    assert_eq!(
        fault(5, 0, &[4], &[1]),
        "tensor `a`: its storage `0` is said to have 20 bytes, the file has 16 for it; the file is \
         truncated, download it again"
    );
    let negative = fault(4, -1, &[1], &[1]);
    assert!(negative.contains("a tensor begins before 0"), "{negative}");
    let negative = fault(4, 0, &[-1], &[1]);
    assert!(
        negative.contains("a dimension of a tensor is none"),
        "{negative}"
    );
    let uneven = fault(4, 0, &[1, 1], &[1]);
    assert!(
        uneven.contains("has not as many strides as dimensions"),
        "{uneven}"
    );
    let deep = fault(4, 0, &[1; 65], &[1; 65]);
    assert!(
        deep.contains("the dimensions of a tensor are none"),
        "{deep}"
    );
}

#[test]
fn members_are_checked() {
    let scratch = Scratch::new();
    let pickle = Member::new("m/data.pkl", &dict("a", &tensor(4, 0, &[4], &[1])));
    let storage = Member::new("m/data/0", &[0; 16]);
    let members = [pickle.clone(), storage.clone()];
    let again = [
        (pickle.clone(), 0),
        (storage.clone(), 1),
        (storage.clone(), 1),
    ];
    assert_eq!(
        scratch.message(&archive(&members, &again)),
        "the archive has the member `m/data/0` twice; the file is damaged or made to deceive"
    );
    let other = Member::new("m/data/1", &[0; 16]);
    let shared = [(pickle.clone(), 0), (storage.clone(), 1), (other, 1)];
    assert_eq!(
        scratch.message(&archive(&members, &shared)),
        "the members `m/data/0` and `m/data/1` of the archive share bytes; the file is damaged or \
         made to deceive"
    );
    let long = Member::new("m/data/0", &[0; 1 << 20]);
    let beyond = scratch.message(&archive(&members, &[(pickle.clone(), 0), (long, 1)]));
    assert!(
        beyond.contains("the member `m/data/0` of the archive ends at byte"),
        "{beyond}"
    );
    let second = Member::new("n/data.pkl", &pickle.data);
    assert_eq!(
        scratch.message(&honest(&[pickle.clone(), second])),
        "the archive has two pickles, `m/data.pkl` and `n/data.pkl`; the file is damaged or made \
         to deceive"
    );
    let whole = honest(&members);
    for len in (4..whole.len()).step_by(5) {
        let cut = scratch.message(&whole[..len]);
        assert!(
            cut.contains("the file is damaged or truncated") || len < 8,
            "{len}: {cut}"
        );
    }
}

#[test]
fn pickles_are_bounded() {
    let scratch = Scratch::new();
    let fault = |pickle: &[u8]| scratch.message(&with_pickle(pickle, &[]));
    // Ten million empty dicts, and one.
    let many = fault(&b"}".repeat(10_000_001));
    assert!(
        many.contains("makes more than 10000000 values, the limit"),
        "{many}"
    );
    // A text of more bytes than there are.
    let long = fault(b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff.");
    assert!(
        long.contains("(BINUNICODE8): it ends in the middle"),
        "{long}"
    );
    // A place in the memo far away costs nothing.
    let memo = fault(b"\x80\x02}r\xff\xff\xff\xff.");
    assert!(memo.contains("a dict without tensors"), "{memo}");
    // A list in itself, and lists in lists, are walked without recursion.
    let itself = fault(b"\x80\x02}X\x01\0\0\0a]q\0h\0as.");
    assert!(itself.contains("a dict without tensors"), "{itself}");
    let deep = [
        &b"\x80\x02}X\x01\0\0\0a"[..],
        &b"]".repeat(100_000),
        &b"a".repeat(99_999),
        b"s.",
    ];
    let deep = fault(&deep.concat());
    assert!(deep.contains("a dict without tensors"), "{deep}");
    // A dict in itself.
    let itself = fault(b"\x80\x02}q\0X\x01\0\0\0ah\0s.");
    assert!(itself.contains("a dict without tensors"), "{itself}");
}

/// Dicts that share each other a thousandfold would have more names than any machine can hold.
#[test]
fn shared_dicts_are_bounded() {
    let scratch = Scratch::new();
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(tensor(4, 0, &[4], &[1]));
    pickle.extend(b"r\0\0\0\0");
    for level in 0..6_u32 {
        pickle.extend(b"}(");
        for name in 0..100 {
            pickle.extend(text(&format!("{name}")));
            pickle.push(b'j');
            pickle.extend(level.to_le_bytes());
        }
        pickle.push(b'u');
        pickle.push(b'r');
        pickle.extend((level + 1).to_le_bytes());
    }
    pickle.push(b'.');
    let fault = scratch.message(&with_pickle(&pickle, &[0; 16]));
    assert!(
        fault.contains("makes more than 500000 tensors, the limit"),
        "{fault}"
    );
}

#[test]
fn damage_is_told_with_its_place() {
    let scratch = Scratch::new();
    let fault = |pickle: &[u8]| scratch.message(&with_pickle(pickle, &[]));
    for (pickle, expected) in [
        (&b"\x80\x02"[..], "at byte 2 (PROTO): it ends in the middle"),
        (b"\x80\x09.", "at byte 0 (PROTO): its protocol is unknown"),
        (b"\x80\x02.", "at byte 2 (STOP): the stack is empty"),
        (b"\x80\x02t.", "at byte 2 (TUPLE): there is no mark"),
        (
            b"\x80\x02h\x05.",
            "at byte 2 (BINGET): there is nothing in that place of the memo",
        ),
        (
            b"\x80\x02}K\x01a.",
            "at byte 5 (APPEND): it appends to what is no list",
        ),
        (
            b"\x80\x02]K\x01K\x02s.",
            "at byte 7 (SETITEM): it adds entries to what is no dict",
        ),
        (
            b"\x80\x02\xff.",
            "at byte 2 (opcode 0xff): there is no such instruction",
        ),
        (
            b"\x80\x02X\x01\0\0\0\xff.",
            "at byte 2 (BINUNICODE): a text is not UTF-8",
        ),
    ] {
        let found = fault(pickle);
        assert!(found.contains(expected), "{found}");
    }
    for (pickle, expected) in [
        (&b"\x80\x02}\x82\x05."[..], "asks for it (EXT1 at byte 3)"),
        (b"\x80\x02}(ios\nsystem\n.", "asks for it (INST at byte 4)"),
        (b"\x80\x02}Pid\n.", "asks for it (PERSID at byte 3)"),
        (
            b"\x80\x02}cos\nsystem\n.",
            "asks for `os.system` (GLOBAL at byte 3)",
        ),
        (
            b"\x80\x02}ctorch\nTensor\n)R.",
            "asks for an object of a class (REDUCE at byte 18)",
        ),
    ] {
        let found = fault(pickle);
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn the_old_format_is_checked() {
    let scratch = Scratch::new();
    let whole = std::fs::read(super::data("legacy3.pt")).expect("data");
    for len in 8..whole.len() {
        let cut = scratch.message(&whole[..len]);
        assert!(
            cut.contains("it ends in the middle") || cut.contains("truncated"),
            "{len}: {cut}"
        );
    }
    let other = scratch.message(b"\x80\x02}X\x01\0\0\0aK\x01s.");
    assert!(
        other.contains("begins as a pickle but not as `torch.save` writes it"),
        "{other}"
    );
}
