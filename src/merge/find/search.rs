//! The reductions of some tensors, and where in what they range over each tensor lies.

use indexmap::IndexMap;

use crate::kernel::reduce::{Extent, Found};
use crate::kernel::{Compute, Reduction, Row, Scope, Statistic, TILE};
use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::{Group, JobId, OutputId, Plan, ProgramId};

/// Reductions that are found in the same passes.
#[derive(Debug)]
pub(super) struct Search<'p> {
    pub(super) subjects: Vec<Subject<'p>>,
    pub(super) reductions: Vec<Box<dyn Reduction>>,
}

/// A tensor, for one output, with what one Program shows of it.
#[derive(Debug)]
pub(super) struct Subject<'p> {
    pub(super) job: JobId,
    pub(super) output: OutputId,
    pub(super) program: ProgramId,
    pub(super) compute: Compute,
    pub(super) elements: u64,
    pub(super) members: Vec<Member<'p>>,
}

/// A statistic of a tensor.
#[derive(Debug)]
pub(super) struct Member<'p> {
    statistic: &'p Statistic,
    /// The number of the reduction that finds it.
    pub(super) reduction: usize,
    /// The tile of what the reduction ranges over with which the tensor begins.
    pub(super) tile: u64,
    /// How many outputs of the Program it asks about.
    pub(super) asks: usize,
}

/// What may be held, and how elements are shown.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Bytes for all reductions together.
    pub(super) bytes: usize,
    /// Whether one reader on the host shows them in order.
    pub(super) collects: bool,
}

/// What a reduction ranges over.
#[derive(PartialEq, Eq, Hash)]
enum Ranged {
    /// A statistic of a subject.
    Tensor(usize, usize),
    /// The tensors of a model, for one output: of each the statistic of so many of that scope.
    Model(OutputId, Scope, usize),
}

impl<'p> Search<'p> {
    /// Begins to find statistics of outputs of tensors.
    pub(super) fn new(
        plan: &'p Plan,
        of: impl Iterator<Item = (JobId, OutputId, &'p Group)>,
        room: Room,
    ) -> Search<'p> {
        let mut ranges: IndexMap<Ranged, (Extent, &'p Statistic)> = IndexMap::new();
        let mut subjects = Vec::new();
        for (job, output, group) in of {
            let elements = plan.jobs[job].elements;
            let tiles = elements.div_ceil(TILE as u64);
            let statistics = plan.jobs[job].work(output).map(|work| &work.statistics[..]);
            let mut members = Vec::with_capacity(group.statistics.len());
            for (number, at) in group.statistics.iter().enumerate() {
                let own = statistics.unwrap_or_default();
                let statistic = &own[at.index()];
                let ranged = match statistic.scope {
                    Scope::Tensor => Ranged::Tensor(subjects.len(), number),
                    scope @ Scope::Model { .. } => {
                        let before = own[..at.index()].iter().filter(|own| own.scope == scope);
                        Ranged::Model(output, scope, before.count())
                    }
                };
                let entry = ranges.entry(ranged);
                let reduction = entry.index();
                let (extent, _) = entry.or_insert((nothing(statistic, room), statistic));
                let tile = extent.tiles;
                extent.tiles += tiles;
                extent.elements += elements;
                extent.among += statistic.among(elements);
                members.push(Member {
                    statistic,
                    reduction,
                    tile,
                    asks: statistic.asks(),
                });
            }
            subjects.push(Subject {
                job,
                output,
                program: group.program,
                compute: plan.programs[group.program].compute(),
                elements,
                members,
            });
        }
        let bytes = room.bytes / ranges.len().max(1);
        let reductions = ranges.into_values().map(|(extent, statistic)| {
            let room = bytes;
            statistic.reduce.begin(Extent { room, ..extent })
        });
        Search {
            subjects,
            reductions: reductions.collect(),
        }
    }

    /// What was found of each statistic of a subject.
    pub(super) fn found(&self, subject: usize) -> Vec<Found> {
        let members = self.subjects[subject].members.iter();
        members
            .map(|member| self.reductions[member.reduction].found())
            .collect()
    }

    /// The fault of a reduction of which two passes do not agree.
    pub(super) fn contradiction(&self, shared: &Shared<'_>, reduction: usize) -> MergeError {
        let sees = |subject: &&Subject<'_>| {
            let mut members = subject.members.iter();
            members.any(|member| member.reduction == reduction)
        };
        let job = self.subjects.iter().find(sees).map(|subject| subject.job);
        shared.contradiction(job.unwrap_or_default())
    }
}

impl Subject<'_> {
    /// Puts what was found into a row.
    pub(super) fn fill(&self, found: &[Found], row: &mut Row) {
        for (member, found) in self.members.iter().zip(found) {
            member.statistic.fill(found, member.tile, self.compute, row);
        }
    }
}

/// The extent of no tensor yet.
fn nothing(statistic: &Statistic, room: Room) -> Extent {
    Extent {
        values: statistic.values.len(),
        tiles: 0,
        elements: 0,
        among: 0,
        room: 0,
        collects: room.collects,
    }
}
