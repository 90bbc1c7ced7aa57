//! What scripts can call: one file for each subject. A binding converts, calls the core once, and converts back.
//!
//! Each function is documented where it is registered, with an example that the tests run; help and reference are made
//! from that. Bindings open no socket and read no clock: that is the core's.

use std::any::TypeId;
use std::ops::{Range, RangeInclusive};

use rhai::plugin::*;
use rhai::{Dynamic, Engine};

use crate::net::host::stop::Stop;
use crate::net::socket::icmp::Listener as IcmpListener;
use crate::net::socket::tcp::{Connection, Listener, Poll};
use crate::net::socket::udp::UdpSocket;

pub mod addr;
pub mod body;
pub mod builder;
pub mod bytes;
pub mod callback;
pub mod channel;
pub mod compare;
pub mod compiled;
pub mod context;
pub mod convert;
pub mod counter;
pub mod duration;
pub mod ending;
pub mod error;
pub mod exit;
pub mod expect;
pub mod guard;
pub mod handover;
pub mod help;
pub mod icmp;
pub mod lab;
pub mod loops;
pub mod nesting;
pub mod options;
pub mod policy;
pub mod pool;
pub mod print;
pub mod reader;
pub mod serving;
pub mod shared_map;
pub mod stats;
pub mod task;
pub mod tcp;
pub mod text;
pub mod time;
pub mod udp;

/// Registers everything with the engine.
pub fn register(engine: &mut Engine) {
    let mut all = Module::new();
    rhai::combine_with_exported_module!(&mut all, "bytes", bytes::api);
    rhai::combine_with_exported_module!(&mut all, "channel", channel::api);
    rhai::combine_with_exported_module!(&mut all, "compare", compare::api);
    rhai::combine_with_exported_module!(&mut all, "counter", counter::api);
    rhai::combine_with_exported_module!(&mut all, "duration", duration::api);
    rhai::combine_with_exported_module!(&mut all, "error", error::api);
    rhai::combine_with_exported_module!(&mut all, "exit", ending::api);
    rhai::combine_with_exported_module!(&mut all, "expect", expect::api);
    rhai::combine_with_exported_module!(&mut all, "guard", guard::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_decode", icmp::decode::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_listener", icmp::listener::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_pinger", icmp::pinger::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_probe", icmp::probe::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_socket", icmp::socket::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_sweep", icmp::sweep::api);
    rhai::combine_with_exported_module!(&mut all, "icmp_trace", icmp::trace::api);
    rhai::combine_with_exported_module!(&mut all, "lab_packet", policy::frame::api);
    rhai::combine_with_exported_module!(&mut all, "lab", lab::api);
    rhai::combine_with_exported_module!(&mut all, "lab_ingress", lab::ingress::api);
    rhai::combine_with_exported_module!(&mut all, "lab_exec", lab::exec::api);
    rhai::combine_with_exported_module!(&mut all, "lab_host", lab::host::api);
    rhai::combine_with_exported_module!(&mut all, "lab_lesson", lab::lesson::api);
    rhai::combine_with_exported_module!(&mut all, "lab_link", lab::link::api);
    rhai::combine_with_exported_module!(&mut all, "lab_way", lab::way::api);
    rhai::combine_with_exported_module!(&mut all, "lab_program", lab::program::api);
    rhai::combine_with_exported_module!(&mut all, "help", help::api);
    rhai::combine_with_exported_module!(&mut all, "options", options::api);
    rhai::combine_with_exported_module!(&mut all, "policy", policy::api);
    rhai::combine_with_exported_module!(&mut all, "policy_draw", policy::draw::api);
    rhai::combine_with_exported_module!(&mut all, "policy_live", policy::live::api);
    rhai::combine_with_exported_module!(&mut all, "policy_native", policy::native::api);
    rhai::combine_with_exported_module!(&mut all, "policy_verdict", policy::verdict::api);
    rhai::combine_with_exported_module!(&mut all, "pool", pool::api);
    rhai::combine_with_exported_module!(&mut all, "reader", reader::api);
    rhai::combine_with_exported_module!(&mut all, "shared_map", shared_map::api);
    rhai::combine_with_exported_module!(&mut all, "stats", stats::api);
    rhai::combine_with_exported_module!(&mut all, "task", task::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_attempt", tcp::attempt::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_connection", tcp::connection::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_listener", tcp::listener::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_message", tcp::message::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_ping", tcp::ping::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_poll", tcp::poll::api);
    rhai::combine_with_exported_module!(&mut all, "tcp_state", tcp::state::api);
    rhai::combine_with_exported_module!(&mut all, "text", text::api);
    rhai::combine_with_exported_module!(&mut all, "time", time::api);
    rhai::combine_with_exported_module!(&mut all, "udp_addr", addr::api);
    rhai::combine_with_exported_module!(&mut all, "udp_icmp", udp::icmp::api);
    rhai::combine_with_exported_module!(&mut all, "udp_packet", udp::packet::api);
    rhai::combine_with_exported_module!(&mut all, "udp_ping", udp::ping::api);
    rhai::combine_with_exported_module!(&mut all, "udp_pinger", udp::pinger::api);
    rhai::combine_with_exported_module!(&mut all, "udp_socket", udp::socket::api);
    all.set_iter(TypeId::of::<Range<i64>>(), |range| until_stopped(range.cast::<Range<i64>>()));
    all.set_iter(TypeId::of::<RangeInclusive<i64>>(), |range| until_stopped(range.cast::<RangeInclusive<i64>>()));
    engine.register_global_module(all.into());
    engine.register_static_module("lab", exported_module!(lab::namespace).into());
    let mut icmp_all = exported_module!(icmp::namespace);
    rhai::combine_with_exported_module!(&mut icmp_all, "decode", icmp::decode::namespace);
    rhai::combine_with_exported_module!(&mut icmp_all, "listen", icmp::listener::namespace);
    engine.register_static_module("icmp", icmp_all.into());
    engine.register_iterator_result::<IcmpListener, Dynamic>();
    engine.register_static_module("tcp", exported_module!(tcp::namespace).into());
    // At each call of a method the name of its object's type is looked up: what servers call for each packet is found first.
    engine.register_type_with_name_raw("string", "string");
    // The language's own, by the names that errors and the help have.
    for (known, name) in [("i64", "integer"), ("f64", "float"), ("char", "character"), ("Fn", "closure")] {
        engine.register_type_with_name_raw(known, name);
    }
    engine.register_type_with_name::<RangeInclusive<i64>>("range");
    engine.register_type_with_name::<udp::packet::Packet>("Packet");
    engine.register_type_with_name::<tcp::message::Received>("Message");
    engine.register_static_module("udp", exported_module!(udp::namespace).into());
    engine.register_iterator_result::<Connection, Dynamic>();
    engine.register_iterator_result::<Listener, Dynamic>();
    engine.register_iterator_result::<Poll, Dynamic>();
    engine.register_iterator_result::<UdpSocket, Dynamic>();
    engine.register_iterator_result::<udp::schedule::Schedule, Dynamic>();
    engine.register_iterator_result::<time::Beat, Dynamic>();
    engine.register_iterator::<channel::Queue>();
}

/// Loops over ranges end when the script is stopped, also those that wait for nothing; those that begin later run through, as
/// one that prints a summary.
fn until_stopped(range: impl Iterator<Item = i64> + 'static) -> Box<dyn Iterator<Item = Dynamic>> {
    let stop = context::peek(|context| context.stop.clone()).filter(|stop| !stop.is_stopped());
    Box::new(range.take_while(move |_| !stop.as_ref().is_some_and(Stop::is_stopped)).map(Dynamic::from))
}

/// Ends what a script started, when the script itself is at its end: waits for its threads, then stops the scripts it
/// started and the labs it made.
pub fn finish(context: &context::Context) {
    task::finish(context);
    lab::finish(context);
}
