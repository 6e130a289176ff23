//! The right bytes, whatever the order, the threads and the alignment.

use super::*;

/// The data byte that belongs at `offset`.
fn expected(offset: usize) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 13) as u8
}

/// A small deterministic generator, good enough to shuffle with.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % limit
    }
}

/// Writes `length` data bytes at `offset` from memory that is displaced by `shift` bytes against
/// the position in the file modulo the alignment: zero is what makes direct writes possible.
fn put(sink: &Sink, header: usize, offset: usize, length: usize, shift: usize) {
    let mut memory = vec![0u8; length + 2 * DIRECT_ALIGNMENT];
    let wanted = (header + offset + shift) % DIRECT_ALIGNMENT;
    let start =
        (wanted + DIRECT_ALIGNMENT - memory.as_ptr().addr() % DIRECT_ALIGNMENT) % DIRECT_ALIGNMENT;
    for index in 0..length {
        memory[start + index] = expected(offset + index);
    }
    sink.write(0, offset as u64, &memory[start..start + length])
        .unwrap();
}

fn check_content(path: &Path, header: &[u8], length: usize) {
    let content = fs::read(path).unwrap();
    assert_eq!(content.len(), header.len() + length);
    assert!(content.starts_with(header), "the header was damaged");
    let wrong = (0..length).find(|&offset| content[header.len() + offset] != expected(offset));
    assert_eq!(wrong, None, "first wrong data byte");
}

#[test]
fn random_splits_from_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    for (round, options) in every_way().iter().cycle().take(24).enumerate() {
        let path = folder.path().join(format!("{round}.safetensors"));
        let header = vec![b'h'; [8, 100, 4095, 4096, 4097, 12_000][dice.below(6)]];
        let length = 300_000 + dice.below(9000);
        let mut cuts: Vec<usize> = (0..40).map(|_| dice.below(length)).collect();
        cuts.extend([0, length]);
        cuts.sort();
        let mut spans: Vec<_> = cuts
            .windows(2)
            .map(|pair| (pair[0], pair[1] - pair[0]))
            .collect();
        for last in (1..spans.len()).rev() {
            spans.swap(last, dice.below(last + 1));
        }
        let sink = Sink::create(&one_file(&path, &header, length as u64), options).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (sink, spans, header) = (&sink, &spans, header.len());
                scope.spawn(move || {
                    for (index, &(offset, length)) in
                        spans.iter().enumerate().skip(thread).step_by(4)
                    {
                        put(sink, header, offset, length, [0, 0, 1][index % 3]);
                    }
                });
            }
        });
        sink.finish().unwrap();
        check_content(&path, &header, length);
    }
}

#[test]
fn every_alignment_around_page_boundaries() {
    let folder = tempfile::tempdir().unwrap();
    let edges = [0, 1, 2, 511, 512, 4094, 4095];
    for shift in [0, 1, 512] {
        for head in edges {
            for tail in edges {
                let path = folder.path().join("x");
                let (middle, length) = (3 * 4096 + tail - head, 5 * 4096);
                let layout = one_file(&path, b"12345678", length as u64);
                let sink = Sink::create(&layout, &Options::default()).unwrap();
                // The position in the file of the middle block begins `head` after a page.
                let first = 4096 - 8 + head;
                put(&sink, 8, first, middle, shift);
                put(&sink, 8, first + middle, length - first - middle, shift);
                put(&sink, 8, 0, first, shift);
                sink.finish().unwrap();
                check_content(&path, b"12345678", length);
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn odd_blocks_do_not_end_direct_writing() {
    let folder = tempfile::tempdir().unwrap();
    let length = 100 * 4096;
    let layout = one_file(&folder.path().join("x"), b"12345678", length as u64);
    let sink = Sink::create(&layout, &Options::default()).unwrap();
    // Some file systems accept the descriptor and refuse the first write.
    put(&sink, 8, 4096 - 8, 16 * 4096, 0);
    if !sink.is_direct() {
        eprintln!("SKIPPED odd_blocks_do_not_end_direct_writing: no direct writes here");
        return;
    }
    for (index, edge) in [1, 511, 512, 4095].into_iter().enumerate() {
        let first = (20 + 20 * index) * 4096;
        put(&sink, 8, first + edge, 9 * 4096, 0);
        put(&sink, 8, first + edge + 9 * 4096, 9 * 4096, 1);
        assert!(
            sink.is_direct(),
            "a block {edge} bytes after a page boundary was cut wrongly"
        );
    }
}

#[test]
fn neighbours_may_race_for_the_page_they_share() {
    let folder = tempfile::tempdir().unwrap();
    let (block, blocks) = (65_536 + 1000, 48);
    for round in 0..5 {
        let path = folder.path().join(format!("{round}"));
        let layout = one_file(&path, b"header..", (block * blocks) as u64);
        let sink = Sink::create(&layout, &Options::default()).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let sink = &sink;
                scope.spawn(move || {
                    (thread..blocks)
                        .step_by(4)
                        .for_each(|index| put(sink, 8, index * block, block, 0));
                });
            }
        });
        sink.finish().unwrap();
        check_content(&path, b"header..", block * blocks);
    }
}

#[test]
fn digests_are_those_of_the_standard() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abc");
    fs::write(&path, "abc").unwrap();
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(&path).unwrap(), abc);
    fs::write(&path, vec![b'a'; 1_000_000]).unwrap();
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .set_len(1_000_000)
        .unwrap();
    let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_eq!(digest(&path).unwrap(), million);
    assert!(digest(&folder.path().join("missing")).is_err());
}
