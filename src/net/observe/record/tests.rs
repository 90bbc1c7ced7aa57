#![allow(clippy::unwrap_used)]

use serde_json::Value;

use super::rows::{Goal, IcmpCell};
use super::*;
use crate::net::host::id::HostId;
use crate::net::observe::check::CheckRow;
use crate::net::observe::event::{Flow, SampleValue};
use crate::net::observe::loss_report::{Ends, PingerRun, Settled};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::policy::{Action, Place as Packet, Verdict};
use crate::net::random::RandomStream;
use crate::net::time::Duration;

fn about() -> About {
    About::new("a \"b\",\nc.rhai", &["--count".to_string(), "3".to_string()], 7, 1_000)
}

fn server() -> Site {
    Site::Server(HostId::default(), ([127, 0, 0, 1], 7).into())
}

fn probe() -> ProbeRow {
    let (from, to) = (([127, 0, 0, 1], 9).into(), Goal::Address(([127, 0, 0, 1], 7).into()));
    let icmp = IcmpCell { type_: 3, code: 3, name: "Port Unreachable".to_string(), offender: None };
    let (state, icmp) = ("errored", Some(icmp));
    ProbeRow {
        time_ns: 5,
        seq: 2,
        from,
        to,
        bytes: 24,
        ttl: None,
        state,
        rtt_ns: None,
        clock: None,
        out_of_order: false,
        icmp,
        error: None,
        missed_slots: None,
        host: None,
    }
}

#[test]
fn a_row_of_json_is_a_line_and_no_data_is_null() {
    let line = String::from_utf8(json::line(&Row::Probe(probe()))).unwrap();
    assert_eq!(
        line,
        "{\"type\":\"probe\",\"time_ns\":5,\"seq\":2,\"from\":\"127.0.0.1:9\",\"to\":\"127.0.0.1:7\",\"bytes\":24,\
         \"state\":\"errored\",\"rtt_ns\":null,\"clock\":null,\
         \"icmp\":{\"type\":3,\"code\":3,\"name\":\"Port Unreachable\",\"offender\":null},\"error\":null}\n"
    );
    let line = json::line(&Row::Run(&about()));
    assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1, "a line end in a name is escaped");
}

#[test]
fn a_sample_has_its_values_by_name_and_none_is_null() {
    let values = [("cwnd", SampleValue::Int(10)), ("share", SampleValue::Float(0.5)), ("rtt_ns", SampleValue::None)];
    let values = values.map(|(name, value)| (name.to_string(), value));
    let line = json::line(&Row::Sample(SampleRow { time_ns: 5, values: &values, host: Some("a") }));
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "{\"type\":\"sample\",\"time_ns\":5,\"values\":{\"cwnd\":10,\"share\":0.5,\"rtt_ns\":null},\"host\":\"a\"}\n"
    );
}

#[test]
fn a_verdict_has_its_call_only_where_that_says_more() {
    let flow =
        Flow { time: 3, from: ([127, 0, 0, 1], 9).into(), to: ([127, 0, 0, 1], 7).into(), host: None, protocol: "UDP" };
    let place = Packet { flow: 0, number: 4, draws: RandomStream::of_seed(1) };
    let details = [Action::Drop, Action::Delay(Duration::from_millis(20)), Action::Duplicate(2)].map(|action| {
        let decided = Decided { verdict: Verdict::new(action, "x.rhai:3"), place, draws: [0.25].as_slice().into() };
        let row = VerdictRow::new(flow, 24, &decided, &server());
        (row.verdict, row.detail)
    });
    let call = |text: &str| Some(text.to_string());
    assert_eq!(details, [("drop", None), ("delay", call("delay(20ms)")), ("duplicate", call("duplicate(2)"))]);
}

#[test]
fn a_summary_of_nothing_has_no_numbers_but_counts() {
    let row = Row::Summary(Box::new(SummaryRow::new(9, &LossReport::default(), &RunTimes::default())));
    let value = serde_json::to_value(&row).unwrap();
    let loss =
        serde_json::json!({"lost": 0, "of": 0, "rate": null, "low": null, "high": null, "runs": 0, "longest": 0});
    assert_eq!(value["loss"], loss);
    assert!(value["rtt"].as_object().unwrap().values().all(Value::is_null));
    assert_eq!((&value["sent"], &value["unexplained"]), (&Value::from(0), &Value::Null));
}

#[test]
fn what_follows_a_reply_counts_only_for_one_pinger() {
    let cells = |sockets: [u64; 2]| {
        let (account, mut times) = (LossReport::default(), RunTimes::default());
        for (number, (socket, ns)) in (1..).zip(sockets.into_iter().zip([100, 132])) {
            // Hosts may have the same ports and address the same.
            let ends = Ends::seen_by(HostId::default(), ([127, 0, 0, 1], 9).into(), ([127, 0, 0, 1], 7).into());
            let pinging = PingerRun { socket, schedule: None, protocol: "UDP", ends };
            account.settled(&pinging, number, Settled::Replied);
            times.add(number, Duration::from_nanos(ns), false);
        }
        let rtt = SummaryRow::new(9, &account, &times).rtt;
        (rtt.jitter_ns, rtt.ipdv_ns, rtt.pdv_p99_ns)
    };
    assert_eq!(cells([1, 1]), (Some(2), Some(32), Some(32)));
    assert_eq!(cells([1, 2]), (None, None, Some(32)));
}

#[test]
fn every_field_has_a_column() {
    let flow =
        Flow { time: 3, from: ([127, 0, 0, 1], 9).into(), to: ([127, 0, 0, 1], 7).into(), host: None, protocol: "UDP" };
    let verdict = Verdict::new(Action::Drop, "x");
    let place = Packet { flow: 0, number: 1, draws: RandomStream::of_seed(1) };
    let decided = Decided { verdict, place, draws: Default::default() };
    let check = CheckRow { group: Some("client".to_string()), ..CheckRow::default() };
    let about = about();
    let rows = [
        Row::Run(&about),
        Row::Probe(probe()),
        Row::Verdict(VerdictRow::new(Flow { host: Some("b"), ..flow }, 1, &decided, &Site::Link("a-b".into()))),
        Row::Sample(SampleRow { time_ns: 5, values: &[], host: Some("a") }),
        Row::Check(&check),
        Row::Summary(Box::new(SummaryRow::new(9, &LossReport::default(), &RunTimes::default()))),
    ];
    for row in rows {
        for (name, value) in serde_json::to_value(&row).unwrap().as_object().unwrap() {
            let inner: Vec<String> = match value {
                Value::Object(fields) => fields.keys().map(|field| format!("/{name}/{field}")).collect(),
                _ => vec![format!("/{name}")],
            };
            for pointer in inner {
                assert!(csv::COLUMNS.iter().any(|(_, known)| *known == pointer), "no column for {pointer}");
            }
        }
    }
}
