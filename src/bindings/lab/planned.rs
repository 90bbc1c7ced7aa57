//! Changes of links that are planned before a run begins: by `--change`, and by the sliders of the playground.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::link::{LabLink, RATE, rate};
use crate::bindings::context;
use crate::net::error::Error;
use crate::net::lab::relay::{Direction, LinkChange};
use crate::net::policy::Action;
use crate::net::policy::attached::{AttachedPolicy, Policy};
use crate::net::policy::native::Native;
use crate::net::random::{RandomStream, number_of};
use crate::net::time::Duration;

/// A change as it is written: `1.5s a-b loss=0.2`.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// How long after the beginning of the run.
    at: Duration,
    /// The name of the link.
    link: String,
    to: Property,
}

/// What a link is to be like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Property {
    Delay(Duration),
    Rate(Option<u64>),
    Loss(f64),
}

impl FromStr for PlannedChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [at, link, property] = words[..] else {
            return Err("write a time, a link, and what it is to be like: \"1.5s a-b delay=20ms\"".to_string());
        };
        let time = |text: &str| {
            let time = Duration::parse(text).filter(|time| !time.is_negative());
            time.ok_or_else(|| format!("{text} is no time, such as 1.5s or 20ms"))
        };
        let to = match property.split_once('=') {
            Some(("delay", delay)) => Property::Delay(time(delay)?),
            Some(("rate", "none")) => Property::Rate(None),
            Some(("rate", text)) => match rate(&text.to_string().into()) {
                Some(rate) => Property::Rate(Some(rate)),
                None => return Err(format!("a rate is {RATE}, or none, not {text}")),
            },
            Some(("loss", text)) => match text.parse() {
                Ok(share) if (0.0..=1.0).contains(&share) => Property::Loss(share),
                _ => return Err(format!("a loss is a share from 0 to 1, not {text}")),
            },
            _ => return Err(format!("{property} is none of delay=20ms, rate=10M, rate=none and loss=0.1")),
        };
        Ok(Self { at: time(at)?, link: link.to_string(), to })
    }
}

/// What is planned for a run, and whether it has had the link.
#[derive(Debug, Default)]
pub struct PlannedChanges(OnceLock<Vec<(PlannedChange, AtomicBool)>>);

impl PlannedChanges {
    /// Sets it, once.
    pub fn set(&self, changes: Vec<PlannedChange>) {
        let _ = self.0.set(changes.into_iter().map(|change| (change, AtomicBool::new(false))).collect());
    }

    /// The links that are to change and that the run has not had.
    pub fn without_link(&self) -> impl Iterator<Item = &str> {
        let all = self.0.get().into_iter().flatten();
        all.filter(|(_, has_link)| !has_link.load(Ordering::Relaxed)).map(|(change, _)| change.link.as_str())
    }
}

/// Has `link` change as it is planned. Losses are drawn from a stream of their own: the draws of the script stay what they are.
pub(super) fn plan(link: &LabLink) -> Result<(), Error> {
    let run = context::current().run;
    let Some(world) = run.host.simulated().map(|host| host.world().clone()) else { return Ok(()) };
    let changes = run.part::<PlannedChanges>();
    let stream = RandomStream::of_seed(run.seed.value).beneath(number_of(link.net().name()));
    let all = changes.0.get().into_iter().flatten().enumerate();
    for (number, (change, has_link)) in all.filter(|(_, (change, _))| change.link == link.net().name()) {
        has_link.store(true, Ordering::Relaxed);
        let to = match change.to {
            Property::Delay(delay) => LinkChange::Delay(delay),
            Property::Rate(rate) => LinkChange::Rate(rate),
            Property::Loss(share) => {
                run.seed.mark_used();
                let loss = Native::chance(share, Action::Drop)?;
                let (name, site) = (loss.to_string(), link.net().site(Direction::Both));
                let policy = AttachedPolicy::new(Policy::Native(loss), stream.beneath(number as u64), &site)?;
                LinkChange::Policy(Box::new(policy), name)
            }
        };
        link.net().change_at(world.now() - world.elapsed() + change.at, to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_is_written() {
        let read = |text: &str| text.parse::<PlannedChange>();
        let of = |to| Ok(PlannedChange { at: Duration::from_millis(1500), link: "a-b".to_string(), to });
        assert_eq!(read("1.5s a-b delay=20ms"), of(Property::Delay(Duration::from_millis(20))));
        assert_eq!(read("1.5s a-b rate=10M"), of(Property::Rate(Some(10_000_000))));
        assert_eq!(read("1.5s  a-b rate=none"), of(Property::Rate(None)));
        assert_eq!(read("1.5s a-b loss=0.2"), of(Property::Loss(0.2)));
        for wrong in ["", "1s a-b", "1s a-b loss=2", "1s a-b rate=0", "-1s a-b loss=0", "1 a-b loss=0", "1s a-b mtu=9"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
