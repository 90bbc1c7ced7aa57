//! What sockets send and receive, as rows of frames: there is no link to watch outside of labs.

use crate::net::observe::event::{Event, Flow, WhyUnsent};
use crate::net::observe::frame::{FrameRow, IcmpFrameCell, fates};
use crate::net::wire::Family;
use crate::net::wire::icmp::Message;

/// The row of what a socket of this machine has sent, received, or not sent; `None` for any other event.
pub(super) fn row(event: &Event<'_>) -> Option<FrameRow> {
    let (flow, data, fate) = match *event {
        Event::Sent { flow, data } => (flow, data, fates::SENT),
        Event::Received { flow, data } => (flow, data, fates::RECEIVED),
        Event::Unsent { flow, data, why: WhyUnsent::Decided(_) } => (flow, data, fates::DROPPED),
        Event::Unsent { flow, data, why: WhyUnsent::Refused(_) } => (flow, data, fates::REFUSED),
        _ => return None,
    };
    let mut row = of_data(flow, data, fate)?;
    match *event {
        Event::Received { .. } => row.arrival_ns = Some(flow.time),
        Event::Unsent { why, .. } => {
            row.lost_ns = Some(flow.time);
            match why {
                WhyUnsent::Decided(decided) => row.decided(decided, None),
                WhyUnsent::Refused(error) => row.cause = Some(error.message.clone()),
            }
        }
        _ => {}
    }
    Some(row)
}

fn of_data(flow: Flow<'_>, data: &[u8], fate: &'static str) -> Option<FrameRow> {
    if flow.host.is_some() {
        return None;
    }
    let family = Family::of(flow.to.ip());
    let message = (flow.protocol == "ICMP").then(|| Message::parse(family, data).ok()).flatten();
    let echo = message.and_then(|message| Some((message.kind, message.echo()?)));
    let data = if echo.is_some() { data.get(8..).unwrap_or_default() } else { data };
    let protocol = flow.protocol.to_ascii_lowercase();
    let mut row = FrameRow::bare(flow.time, protocol.into(), (flow.from, flow.to), data, fate);
    row.icmp = echo.map(|(kind, echo)| IcmpFrameCell::new(kind, Some((echo.id, echo.seq))));
    Some(row)
}
