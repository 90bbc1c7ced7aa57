//! Many sockets waited for at once, in scripts: `for event in poll(listener)`.

use std::sync::Arc;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position, Variant};

use super::message::ReceivedMessage;
use crate::bindings::callback::Callback;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::shown;
use crate::bindings::error::{OrRaise, ScriptResult, raise, thrown};
use crate::bindings::task::report_aside;
use crate::bindings::udp::packet::ReceivedPacket;
use crate::bindings::{context, exit};
use crate::net::error::Error;
use crate::net::socket::tcp::{Connection, Happening, Incoming, Member, Poll, Polled};
use crate::net::socket::udp::UdpIncoming;
use crate::net::time::{Duration, Instant};

/// Something that happened, in scripts.
#[derive(Clone, Debug)]
pub struct Happened(Arc<EventParts>);

#[derive(Debug)]
struct EventParts {
    word: &'static str,
    connection: Option<Connection>,
    /// The one message or packet, however often a script asks for it: what its reply does is known of it then.
    received: Dynamic,
}

impl Happened {
    fn new(polled: Polled) -> Self {
        let (word, connection, received) = match polled {
            Polled::Happened(Happening::Connected(connection)) => ("connected", Some(connection), Dynamic::UNIT),
            Polled::Happened(Happening::Came(connection, incoming)) => {
                let word = if matches!(incoming, Incoming::Path(_)) { "unreachable" } else { "message" };
                let message = ReceivedMessage::new(connection.clone(), incoming);
                (word, Some(connection), Dynamic::from(message))
            }
            Polled::Happened(Happening::Ended(connection, ended)) => (ended.word(), Some(connection), Dynamic::UNIT),
            Polled::Happened(Happening::Packet(socket, incoming)) => {
                let word = if matches!(incoming, UdpIncoming::Icmp(_)) { "icmp" } else { "packet" };
                (word, None, Dynamic::from(ReceivedPacket::new(socket, incoming)))
            }
            Polled::TimedOut => ("timeout", None, Dynamic::UNIT),
            Polled::Interrupted => ("interrupted", None, Dynamic::UNIT),
            Polled::Empty => ("empty", None, Dynamic::UNIT),
        };
        Self(Arc::new(EventParts { word, connection, received }))
    }

    /// What was received, if it is of this type.
    fn received<T: Variant + Clone>(&self) -> Dynamic {
        if self.0.received.is::<T>() { self.0.received.clone() } else { Dynamic::UNIT }
    }
}

/// A loop over a set runs for each thing that happens, until the script is stopped or nothing is left to wait for.
impl IntoIterator for Poll {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let context = context::wait(WaitingFor::Events(&self));
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            context.wait(WaitingFor::Events(&self));
            match self.next(None, &context.stop) {
                Ok(happened @ Polled::Happened(_)) => Some(Ok(Dynamic::from(Happened::new(happened)))),
                Ok(_) => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

/// Takes a socket, or an array of them, into the set or out of it.
fn each(ctx: &NativeCallContext, poll: &Poll, sockets: Dynamic, add: bool) -> ScriptResult<()> {
    if sockets.is_array() {
        return sockets.cast::<Array>().into_iter().try_for_each(|socket| each(ctx, poll, socket, add));
    }
    let member = (sockets.clone().try_cast().map(Member::Listener))
        .or_else(|| sockets.clone().try_cast().map(Member::Connection))
        .or_else(|| sockets.clone().try_cast().map(Member::Datagrams));
    match member {
        Some(member) if add => return poll.add(member).or_raise(ctx),
        Some(member) => {
            poll.remove(&member);
            return Ok(());
        }
        None => {}
    }
    let error = Error::invalid(
        "poll",
        format!("cannot poll {}: expected a listener, a connection or a socket", shown(&sockets)),
    );
    raise(ctx, error.with_hint("give a TCP listener, a connection, a UDP socket, or an array of them"))
}

fn next(ctx: &NativeCallContext, poll: &Poll, until: Option<Instant>) -> ScriptResult<Happened> {
    let polled = poll.next(until, &context::wait(WaitingFor::Events(poll)).stop).or_raise(ctx)?;
    Ok(Happened::new(polled))
}

/// Gives each happening to `handler`. What it throws is reported at once and ends the connection of that event alone.
fn handle(ctx: &NativeCallContext, poll: &Poll, handler: FnPtr) -> ScriptResult<()> {
    let mut callback = Callback::local(ctx, handler).renewing();
    let context = context::wait(WaitingFor::Events(poll));
    let _calling = context.serving.calling();
    loop {
        context.wait(WaitingFor::Events(poll));
        let polled @ Polled::Happened(_) = poll.next(None, &context.stop).or_raise(ctx)? else { return Ok(()) };
        let event = Happened::new(polled);
        callback.renew();
        let Err(error) = callback.call([Dynamic::from(event.clone())]) else { continue };
        let ended = matches!(&*error, EvalAltResult::ErrorTerminated(..)) || exit::code(&error).is_some();
        match &event.0.connection {
            Some(connection) if !ended => {
                // The words for it take a while, and the other clients wait.
                report_aside(&format!("handler of the client {}", connection.peer()), error);
                poll.remove(&Member::Connection(connection.clone()));
                connection.close();
            }
            _ => return Err(error),
        }
    }
}

functions! {
    pub fn api;
    object Poll,
        "Sockets that are waited for together. Copies are the same set. `for event in poll(listener) { … }` runs for each thing",
        "that happens at them.";
    object Happened as Event, "Something that happened at one of the sockets that are waited for together.";

    /// Waits for several sockets with one thread: a listener, whose connections are accepted and waited for too; connections;
    /// UDP sockets; or an array of them. No one holds up the others: a reply that a client does not take yet is kept, and
    /// nothing is received from that client meanwhile.
    ///
    /// Errors: `closed`, `exhausted`; `invalid`: something else.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// client.send("ping 1");
    /// for event in poll(listener) {
    ///     if event.kind == "message" { event.message.reply("PING 1"); break; }
    /// }
    /// expect(client.recv().text, "PING 1");
    /// ```
    fn poll(ctx: NativeCallContext, sockets: Dynamic) -> ScriptResult<Poll> = {
        let context = context::current();
        let poll = Poll::new(context.host).or_raise(&ctx)?;
        each(&ctx, &poll, sockets, true)?;
        Ok(poll)
    };

    /// Waits for another socket too, or for several in an array.
    ///
    /// Errors: as `poll`.
    ///
    /// ```rhai
    /// let events = poll([]);
    /// events.add(udp::bind("127.0.0.1:0"));
    /// expect(events.len, 1);
    /// ```
    fn add(ctx: NativeCallContext, events: &mut Poll, sockets: Dynamic) -> ScriptResult<()> =
        each(&ctx, events, sockets, true);

    /// Waits for a socket no more. One that has ended or was closed goes by itself.
    ///
    /// Errors: `invalid`: something else.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let events = poll(sock);
    /// events.remove(sock);
    /// expect(events.len, 0);
    /// ```
    fn remove(ctx: NativeCallContext, events: &mut Poll, sockets: Dynamic) -> ScriptResult<()> =
        each(&ctx, events, sockets, false);

    /// How many sockets are waited for.
    ///
    /// ```rhai
    /// expect(poll(tcp::listen("127.0.0.1:0")).len, 1);
    /// ```
    get len(events: &mut Poll) -> i64 = events.len() as i64;

    /// Waits for the next thing that happens.
    ///
    /// Errors: `busy`: another thread waits for the same sockets.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// expect(poll(listener).next().kind, "connected");
    /// ```
    fn next(ctx: NativeCallContext, events: &mut Poll) -> ScriptResult<Happened> = next(&ctx, events, None);

    /// Waits for the next thing that happens for at most `timeout`; its kind is `"timeout"` if nothing does.
    ///
    /// Errors: `busy`.
    ///
    /// ```rhai
    /// expect(poll(tcp::listen("127.0.0.1:0")).next(1.ms).kind, "timeout");
    /// ```
    fn next(ctx: NativeCallContext, events: &mut Poll, timeout: Duration) -> ScriptResult<Happened> = {
        let until = context::current().host.now() + timeout;
        next(&ctx, events, Some(until))
    };

    /// Gives each thing that happens to the closure, until the script is stopped or nothing is left to wait for. An error that
    /// the closure throws is printed at once, with its line, and ends the connection of that event alone.
    ///
    /// What the closure captured is copied when the loop begins; what it changes, it finds at the next event.
    ///
    /// Errors: `busy`; what the closure throws where there is no connection.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let task = start_thread(|| handle_events(poll(listener), |event| if event.kind == "message" { event.message.reply("yes"); }));
    /// let client = tcp::connect(listener.addr);
    /// client.send("there?");
    /// expect(client.recv().text, "yes");
    /// task.stop();
    /// ```
    fn handle_events(ctx: NativeCallContext, events: Poll, handler: FnPtr) -> ScriptResult<()> =
        handle(&ctx, &events, handler);

    /// What happened: `"connected"` (a client), `"message"`, `"closed"`, `"reset"`, `"cut-off"`, `"misframed"`,
    /// `"no-room"` or `"lost"` (a connection has ended), `"unreachable"` (an error of the path that a connection survives), `"packet"` (a UDP socket);
    /// of `next` also `"timeout"`, `"interrupted"` and `"empty"`: nothing is left to wait for.
    ///
    /// ```rhai
    /// expect(poll([]).next().kind, "empty");
    /// ```
    get kind(event: &mut Happened) -> String = event.0.word.to_string();

    /// The connection it happened at; `()` if at none.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// expect(poll(listener).next().conn.peer, client.addr);
    /// ```
    get conn(event: &mut Happened) -> Dynamic =
        event.0.connection.clone().map_or(Dynamic::UNIT, Dynamic::from);

    /// The message that came over the connection; `()` if none did.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("hello");
    /// let events = poll(listener);
    /// events.next();
    /// expect(events.next().message.text, "hello");
    /// ```
    get message(event: &mut Happened) -> Dynamic = event.received::<ReceivedMessage>();

    /// The packet that a UDP socket received; `()` if none did.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(poll(sock).next(1.s).packet.text, "hello");
    /// ```
    get packet(event: &mut Happened) -> Dynamic = event.received::<ReceivedPacket>();

    /// The set in words.
    ///
    /// ```rhai
    /// expect(`${poll([])}`, "0 sockets waited for");
    /// ```
    fn to_string | to_debug(events: &mut Poll) -> String = match events.len() {
        1 => "1 socket waited for".to_string(),
        many => format!("{many} sockets waited for"),
    };

    /// The event in words.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// udp::bind("127.0.0.1:0").send_to("ping 1", sock.addr);
    /// expect(`${poll([sock]).next(1.s)}`, "packet");
    /// ```
    fn to_string | to_debug(event: &mut Happened) -> String = match &event.0.connection {
        Some(connection) => format!("{} {}", event.0.word, connection.peer()),
        None => event.0.word.to_string(),
    };
}
