//! What happened: [`event`]s as they come, [`account`] puts losses against verdicts, [`record`] makes the trace and rows.

pub mod account;
pub mod event;
pub mod record;
