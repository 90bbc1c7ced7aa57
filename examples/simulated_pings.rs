//! A simulated lab without a script, a thread and a system: a hundred pings over UDP from one host to another, whose link loses a
//! tenth of the packets.
//!
//! ```sh
//! cargo run --example simulated_pings
//! cargo build --example simulated_pings --no-default-features --features sim --target wasm32-wasip1   # for wasmtime, node:wasi …
//! ```

use std::error::Error;
use std::sync::Arc;

use pingscript::net::host::stop::Stop;
use pingscript::net::host::{Host, SimulatedHost};
use pingscript::net::lab::relay::{Direction, LinkOptions};
use pingscript::net::lab::{CableOptions, HostOptions, Lab, Options, RelayDriver};
use pingscript::net::policy::attached::{AttachedPolicy, Policy};
use pingscript::net::policy::{Action, Native};
use pingscript::net::random::RandomStream;
use pingscript::net::socket::session::Session;
use pingscript::net::socket::udp::{self, UdpIncoming, UdpSocket};
use pingscript::net::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let machine: Arc<dyn Host> = Arc::new(SimulatedHost::this_machine());
    let stop = Stop::root()?;
    let session = Arc::new(Session::new(stop.clone()));
    let lab = Lab::create_for(&*machine, &Options::default(), &stop)?;
    let relay = RelayDriver::start(&lab, session.clone(), machine.clone(), stop.clone())?;
    let (a, b) = (lab.host("a", &HostOptions::default())?, lab.host("b", &HostOptions::default())?);
    let options = LinkOptions { delay: Duration::from_millis(20), ..LinkOptions::default() };
    let link = relay.link("a-b", &lab, [&a, &b], &CableOptions::default(), options)?;
    let loss = Policy::Native(Native::chance(0.1, Action::Drop)?);
    let loss = AttachedPolicy::new(loss, RandomStream::of_seed(7), &link.site(Direction::Both))?;
    link.set_policy(Direction::Both, loss, "loss(0.1)".to_string());

    let bind = |host: &dyn Fn() -> Arc<dyn Host>, port| {
        UdpSocket::bind(host(), session.clone(), ([0, 0, 0, 0], port).into(), udp::Options::default())
    };
    let client = bind(&|| Arc::new(a.clone()), 0)?;
    let server = bind(&|| Arc::new(b.clone()), 7)?;
    let mut lost = 0;
    for number in 1..=100 {
        let sent = machine.now();
        let until = sent + Duration::from_secs(1);
        client.send_to(format!("ping {number}").as_bytes(), std::net::SocketAddr::new(b.addr(), 7))?;
        if let UdpIncoming::Packet(request) = server.receive(Some(until), &stop, false)? {
            server.reply(&request, &request.data)?;
        }
        match client.receive(Some(until), &stop, false)? {
            UdpIncoming::Packet(_) => println!("ping {number}: {}", machine.now() - sent),
            _ => lost += 1,
        }
    }
    println!("{lost} of 100 lost; the link dropped {}", link.counts(0).dropped + link.counts(1).dropped);
    Ok(())
}
