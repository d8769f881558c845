//! What an embedded broker can be told to refuse.

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

/// A kind of request, by the name that Kafka's protocol gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A producer hands over messages.
    Produce,
    /// A consumer asks for messages.
    Fetch,
    /// A consumer commits offsets.
    OffsetCommit,
    /// A consumer asks what was committed.
    OffsetFetch,
    /// A client asks who is in charge of its group.
    FindCoordinator,
}

impl Request {
    pub(crate) fn key(self) -> RDKafkaApiKey {
        match self {
            Self::Produce => RDKafkaApiKey::Produce,
            Self::Fetch => RDKafkaApiKey::Fetch,
            Self::OffsetCommit => RDKafkaApiKey::OffsetCommit,
            Self::OffsetFetch => RDKafkaApiKey::OffsetFetch,
            Self::FindCoordinator => RDKafkaApiKey::FindCoordinator,
        }
    }
}

/// How a request is refused; the numbers are those of Kafka's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    /// No answer: the connection breaks.
    Disconnect = -195,
    /// The coordinator is loading: the same request succeeds a little later.
    CoordinatorLoading = 14,
    /// Somebody else is the coordinator now: the client asks who, and tries again.
    NotCoordinator = 16,
    /// The group has gone on without this member: final for what it holds.
    IllegalGeneration = 22,
    /// The group has thrown this member out: final for what it holds.
    UnknownMember = 25,
    /// The group is being shared out again: succeeds when tried again.
    RebalanceInProgress = 27,
    /// The group has thrown this member out, in the newer protocol: final for what it holds.
    FencedMemberEpoch = 110,
    /// The member is behind its group, in the newer protocol: succeeds after its next heartbeat.
    StaleMemberEpoch = 113,
}

impl Refusal {
    pub(crate) fn code(self) -> RDKafkaRespErr {
        RDKafkaRespErr::try_from(self as i32).expect("the number of an error that librdkafka knows")
    }
}
