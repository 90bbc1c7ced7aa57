//! Delays explain the losses that they caused, and no others.

use super::*;

/// What is said of the loss of a ping that had 40 ms and met this on its way; when its late reply came.
pub(super) fn said_of(met: &[(u64, Site, Action)], came: Option<u64>) -> String {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [0, 0, 1]);
    let content = Content::of(b"ping 1");
    for (ms, site, action) in met {
        decide(&account, *ms, ends(), content, &decided(action.clone(), &[]), site);
    }
    account.lost(&pinging(ends()), 1, content, [at(0), at(40)], None);
    if let Some(ms) = came {
        account.late(ends(), content, None, at(ms));
    }
    let text = text_of(&account);
    text.split_once('\n').expect("a line and its causes").1.trim_start().to_string()
}

/// A ping that had 40 ms, delayed at 0 ms by so much on the way there and at 10 ms by so much on the way back; when its late reply
/// came, and what is said of the loss.
fn said(delays: [i64; 2], came: Option<u64>, also: Option<(Site, Action)>) -> String {
    let links = [(0, "a-b from a"), (10, "a-b from b")].into_iter().zip(delays).filter(|(_, by)| *by > 0);
    let delay =
        |((ms, link), by): ((u64, &str), i64)| (ms, Site::Link(link.into()), Action::Delay(Duration::from_millis(by)));
    let also = also.map(|(site, action)| (11, site, action));
    said_of(&links.map(delay).chain(also).collect::<Vec<_>>(), came)
}

#[test]
fn a_delay_explains_no_loss_that_it_did_not_cause() {
    let nothing = "1 unexplained: seq 1";
    assert_eq!(said([1, 0], None, None), nothing, "what a firewall drops without a word");
    assert_eq!(said([20, 20], None, None), nothing);
    let late = "seq 1: the reply came too late\n  0 unexplained";
    assert_eq!(said([0, 35], Some(80), None), late, "over after the time-out, and 80 - 35 is too late, too");
    assert_eq!(
        said([1, 0], Some(70), None),
        "seq 1: the reply came too late\n  0 unexplained",
        "70 - 1 is too late, too"
    );
    let corrupted = "seq 1: corrupted by a.rhai:3 on a-b from b\n  0 unexplained";
    assert_eq!(said([1, 0], None, Some((Site::Link("a-b from b".into()), Action::Corrupt))), corrupted);
    let dropped = "seq 1: dropped by a.rhai:3\n  0 unexplained";
    assert_eq!(said([50, 0], None, Some((site(), Action::Drop))), dropped);
}

#[test]
fn the_longest_delay_explains_a_loss() {
    let by = |ms, end| format!("seq 1: delayed {ms}ms by a.rhai:3 on a-b from {end}\n  0 unexplained");
    assert_eq!(said([1, 55], None, None), by(55, "b"), "over only after the time-out");
    assert_eq!(said([38, 0], Some(48), None), by(38, "a"), "8 ms late");
    assert_eq!(said([25, 20], Some(60), None), by(25, "a"), "together");
    assert_eq!(said([1, 19], Some(60), None), by(19, "b"));
}

#[test]
fn delays_that_differ_are_one_cause() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [0, 0, 2]);
    for (number, by) in [(1, 50), (2, 60)] {
        let content = Content::of(format!("ping {number}").as_bytes());
        let delay = Action::Delay(Duration::from_millis(by));
        decide(&account, number, ends(), content, &decided(delay, &[0.5]), &site());
        account.lost(&pinging(ends()), number, content, [at(number), at(number + 40)], None);
    }
    let text = text_of(&account);
    let expected = "\n  seq 1 (draw 0.500, 50ms), 2 (draw 0.500, 60ms): delayed by a.rhai:3\n  0 unexplained";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_a_pinger_received_says_more_than_a_delay_and_less_than_a_drop() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [0, 0, 5]);
    let (late, elsewhere) = (Fault::Late, Fault::Elsewhere(addr(8)));
    let faults = [Fault::Number(15), Fault::Number(25), late, elsewhere, Fault::Unmatched];
    for (number, fault) in (1..).zip(faults) {
        let content = Content::of(format!("ping {number}").as_bytes());
        if number < 4 {
            let delayed = Action::Delay(Duration::from_millis(20));
            decide(&account, number, ends(), content, &decided(delayed, &[]), &site());
        } else {
            account.note(at(number), ends(), content, &site(), Incident::HandedOut);
        }
        account.lost(&pinging(ends()), number, content, [at(number), at(number)], Some(fault));
    }
    let text = text_of(&account);
    let expected = "seq 1 (number 15), 2 (number 25): the reply has another number\n  \
                    seq 3: delayed 20ms by a.rhai:3\n  \
                    seq 4: the reply came from another address, 127.0.0.1:8\n  \
                    seq 5: received at 127.0.0.1:7: the script sent no reply from there\n  0 unexplained";
    assert!(text.ends_with(expected), "{text}");
}
