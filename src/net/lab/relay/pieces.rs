//! Datagrams that go in fragments: a fragment does not say whose probe it is a part of, all of them together do.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::verdict::{What, ends};
use crate::net::observe::loss_report::Ends;
use crate::net::policy::input::{Carried, Site};
use crate::net::socket::session::Session;
use crate::net::time::{Duration, Instant};
use crate::net::wire::content::Content;
use crate::net::wire::frame::Ip;
use crate::net::wire::ip::Protocol;

/// As many datagrams are remembered.
const ENOUGH: usize = 64;

/// How many fragments of a datagram are: the largest one has so many over a link that carries 68 octets (RFC 791).
const MOST: usize = 1_366;

/// Octets of the header of UDP and of an echo.
const HEADER: usize = 8;

/// What distinguishes a datagram in fragments from others (RFC 791, section 2.3).
type Id = (IpAddr, IpAddr, Protocol, u32);

/// The datagrams in fragments that came last.
#[derive(Debug, Default)]
pub(super) struct Pieces(VecDeque<Reassembly>);

#[derive(Debug)]
struct Reassembly {
    id: Id,
    /// Whom it is from and to: the first fragment says it.
    ends: Option<Ends>,
    /// What it carries, as far as it was seen, and which octets of it were.
    bytes: Vec<u8>,
    seen: Vec<(usize, usize)>,
    len: Option<usize>,
    content: Option<Content>,
    /// What happened to fragments, and is not attributed to the probe yet.
    incidents: Vec<(Instant, What<'static>, Site)>,
    /// Where something did, and how much it explains: one loss is explained once.
    sites: Vec<(Site, (u8, Duration))>,
}

impl Pieces {
    /// Looks at a frame as it comes onto a link.
    pub(super) fn see(&mut self, session: &Session, carried: &Carried<'_>) {
        let Some((ip, id)) = fragment(carried) else { return };
        let known = self.0.iter().position(|known| known.id == id);
        let at = known.unwrap_or_else(|| {
            if self.0.len() == ENOUGH {
                self.0.pop_front();
            }
            self.0.push_back(Reassembly::new(id));
            self.0.len() - 1
        });
        if let Some(datagram) = self.0.get_mut(at)
            && datagram.content.is_none()
        {
            datagram.add(carried, &ip);
            datagram.settle(session);
        }
    }

    /// Notes what happened to a frame that is a fragment: as soon as the rest is known it is attributed to the probe. Of what happened
    /// to several at one place, what explains a loss best.
    pub(super) fn note(
        &mut self,
        session: &Session,
        carried: &Carried<'_>,
        now: Instant,
        what: What<'static>,
        site: &Site,
    ) {
        let Some((_, id)) = fragment(carried) else { return };
        let Some(datagram) = self.0.iter_mut().find(|known| known.id == id) else { return };
        let weight = what.weight();
        match datagram.sites.iter_mut().find(|(known, _)| known == site) {
            Some((_, known)) if *known >= weight => return,
            Some((_, known)) => {
                *known = weight;
                datagram.incidents.retain(|(_, _, at)| at != site);
                if let (Some(ends), Some(content)) = (datagram.ends, datagram.content) {
                    session.loss_report.forget_other_fragment(ends, content, site);
                }
            }
            None => datagram.sites.push((site.clone(), weight)),
        }
        datagram.incidents.push((now, what, site.clone()));
        datagram.settle(session);
    }
}

impl Reassembly {
    fn new(id: Id) -> Self {
        let (bytes, seen, incidents, sites) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { id, ends: None, bytes, seen, len: None, content: None, incidents, sites }
    }

    fn add(&mut self, carried: &Carried<'_>, ip: &Ip) {
        let (Some(fragment), Some(bytes)) = (ip.fragment, carried.bytes.get(ip.segment())) else { return };
        if self.seen.len() == MOST {
            return;
        }
        let start = usize::from(fragment.offset);
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes);
        if !self.seen.contains(&(start, end)) {
            self.seen.push((start, end));
        }
        if start == 0 {
            self.ends = ends(carried, ip);
        }
        if !fragment.more {
            self.len = Some(end);
        }
        let whole: usize = self.seen.iter().map(|(start, end)| end - start).sum();
        if self.len == Some(whole) && whole >= HEADER {
            self.content = Some(Content::of(&self.bytes[HEADER..whole]));
            (self.bytes, self.seen) = (Vec::new(), Vec::new());
        }
    }

    fn settle(&mut self, session: &Session) {
        if let (Some(ends), Some(content)) = (self.ends, self.content) {
            for (at, what, site) in self.incidents.drain(..) {
                what.enter(session, at, ends, content, &site);
            }
        }
    }
}

fn fragment(carried: &Carried<'_>) -> Option<(Ip, Id)> {
    let ip = carried.frame.ip.filter(|ip| ip.fragment.is_some() && !carried.frame.malformed)?;
    Some((ip, (ip.source, ip.destination, ip.protocol, ip.identification?)))
}
