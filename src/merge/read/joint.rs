//! Reads tensors that an operation on several gives: elements in another order, or computed.

use std::sync::{Arc, PoisonError};

use crate::dtype::Float;
use crate::exec::cpu::product::decode;
use crate::kernel::joint::{Joined, Order};
use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::{Joint, JointSource};

/// Bytes of a source that are decoded at a time.
const BLOCK: usize = 64 << 10;
/// Elements that lie together are read by themselves if they are this many bytes; else what lies
/// along the dimension is read and put in order.
const RUN: u64 = 256;

/// Reads elements of a source, of so many bytes each, from one on.
type ReadSource<'a> = &'a dyn Fn(&JointSource, u64, u64, &mut [u8]) -> Result<(), MergeError>;

/// Reads what an operation gives.
#[derive(Clone, Copy)]
pub(super) struct JointReader<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) joint: &'a Joint,
    pub(super) source: ReadSource<'a>,
}

impl JointReader<'_> {
    /// Reads the elements from `start` on, of `unit` bytes each.
    pub(super) fn read(self, unit: u64, start: u64, target: &mut [u8]) -> Result<(), MergeError> {
        match &*self.result()? {
            Joined::Orders(orders) => {
                let order = &orders[self.joint.part];
                self.moved(order, unit, start, target)
            }
            Joined::Values(values) => {
                let unit = size_of::<f32>();
                let own = &values[start as usize..][..target.len() / unit];
                let copy = || target.copy_from_slice(bytemuck::cast_slice(own));
                self.shared.permits.with(copy);
                Ok(())
            }
        }
    }

    /// The result, found unless it is known.
    fn result(self) -> Result<Arc<Joined>, MergeError> {
        let memory = &self.shared.plan.memory;
        // A survey goes through tensors without an end of one.
        let most = (memory.lanes == 1).then_some(memory.stage_bytes);
        let cell = self.shared.joints.cell(self.joint, most);
        let mut result = cell.result.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*result {
            return Ok(Arc::clone(known));
        }
        let op = &self.joint.op.0;
        let sources = self.joint.sources.iter();
        let read = sources.filter(|_| op.reads());
        let values = read.map(|source| self.values(source));
        let values: Vec<Vec<f32>> = values.collect::<Result<_, _>>()?;
        let (level, shapes) = (self.shared.level, self.joint.shapes());
        let run = || op.run(&level, &shapes, values, self.joint.part);
        let found = Arc::new(self.shared.permits.with(run));
        *result = Some(Arc::clone(&found));
        Ok(found)
    }

    /// All values of a source, which must be finite.
    fn values(self, source: &JointSource) -> Result<Vec<f32>, MergeError> {
        let Some(float) = source.dtype.float() else {
            let fault = format!("`{}` is no float", source.name);
            return Err(MergeError::Internal(fault));
        };
        let unit = float.bytes();
        let mut values = vec![0.0; source.elements() as usize];
        let mut bytes = vec![0; if float == Float::F32 { 0 } else { BLOCK }];
        for (number, part) in values.chunks_mut(BLOCK / unit).enumerate() {
            let first = (number * (BLOCK / unit)) as u64;
            if float == Float::F32 {
                let target = bytemuck::cast_slice_mut(part);
                (self.source)(source, unit as u64, first, target)?;
            } else {
                let bytes = &mut bytes[..part.len() * unit];
                (self.source)(source, unit as u64, first, bytes)?;
                let level = self.shared.level;
                self.shared
                    .permits
                    .with(|| decode(level, float, bytes, part));
            }
            if let Some(at) = part.iter().position(|value| !value.is_finite()) {
                let model = source.bytes.model();
                return Err(MergeError::Unfit {
                    model: self.shared.checkpoints[model.index()].path().to_owned(),
                    key: source.name.clone(),
                    element: first + at as u64,
                    purpose: self.joint.op.0.purpose(),
                });
            }
        }
        Ok(values)
    }

    /// Reads elements that lie in another order.
    fn moved(
        self,
        order: &Order,
        unit: u64,
        start: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let source = self.joint.source();
        let inner: u64 = source.shape.iter().skip(order.axis + 1).product();
        let along = order.from.len() as u64;
        let whole = inner * along;
        let is_run = inner * unit >= RUN;
        let mut slice = vec![0; if is_run { 0 } else { (whole * unit) as usize }];
        let mut known = None;
        let (mut element, mut rest) = (start, target);
        while !rest.is_empty() {
            let (outer, within) = (element / whole, element % whole);
            let (place, skip) = (within / inner, within % inner);
            let from = u64::from(order.from[place as usize]);
            let len = (inner - skip).min(rest.len() as u64 / unit);
            let (part, behind) = rest.split_at_mut((len * unit) as usize);
            if is_run {
                let at = outer * whole + from * inner + skip;
                (self.source)(source, unit, at, part)?;
            } else {
                if known != Some(outer) {
                    (self.source)(source, unit, outer * whole, &mut slice)?;
                    known = Some(outer);
                }
                let at = ((from * inner + skip) * unit) as usize;
                part.copy_from_slice(&slice[at..at + part.len()]);
            }
            (element, rest) = (element + len, behind);
        }
        Ok(())
    }
}
