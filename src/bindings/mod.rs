//! What scripts can call: one file for each subject. A binding converts, calls the core once, and converts back.
//!
//! Each function is documented where it is registered, with an example that the tests run; help and reference are made
//! from that. Bindings open no socket and read no clock: that is the core's.

use std::any::TypeId;
use std::ops::{Range, RangeInclusive};

use rhai::{Dynamic, Engine, Module, Shared};

use self::functions::Functions;
use crate::net::host::stop::Stop;
use crate::net::socket::icmp::IcmpListener;
use crate::net::socket::tcp::{Connection, Listener, Poll};
use crate::net::socket::udp::UdpSocket;

#[macro_use]
mod functions;

pub mod addr;
pub mod body;
pub mod bound;
pub mod builder;
pub mod bytes;
pub mod callback;
pub mod channel;
pub mod check;
pub mod check_group;
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
pub mod graded;
pub mod guard;
pub mod handover;
pub mod help;
pub mod icmp;
pub mod lab;
pub mod loops;
pub mod measured;
pub mod nesting;
pub mod options;
pub mod parse;
pub mod policy;
pub mod pool;
pub mod print;
pub mod reader;
pub mod sample;
pub mod serving;
pub mod shared_map;
pub mod simulate;
pub mod stats;
pub mod submission;
pub mod task;
pub mod tcp;
pub mod text;
mod thread;
pub mod time;
pub mod udp;

/// Takes out all that a thread is about, for another to run in its place; what comes back puts it in again.
#[cfg(target_family = "wasm")]
fn keep() -> Box<dyn FnOnce()> {
    let (current, thread, context) = (crate::net::host::current::keep(), thread::keep(), context::take());
    Box::new(move || {
        current();
        thread();
        context::put_back(context);
    })
}

/// Registers everything with the engine; what it says of itself if `is_described`.
pub fn register(engine: &mut Engine, is_described: bool) {
    #[cfg(target_family = "wasm")]
    crate::net::host::threads::keep(keep);
    let mut all = Functions { is_described, ..Functions::default() };
    let namespace = |parts| namespace(parts, is_described);
    for add in [
        bound::api,
        bytes::api,
        channel::api,
        check::api,
        check_group::api,
        compare::api,
        counter::api,
        duration::api,
        error::api,
        ending::api,
        expect::api,
        guard::api,
        icmp::decode::api,
        icmp::listener::api,
        icmp::pinger::api,
        icmp::probe::api,
        icmp::socket::api,
        icmp::sweep::api,
        icmp::trace::api,
        policy::frame::api,
        policy::frame::segment::api,
        lab::api,
        lab::ingress::api,
        lab::exec::api,
        lab::fates::api,
        lab::host::api,
        lab::lesson::api,
        lab::link::api,
        lab::way::api,
        lab::program::api,
        help::api,
        options::api,
        parse::api,
        policy::api,
        policy::draw::api,
        policy::live::api,
        policy::native::api,
        policy::verdict::api,
        pool::api,
        reader::api,
        sample::api,
        shared_map::api,
        simulate::api,
        stats::api,
        submission::api,
        task::api,
        tcp::attempt::api,
        tcp::connection::api,
        tcp::listener::api,
        tcp::message::api,
        tcp::ping::api,
        tcp::poll::api,
        tcp::state::api,
        text::api,
        time::api,
        addr::api,
        udp::icmp::api,
        udp::packet::api,
        udp::ping::api,
        udp::pinger::api,
        udp::socket::api,
    ] {
        add(&mut all);
    }
    let mut all = all.module;
    all.set_iter(TypeId::of::<Range<i64>>(), |range| until_stopped(range.cast::<Range<i64>>()));
    all.set_iter(TypeId::of::<RangeInclusive<i64>>(), |range| until_stopped(range.cast::<RangeInclusive<i64>>()));
    engine.register_global_module(all.into());
    engine.register_static_module("lab", namespace(&[lab::namespace]));
    engine.register_static_module(
        "icmp",
        namespace(&[icmp::namespace, icmp::decode::namespace, icmp::listener::namespace]),
    );
    engine.register_iterator_result::<IcmpListener, Dynamic>();
    engine.register_static_module("tcp", namespace(&[tcp::namespace]));
    // At each call of a method the name of its object's type is looked up: what servers call for each packet is found first.
    engine.register_type_with_name_raw("string", "string");
    // The language's own, by the names that errors and the help have.
    for (known, name) in [("i64", "integer"), ("f64", "float"), ("char", "character"), ("Fn", "closure")] {
        engine.register_type_with_name_raw(known, name);
    }
    engine.register_type_with_name::<RangeInclusive<i64>>("range");
    engine.register_type_with_name::<udp::packet::ReceivedPacket>("Packet");
    engine.register_type_with_name::<tcp::message::ReceivedMessage>("Message");
    engine.register_static_module("udp", namespace(&[udp::namespace]));
    engine.register_iterator_result::<Connection, Dynamic>();
    engine.register_iterator_result::<Listener, Dynamic>();
    engine.register_iterator_result::<Poll, Dynamic>();
    engine.register_iterator_result::<UdpSocket, Dynamic>();
    engine.register_iterator_result::<udp::schedule::Schedule, Dynamic>();
    engine.register_iterator_result::<time::Beat, Dynamic>();
    engine.register_iterator::<channel::Queue>();
}

/// The module of a namespace.
fn namespace(parts: &[fn(&mut Functions)], is_described: bool) -> Shared<Module> {
    let mut all = Functions { is_described, ..Functions::default() };
    parts.iter().for_each(|add| add(&mut all));
    all.module.into()
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
    // What the labs' policies had still to report.
    task::finish(context);
}
