//! Files that are damaged: what is accepted is sound, and nothing panics.

use wgmerge::checkpoint::Checkpoint;

use super::hostile::{Member, Scratch, honest, with_pickle};
use super::{all, data};
use crate::support::fuzz::{damage, rounds};
use crate::support::random::Rng;

/// Pieces that pickles are made of, or nearly.
const PIECES: &[&[u8]] = &[
    b"(",
    b"t",
    b"}",
    b"]",
    b")",
    b"R",
    b"Q",
    b"b",
    b"u",
    b"s",
    b"a",
    b"e",
    b".",
    b"0",
    b"1",
    b"2",
    b"\x81",
    b"\x85",
    b"\x86",
    b"\x87",
    b"\x90",
    b"\x91",
    b"\x93",
    b"\x94",
    b"h\0",
    b"q\0",
    b"j\xff\xff\xff\xff",
    b"r\xff\xff\xff\xff",
    b"K\x01",
    b"J\xff\xff\xff\xff",
    b"\x8a\x08",
    b"\x8b\xff\xff\xff\xff",
    b"X\xff\xff\xff\x7f",
    b"\x8d",
    b"B\0\0\0\0",
    b"C\x04",
    b"\x88",
    b"N",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nfloat8_e5m2\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_tensor_v3\n",
    b"ccollections\nOrderedDict\n",
    b"cos\nsystem\n",
    b"ctorch._tensor\n_rebuild_from_type_v2\n",
    b"ctorch\nSize\n",
    b"X\x07\0\0\0storage",
];

fn damaged(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..1 + rng.below(4) {
        damage(rng, bytes, PIECES);
    }
}

/// The members of an archive of torch's, as far as they matter.
fn members(bytes: &[u8]) -> Vec<Member> {
    let mut found = Vec::new();
    let starts = bytes.windows(4).enumerate();
    for (at, _) in starts.filter(|(_, window)| window == b"PK\x03\x04") {
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize;
        let name = at + 30..at + 30 + number(at + 26);
        let text = String::from_utf8_lossy(&bytes[name.clone()]).into_owned();
        let data = name.end + number(at + 28);
        // torch writes sizes behind the bytes of a member.
        let end = bytes[data..]
            .windows(4)
            .position(|window| window == b"PK\x07\x08");
        found.push(Member::new(&text, &bytes[data..data + end.unwrap_or(0)]));
    }
    found
}

/// Opens the file; what is accepted lies in it and can be read.
fn open(scratch: &Scratch, bytes: &[u8]) -> bool {
    match Checkpoint::open(&scratch.put(bytes)) {
        Ok(checkpoint) => {
            for info in checkpoint.tensors().values() {
                assert!(info.span.end <= bytes.len() as u64);
                assert!(info.bytes() <= 1 << 32);
            }
            if checkpoint.bytes() < 1 << 20 {
                all(&checkpoint);
            }
            true
        }
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            false
        }
    }
}

#[test]
fn damaged_files() {
    let names = [
        "small.pt",
        "legacy3.pt",
        "lightning.ckpt",
        "parameters.pt",
        "protocol4.pt",
    ];
    let files = names.map(|name| std::fs::read(data(name)).expect("data"));
    let scratch = Scratch::new();
    let (mut accepted, mut refused) = (0, 0);
    rounds(600, |rng| {
        let mut bytes = rng.pick(&files).clone();
        let archive = bytes.starts_with(b"PK");
        if archive && rng.once_in(2) {
            // The archive is whole, and its pickle is not.
            let mut members = members(&bytes);
            for member in &mut members {
                if member.name.ends_with("data.pkl") {
                    damaged(rng, &mut member.data);
                }
            }
            bytes = honest(&members);
        } else {
            damaged(rng, &mut bytes);
        }
        match open(&scratch, &bytes) {
            true => accepted += 1,
            false => refused += 1,
        }
    });
    assert!(
        accepted > 0 && refused > 0,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn made_up_pickles() {
    let scratch = Scratch::new();
    rounds(500, |rng| {
        let mut pickle = b"\x80\x02".to_vec();
        for _ in 0..rng.below(30) {
            pickle.extend(*rng.pick(PIECES));
        }
        pickle.push(b'.');
        open(&scratch, &with_pickle(&pickle, &[0; 16]));
    });
}
