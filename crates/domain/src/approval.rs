//! What waits for a person's word, and what became of it.

use crate::message::words;

words! {
    /// What a person is asked about.
    Subject {
        /// One message.
        Message = "message",
    }
}

words! {
    /// Where an approval stands.
    ApprovalState {
        /// Nobody has decided.
        Waiting = "waiting",
        /// It was let go.
        Approved = "approved",
        /// It was refused.
        Rejected = "rejected",
        /// What it was about ended otherwise: it expired, was cancelled or erased.
        Lapsed = "lapsed",
    }
}

words! {
    /// What a person says.
    Decision {
        /// Let it go.
        Approve = "approve",
        /// It does not go.
        Reject = "reject",
    }
}

impl Decision {
    /// Where an approval stands by it.
    pub fn state(self) -> ApprovalState {
        match self {
            Self::Approve => ApprovalState::Approved,
            Self::Reject => ApprovalState::Rejected,
        }
    }
}
