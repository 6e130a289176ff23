//! Elements in any order of storage, gathered from any place on, against the plain definition.

use wgmerge::checkpoint::Axes;

use crate::support::fuzz::rounds;
use crate::support::random::Rng;

/// A tensor that is made up: its dimensions, in elements of some bytes.
struct Made {
    shape: Vec<u64>,
    strides: Vec<u64>,
    unit: usize,
}

impl Made {
    fn new(rng: &mut Rng) -> Made {
        let large = rng.once_in(8);
        let rank = rng.below(5);
        let mut shape = Vec::new();
        for at in 0..rank {
            let most = if large && at + 2 >= rank { 300 } else { 7 };
            shape.push(1 + rng.below(most) as u64);
        }
        // Dense in some order of the dimensions, now and then with gaps or repeated.
        let mut order: Vec<usize> = (0..rank).collect();
        for at in (1..rank).rev() {
            order.swap(at, rng.below(at + 1));
        }
        let mut strides = vec![0; rank];
        let mut next = 1;
        for &at in &order {
            strides[at] = match rng.below(12) {
                0 => 0,
                1 => next + rng.below(5) as u64,
                2 => next + rng.below(9000) as u64,
                _ => next,
            };
            next = (strides[at] * shape[at]).max(next);
            if next > 1 << 20 {
                strides[at] = 0;
                next = 1 << 10;
            }
        }
        let unit = *rng.pick(&[1, 2, 4, 8, 16]);
        Made {
            shape,
            strides,
            unit,
        }
    }

    fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    fn extent(&self) -> u64 {
        let steps = self.shape.iter().zip(&self.strides);
        steps.map(|(len, stride)| (len - 1) * stride).sum::<u64>() + 1
    }

    /// Where an element is stored.
    fn place(&self, element: u64) -> u64 {
        let (mut rest, mut place) = (element, 0);
        for (len, stride) in self.shape.iter().zip(&self.strides).rev() {
            place += rest % len * stride;
            rest /= len;
        }
        place
    }
}

#[test]
fn any_part_of_any_order() {
    rounds(700, |rng| {
        let made = Made::new(rng);
        let stored: Vec<u8> = (0..made.extent() as usize * made.unit)
            .map(|_| rng.word() as u8)
            .collect();
        let axes = Axes::new(&made.shape, &made.strides);
        let elements = made.elements();
        let start = rng.below(elements as usize + 1) as u64;
        let count = rng.below((elements - start) as usize + 1) as u64;
        let (start, count) = match rng.once_in(3) {
            true => (0, elements),
            false => (start, count),
        };
        let mut found = vec![0; count as usize * made.unit];
        let mut largest = 0;
        let gathered = axes.gather(made.unit, start, &mut found, |element, part| {
            let at = element as usize * made.unit;
            part.copy_from_slice(&stored[at..at + part.len()]);
            largest = largest.max(part.len());
            Ok::<(), ()>(())
        });
        gathered.expect("nothing fails");
        let expected = (start..start + count).flat_map(|element| {
            let at = made.place(element) as usize * made.unit;
            stored[at..at + made.unit].iter().copied()
        });
        let same = expected.eq(found.iter().copied());
        assert!(
            same,
            "{:?} {:?} from {start}, {count}",
            made.shape, made.strides
        );
        let bound = found.len().max(64 << 10);
        assert!(
            largest <= bound,
            "{largest} bytes at once for {}",
            found.len()
        );
    });
}

/// A matrix that is turned is read in blocks, not element by element.
#[test]
fn a_turned_matrix_is_read_in_few_pieces() {
    let axes = Axes::transposed(1000, 1000);
    let (mut pieces, mut bytes) = (0, 0);
    let mut target = vec![0; 4_000_000];
    let gathered = axes.gather(4, 0, &mut target, |_, part| {
        pieces += 1;
        bytes += part.len();
        Ok::<(), ()>(())
    });
    gathered.expect("nothing fails");
    assert_eq!(bytes, 4_000_000);
    assert!(pieces <= 63, "{pieces}");
}
