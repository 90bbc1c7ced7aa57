//! What happened: [`event`]s as they come, [`loss_report`] puts losses against verdicts, [`record`] makes the trace and rows.

pub mod check;
pub mod check_group;
pub mod event;
pub mod frame;
pub mod loss_report;
pub mod record;
