//! A packet of which there are copies is lost with the last of them.

use super::delays::said_of;
use super::*;

fn link(name: &str) -> Site {
    Site::Link(name.into())
}

/// What is said of a ping that was sent twice on its first link, and of whose copies this became; when its late reply came.
fn said(met: &[(u64, Site, Action)], came: Option<u64>) -> String {
    let sent_twice = (0, link("a-r from a"), Action::Duplicate(2));
    said_of(&[&[sent_twice], met].concat(), came)
}

#[test]
fn the_loss_of_one_copy_is_not_that_of_the_packet() {
    let drop = |ms| (ms, link("r-b from r"), Action::Drop);
    assert_eq!(said(&[drop(1)], None), "1 unexplained: seq 1", "the other was lost where no one looks");
    let both = "seq 1: dropped by a.rhai:3 on r-b from r\n  0 unexplained";
    assert_eq!(said(&[drop(1), drop(2)], None), both);
    let server = (3, site(), Action::Drop);
    assert_eq!(said(&[drop(1), server.clone()], None), "seq 1: dropped by a.rhai:3\n  0 unexplained", "the last one");
    assert_eq!(said(&[server.clone(), server], None), "seq 1: dropped by a.rhai:3\n  0 unexplained");
}

#[test]
fn what_became_of_the_other_copy_explains_the_loss() {
    let drop = (1, link("r-b from r"), Action::Drop);
    let delay = (2, link("r-b from b"), Action::Delay(Duration::from_millis(60)));
    let late = "seq 1: delayed 60ms by a.rhai:3 on r-b from b\n  0 unexplained";
    assert_eq!(said(&[drop.clone(), delay], Some(70)), late);
    let corrupt = (2, link("r-b from b"), Action::Corrupt);
    assert_eq!(said(&[drop, corrupt], None), "seq 1: corrupted by a.rhai:3 on r-b from b\n  0 unexplained");
}

#[test]
fn a_reply_takes_what_its_copies_met_along() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [1, 0, 1]);
    let content = Content::of(b"ping");
    decide(&account, 0, ends(), content, &decided(Action::Duplicate(2), &[]), &link("a-r from a"));
    for ms in [1, 2] {
        let delay = decided(Action::Delay(Duration::from_millis(80)), &[]);
        decide(&account, ms, ends(), content, &delay, &link("r-b from r"));
    }
    account.got_reply(ends(), b"ping", at(0));
    assert_eq!(account.lock().causes.len(), 0);
}
