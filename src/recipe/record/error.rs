//! What can be wrong with a record.

/// A record of which no recipe can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RecordError {
    #[error("it is no JSON: {fault}")]
    NotJson { fault: String },
    #[error("it has no `{place}`: it was written by another version, or by another program")]
    Missing { place: String },
    #[error("`{place}` is {found} where {wanted} should be")]
    Field {
        place: String,
        wanted: String,
        found: String,
    },
    #[error(
        "{place} is a rule of a program that called the library, which no record can say: make the \
         output again with that program and compare both with `wgmerge diff`"
    )]
    Rule { place: String },
    #[error(
        "`{place}` names the method `{id}`, which is not one of this program: give its file by \
         --method-file"
    )]
    Method { place: String, id: String },
    #[error("{place}: {fault}")]
    Unsound { place: String, fault: String },
}
