//! Tensors whose elements do not lie one after the other: transposed, cut, repeated.
//!
//! Elements are wanted in the order of the dimensions and stored in an order of their own. They are
//! gathered block by block in the order in which they are stored, so that a file is read in few
//! pieces whatever the order, and what is held does not grow with the tensor.

/// Bytes that are held at a time.
const BLOCK_BYTES: u64 = 64 << 10;
/// Bytes between wanted ones up to which it costs less to read them than to call again.
pub(crate) const GAP_BYTES: u64 = 4 << 10;
/// A run of this many bytes is read into its place at once.
const RUN_BYTES: u64 = 16 << 10;

/// The dimensions of a tensor, and how far apart their elements are stored. Dimensions of one
/// element are left out, and those that are stored as one are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Axes(Box<[Axis]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Axis {
    len: u64,
    stride: u64,
}

/// The part of an axis that is wanted.
#[derive(Clone, Copy, Debug)]
struct Side {
    count: u64,
    /// How far apart elements are stored, in elements.
    stride: u64,
    /// How far apart they are wanted.
    place: u64,
}

/// Where an element is: counted from the first that is stored, and in the order of the dimensions.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    stored: u64,
    place: u64,
}

impl Spot {
    fn after(self, steps: u64, side: &Side) -> Spot {
        Spot {
            stored: self.stored + steps * side.stride,
            place: self.place + steps * side.place,
        }
    }
}

/// What is wanted: the elements from `start` on, of `unit` bytes each.
struct Wanted<'t> {
    start: u64,
    end: u64,
    unit: usize,
    target: &'t mut [u8],
}

impl Axes {
    /// The axes of a tensor with these dimensions, whose strides are in elements. The extent of
    /// what is stored must fit 64 bits.
    pub fn new(shape: &[u64], strides: &[u64]) -> Axes {
        let mut axes: Vec<Axis> = Vec::new();
        for (&len, &stride) in shape.iter().zip(strides) {
            if len == 1 {
                continue;
            }
            match axes.last_mut() {
                Some(outer) if outer.stride == stride * len => {
                    *outer = Axis {
                        len: outer.len * len,
                        stride,
                    }
                }
                _ => axes.push(Axis { len, stride }),
            }
        }
        Axes(axes.into())
    }

    /// A matrix of `rows` by `columns` that is wanted column by column.
    pub fn transposed(rows: u64, columns: u64) -> Axes {
        Axes::new(&[columns, rows], &[1, columns])
    }

    /// How far apart rows of a matrix are stored, and the elements of a row, where those of a
    /// column are nearer to each other.
    pub(crate) fn by_columns(&self) -> Option<(u64, u64)> {
        match *self.0 {
            [rows, columns] if rows.stride < columns.stride => Some((rows.stride, columns.stride)),
            _ => None,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_len(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Fills `target` with the elements from number `start` on, of `unit` bytes each. `read` fills
    /// a buffer with what is stored from an element on.
    ///
    /// # Errors
    /// The first of `read`.
    pub fn gather<E>(
        &self,
        unit: usize,
        start: u64,
        target: &mut [u8],
        read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.gather_with(unit, start, target, read, |work| work())
    }

    /// The same; `place` runs what puts the elements of a block to their places.
    ///
    /// # Errors
    /// The first of `read`.
    pub(crate) fn gather_with<E>(
        &self,
        unit: usize,
        start: u64,
        target: &mut [u8],
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
        place: impl Fn(&mut dyn FnMut()),
    ) -> Result<(), E> {
        let end = start + (target.len() / unit) as u64;
        if start == end {
            return Ok(());
        }
        let (origin, sides) = self.bounds(start, end - 1);
        let mut wanted = Wanted {
            start,
            end,
            unit,
            target,
        };
        match sides.split_last() {
            Some((run, outer)) if run.is_run(unit) => walk(outer, origin, |spot| {
                let (skip, count) = wanted.part(spot, run);
                match count {
                    0 => Ok(()),
                    _ => read(spot.stored + skip, wanted.bytes(spot.place + skip, count)),
                }
            }),
            _ => {
                let blocks = Blocks::of(sides, unit as u64);
                blocks.gather(origin, &mut wanted, &mut read, &place)
            }
        }
    }

    /// The smallest box around the elements from `first` to `last`, in the order of storage, and
    /// its first element.
    fn bounds(&self, first: u64, last: u64) -> (Spot, Vec<Side>) {
        let (mut origin, mut sides) = (Spot::default(), Vec::with_capacity(self.0.len()));
        let mut place: u64 = self.0.iter().map(|axis| axis.len).product();
        let mut shared = true;
        for axis in &self.0 {
            place /= axis.len;
            let (mut from, mut to) = (0, axis.len - 1);
            if shared {
                (from, to) = (first / place % axis.len, last / place % axis.len);
                shared = from == to;
            }
            let side = Side {
                count: to - from + 1,
                stride: axis.stride,
                place,
            };
            origin = origin.after(from, &side);
            if side.count > 1 {
                sides.push(side);
            }
        }
        sides.sort_by_key(|side| std::cmp::Reverse(side.stride));
        (origin, sides)
    }
}

impl Side {
    /// Whether it is a long run, stored as it is wanted.
    fn is_run(&self, unit: usize) -> bool {
        self.stride == 1 && self.place == 1 && self.count * unit as u64 >= RUN_BYTES
    }
}

/// Sides of which the inner ones are read as one, and of the next several steps at a time.
struct Blocks {
    outer: Vec<Side>,
    split: Side,
    /// Steps of `split` that are held together.
    at_once: u64,
    /// How far apart they lie in a block: as they are stored, where one reading has them all, else
    /// one behind the other.
    apart: u64,
    inner: Vec<Side>,
    /// Elements from the first to the last of `inner`.
    extent: u64,
}

impl Blocks {
    fn of(mut outer: Vec<Side>, unit: u64) -> Blocks {
        let room = BLOCK_BYTES / unit;
        let is_near = |side: &Side, extent| side.stride.saturating_sub(extent) * unit <= GAP_BYTES;
        let (mut inner, mut extent) = (Vec::new(), 1);
        let one = Side {
            count: 1,
            stride: 0,
            place: 0,
        };
        let split = loop {
            let Some(side) = outer.pop() else {
                break one;
            };
            let steps = side.stride.saturating_mul(side.count - 1);
            let whole = steps.saturating_add(extent);
            if !is_near(&side, extent) || whole > room {
                break side;
            }
            extent = whole;
            inner.insert(0, side);
        };
        let apart = match is_near(&split, extent) {
            true => split.stride.max(1),
            false => extent,
        };
        let at_once = room.saturating_sub(extent) / apart + 1;
        Blocks {
            outer,
            at_once: at_once.min(split.count),
            apart,
            split,
            inner,
            extent,
        }
    }

    fn gather<E>(
        &self,
        origin: Spot,
        wanted: &mut Wanted<'_>,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<(), E>,
        place: &impl Fn(&mut dyn FnMut()),
    ) -> Result<(), E> {
        let unit = wanted.unit;
        let len = |steps: u64| ((steps - 1) * self.apart + self.extent) as usize * unit;
        let mut block = vec![0; len(self.at_once)];
        walk(&self.outer, origin, |spot| {
            let mut step = 0;
            while step < self.split.count {
                let count = self.at_once.min(self.split.count - step);
                let first = spot.after(step, &self.split);
                let block = &mut block[..len(count)];
                if self.apart == self.split.stride {
                    read(first.stored, block)?;
                } else {
                    let parts = block.chunks_exact_mut(self.extent as usize * unit);
                    for (number, part) in (0..).zip(parts) {
                        read(first.after(number, &self.split).stored, part)?;
                    }
                }
                let sides = self.sides(count);
                place(&mut || wanted.take(block, Spot { stored: 0, ..first }, &sides));
                step += count;
            }
            Ok(())
        })
    }

    /// The sides of so many steps in a block. What is wanted side by side comes last: it is copied
    /// together, so that the lines of the target are filled one after the other.
    fn sides(&self, count: u64) -> Vec<Side> {
        let split = Side {
            count,
            stride: self.apart,
            ..self.split
        };
        let all = [split].into_iter().chain(self.inner.iter().copied());
        let mut sides: Vec<Side> = all.filter(|side| side.count > 1).collect();
        sides.sort_by_key(|side| std::cmp::Reverse(side.place));
        sides
    }
}

impl Wanted<'_> {
    /// Which elements of a side are wanted: how many are not before them, and their number.
    fn part(&self, spot: Spot, side: &Side) -> (u64, u64) {
        let until = |place: u64| place.saturating_sub(spot.place).div_ceil(side.place);
        let skip = until(self.start).min(side.count);
        (skip, until(self.end).min(side.count) - skip)
    }

    /// The bytes of elements in the target.
    fn bytes(&mut self, place: u64, count: u64) -> &mut [u8] {
        let at = (place - self.start) as usize * self.unit;
        &mut self.target[at..][..count as usize * self.unit]
    }

    /// Copies elements of a block to their places. `spot` is where the sides begin in the block.
    fn take(&mut self, block: &[u8], spot: Spot, sides: &[Side]) {
        let one = Side {
            count: 1,
            stride: 1,
            place: 1,
        };
        let (last, outer) = sides.split_last().unwrap_or((&one, &[]));
        let taken = walk(outer, spot, |spot| {
            let (skip, count) = self.part(spot, last);
            if count > 0 {
                self.copy(block, spot.after(skip, last), last, count);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        match taken {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    fn copy(&mut self, block: &[u8], spot: Spot, side: &Side, count: u64) {
        let from = &block[spot.stored as usize * self.unit..];
        if side.stride == 1 && side.place == 1 {
            let run = self.bytes(spot.place, count);
            run.copy_from_slice(&from[..run.len()]);
            return;
        }
        let span = (count - 1) * side.place + 1;
        let unit = self.unit;
        let to = self.bytes(spot.place, span);
        match unit {
            1 => scatter::<1>(from, to, side, count),
            2 => scatter::<2>(from, to, side, count),
            4 => scatter::<4>(from, to, side, count),
            8 => scatter::<8>(from, to, side, count),
            _ => {
                for step in 0..count as usize {
                    let from = &from[step * side.stride as usize * unit..][..unit];
                    to[step * side.place as usize * unit..][..unit].copy_from_slice(from);
                }
            }
        }
    }
}

/// Copies elements of `N` bytes, each side with a step of its own.
fn scatter<const N: usize>(from: &[u8], to: &mut [u8], side: &Side, count: u64) {
    let (from, to) = (from.as_chunks::<N>().0, to.as_chunks_mut::<N>().0);
    let (stride, place) = (side.stride as usize, side.place as usize);
    for step in 0..count as usize {
        to[step * place] = from[step * stride];
    }
}

/// Visits every combination of steps of the sides, the last side fastest.
fn walk<E>(
    sides: &[Side],
    origin: Spot,
    mut visit: impl FnMut(Spot) -> Result<(), E>,
) -> Result<(), E> {
    let mut steps = vec![0; sides.len()];
    let mut spot = origin;
    loop {
        visit(spot)?;
        let mut at = sides.len();
        loop {
            let Some(before) = at.checked_sub(1) else {
                return Ok(());
            };
            at = before;
            let side = &sides[at];
            if steps[at] + 1 < side.count {
                steps[at] += 1;
                spot = spot.after(1, side);
                break;
            }
            spot.stored -= steps[at] * side.stride;
            spot.place -= steps[at] * side.place;
            steps[at] = 0;
        }
    }
}
