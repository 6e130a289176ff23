//! The arithmetic of an effect, out of decoded entries.

use super::adapted::{Adapted, Effect, Form, Scale};
use super::role::Role;
use crate::adapter::{
    Axis, Bank, Cayley, Change, Delta, Dialect, Factor, Glora, Kind, Magnitude, Matrix, Multiplied,
    Product, Rotation, Tokens,
};

/// Where the decoded parts are.
struct Decoded<'f, 'a> {
    factor: &'f dyn Fn(Role) -> Option<Factor<'a>>,
}

impl Adapted {
    /// What an effect of this module does, given its parts in f32. None where a part is missing,
    /// which it is not if `factor` knows all of [`Adapted::parts`].
    ///
    /// `outputs` is the first dimension of the tensor that the adapter was trained for: of the
    /// fused tensor's rows that it changes.
    pub fn change<'a>(
        &self,
        effect: &Effect,
        outputs: u64,
        strength: f64,
        factor: &dyn Fn(Role) -> Option<Factor<'a>>,
    ) -> Option<Change<'a>> {
        let parts = Decoded { factor };
        let scale = match effect.scale {
            Scale::Number(number) => number,
            Scale::Alpha { rank } => match parts.number(Role::Alpha)? {
                0.0 => 1.0,
                alpha => f64::from(alpha) / rank as f64,
            },
        };
        Some(Change {
            kind: parts.kind(&effect.form, outputs)?,
            scale,
            strength,
        })
    }
}

fn product<'a>(up: Factor<'a>, down: Factor<'a>) -> Matrix<'a> {
    Matrix::Product(Product {
        up,
        down,
        values: None,
        is_flipped: false,
    })
}

fn tucker<'a>(core: Factor<'a>, up: Factor<'a>, down: Factor<'a>, rows_first: bool) -> Matrix<'a> {
    Matrix::Tucker {
        core,
        up,
        down,
        rows_first,
    }
}

impl<'a> Decoded<'_, 'a> {
    fn part(&self, role: Role) -> Option<Factor<'a>> {
        (self.factor)(role)
    }

    fn number(&self, role: Role) -> Option<f32> {
        self.part(role)?.values.first().copied()
    }

    fn kind(&self, form: &Form, outputs: u64) -> Option<Kind<'a>> {
        let added = |delta: Delta<'a>| Kind::Added {
            delta,
            magnitude: self.magnitude(false),
        };
        Some(match form {
            Form::Lora { is_flipped } => Kind::Added {
                delta: Delta::One(self.lora(*is_flipped)?),
                magnitude: self.magnitude(*is_flipped),
            },
            Form::Loha => added(self.loha()?),
            Form::Lokr => added(self.lokr()?),
            Form::Added(role) => Kind::Added {
                delta: Delta::One(Matrix::Whole(self.part(*role)?)),
                magnitude: None,
            },
            Form::Replaced(role) => Kind::Replaced(self.part(*role)?),
            Form::Bank => Kind::Bank(Bank {
                up: self.part(Role::Up)?,
                down: self.part(Role::Down)?,
            }),
            Form::Tokens(rows) => Kind::Tokens(Tokens {
                rows: rows.clone(),
                values: self.part(Role::Tokens)?,
            }),
            Form::Ia3 { is_input } => Kind::Multiplied(self.ia3(*is_input)?),
            Form::Ia3Step => Kind::Multiplied(Multiplied {
                by: self.part(Role::Weight)?,
                axis: match self.number(Role::OnInput)? {
                    0.0 => Axis::Rows,
                    _ => Axis::Columns,
                },
                is_step: true,
            }),
            Form::Glora => Kind::Glora(Glora {
                a1: self.part(Role::GloraA1)?,
                a2: self.part(Role::GloraA2)?,
                b1: self.part(Role::GloraB1)?,
                b2: self.part(Role::GloraB2)?,
            }),
            Form::Oft | Form::OftInputs { .. } | Form::Boft | Form::Hra => {
                Kind::Rotated(self.rotation(form, outputs)?)
            }
        })
    }

    fn rotation(&self, form: &Form, outputs: u64) -> Option<Rotation<'a>> {
        Some(match form {
            Form::OftInputs { terms, most } => {
                let entries = self.part(Role::OftR)?;
                let blocks = entries.rows() as f32;
                Rotation::Inputs {
                    entries,
                    cayley: terms.map_or(Cayley::Exact, Cayley::Neumann),
                    most: most.map(|most| most as f32 / blocks.sqrt()),
                }
            }
            Form::Boft => Rotation::Blocks {
                blocks: self.part(Role::BoftR)?,
                scales: self.part(Role::BoftS),
            },
            Form::Hra => Rotation::Reflections(self.part(Role::HraU)?),
            _ => {
                let alpha = self.number(Role::Alpha).filter(|alpha| *alpha != 0.0);
                Rotation::Outputs {
                    blocks: self.part(Role::OftBlocks)?,
                    rescale: self.part(Role::Rescale),
                    most: alpha.map(|alpha| alpha * outputs as f32),
                }
            }
        })
    }

    /// The norms of a DoRA.
    fn magnitude(&self, is_flipped: bool) -> Option<Magnitude<'a>> {
        if let Some(values) = self.part(Role::Magnitude) {
            return Some(Magnitude {
                values,
                axis: if is_flipped {
                    Axis::Columns
                } else {
                    Axis::Rows
                },
                dialect: Dialect::Peft,
            });
        }
        let values = self.part(Role::DoraScale)?;
        // [1, in, …] is of inputs; [out, 1, …] and [out] of outputs.
        let is_input = values.shape.len() > 1 && values.shape[0] == 1;
        Some(Magnitude {
            values,
            axis: if is_input { Axis::Columns } else { Axis::Rows },
            dialect: Dialect::Lycoris,
        })
    }

    fn lora(&self, is_flipped: bool) -> Option<Matrix<'a>> {
        let pair = self.part(Role::Up).zip(self.part(Role::Down));
        let (up, down) = match pair {
            Some(pair) => pair,
            None => (
                self.part(Role::EmbeddingUp)?,
                self.part(Role::EmbeddingDown)?,
            ),
        };
        Some(match self.part(Role::Mid) {
            Some(core) => tucker(core, up, down, true),
            None => Matrix::Product(Product {
                up,
                down,
                values: self.part(Role::Values),
                is_flipped,
            }),
        })
    }

    fn loha(&self) -> Option<Delta<'a>> {
        let side = |up: Role, down: Role, core: Role| {
            let (up, down) = (self.part(up)?, self.part(down)?);
            Some(match self.part(core) {
                Some(core) => tucker(core, up, down, false),
                None => product(up, down),
            })
        };
        Some(Delta::Hadamard(
            side(Role::Hada1A, Role::Hada1B, Role::Hada1T)?,
            side(Role::Hada2A, Role::Hada2B, Role::Hada2T)?,
        ))
    }

    fn lokr(&self) -> Option<Delta<'a>> {
        let first = match self.part(Role::Lokr1) {
            Some(whole) => Matrix::Whole(whole),
            None => product(self.part(Role::Lokr1A)?, self.part(Role::Lokr1B)?),
        };
        let second = match self.part(Role::Lokr2) {
            Some(whole) => Matrix::Whole(whole),
            None => {
                let (up, down) = (self.part(Role::Lokr2A)?, self.part(Role::Lokr2B)?);
                match self.part(Role::Lokr2T) {
                    Some(core) => tucker(core, up, down, false),
                    None => product(up, down),
                }
            }
        };
        Some(Delta::Kronecker(first, second))
    }

    fn ia3(&self, is_input: bool) -> Option<Multiplied<'a>> {
        Some(Multiplied {
            by: self.part(Role::Ia3)?,
            axis: if is_input { Axis::Columns } else { Axis::Rows },
            is_step: false,
        })
    }
}
