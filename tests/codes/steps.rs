//! How far a number may be from the code that stands for it.

/// Half the distance of a format's codes, by what it depends on.
pub struct Step {
    pub format: &'static str,
    /// Of the number itself: half a unit of its last place.
    relative: f64,
    /// Of the largest magnitude that shares its scale: half of the smallest distance.
    least: f64,
    /// Rows that share a scale; 0 is all.
    rows: usize,
    /// Columns that share a scale; 0 is all.
    columns: usize,
}

const fn step(
    format: &'static str,
    [relative, least]: [f64; 2],
    [rows, columns]: [usize; 2],
) -> Step {
    Step {
        format,
        relative,
        least,
        rows,
        columns,
    }
}

/// Three bits behind the point, and 2^-9 the least code; the largest is 448.
const E4M3: [f64; 2] = [1.0 / 16.0, 1.0 / 448.0 / 1024.0];
/// Two bits behind the point, and 2^-16 the least code; the largest is 57344.
const E5M2: [f64; 2] = [1.0 / 8.0, 1.0 / 57344.0 / 131072.0];
/// The last bit of a quotient by a scale in f32 may turn a tie.
const I8: [f64; 2] = [0.0, 0.5001 / 127.0];
/// The codes are 0, 0.5, 1, 1.5, 2, 3, 4 and 6; a scale that is fp8 itself is off by one part in
/// sixteen, so that the largest number may be that much beyond the last code.
const E2M1: [f64; 2] = [0.25, 0.25 * 1.0625 / 6.0];

/// Every format.
pub const STEPS: &[Step] = &[
    step("comfy-fp8", E4M3, [0, 0]),
    step("comfy-fp8-e5m2", E5M2, [0, 0]),
    step("scaled-fp8", E4M3, [0, 0]),
    step("comfy-int8", I8, [1, 0]),
    step("comfy-int8-tensor", I8, [0, 0]),
    // What 256 codes are off by is mixed: rarely more than three steps, and those are of the
    // rotated row, whose largest magnitude is another.
    step("comfy-int8-convrot", [0.0, 4.0 / 127.0], [1, 0]),
    step("comfy-nvfp4", E2M1, [1, 16]),
    // A power of two may be twice what is needed.
    step("comfy-mxfp8", [E4M3[0], 2.0 * E4M3[1]], [1, 32]),
    step("block-fp8", E4M3, [128, 128]),
    // Scales in bf16 are off by one part in 512, which moves the last codes by half a step.
    step("ct-fp8", [E4M3[0] * 1.05, E4M3[1] * 1.05], [1, 0]),
    step("ct-int8", [0.0, 1.0 / 127.0], [1, 0]),
    step("ct-int4", [0.0, 1.0 / 7.5], [1, 128]),
    step("ct-nvfp4", E2M1, [1, 16]),
    // A power of two below the largest magnitude over 6, so that it lies beyond the last code.
    step("mxfp4", [0.25, 0.3 / 4.0], [1, 32]),
    step("modelopt-nvfp4", E2M1, [1, 16]),
];

impl Step {
    /// How far each number of a matrix may be from its code.
    pub fn bounds(&self, numbers: &[f64], columns: usize) -> Vec<f64> {
        let rows = numbers.len() / columns;
        let [down, across] =
            [(self.rows, rows), (self.columns, columns)].map(|(of, all)| match of {
                0 => all,
                of => of,
            });
        let group =
            |at: usize| (at / columns / down) * columns.div_ceil(across) + at % columns / across;
        let mut largest = vec![0.0_f64; rows.div_ceil(down) * columns.div_ceil(across)];
        for (at, number) in numbers.iter().enumerate() {
            largest[group(at)] = largest[group(at)].max(number.abs());
        }
        let bound = |(at, number): (usize, &f64)| {
            let least = self.least * largest[group(at)];
            least.max(self.relative * number.abs())
        };
        numbers.iter().enumerate().map(bound).collect()
    }
}
