use super::super::routes::RouteTarget;
use super::super::stack::StackTime;
use super::super::world::{Carrier, CarrierEnd};
use super::*;
use crate::net::host::socket::{Outgoing, SocketOption};
use crate::net::io::{Blocking, Interest};
use crate::net::time::Duration;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

/// When a frame is due, its number, the end it goes to, and its octets.
type InFlight = (Instant, u64, usize, Vec<u8>);

/// A link with a delay.
#[derive(Debug, Default)]
struct Wire {
    delay: Duration,
    due: BinaryHeap<std::cmp::Reverse<InFlight>>,
    count: u64,
}

impl Carrier for Wire {
    fn receive(&mut self, from: CarrierEnd, frame: Vec<u8>, time: StackTime, _: &mut Vec<(CarrierEnd, Vec<u8>)>) {
        self.count += 1;
        self.due.push(std::cmp::Reverse((time.now + self.delay, self.count, 1 - from.side, frame)));
    }

    fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|it| it.0.0)
    }

    fn serve_due(&mut self, time: StackTime, out: &mut Vec<(CarrierEnd, Vec<u8>)>) -> bool {
        if self.next_due().is_none_or(|due| due > time.now) {
            return false;
        }
        out.extend(self.due.pop().map(|it| (CarrierEnd { link: 0, side: it.0.2 }, it.0.3)));
        true
    }
}

/// Hosts a (10.0.0.1) and b (10.0.0.2) with a link of 10 ms between them.
fn pair() -> (World, [SimulatedHost; 2]) {
    let world = World::default();
    let wire = Wire { delay: Duration::from_millis(10), ..Wire::default() };
    let carrier = world.add_carrier(Arc::new(Mutex::new(wire)));
    let names = Names::default();
    let hosts = [0, 1].map(|side: usize| {
        let name = ["a", "b"][side];
        let addr: IpAddr = [10, 0, 0, side as u8 + 1].into();
        let number = world.add_host(name, &[addr.into()], false);
        let index = world.with_host(number, |stack, _| {
            let index = stack.add_interface("eth0", 1500, &[addr.into()]);
            let far: IpAddr = [10, 0, 0, 2 - side as u8].into();
            stack.routes_mut().set(far.into(), Some(RouteTarget::Interface(index, None)));
            index
        });
        world.attach(number, index, carrier, CarrierEnd { link: 0, side }, [2; 12]);
        names.lock().expect("names").insert(name.to_string(), vec![addr]);
        SimulatedHost::new(world.clone(), number, HostId(side as u32 + 1), Some(name), names.clone())
    });
    (world, hosts)
}

fn udp(host: &SimulatedHost, local: &str) -> Arc<dyn HostSocket> {
    let socket = host.socket(SocketType::Udp, Family::V4).expect("a socket");
    socket.bind(local.parse().expect("an address")).expect("bound");
    socket
}

fn send(socket: &dyn HostSocket, data: &[u8], to: &str) {
    let to: Option<SocketAddr> = Some(to.parse().expect("an address"));
    socket.send(&Outgoing { data, to, source: None }).expect("sent");
}

fn receive(
    host: &SimulatedHost,
    socket: &dyn HostSocket,
    until: Option<Instant>,
    stop: &Stop,
) -> Result<String, Waited> {
    let mut awaited = [Awaited::readable(socket)];
    match host.wait(&mut awaited, until, stop).expect("waits") {
        Waited::Ready => {
            let mut buffer = [0; 100];
            let got = socket.receive(&mut buffer, Blocking::No).expect("a datagram");
            Ok(String::from_utf8_lossy(&buffer[..got.len]).into_owned())
        }
        other => Err(other),
    }
}

#[test]
fn time_is_that_of_the_links_and_of_the_deadlines() {
    let (world, [a, b]) = pair();
    let stop = Stop::root().expect("a stop");
    let (client, server) = (udp(&a, "0.0.0.0:0"), udp(&b, "0.0.0.0:7"));
    let start = a.now();
    send(&*client, b"ping", "10.0.0.2:7");
    assert_eq!(receive(&b, &*server, None, &stop), Ok("ping".to_string()));
    send(&*server, b"pong", "10.0.0.1:32768");
    assert_eq!(receive(&a, &*client, None, &stop), Ok("pong".to_string()));
    assert_eq!(a.now() - start, Duration::from_micros(20_010));
    let until = a.now() + Duration::from_secs(3_600);
    assert_eq!(receive(&a, &*client, Some(until), &stop), Err(Waited::TimedOut));
    assert_eq!((a.now(), world.elapsed()), (until, Duration::from_micros(3_600_020_010)));
    assert_eq!(a.unix_nanos(), 1_767_225_600_000_000_000 + world.elapsed().as_nanos());
    assert_eq!((a.lookup("B"), a.lookup("c")), (vec![[10, 0, 0, 2].into()], vec![]));
}

#[test]
fn eight_threads_run_in_the_same_order_each_time() {
    let run = || {
        let (world, [a, b]) = pair();
        let stop = Stop::root().expect("a stop");
        let (log, done) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::default()));
        let ended = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        for number in 0..8u16 {
            let (host, log, stop) = (if number % 2 == 0 { a.clone() } else { b.clone() }, log.clone(), stop.task());
            let (done, ended) = (done.clone(), ended.clone());
            let body = move || {
                let socket = udp(&host, &format!("0.0.0.0:{}", 100 + number));
                for round in 0..5 {
                    let to = format!("10.0.0.{}:{}", 2 - number % 2, 100 + (number + 1) % 8);
                    send(&*socket, format!("{number}.{round}").as_bytes(), &to);
                    let until = host.now() + Duration::from_micros(i64::from(number) * 700 + 9_000);
                    let got = receive(&host, &*socket, Some(until), &stop);
                    log.lock().expect("a log").push((number, got, host.now().as_nanos()));
                }
                ended.fetch_add(1, Ordering::SeqCst);
                done.notify();
            };
            a.start_thread("test", true, Box::new(body)).expect("started");
        }
        let all = a.park(&done, None, Some((&stop, Stage::Interrupted)), &mut || ended.load(Ordering::SeqCst) == 8);
        assert_eq!(all, Waited::Ready);
        world.leave();
        let log = log.lock().expect("a log").clone();
        (log, world.now())
    };
    let first = run();
    assert!(first.0.len() == 40 && first.0.iter().any(|(_, got, _)| got.is_ok()), "{first:?}");
    for _ in 0..100 {
        assert_eq!(run(), first);
    }
}

#[test]
fn a_stop_ends_a_wait_and_so_does_one_of_the_real_world() {
    let (_, [a, _]) = pair();
    let stop = Stop::root().expect("a stop");
    let socket = udp(&a, "0.0.0.0:7");
    let (inner, host, ended) = (stop.task(), a.clone(), Arc::new(Notify::default()));
    let (result, waiting) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
    let (given, sign, began) = (result.clone(), ended.clone(), waiting.clone());
    let body = move || {
        began.store(true, Ordering::SeqCst);
        let got = receive(&host, &*socket, None, &inner);
        *given.lock().expect("a place") = Some(got);
        sign.notify();
    };
    a.start_thread("test", true, Box::new(body)).expect("started");
    // The real world stops all while this thread is out of the run.
    a.world().outside(|| {
        while !waiting.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        stop.interrupt(Reason::Interrupt);
    });
    let there = &mut || result.lock().expect("a place").is_some();
    assert_eq!(a.park(&ended, None, None, there), Waited::Ready);
    assert_eq!(*result.lock().expect("a place"), Some(Err(Waited::Stopped)));
}

#[test]
fn a_wait_for_what_never_comes_is_an_error_that_says_who_waits() {
    let (_, [a, _]) = pair();
    let stop = Stop::root().expect("a stop");
    let socket = udp(&a, "0.0.0.0:7");
    let error = a.wait(&mut [Awaited::readable(&*socket)], None, &stop).expect_err("never");
    assert!(error.to_string().contains("nothing is to come: thread 0 for UDP 0.0.0.0:7 of a"), "{error}");
}

#[test]
fn a_run_ends_at_its_limit_of_events() {
    let world = World::with_most_events(100);
    let number = world.add_host("a", &[], false);
    let a = SimulatedHost::new(world, number, HostId(1), None, Names::default());
    let stop = Stop::root().expect("a stop");
    let socket = udp(&a, "127.0.0.1:7");
    let error = loop {
        send(&*socket, b"again", "127.0.0.1:7");
        match a.wait(&mut [Awaited::readable(&*socket)], None, &stop) {
            Ok(_) => socket.receive(&mut [0; 9], Blocking::No).map(drop).expect("one"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("has had 100 events"), "{error}");
}

#[test]
fn a_poller_says_which_of_its_sockets_are_ready() {
    let (_, [a, _]) = pair();
    let stop = Stop::root().expect("a stop");
    let sockets = [udp(&a, "127.0.0.1:7"), udp(&a, "127.0.0.1:8")];
    let poller = a.poller().expect("a poller");
    let interest = Interest { read: true, write: false };
    for (token, socket) in (0..).zip(&sockets) {
        poller.add(&**socket, token, interest).expect("added");
    }
    assert!(poller.add(&*sockets[0], 9, interest).is_err(), "it is in");
    let mut ready = Vec::new();
    poller.ready(&mut ready).expect("looks");
    assert!(ready.is_empty());
    send(&*sockets[0], b"x", "127.0.0.1:8");
    let until = Some(a.now() + Duration::from_secs(1));
    let mut awaited = [Awaited::readable(poller.as_ref())];
    assert_eq!(a.wait(&mut awaited, until, &stop).expect("waits"), Waited::Ready);
    poller.ready(&mut ready).expect("looks");
    assert_eq!(ready.iter().map(|it| (it.token, it.readable)).collect::<Vec<_>>(), [(1, true)]);
    poller.remove(&*sockets[1]).expect("removed");
    poller.ready(&mut ready).expect("looks");
    assert!(ready.is_empty());
    sockets[0].set(SocketOption::Broadcast(true)).expect("set");
}

/// Waits until `socket` is ready for `interest`.
fn until_ready(host: &SimulatedHost, socket: &dyn HostSocket, write: bool, stop: &Stop) {
    let mut awaited = [Awaited::new(socket, Interest { read: !write, write })];
    let until = Some(host.now() + Duration::from_secs(300));
    assert_eq!(host.wait(&mut awaited, until, stop).expect("waits"), Waited::Ready);
}

#[test]
fn connections_are_accepted_used_and_ended() {
    let (_, [a, b]) = pair();
    let stop = Stop::root().expect("a stop");
    let listener = b.socket(SocketType::Tcp, Family::V4).expect("a socket");
    let at = listener.bind("0.0.0.0:7".parse().expect("an address")).expect("bound");
    listener.listen(5).expect("listens");
    assert_eq!(at.port(), 7);
    let client = a.socket(SocketType::Tcp, Family::V4).expect("a socket");
    let begun = a.now();
    let going = client.connect("10.0.0.2:7".parse().expect("an address")).expect_err("goes on");
    assert_eq!(going.kind(), io::ErrorKind::WouldBlock);
    until_ready(&a, &*client, true, &stop);
    assert!(client.take_error().expect("asked").is_none());
    assert_eq!(a.now() - begun, Duration::from_micros(20_010));
    until_ready(&b, &*listener, false, &stop);
    let (server, peer) = listener.accept().expect("one");
    assert_eq!(peer, client.local_addr().expect("an address"));
    assert_eq!(listener.accept().expect_err("no other").kind(), io::ErrorKind::WouldBlock);
    let say = |socket: &dyn HostSocket, data: &[u8]| socket.send(&Outgoing { data, to: None, source: None });
    assert_eq!(say(&*client, b"hello").expect("sent"), 5);
    until_ready(&b, &*server, false, &stop);
    let mut buffer = [0; 9];
    assert_eq!(server.receive(&mut buffer, Blocking::No).expect("data").len, 5);
    drop(client);
    until_ready(&b, &*server, false, &stop);
    assert_eq!(server.receive(&mut buffer, Blocking::No).expect("the end").len, 0);
    let client = a.socket(SocketType::Tcp, Family::V4).expect("a socket");
    let _ = client.connect("10.0.0.2:9".parse().expect("an address"));
    until_ready(&a, &*client, true, &stop);
    let refused = client.take_error().expect("asked").expect("an error");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_connection_that_is_being_made_ends_with_an_icmp_error() {
    let (world, [a, b]) = pair();
    let stop = Stop::root().expect("a stop");
    let client = a.socket(SocketType::Tcp, Family::V4).expect("a socket");
    let none = client.connect("192.0.2.1:7".parse().expect("an address")).expect_err("no route");
    assert_eq!(none.kind(), io::ErrorKind::NetworkUnreachable);
    // To b, which is no router and says nothing; the host gives up at last.
    world.with_host(a.number(), |stack, _| {
        let everything = "0.0.0.0/0".parse().expect("a prefix");
        stack.routes_mut().set(everything, Some(RouteTarget::Interface(2, None)));
    });
    let _ = client.connect("192.0.2.1:7".parse().expect("an address"));
    until_ready(&a, &*client, true, &stop);
    let gone = client.take_error().expect("asked").expect("an error");
    assert_eq!((gone.kind(), b.number()), (io::ErrorKind::TimedOut, 1));
}

#[test]
fn what_is_served_in_place_is_served_by_the_thread_that_waits_and_nothing_else_is() {
    let (world, [a, b]) = pair();
    let stop = Stop::root().expect("a stop");
    let (client, server) = (udp(&a, "0.0.0.0:0"), udp(&b, "0.0.0.0:7"));
    let log: Arc<Mutex<Vec<(String, threads::ThreadId)>>> = Arc::default();
    let note = |log: &Mutex<Vec<_>>, text: String| log.lock().expect("a log").push((text, threads::current()));
    let (serving, inside, noted) = (stop.task(), stop.task(), log.clone());
    let (host, ended) = (b.clone(), serving.clone());
    let body = move || {
        let (socket, in_place) = (server.clone(), noted.clone());
        let serve = InPlace::new(move || {
            let mut buffer = [0; 100];
            let Ok(got) = socket.receive(&mut buffer, Blocking::No) else { return true };
            note(&in_place, format!("in place {}", String::from_utf8_lossy(&buffer[..got.len])));
            &buffer[..got.len] != b"2"
        });
        let _in_place = host.serve_in_place(&*server, serve).expect("it can");
        while let Ok(text) = receive(&host, &*server, None, &ended) {
            note(&noted, text);
        }
        note(&noted, "stopped".to_string());
    };
    b.start_thread("test", true, Box::new(body)).expect("started");
    let sleep = || a.wait(&mut [], Some(a.now() + Duration::from_secs(1)), &inside).expect("waits");
    sleep();
    // The thread that 2 wakes finds 3, which came with it.
    for texts in [&["1"][..], &["2", "3"], &["4"]] {
        texts.iter().for_each(|text| send(&*client, text.as_bytes(), "10.0.0.2:7"));
        sleep();
    }
    send(&*client, b"5", "10.0.0.2:7");
    a.wait(&mut [], Some(a.now() + Duration::from_millis(1)), &inside).expect("waits");
    serving.interrupt(Reason::Ended);
    sleep();
    world.leave();
    let log = log.lock().expect("a log");
    let texts: Vec<&str> = log.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["in place 1", "in place 2", "3", "in place 4", "stopped"]);
    let own: Vec<bool> = log.iter().map(|(_, thread)| *thread == threads::current()).collect();
    assert_eq!(own, [true, true, false, true, false]);
}
