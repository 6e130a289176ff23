//! How scales are chosen: the rules of the libraries.

use super::loops::{Extremes, Grid, Small};
use super::number::{epsilon, meant, rounded, stored};
use super::power::{self, Codes};
use super::scaling::{Kind, Scale, Scaling, Shift};
use super::{Exponent, Rule};
use crate::dtype::{DType, Float};
use crate::format::E8M0;

impl Scaling {
    /// The largest magnitude of a matrix, as it is when numbers have been rounded to their type.
    pub(super) fn largest(&self, most: f32) -> f32 {
        match (self.rule, self.kind) {
            // It looks for the largest before it rounds.
            (Rule::ConvertToQuant, Kind::Nested) => most,
            _ => rounded(self.source, most),
        }
    }

    /// The scale of a whole matrix, as stored in f32.
    pub(super) fn global(&self, most: f32) -> f32 {
        let most = self.largest(most);
        let global = match self.rule {
            Rule::CompressedTensors => {
                let inverse = rounded(self.source, 1.0 / most);
                rounded(self.source, inverse * 2688.0)
            }
            Rule::ComfyKitchen => rounded(self.source, most / 2688.0),
            _ => most / 2688.0,
        };
        if most == 0.0 {
            return 1.0;
        }
        if global.is_normal() || !most.is_finite() {
            return global;
        }
        // The type of the numbers does not hold it.
        match self.rule {
            Rule::CompressedTensors => (2688.0 / most).min(f32::MAX),
            _ => (most / 2688.0).max(f32::MIN_POSITIVE),
        }
    }

    /// The scale of numbers whose largest magnitude is `most`.
    pub(super) fn fresh(&self, most: f32, global: f32) -> Scale {
        match self.kind {
            Kind::Bare => Scale { bits: 0, by: 1.0 },
            Kind::Float => self.float(most),
            Kind::Power => {
                let byte = power::byte(self.exponent(), self.codes(), most);
                self.kept(u32::from(byte), global)
            }
            Kind::Square => {
                let least = f32::from_bits(0x0080_0000);
                let wanted = if most == 0.0 {
                    1.0
                } else {
                    1.0 / (self.top / most)
                };
                let byte = power::ceil_log2(wanted.max(least)) + 127;
                self.kept(byte.clamp(0, 254) as u32, global)
            }
            Kind::Nested => self.kept(stored(DType::F8E4M3, self.nested(most, global)), global),
        }
    }

    /// The scale and the zero point of integers that are not symmetric.
    pub(super) fn shifted(&self, extremes: Extremes) -> Shift {
        let near = |x| rounded(self.source, x);
        let Grid::Whole { least, most } = self.grid else {
            let scale = self.fresh(extremes.most, 1.0);
            return Shift { scale, shift: 0.0 };
        };
        let range = near(extremes.most - extremes.least);
        let scale = self.exact(near(range / (most - least)));
        if range == 0.0 {
            return Shift { scale, shift: 0.0 };
        }
        let shift = near(least - near(extremes.least / scale.by));
        Shift {
            scale,
            shift: shift.clamp(least, most).round_ties_even(),
        }
    }

    /// A scale that is a float.
    fn float(&self, most: f32) -> Scale {
        let divided = rounded(self.source, most / self.top);
        match self.rule {
            // Of int4 the magnitude has a least, of int8 the scale.
            Rule::ComfyKitchen if self.top == 7.0 => self.exact(most.max(1e-10) / self.top),
            Rule::ComfyKitchen if self.is_integer() => self.exact((most / self.top).max(1e-30)),
            Rule::ComfyKitchen => self.exact(self.bounded(most / self.top)),
            Rule::ConvertToQuant if self.is_integer() && !self.is_row => {
                let scale = most / self.top;
                self.exact(if self.is_block {
                    scale.max(1e-8)
                } else {
                    scale
                })
            }
            Rule::ConvertToQuant => self.inverse(most.max(1e-12)),
            Rule::Transformers => self.inverse(most),
            // The largest magnitude stands for the scale.
            Rule::BitsAndBytes => self.kept(most.to_bits(), 1.0),
            Rule::Musubi => self.exact(divided.max(1e-8)),
            Rule::CompressedTensors => self.exact(divided),
            _ => self.exact(most / self.top),
        }
    }

    /// The scale that its number says; of zeros any, as long as it is a number.
    fn exact(&self, scale: f32) -> Scale {
        let none = match self.rule {
            Rule::CompressedTensors => epsilon(self.source),
            _ => 1.0,
        };
        let bits = stored(self.scale, if scale == 0.0 { none } else { scale });
        self.kept(bits, 1.0)
    }

    /// The scale whose inverse is what numbers are multiplied with.
    fn inverse(&self, most: f32) -> Scale {
        if most == 0.0 {
            return self.exact(1.0);
        }
        let by = (self.top * (1.0 / most)).min(f32::MAX);
        let bits = stored(self.scale, 1.0 / by);
        Scale { bits, by }
    }

    /// A scale whose inverse the type of the numbers holds.
    fn bounded(&self, scale: f32) -> f32 {
        match self.source {
            Float::F16 if scale != 0.0 => 1.0 / (1.0 / scale).clamp(-65504.0, 65504.0),
            _ => scale,
        }
    }

    /// The finer of two scales.
    fn nested(&self, most: f32, global: f32) -> f32 {
        let (top, largest) = (self.top, 448.0);
        match self.rule {
            Rule::CompressedTensors => {
                let scale = stored(DType::F8E4M3, global * (most / top));
                match scale {
                    0 => 0.125,
                    _ => meant(DType::F8E4M3, E8M0::Ocp, scale),
                }
            }
            Rule::ModelOpt if most == 0.0 => 1.0,
            Rule::ModelOpt => (most / (top * global)).clamp(0.001_953_125, largest),
            _ => {
                let scale = (most / top) / global;
                if scale > largest { largest } else { scale }
            }
        }
    }

    fn exponent(&self) -> Exponent {
        match self.rule {
            Rule::Torchao(exponent) => exponent,
            Rule::CompressedTensors => Exponent::Even,
            _ => Exponent::LogRatio,
        }
    }

    fn codes(&self) -> Codes {
        let exponent = self.top.to_bits() >> 23;
        let mantissa = match (self.grid, self.rule) {
            // It rounds as if codes were those of mxfp4.
            (Grid::Float(Small { sign: 7, .. }), Rule::CompressedTensors) => 1,
            (Grid::Float(small), _) => small.mantissa,
            (Grid::Whole { .. }, _) => 0,
        };
        Codes {
            most: self.top,
            exponent: exponent as i32 - 127,
            mantissa,
        }
    }
}
