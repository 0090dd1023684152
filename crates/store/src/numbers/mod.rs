//! What is counted of messages besides what `series` keeps over time: where they stand, whether they were on time, who
//! tapped their links.

pub(crate) mod clicks;
pub(crate) mod on_time;
pub(crate) mod tally;
