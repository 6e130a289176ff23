//! The workers and what they share: permits, buffers, times, adapters' factors, means of rows.

mod averages;
mod buffer;
mod busy;
mod carried;
mod changes;
mod deltas;
mod effects;
mod joints;
mod overflowed;
mod permits;
mod room;
mod spare;
pub(super) mod workers;

pub(super) use averages::{Average, Averages};
pub(super) use buffer::Buffer;
pub(super) use busy::Busy;
pub(super) use carried::Carried;
pub(super) use changes::Changes;
pub(super) use deltas::{Deltas, Ready, Scratch, product};
pub(super) use effects::Effects;
pub(super) use joints::Joints;
pub(super) use overflowed::Overflowed;
pub(super) use permits::Permits;
pub(super) use room::Room;
pub(super) use spare::Spare;
