//! Random operations, with a plain list of probes as the model.

use super::*;

/// One probe as the model sees it.
struct ModelProbe {
    peer: SocketAddr,
    key: Key,
    len: usize,
    sent: i64,
    reply_by: i64,
    settle_by: i64,
    state: State,
    has_reply: bool,
    /// The step at which it was settled, or replied to after that.
    settled: u64,
}

/// A generator whose draws follow from the seed (xorshift).
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

#[derive(Default)]
struct Model {
    probes: Vec<ModelProbe>,
    step: u64,
    counts: Counts,
}

impl Model {
    /// The probe that a reply is to; with this length, if one is asked for.
    fn find(&self, peer: SocketAddr, key: Key, len: Option<usize>) -> Option<usize> {
        let is_it = move |p: &ModelProbe| p.peer == peer && p.key == key && len.is_none_or(|len| p.len == len);
        let of_key = || self.probes.iter().enumerate().filter(move |(_, p)| is_it(p));
        let pending = of_key().rfind(|(_, p)| p.state == State::Pending);
        let last = |has_reply| {
            of_key()
                .filter(|(_, p)| p.state != State::Pending && p.has_reply == has_reply)
                .max_by_key(|(_, p)| p.settled)
        };
        pending.or_else(|| last(false)).or_else(|| last(true)).map(|(at, _)| at)
    }

    fn settle(&mut self, at: usize, state: State) {
        let probe = &mut self.probes[at];
        assert_eq!(probe.state, State::Pending);
        probe.state = state;
        probe.settled = self.step;
    }

    fn whole_reply(&mut self, at: usize, now: i64) -> Arrival {
        let id = ProbeId::from_number(at as u64 + 1);
        if self.probes[at].has_reply {
            self.counts.duplicate += 1;
            return Arrival::Duplicate { id };
        }
        let timed_out = self.probes[at].state == State::Pending;
        let arrival = if timed_out && now <= self.probes[at].reply_by {
            let peer = self.probes[at].peer;
            let replied = |p: &&ModelProbe| p.peer == peer && p.state == State::Replied;
            let first_newer = self.probes[at..].iter().filter(replied).map(|p| p.settled).min();
            let since = |first| self.probes.iter().filter(replied).filter(|p| p.settled >= first).count() as u64;
            let (reordered, extent) = (first_newer.is_some(), first_newer.map_or(0, since));
            self.counts.reorder_extent = self.counts.reorder_extent.max(extent);
            self.settle(at, State::Replied);
            self.counts.reordered += u64::from(reordered);
            Arrival::Reply { id, rtt: ms(now - self.probes[at].sent), reordered }
        } else {
            if timed_out {
                self.settle(at, State::TimedOut);
            }
            self.counts.late += 1;
            Arrival::Late { id: Some(id), timed_out }
        };
        self.probes[at].has_reply = true;
        self.probes[at].settled = self.step;
        arrival
    }

    fn reply(&mut self, now: i64, peer: SocketAddr, key: Key, content: Content) -> Arrival {
        let Some(at) = self.find(peer, key, None) else {
            self.counts.foreign += 1;
            return Arrival::Foreign;
        };
        if let Some(at) = self.find(peer, key, Some(content.len)).filter(|_| content.hash == MESSAGE.hash) {
            return self.whole_reply(at, now);
        }
        let id = ProbeId::from_number(at as u64 + 1);
        let expected = self.probes[at].len;
        if content.len < expected {
            self.counts.truncated += 1;
            Arrival::Truncated { id }
        } else {
            self.counts.corrupt += 1;
            Arrival::Corrupt { id }
        }
    }

    fn error(&mut self, now: i64, at: usize) -> ErrorArrival {
        let in_time = self.probes.get(at).map(|p| (p.state == State::Pending, now <= p.settle_by));
        match in_time {
            Some((true, true)) => {
                self.settle(at, State::Errored);
                ErrorArrival::Settled { id: ProbeId::from_number(at as u64 + 1), after: ms(now - self.probes[at].sent) }
            }
            Some((true, false)) => {
                self.settle(at, State::TimedOut);
                self.counts.stray_errors += 1;
                ErrorArrival::Stray { timed_out: true }
            }
            _ => {
                self.counts.stray_errors += 1;
                ErrorArrival::Stray { timed_out: false }
            }
        }
    }

    fn expire(&mut self, now: i64) -> Vec<ProbeId> {
        let due = |p: &ModelProbe| p.state == State::Pending && p.settle_by <= now;
        let mut expired: Vec<usize> = (0..self.probes.len()).filter(|&at| due(&self.probes[at])).collect();
        expired.sort_by_key(|&at| self.probes[at].settle_by);
        for &at in &expired {
            self.step += 1;
            self.settle(at, State::TimedOut);
        }
        expired.into_iter().map(|at| ProbeId::from_number(at as u64 + 1)).collect()
    }

    fn counts(&self) -> Counts {
        let of = |state| self.probes.iter().filter(|p| p.state == state).count() as u64;
        let (replied, errored, timed_out) = (of(State::Replied), of(State::Errored), of(State::TimedOut));
        let counts = Counts { sent: self.probes.len() as u64, replied, errored, timed_out, ..self.counts };
        assert_eq!(counts.sent, replied + errored + timed_out + of(State::Pending));
        counts
    }
}

#[test]
fn any_course_of_events_agrees_with_a_plain_list() {
    let total: Counts = (1..=60).map(|seed| run(seed, 600)).sum();
    // The course is no proof if some of it never happens.
    let Counts { replied, errored, timed_out, late, duplicate, reordered, foreign, truncated, corrupt, .. } = total;
    for count in [replied, errored, timed_out, late, duplicate, reordered, foreign, truncated, corrupt] {
        assert!(count > 100, "{total:?}");
    }
}

fn run(seed: u64, steps: usize) -> Counts {
    let mut draws = Draws(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let (mut ledger, mut model) = (Ledger::new(), Model::default());
    let mut now = 0_i64;
    for step in 0..steps {
        model.step += 1;
        now += draws.below(20) as i64;
        // Entered late: stamps lie before the clock.
        let stamp = now - draws.below(60) as i64;
        let to = peer(draws.below(3) as u8);
        let number = draws.below(5);
        let key = if draws.below(3) == 0 { Key::Content(number) } else { Key::Number(number) };
        let any = draws.below(model.probes.len() as u64 + 2) as usize;
        let id = ProbeId::from_number(any as u64 + 1);
        let context = format!("seed {seed} step {step}");
        match draws.below(12) {
            0..=3 => {
                let (reply, error, len) =
                    (draws.below(1500) as i64, draws.below(50) as i64, 4 + usize::from(draws.below(8) == 0));
                let content = Content { len, ..MESSAGE };
                let id = ledger.send(at(now), to, key, content, ms(reply), ms(error));
                let (reply_by, settle_by) = (now + reply, now + reply + error);
                let (state, has_reply, settled, peer) = (State::Pending, false, 0, to);
                model.probes.push(ModelProbe {
                    peer,
                    key,
                    len,
                    sent: now,
                    reply_by,
                    settle_by,
                    state,
                    has_reply,
                    settled,
                });
                assert_eq!(id.number(), model.probes.len() as u64, "{context}");
            }
            4..=7 => {
                let hash = MESSAGE.hash + u64::from(draws.below(8) == 0);
                let content = Content { hash, len: [4, 4, 4, 4, 4, 3, 5, 6][draws.below(8) as usize] };
                let expected = model.reply(stamp, to, key, content);
                assert_eq!(ledger.reply(at(stamp), to, key, content), expected, "{context}");
            }
            8 => {
                let expected = match any < model.probes.len() {
                    true => model.whole_reply(any, stamp),
                    false => {
                        model.counts.foreign += 1;
                        Arrival::Foreign
                    }
                };
                assert_eq!(ledger.reply_to(at(stamp), id), expected, "{context}");
            }
            9 => {
                let blame = if draws.below(2) == 0 { Blame::Named(id) } else { Blame::Assumed(id) };
                assert_eq!(ledger.error(at(stamp), blame), model.error(stamp, any), "{context}");
            }
            10 => assert_eq!(ledger.expire(at(now)), model.expire(now), "{context}"),
            _ => {
                ledger.advisory();
                ledger.stray(Stray::Corrupt);
                ledger.miss(2);
                model.counts.advisory += 1;
                model.counts.corrupt += 1;
                model.counts.missed_slots += 2;
            }
        }
        compare(&ledger, &model, &context);
    }
    super::counts(&ledger)
}

fn compare(ledger: &Ledger, model: &Model, context: &str) {
    assert_eq!(super::counts(ledger), model.counts(), "{context}");
    let pending = || model.probes.iter().enumerate().filter(|(_, p)| p.state == State::Pending);
    assert_eq!(ledger.next_expiry(), pending().map(|(_, p)| at(p.settle_by)).min(), "{context}");
    for (n, probe) in model.probes.iter().enumerate() {
        let record = ledger.record(ProbeId::from_number(n as u64 + 1)).map(|r| (r.to, r.key, r.state, r.has_reply));
        assert_eq!(record, Some((probe.peer, probe.key, probe.state, probe.has_reply)), "{context}");
    }
    for host in 0..3 {
        let ids = pending().filter(|(_, p)| p.peer == peer(host)).map(|(n, _)| ProbeId::from_number(n as u64 + 1));
        let ids: Vec<_> = ids.collect();
        assert_eq!(ledger.pending(peer(host)).collect::<Vec<_>>(), ids, "{context}");
        assert_eq!(ledger.oldest_pending(peer(host)), ids.first().copied(), "{context}");
    }
}
