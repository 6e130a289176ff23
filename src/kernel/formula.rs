//! The table of formulas: every function of `shaders/formula` that a Program may call.
//!
//! The table is a macro so that the CPU executor can turn each row into a loop over a tile that
//! calls the very function; the GPU needs only its name.

/// Hands the rows of the formula table to the macro `$then`. A row is the Rust name, the function's
/// name and its parameters with their kind.
macro_rules! formulas {
    ($then:ident) => {
        $then! {
            /// a + b
            Add add(a: lane, b: lane);
            /// a - b
            Sub sub(a: lane, b: lane);
            /// a b
            Mul mul(a: lane, b: lane);
            /// x w
            Scale mul(x: lane, w: scalar);
            /// acc + x w
            Axpy axpy(acc: lane, x: lane, w: scalar);
            /// a u + b v
            Blend blend(a: lane, b: lane, u: scalar, v: scalar);
            /// |x|
            Magnitude magnitude(x: lane);
            /// x where it is among the largest
            Trim trim(x: lane, index: word, threshold: code, cutoff: code);
            /// x where its random word is below the threshold
            Dropout dropout(x: lane, word: word, threshold: code);
            /// a task vector's entry where it is among the largest
            TrimDelta trim_delta(x: lane, base: lane, index: word, threshold: code, cutoff: code);
            /// a task vector's entry where its random word is below the threshold
            DropoutDelta dropout_delta(x: lane, base: lane, word: word, threshold: code);
            /// the disjoint weighted mean of two entries
            ConsensusOfTwo consensus_of_two(x: lane, y: lane, u: scalar, v: scalar);
            /// the sign of x as 1, -1 or 0
            Vote vote(x: lane);
            /// x where its sign is the elected one
            Agree agree(x: lane, elected: lane);
            /// x where the voter has the elected sign
            KeepAgreeing keep_agreeing(x: lane, voter: lane, elected: lane);
            /// w where x has the elected sign
            AgreeWeight agree_weight(x: lane, elected: lane, w: scalar);
            /// acc + (x where it agrees)
            Gather gather(acc: lane, x: lane, elected: lane);
            /// acc + (w where x agrees)
            GatherWeight gather_weight(acc: lane, x: lane, elected: lane, w: scalar);
            /// mass / total, 0 where nothing agreed
            Mean mean(mass: lane, total: lane);
            /// x rounded to the working dtype
            Enter enter(x: lane);
            /// x, or y where x is not finite
            FiniteOr finite_or(x: lane, y: lane);
            /// x, or y where x is not finite
            FiniteOrScalar finite_or(x: lane, y: scalar);
        }
    };
}
pub(crate) use formulas;

/// What a formula's parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An f32 per element.
    Lane,
    /// A u32 per element: an index or a random word.
    Word,
    /// An f32 per tensor.
    Scalar,
    /// A u32 per tensor.
    Code,
}

macro_rules! kind {
    (lane) => {
        Kind::Lane
    };
    (word) => {
        Kind::Word
    };
    (scalar) => {
        Kind::Scalar
    };
    (code) => {
        Kind::Code
    };
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident $function:ident($($parameter:ident: $kind:ident),*);)*) => {
        /// A function of `shaders/formula` with the kinds of its arguments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Formula {
            $($(#[$doc])* $name,)*
        }

        impl Formula {
            /// Every formula.
            pub const ALL: &'static [Formula] = &[$(Formula::$name),*];

            /// The function's name in WGSL.
            pub fn function(self) -> &'static str {
                match self {
                    $(Formula::$name => stringify!($function),)*
                }
            }

            /// What its parameters are, in order.
            pub fn parameters(self) -> &'static [Kind] {
                match self {
                    $(Formula::$name => const { &[$(kind!($kind)),*] },)*
                }
            }
        }
    };
}

formulas!(table);
