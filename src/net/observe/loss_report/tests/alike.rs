//! Pings that say the same: each has its own cause.

use super::*;
use crate::net::policy::{Details, Rejection};
use crate::net::wire::icmp::Kind;

#[test]
fn causes_of_pings_that_say_the_same_are_those_of_their_own_time_and_kind() {
    let account = account(&[], &[]);
    settle(&account, ends(), [0, 4, 3]);
    let (hello, prohibited) = (Content::of(b"hello"), RejectReply::Icmp(Kind::v4(3, 13)));
    let rejection = Rejection::numbered(3, 13, Details::default()).expect("a rejection");
    let rejects = decided(Action::Reject(rejection.into()), &[]);
    // Nothing is known of the first two; then one that is dropped, and one that is rejected.
    account.errored(&pinging(ends()), 1, hello, [at(10), at(11)], error(Some(prohibited), "prohibited"));
    account.lost(&pinging(ends()), 2, hello, [at(20), at(21)], None);
    decide(&account, 30, ends(), hello, &decided(Action::Drop, &[]), &site());
    account.lost(&pinging(ends()), 3, hello, [at(30), at(31)], None);
    decide(&account, 40, ends(), hello, &rejects, &site());
    account.errored(&pinging(ends()), 4, hello, [at(40), at(41)], error(Some(prohibited), "prohibited"));
    // In flight together: each kind of end with a cause of its kind.
    decide(&account, 51, ends(), hello, &rejects, &site());
    decide(&account, 52, ends(), hello, &decided(Action::Drop, &[]), &site());
    account.lost(&pinging(ends()), 5, hello, [at(50), at(59)], None);
    account.errored(&pinging(ends()), 6, hello, [at(50), at(53)], error(Some(prohibited), "prohibited"));
    let closed = error(Some(RejectReply::Icmp(Kind::v4(3, 3))), "closed");
    let other = Content::of(b"other");
    decide(&account, 61, ends(), other, &rejects, &site());
    account.errored(&pinging(ends()), 7, other, [at(60), at(69)], closed);
    let text = text_of(&account);
    let expected = "\n  seq 1: prohibited\n  seq 3, 5: dropped by a.rhai:3\n  \
                    seq 4, 6: rejected by a.rhai:3: prohibited\n  seq 7: closed\n  1 unexplained: seq 2";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn the_rejection_of_a_segment_ends_the_pings_over_its_connection_by_its_own_kind() {
    let account = account(&[], &[]);
    settle(&account, ends(), [0, 4, 0]);
    let reset = decided(Action::Reject(Rejection::named("tcp-reset", Details::default()).expect("one").into()), &[]);
    let pinging = PingerRun { protocol: "TCP", ..pinging(ends()) };
    let by_reset = || error(Some(RejectReply::Reset), "reset");
    let lose = |number, times: [u64; 2], error| {
        account.errored(&pinging, number, Content::of(format!("ping {number}").as_bytes()), times.map(at), error);
    };
    lose(1, [1, 5], by_reset());
    decide(&account, 10, ends(), STREAM, &reset, &Site::Ingress("b".into()));
    lose(2, [8, 11], by_reset());
    lose(3, [9, 11], error(Some(RejectReply::Icmp(Kind::v4(3, 1))), "unreachable"));
    lose(4, [20, 20], by_reset());
    let text = text_of(&account);
    let expected = "\n  seq 1: reset\n  seq 2, 4: rejected by a.rhai:3 at the ingress of b: reset\n  \
                    seq 3: unreachable\n  0 unexplained";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_reply_that_says_something_else_is_followed_on_its_way() {
    let account = account(&[], &[]);
    settle(&account, ends(), [1, 0, 3]);
    let received = |number: u64| {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.note(at(10 * number), ends(), content, &site(), Incident::HandedOut);
        account.replied(ends(), || content, Some(format!("ok {number}").as_bytes()));
        content
    };
    // The first is lost before it is known that such replies are accepted, the third after; the fourth is dropped.
    let lost = |number: u64, content| {
        account.lost(&pinging(ends()), number, content, [at(10 * number), at(10 * number + 5)], None);
    };
    lost(1, received(1));
    let text = text_of(&account);
    assert!(
        text.contains("\n  seq 1: received at 127.0.0.1:7: the script's reply did not repeat the message\n"),
        "{text}"
    );
    received(2);
    account.got_reply(ends(), b"ping 2", at(20));
    lost(3, received(3));
    let content = received(4);
    let back = Ends::seen_by(HostId::default(), ends().to(), ends().from());
    decide(&account, 41, back, Content::of(b"ok 4"), &decided(Action::Drop, &[]), &Site::Ingress("a".into()));
    lost(4, content);
    let text = text_of(&account);
    let expected = "\n  seq 4: dropped by a.rhai:3 at the ingress of a\n  2 unexplained: seq 1, 3";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_reply_that_could_not_be_sent_is_the_cause_whatever_it_says() {
    let account = account(&[], &[]);
    settle(&account, ends(), [0, 0, 1]);
    account.note(at(1), ends(), Content::of(b"ping 1"), &site(), Incident::HandedOut);
    account.replied(ends(), || Content::of(b"ping 1"), Some(b"pong"));
    account.note(at(2), ends(), Content::of(b"ping 1"), &site(), Incident::NotSent("it is too large"));
    account.lost(&pinging(ends()), 1, Content::of(b"ping 1"), [at(1), at(5)], None);
    let text = text_of(&account);
    let expected = "\n  seq 1: the reply could not be sent at 127.0.0.1:7: it is too large\n  0 unexplained";
    assert!(text.ends_with(expected), "{text}");
}
