//! Files that are made to take memory: each is refused at its limit, and what was held until then
//! is little.
#![cfg(target_os = "linux")]

use super::hostile::{Member, Scratch, dict, honest, tensor, text, with_pickle};
use super::message;
use crate::support::process::watched;

/// What a process may hold that refuses a file, in MiB: the program and 16 more.
const PEAK_MIB: u64 = 24;

/// Merges a file in a budget of 32 MiB. It is refused, with this in the message, within the peak.
#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let scratch = Scratch::new();
    let path = scratch.put(bytes);
    let mut command = crate::support::command::wgmerge();
    command.args(["merge", "--device", "cpu", "--quiet", "-M", "n_average"]);
    command.args(["--memory", "32MiB"]).arg(&path).arg("-o");
    command.arg(path.with_file_name("out.safetensors"));
    let (code, peak, said) = watched(&mut command);
    println!("{expected}: {peak} MiB");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("m.pt: "), "{said}");
    assert!(said.contains(expected), "no {expected:?} in {said}");
    assert!(peak <= PEAK_MIB, "{expected}: held {peak} MiB");
}

/// The message of a pickle whose values are too large before there is a tensor.
const TOO_MUCH: &str =
    "the pickle makes values of more than 8388608 bytes, the limit with 0 tensors";

/// Instructions that each make a little, without end.
#[test]
fn values_are_bounded() {
    const MANY: usize = 3_000_000;
    let lists = [b"]".repeat(MANY), b"a".repeat(MANY - 1)].concat();
    let tuples = [&b"N"[..], &b"\x85".repeat(MANY)].concat();
    let numbered = (0..1_000_000_u32).flat_map(|at| [&b"r"[..], &at.to_le_bytes()].concat());
    let memo: Vec<u8> = b"N".iter().copied().chain(numbered).collect();
    let far = (0..1_000_000_u32).flat_map(|at| [&b"r"[..], &(!at).to_le_bytes()].concat());
    let far: Vec<u8> = b"N".iter().copied().chain(far).collect();
    let texts = text(&"k".repeat(4000)).repeat(5000);
    for pickle in [
        lists,
        tuples,
        memo,
        far,
        texts,
        b"(".repeat(MANY),
        b"N".repeat(MANY),
        b"}".repeat(MANY),
        b"](".repeat(MANY),
    ] {
        refused(&with_pickle(&pickle, &[]), TOO_MUCH);
    }
}

/// A call that copies a large list, and one dict in many places.
#[test]
fn copies_are_bounded() {
    let mut pickle = b"\x80\x02](".to_vec();
    pickle.extend(b"N".repeat(100_000));
    pickle.extend(b"eq\0");
    pickle.extend(b"cbuiltins\nlist\nh\0\x85R".repeat(1000));
    refused(&with_pickle(&pickle, &[]), TOO_MUCH);
    let mut pickle = b"\x80\x02](".to_vec();
    pickle.extend(b"N".repeat(200_000));
    pickle.extend(b"tq\0");
    pickle.extend(b"ccollections\nOrderedDict\nh\0R0".repeat(20));
    let said = "the entries of a dict are no pairs";
    refused(&with_pickle(&pickle, &[]), said);
}

/// A pickle of a tensor at the place 0 of the memo, and of dicts with these names, each in the one
/// before it; `inner` are the entries of the innermost.
fn named(names: &[&str], inner: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(tensor(4, 0, &[4], &[1]));
    pickle.extend(b"q\0");
    for name in names {
        pickle.extend([b"}".to_vec(), text(name)].concat());
    }
    pickle.extend([b"}(", inner, b"u"].concat());
    pickle.extend(b"s".repeat(names.len()));
    pickle.push(b'.');
    pickle
}

#[test]
fn names_are_bounded() {
    let tensors = |count: u32| -> Vec<u8> {
        let entries = (0..count).map(|at| [text(&at.to_string()), b"h\0".to_vec()].concat());
        entries.collect::<Vec<_>>().concat()
    };
    let file = |names: &[&str], inner: &[u8]| with_pickle(&named(names, inner), &[0; 16]);
    let state = text("x").into_iter().chain(*b"h\0").collect::<Vec<u8>>();
    // A text of 60,000 bytes is not even kept.
    let long = "k".repeat(60_000);
    refused(
        &file(&["a", &long], &tensors(20_000)),
        "has a name of 60000 bytes for tensors, the limit is 4096",
    );
    let long = "k".repeat(3000);
    let names = [&b"}"[..], &text(&long), &b"}"[..], &text(&long), b"h\0ss"].concat();
    let inner = [state, text("dict"), names].concat();
    refused(
        &file(&[], &inner),
        "has a name of 6006 bytes for tensors, the limit is 4096",
    );
    // Twenty thousand times a name of 3,006 bytes or fewer.
    let inner = [
        b"X\x01\0\0\0ah\0X".to_vec(),
        3000_u32.to_le_bytes().to_vec(),
    ]
    .concat();
    let inner = [
        inner,
        long.into_bytes(),
        b"}(".to_vec(),
        tensors(20_000),
        b"u".to_vec(),
    ];
    refused(
        &file(&[], &inner.concat()),
        "the names of its 20001 tensors take 60108891 bytes, the limit is 9314560",
    );
    // Names of two hundred bytes are no attack.
    let scratch = Scratch::new();
    let path = scratch.put(&file(
        &["state_dict", "a", &"k".repeat(200)],
        &tensors(2000),
    ));
    assert_eq!(super::tensors(&path).len(), 2000);
}

/// Dicts that share each other a hundredfold, five times.
#[test]
fn tensors_are_bounded() {
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(tensor(4, 0, &[4], &[1]));
    pickle.extend(b"r\0\0\0\0");
    for level in 0..5_u32 {
        pickle.extend(b"}(");
        for name in 0..100 {
            pickle.extend(text(&name.to_string()));
            pickle.extend([b"j", &level.to_le_bytes()[..]].concat());
        }
        pickle.extend([b"ur", &(level + 1).to_le_bytes()[..]].concat());
    }
    pickle.push(b'.');
    refused(
        &with_pickle(&pickle, &[0; 16]),
        "makes more than 500000 tensors, the limit",
    );
}

/// Of members that no tensor refers to nothing is kept.
#[test]
fn members_are_not_kept() {
    let long = "m".repeat(300);
    let mut members = vec![Member::new("m/data.pkl", &dict("a", b"N"))];
    members.extend((0..60_000).map(|at| Member::new(&format!("m/data/{long}{at}"), &[])));
    refused(&honest(&members), "a dict without tensors under names");
}

#[test]
fn lines_and_pickles_are_bounded() {
    let scratch = Scratch::new();
    let line = [b"\x80\x02V".to_vec(), b"x".repeat(100_000), b"\n.".to_vec()];
    let said = message(&scratch.put(&with_pickle(&line.concat(), &[])));
    assert!(
        said.contains("makes more than 4096 bytes of one line"),
        "{said}"
    );
    // A text that is longer than a window, which matters to nobody, and then a tensor.
    let mut pickle = b"\x80\x02}(".to_vec();
    for value in [text("note"), text(&"long ".repeat(40_000)), text("a")] {
        pickle.extend(value);
    }
    pickle.extend([tensor(4, 0, &[4], &[1]), b"u.".to_vec()].concat());
    let path = scratch.put(&with_pickle(&pickle, &[5; 16]));
    assert_eq!(super::tensors(&path)[0].bytes, [5; 16]);
    let long = [b"\x80\x02B".to_vec(), (70_u32 << 20).to_le_bytes().to_vec()].concat();
    let long = [long, vec![0; 70 << 20], b".".to_vec()].concat();
    refused(
        &with_pickle(&long, &[]),
        "the pickle has more than 67108864 bytes, the limit",
    );
}

/// A hundred thousand tensors with names of two hundred bytes, as the largest models have.
#[test]
fn what_is_real_is_read() {
    const COUNT: usize = 100_000;
    let mut pickle = b"\x80\x02}".to_vec();
    let weight = tensor(4, 0, &[2, 2], &[2, 1]);
    for at in 0..COUNT {
        pickle.extend(text(&format!("{at:0200}")));
        pickle.extend(&weight);
        pickle.push(b's');
    }
    pickle.push(b'.');
    let scratch = Scratch::new();
    let path = scratch.put(&with_pickle(&pickle, &[0; 16]));
    let checkpoint = wgmerge::checkpoint::Checkpoint::open(&path).expect("a sound file");
    assert_eq!(checkpoint.tensors().len(), COUNT);
}
