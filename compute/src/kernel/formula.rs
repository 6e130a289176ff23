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
            /// x + w
            Raise add(x: lane, w: scalar);
            /// a - b
            Sub sub(a: lane, b: lane);
            /// a b
            Mul mul(a: lane, b: lane);
            /// x w
            Scale mul(x: lane, w: scalar);
            /// acc + x w
            Axpy axpy(acc: lane, x: lane, w: scalar);
            /// acc + x w, rounded to the working dtype once, and twice in a tensor's last elements
            Accumulate accumulate(acc: lane, x: lane, w: scalar, index: word, vectors: code);
            /// acc + (y - x) w
            AddDifference add_difference(acc: lane, y: lane, x: lane, w: scalar);
            /// a + (b - a) w
            LerpNear lerp_near(a: lane, b: lane, w: scalar);
            /// b + (b - a) w
            LerpFar lerp_far(a: lane, b: lane, w: scalar);
            /// x + (c - x) u of x = a + (b - a) w
            LerpNearNear lerp_near_near(a: lane, b: lane, w: scalar, c: lane, u: scalar);
            /// c + (c - x) u of x = a + (b - a) w
            LerpNearFar lerp_near_far(a: lane, b: lane, w: scalar, c: lane, u: scalar);
            /// x + (c - x) u of x = b + (b - a) w
            LerpFarNear lerp_far_near(a: lane, b: lane, w: scalar, c: lane, u: scalar);
            /// c + (c - x) u of x = b + (b - a) w
            LerpFarFar lerp_far_far(a: lane, b: lane, w: scalar, c: lane, u: scalar);
            /// (y - x) w
            ScaleDifference scale_difference(y: lane, x: lane, w: scalar);
            /// acc + d, acc itself where d is zero
            Shift shift(acc: lane, d: lane);
            /// acc + x w, acc itself where x w is zero
            ShiftScaled shift_scaled(acc: lane, x: lane, w: scalar);
            /// acc + (y - x) w, acc itself where (y - x) w is zero
            ShiftDifference shift_difference(acc: lane, y: lane, x: lane, w: scalar);
            /// acc s + (y - x) w, acc s itself where (y - x) w is zero
            ShiftFromScaled shift_from_scaled(
                acc: lane, s: scalar, y: lane, x: lane, w: scalar
            );
            /// a u + b v
            Blend blend(a: lane, b: lane, u: scalar, v: scalar);
            /// acc + x w, with a weight per element
            AxpyEach axpy(acc: lane, x: lane, w: lane);
            /// a + t (b - a), with a t per element
            LerpEach lerp(a: lane, b: lane, t: lane);
            /// |x|
            Magnitude magnitude(x: lane);
            /// x where it is among the largest
            Trim trim(x: lane, index: word, threshold: code, cutoff: code);
            /// x where its magnitude is above the threshold
            TrimAbove trim_above(x: lane, threshold: code);
            /// x where its random word is below the threshold
            Dropout dropout(x: lane, word: word, threshold: code);
            /// a task vector's entry where it is among the largest
            TrimDelta trim_delta(x: lane, base: lane, index: word, threshold: code, cutoff: code);
            /// a task vector's entry where its magnitude is above the threshold
            TrimDeltaAbove trim_delta_above(x: lane, base: lane, threshold: code);
            /// a task vector's entry where its random word is below the threshold
            DropoutDelta dropout_delta(x: lane, base: lane, word: word, threshold: code);
            /// the disjoint weighted mean of two entries
            ConsensusOfTwo consensus_of_two(x: lane, y: lane, u: scalar, v: scalar);
            /// the disjoint mean of two entries of one weight
            EvenConsensus even_consensus(x: lane, y: lane, alone: scalar, both: scalar);
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
            /// x where its sign is that of the elected sum, 0 where the votes are even
            ElectedEntry elected_entry(x: lane, elected: lane);
            /// 1 where the sign of x is that of the elected sum
            ElectedCount elected_count(x: lane, elected: lane);
            /// x where the uniform number is below the probability
            KeepBelow keep_below(x: lane, uniform_x: lane, probability: scalar);
            /// x where the uniform number is below the element's probability
            KeepBelowEach keep_below(x: lane, uniform_x: lane, probability: lane);
            /// the smaller of a and b
            Least least(a: lane, b: lane);
            /// the larger of a and b
            Greatest greatest(a: lane, b: lane);
            /// the smaller of acc and those x that are not below the floor
            LeastFrom least_from(acc: lane, x: lane, floor_x: lane);
            /// the larger of acc and those x that are not above the ceiling
            GreatestTo greatest_to(acc: lane, x: lane, ceiling: lane);
            /// x, cut to [0, 1]
            Unit unit(x: lane);
            /// the share of |x| in |x| + |y|
            Share share(x: lane, y: lane);
            /// x y / max(|x|, |y|)^2 where it is positive
            Accord accord(x: lane, y: lane);
            /// x rounded to binary16
            RoundF16 round_f16(x: lane);
            /// x rounded to bfloat16
            RoundBf16 round_bf16(x: lane);
            /// x rounded to 8 bits, 4 of them exponent
            RoundF8E4m3 round_f8_e4m3(x: lane);
            /// x rounded to 8 bits, 5 of them exponent
            RoundF8E5m2 round_f8_e5m2(x: lane);
            /// w everywhere
            Fill fill(w: scalar);
            /// 1 where x is not finite
            Flaw flaw(x: lane);
            /// x if the choice is not zero, else y
            Choose choose(x: lane, y: lane, choice: scalar);
            /// x if the choice is not zero, else y, with a choice per element
            ChooseEach choose(x: lane, y: lane, choice: lane);
            /// x rounded to the working dtype
            Enter enter(x: lane);
            /// x, or y where x is not finite
            FiniteOr finite_or(x: lane, y: lane);
            /// x, or y where x is not finite
            FiniteOrScalar finite_or(x: lane, y: scalar);
            /// x from one element on and before another, elsewhere y
            Between between(x: lane, y: lane, index: word, start: code, end: code);
            /// the real part of a^(1 - t) b^t, principal powers of complex numbers
            Geometric geometric(a: lane, b: lane, t: scalar);
            /// the real part of a^(1 - t) b^t, with a t per element
            GeometricEach geometric(a: lane, b: lane, t: lane);
            /// |a|^(1 - t) |b|^t with the sign of s
            SignedGeometric signed_geometric(a: lane, b: lane, s: lane, t: scalar);
            /// the real part of a (b/c)^p, p being alpha where a and b lie on both sides of c
            MultiplyQuotient multiply_quotient(a: lane, b: lane, c: lane, alpha: scalar);
            /// the same with an alpha per element
            MultiplyQuotientEach multiply_quotient(a: lane, b: lane, c: lane, alpha: lane);
            /// the root of x^2 + y^2 with the sign of s
            SignedLength signed_length(x: lane, y: lane, s: lane);
            /// w (x y / max(|x|, |y|)^2 + 1) / 2
            Likeness likeness(x: lane, y: lane, w: scalar);
            /// t / |d| where |d| is above t and above the least, at most 1
            NearWeight near_weight(d: lane, t: scalar, least_d: scalar);
            /// x where a random number is below the element's probability
            KeepChance keep_chance(x: lane, word: word, probability: lane);
            /// a / b
            Divide divide(a: lane, b: lane);
            /// the square root of x
            Root square_root(x: lane);
            /// -x
            Opposite opposite(x: lane);
            /// 1 where a is less than b, else 0
            IsBelow is_below(a: lane, b: lane);
            /// 1 where a equals b, else 0
            IsSame is_same(a: lane, b: lane);
            /// x without what lies behind the point
            WholePart whole_part(x: lane);
            /// the largest whole number not above x
            RoundDown round_down(x: lane);
            /// the smallest whole number not below x
            RoundUp round_up(x: lane);
            /// the whole number nearest to x, the even one of two
            RoundEven round_even(x: lane);
            /// a random number from 0 on, below 1
            Uniform uniform_of(word: word);
            /// mass / total, the mass itself where the one total is zero
            MeanOf mean(mass: lane, total: scalar);
            /// x, or 0 where x or y is infinite or NaN
            Sound sound(x: lane, y: lane);
            /// 1 where x and y have the same sign, 2048 where they have opposite ones
            Signs signs(x: lane, y: lane);
            /// 1 where x is not zero, plus 2048 where y is not
            Presence presence(x: lane, y: lane);
            /// x + w z, z a normal number of two random words
            AddNormal add_normal(x: lane, first: word, second: word, w: scalar);
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
