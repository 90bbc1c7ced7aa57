//! What a lab costs: how long it takes to make, how many packets a second its relay carries, and how late those are that a
//! link delays.
//!
//! `cargo bench --bench lab` prints them beside the floor of the same run: a veth pair that joins two network stacks without
//! anything in between (as root only: it is made with `ip netns`). Sender, relay and receiver share the machine's cores.
#![allow(missing_docs)]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration as Span, Instant};

use pingscript::bindings::context::{self, Context, Programs};
use pingscript::bindings::policy::{self, PolicyValue};
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::run::{Job, context as context_of};
use pingscript::net::host::stop::Stop;
use pingscript::net::host::{ThisMachine, threads};
use pingscript::net::io::{Batch, Blocking};
use pingscript::net::lab::kernel::relay::RelayThread;
use pingscript::net::lab::relay::{Direction, Link, LinkOptions};
use pingscript::net::lab::{CableOptions, HostOptions, Lab, LabHost, Options, use_helper};
use pingscript::net::socket::session::Session;
use pingscript::net::sys::{self, Namespaces};
use pingscript::net::time::Duration;
use socket2::{Domain, Type};

/// How long each rate is measured.
const ROUND: Span = Span::from_secs(3);
/// How many delayed packets are timed.
const TIMED: usize = 2000;
const DELAY_MS: i64 = 5;

const POLICIES: [(&str, &str); 4] = [
    ("no policy", ""),
    ("native: loss(0.0)", "loss(0.0)"),
    ("scripted: |pkt| random() < 0.0", "chain([|pkt| if random() < 0.0 { drop() } else { pass() }])"),
    (
        "scripted: |pkt| pkt.number, pkt.len",
        "chain([|pkt| if pkt.number < 0 && pkt.len > 9 { drop() } else { pass() }])",
    ),
];

/// Two hosts and a link.
struct Net {
    _relay: RelayThread,
    link: Link,
    a: LabHost,
    b: LabHost,
}

fn main() {
    use_helper(PathBuf::from(env!("CARGO_BIN_EXE_pingscript")));
    if let Err(err) = Lab::create(&Options::default()) {
        return println!("no lab can be had here: {err}\n  hint: {}", err.hint);
    }
    let thread = threads::spawn_script("bench", || {
        set_up();
        rates();
        lateness();
    });
    thread.expect("a thread").join().expect("no panic");
}

/// How long labs take to make.
fn set_up() {
    println!("set-up                                     median      worst of 9");
    for (hosts, what) in [(3, "3 hosts, 2 links"), (50, "50 hosts, 49 links to one")] {
        let mut times: Vec<Span> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let _net = star(hosts);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("  {what:<34} {:>9.1} ms {:>9.1} ms", ms(times[4]), ms(times[8]));
    }
}

fn star(hosts: usize) -> (RelayThread, Vec<Link>) {
    let lab = Lab::create(&Options::default()).expect("a lab");
    let relay = relay();
    let center = lab.host("center", &HostOptions { forwards: true, ..HostOptions::default() }).expect("a host");
    let link = |number: usize| {
        let host = lab.host(&format!("h{number}"), &HostOptions::default()).expect("a host");
        let cable = lab.connect(&host, &center, &CableOptions::default()).expect("a cable");
        relay.link(&format!("h{number}-center"), cable, LinkOptions::default()).expect("a link")
    };
    let links = (1..hosts).map(link).collect();
    (relay, links)
}

fn relay() -> RelayThread {
    let stop = Stop::root().expect("a stop");
    RelayThread::start(Arc::new(Session::new(stop.clone())), Arc::new(ThisMachine), stop).expect("a relay")
}

fn net(options: LinkOptions) -> Net {
    let lab = Lab::create(&Options::default()).expect("a lab");
    let [a, b] = ["a", "b"].map(|name| lab.host(name, &HostOptions::default()).expect("a host"));
    let relay = relay();
    let cable = lab.connect(&a, &b, &CableOptions::default()).expect("a cable");
    let link = relay.link("a-b", cable, options).expect("a link");
    Net { _relay: relay, link, a, b }
}

/// A socket in `host`, bound to any address.
fn socket(host: &LabHost, port: u16) -> UdpSocket {
    let socket = host.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([0, 0, 0, 0], port)).into()).expect("bound");
    socket.into()
}

/// How many packets a second arrive.
fn rates() {
    println!(
        "\npackets a second, 64 bytes of payload      arrived    to floor   lost before   CPU of the relay, each, and of it in the kernel"
    );
    let floor = floor().map(|(from, to, addr, _guard)| flood(&from, &to, addr));
    match floor {
        Some(rate) => println!("  {:<36} {rate:>12.0} {:>11}", "a veth pair without a relay", "1.00"),
        None => println!("  a veth pair without a relay: not to be had (root, and ip from iproute2)"),
    }
    let context = script_context();
    let _entered = context::enter(context.clone());
    for (name, code) in POLICIES {
        let net = net(LinkOptions::default());
        if !code.is_empty() {
            let (judge, name) =
                policy::ready(&made(&context, code), &net.link.site(Direction::Both)).expect("a policy");
            net.link.set_policy(Direction::Both, judge, name);
        }
        let (from, to) = (socket(&net.a, 0), socket(&net.b, 7));
        let before = relay_cpu();
        let rate = flood(&from, &to, SocketAddr::new(net.b.addr(), 7));
        let after = relay_cpu();
        let [cpu, program, kernel] = [0, 1, 2].map(|at| after[at] - before[at]);
        let ratio = floor.map_or("NA".to_string(), |floor| format!("{:.2}", rate / floor));
        let counts = net.link.counts(0);
        let lost = counts.overrun as f64 / (counts.overrun + counts.frames) as f64 * 100.0;
        let each = cpu / counts.frames.max(1) as f64 / 1000.0;
        let share = kernel / (program + kernel) * 100.0;
        println!("  {name:<36} {rate:>12.0} {ratio:>11} {lost:>12.1}% {each:>15.2} us {share:>9.0}%");
    }
}

/// CPU time of the thread that relays, in nanoseconds, and that in the program and in the kernel, in ticks: of the newest, since that
/// of the lab before may still be ending.
fn relay_cpu() -> [f64; 3] {
    let number = |task: &PathBuf| task.file_name()?.to_str()?.parse::<u32>().ok();
    std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| task.path())
        .filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "relay"))
        .max_by_key(number)
        .and_then(|task| {
            let cell = |file, at| std::fs::read_to_string(task.join(file)).ok()?.split(' ').nth(at)?.parse().ok();
            Some([cell("schedstat", 0)?, cell("stat", 13)?, cell("stat", 14)?])
        })
        .unwrap_or_default()
}

fn script_context() -> Context {
    let host = Arc::new(ScriptHost::new());
    let job = Job { name: "bench".to_string(), seed: Some(1), ..Job::default() };
    context_of(&host, &job).expect("a context")
}

/// The policy that a script evaluates to.
fn made(context: &Context, code: &str) -> PolicyValue {
    let programs: &Arc<dyn Programs> = context.run.programs.get().expect("an engine");
    let program = programs.engine().compile(code).expect("it compiles");
    let (value, _) = programs.evaluate(&program, context).expect("it runs");
    value.try_cast::<PolicyValue>().expect("a policy")
}

/// Sends as fast as it can; how many packets arrive in a second.
fn flood(from: &UdpSocket, to: &UdpSocket, addr: SocketAddr) -> f64 {
    let (ended, arrived) = (AtomicBool::new(false), AtomicU64::new(0));
    to.set_read_timeout(Some(Span::from_millis(50))).expect("a time-out");
    thread::scope(|scope| {
        scope.spawn(|| {
            let datagrams: Vec<(Vec<u8>, SocketAddr)> = (0..16).map(|_| (vec![b'x'; 64], addr)).collect();
            while !ended.load(Ordering::Relaxed) {
                let _ = sys::send_many(from.as_fd(), &datagrams);
            }
        });
        scope.spawn(|| {
            let (mut batch, mut one) = (Batch::large(), [0; 128]);
            while !ended.load(Ordering::Relaxed) {
                let count = match sys::receive_many(to.as_fd(), &mut batch, usize::MAX, Blocking::No) {
                    Ok(count) if count > 0 => count as u64,
                    _ => u64::from(to.recv(&mut one).is_ok()),
                };
                arrived.fetch_add(count, Ordering::Relaxed);
            }
        });
        thread::sleep(Span::from_millis(300));
        let (start, before) = (Instant::now(), arrived.load(Ordering::Relaxed));
        thread::sleep(ROUND);
        let (count, took) = (arrived.load(Ordering::Relaxed) - before, start.elapsed());
        ended.store(true, Ordering::Relaxed);
        count as f64 / took.as_secs_f64()
    })
}

/// How late packets are that a link delays: beyond the delay, and the median time that they take without one.
fn lateness() {
    println!("\none way, a packet each 2 ms               p50        p90        p99        worst");
    if let Some((from, to, addr, _guard)) = floor() {
        print_times("a veth pair without a relay", one_way(&from, &to, addr));
    }
    print_times(&format!("a thread that sleeps {DELAY_MS} ms, later than that"), oversleeping());
    let mut without = 0.0;
    for delay in [0, DELAY_MS] {
        let net = net(LinkOptions { delay: Duration::from_millis(delay), ..Default::default() });
        let (from, to) = (socket(&net.a, 0), socket(&net.b, 7));
        let times = one_way(&from, &to, SocketAddr::new(net.b.addr(), 7));
        let mut late: Vec<f64> = times.iter().map(|time| time - delay as f64 * 1000.0 - without).collect();
        let what = match delay {
            0 => "a link".to_string(),
            _ => format!("a link of {delay} ms, later than that"),
        };
        print_times(&what, late.clone());
        late.sort_by(f64::total_cmp);
        without = late[late.len() / 2];
    }
}

/// By how many microseconds a thread wakes too late that sleeps for the delay of the link.
fn oversleeping() -> Vec<f64> {
    let span = Span::from_millis(DELAY_MS as u64);
    let sleep = move || {
        sys::set_timer_slack();
        let late = |_| {
            let start = Instant::now();
            thread::sleep(span);
            (start.elapsed() - span).as_secs_f64() * 1e6
        };
        (0..TIMED / 2).map(late).collect()
    };
    thread::spawn(sleep).join().expect("no panic")
}

fn print_times(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("  {what:<36} {:>7.1} us {:>7.1} us {:>7.1} us {:>8.1} us", at(0.5), at(0.9), at(0.99), at(1.0));
}

/// Microseconds from before a packet is sent until it was received.
fn one_way(from: &UdpSocket, to: &UdpSocket, addr: SocketAddr) -> Vec<f64> {
    let start = Instant::now();
    let receiver = to.try_clone().expect("a descriptor");
    receiver.set_read_timeout(Some(Span::from_secs(2))).expect("a time-out");
    let receiver = thread::spawn(move || {
        let (mut buffer, mut times) = ([0; 64], Vec::with_capacity(TIMED));
        while times.len() < TIMED && receiver.recv(&mut buffer).is_ok() {
            let sent = u64::from_le_bytes(*buffer.first_chunk().expect("8 bytes"));
            times.push((start.elapsed().as_nanos() as u64 - sent) as f64 / 1000.0);
        }
        times
    });
    for _ in 0..TIMED {
        thread::sleep(Span::from_millis(2));
        let sent = (start.elapsed().as_nanos() as u64).to_le_bytes();
        from.send_to(&sent, addr).expect("sent");
    }
    receiver.join().expect("no panic")
}

/// Removes namespaces.
struct Guard(Vec<String>);

impl Drop for Guard {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(args: &[&str]) -> Option<()> {
    let output = Command::new("ip").args(args).output().ok()?;
    output.status.success().then_some(())
}

/// Two sockets that a veth pair joins, and the second's address.
fn floor() -> Option<(UdpSocket, UdpSocket, SocketAddr, Guard)> {
    let names: Vec<String> = ["a", "b"].iter().map(|side| format!("ps-{}-{side}", std::process::id())).collect();
    let guard = Guard(names.clone());
    let [a, b] = [names[0].as_str(), names[1].as_str()];
    ip(&["netns", "add", a])?;
    ip(&["netns", "add", b])?;
    ip(&["-n", a, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", b])?;
    for (name, addr) in [(a, "10.0.0.1/24"), (b, "10.0.0.2/24")] {
        ip(&["-n", name, "addr", "add", addr, "dev", "v0"])?;
        ip(&["-n", name, "link", "set", "v0", "up"])?;
    }
    let within = |name: &str, port: u16| {
        let file = std::fs::File::open(format!("/run/netns/{name}")).ok()?;
        let make = move || {
            sys::enter_namespace(file.as_fd(), Namespaces::NET).ok()?;
            UdpSocket::bind(("0.0.0.0", port)).ok()
        };
        thread::spawn(make).join().ok()?
    };
    let to: IpAddr = [10, 0, 0, 2].into();
    Some((within(a, 0)?, within(b, 7)?, SocketAddr::new(to, 7), guard))
}

fn ms(time: Span) -> f64 {
    time.as_secs_f64() * 1000.0
}
