//! The table that a GPU kernel reads besides the elements: one record per piece, then one word per
//! workgroup that names its piece.
//!
//! A record holds what differs between pieces that share a Program: length, place, and of the
//! piece's row exactly the numbers that the Program reads. [`Layout`] is the only place that knows
//! where they lie; the shader gets its constants and word numbers from it.

use super::{
    CutoffId, Grid, Operand, Output, Program, Row, ScalarId, SlotId, Step, StreamId, TILE,
};

/// Invocations of a workgroup; each does one quad, four elements, of a tile.
pub const INVOCATIONS: usize = TILE / 4;

/// Sums by which a device measures a change, as `shaders/kernel/change.wgsl` has them.
pub const CHANGE_SUMS: usize = 5;

/// Words by which a device measures a pair of values, as `shaders/kernel/pair.wgsl` has them: sums,
/// and the largest difference last.
pub const PAIR_WORDS: usize = 8;

/// Tiles that one workgroup counts, so that its bins are emptied once for many elements.
const TILES_PER_COUNT: usize = 16;

/// The first words of every record.
const HEADER: [&str; 5] = ["LENGTH", "FIRST_GROUP", "QUAD_LOW", "QUAD_HIGH", "OUTPUT"];

/// Where the words of a record lie, for one Program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    slots: Vec<SlotId>,
    scalars: Vec<ScalarId>,
    cutoffs: Vec<CutoffId>,
    streams: Vec<StreamId>,
    outputs: Outputs,
}

/// How many outputs of a kind a Program has, which a device finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Values that are summed; [`CHANGE_SUMS`] of them for a change. [`PAIR_WORDS`] for a pair, of
    /// which the largest magnitude of the last is found instead.
    pub sums: usize,
    /// Values whose largest magnitude is found.
    pub maxima: usize,
    /// Values whose magnitudes are counted.
    pub counts: usize,
}

impl Outputs {
    fn of(program: &Program) -> Outputs {
        let mut outputs = Outputs::default();
        for output in program.outputs() {
            match output {
                Output::Sum(_) => outputs.sums += 1,
                Output::Change { .. } => outputs.sums += CHANGE_SUMS,
                Output::Pair(_) => outputs.sums += PAIR_WORDS,
                Output::Max(_) => outputs.maxima += 1,
                Output::Count(_) => outputs.counts += 1,
                // The host alone collects.
                Output::Store { .. } | Output::Collect(_) => {}
            }
        }
        outputs
    }
}

/// What a record is made from.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The tensor's numbers.
    pub row: &'a Row,
    /// Index in the tensor of the piece's first element, a multiple of 4.
    pub start: u64,
    /// Elements of the piece, at most 2^32 - 1.
    pub len: usize,
    /// Byte offset in the arena of each input slot, a multiple of 4.
    pub inputs: &'a [usize],
    /// Word in the output where the result begins.
    pub output_word: usize,
    /// One grid per value that is counted.
    pub grids: &'a [Grid],
}

impl Layout {
    /// The layout for a Program: the numbers it reads, in ascending order.
    pub fn of(program: &Program) -> Layout {
        let mut layout = Layout {
            slots: program.slots(),
            scalars: Vec::new(),
            cutoffs: Vec::new(),
            streams: Vec::new(),
            outputs: Outputs::of(program),
        };
        for step in program.steps() {
            match step {
                Step::Load { .. } => {}
                Step::Word { stream } => layout.streams.push(*stream),
                Step::Call { operands, .. } => {
                    for operand in operands {
                        match operand {
                            Operand::Scalar(i) => layout.scalars.push(*i),
                            Operand::Cutoff(i) => layout.cutoffs.push(*i),
                            Operand::Value(_) | Operand::Index => {}
                        }
                    }
                }
            }
        }
        sort(&mut layout.scalars);
        sort(&mut layout.cutoffs);
        sort(&mut layout.streams);
        layout
    }

    /// The numbers of a row that the Program reads, one after the other.
    pub fn numbers(&self, row: &Row) -> Row {
        let scalars = self.scalars.iter().map(|i| row.scalars[i.index()]);
        let cutoffs = self.cutoffs.iter().map(|i| row.cutoffs[i.index()]);
        let streams = self.streams.iter().map(|i| row.streams[i.index()]);
        Row {
            scalars: scalars.collect(),
            cutoffs: cutoffs.collect(),
            streams: streams.collect(),
        }
    }

    /// Word of a record that holds the arena word where an input begins.
    pub fn input(&self, slot: SlotId) -> usize {
        HEADER.len() + rank(&self.slots, slot)
    }

    /// Word of a record that holds a scalar.
    pub fn scalar(&self, scalar: ScalarId) -> usize {
        HEADER.len() + self.slots.len() + rank(&self.scalars, scalar)
    }

    /// Word of a record that holds a cutoff relative to the piece.
    pub fn cutoff(&self, cutoff: CutoffId) -> usize {
        HEADER.len() + self.slots.len() + self.scalars.len() + rank(&self.cutoffs, cutoff)
    }

    /// First of the four words of a record that hold a stream.
    pub fn stream(&self, stream: StreamId) -> usize {
        self.streams_begin() + 4 * rank(&self.streams, stream)
    }

    fn streams_begin(&self) -> usize {
        HEADER.len() + self.slots.len() + self.scalars.len() + self.cutoffs.len()
    }

    /// First word of the grids in a record: lowest key and shift for each value.
    pub fn grids(&self) -> usize {
        self.streams_begin() + 4 * self.streams.len()
    }

    /// Words of a record.
    pub fn record_words(&self) -> usize {
        self.grids() + 2 * self.outputs.counts
    }

    /// The outputs that a device finds.
    pub fn outputs(&self) -> Outputs {
        self.outputs
    }

    /// Tiles that one workgroup does.
    pub fn tiles_per_group(&self) -> usize {
        match self.outputs.counts {
            0 => 1,
            _ => TILES_PER_COUNT,
        }
    }

    /// The layout as WGSL constants.
    pub fn constants(&self) -> String {
        let mut text = String::new();
        let named = HEADER.iter().enumerate().map(|(word, name)| (*name, word));
        let others = [
            ("GRIDS", self.grids()),
            ("RECORD_WORDS", self.record_words()),
            ("SUMS", self.outputs.sums),
            ("MAXIMA", self.outputs.maxima),
            ("COUNTS", self.outputs.counts),
            ("INVOCATIONS", INVOCATIONS),
            ("TILES_PER_GROUP", self.tiles_per_group()),
            ("ALL_BINS", super::BINS + 1),
        ];
        for (name, value) in named.chain(others) {
            text += &format!("const {name}: u32 = {value}u;\n");
        }
        text
    }
}

/// Puts numbers into ascending order, each once.
fn sort<Id: Ord>(numbers: &mut Vec<Id>) {
    numbers.sort_unstable();
    numbers.dedup();
}

/// Position of a number that the Program reads among all that it reads.
fn rank<Id: Ord>(numbers: &[Id], number: Id) -> usize {
    numbers
        .binary_search(&number)
        .expect("a layout is asked only for what its Program reads")
}

/// The words of a table.
#[derive(Clone, Debug)]
pub struct Table {
    layout: Layout,
    records: Vec<u32>,
    groups: Vec<u32>,
}

impl Table {
    /// An empty table.
    pub fn new(layout: Layout) -> Table {
        Table {
            layout,
            records: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Appends a piece.
    pub fn push(&mut self, record: &Record<'_>) {
        let layout = &self.layout;
        let piece = self.records.len() / layout.record_words();
        let quad = record.start / 4;
        self.records.extend([
            word(record.len),
            word(self.groups.len()),
            // Its low half and its high half.
            quad as u32,
            (quad >> 32) as u32,
            word(record.output_word),
        ]);
        let inputs = layout.slots.iter().map(|slot| {
            let bytes = record.inputs[slot.index()];
            assert_eq!(bytes % 4, 0, "an input begins at a whole word");
            word(bytes / 4)
        });
        self.records.extend(inputs);
        let row = record.row;
        let scalars = layout.scalars.iter().map(|i| row.scalars[i.index()]);
        self.records.extend(scalars);
        let cutoffs = layout.cutoffs.iter();
        let cutoffs = cutoffs.map(|i| row.cutoff_from(*i, record.start));
        self.records.extend(cutoffs);
        for stream in &layout.streams {
            self.records.extend(row.streams[stream.index()].0);
        }
        let (grids, counts) = (record.grids, layout.outputs.counts);
        assert_eq!(grids.len(), counts, "a grid per value that is counted");
        let grids = grids.iter();
        self.records
            .extend(grids.flat_map(|grid| [grid.lo, grid.shift]));
        let groups = record.len.div_ceil(TILE * layout.tiles_per_group());
        self.groups.extend(std::iter::repeat_n(word(piece), groups));
    }

    /// The pieces in it.
    pub fn pieces(&self) -> usize {
        self.records.len() / self.layout.record_words()
    }

    /// The workgroups that its pieces need.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Its words: the records, then the piece of each workgroup.
    pub fn words(&self) -> impl Iterator<Item = &[u32]> {
        [self.records.as_slice(), self.groups.as_slice()].into_iter()
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.records.len() + self.groups.len()
    }

    /// Whether no piece was appended.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// A number as a word. A batch that is too large for its words is wrong in whoever made it.
pub fn word(number: usize) -> u32 {
    u32::try_from(number).expect("a batch is addressed in 32-bit words")
}
