//! What a receive from a connection brought, in scripts, and the reply to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{Dynamic, ImmutableString, NativeCallContext};

use crate::bindings::context;
use crate::bindings::convert::{bytes, text};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::loops;
use crate::bindings::udp::packet::UNDECIDED;
use crate::net::error::Error;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::{Place, Verdict};
use crate::net::socket::tcp::Connection;
use crate::net::socket::tcp::Incoming;

/// What a receive brought.
#[derive(Clone, Debug)]
pub struct ReceivedMessage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Connection,
    incoming: Incoming,
    /// Its place in its flow, while a policy decides about it.
    deciding: Option<Place>,
    /// Whether it was replied to.
    replied: AtomicBool,
}

impl ReceivedMessage {
    /// What came over `connection`.
    pub fn new(connection: Connection, incoming: Incoming) -> Self {
        if let Incoming::Message(message) = &incoming {
            connection.handed_out(message);
        }
        Self(Arc::new(Inner { connection, incoming, deciding: None, replied: AtomicBool::new(false) }))
    }

    /// A message that a closure is asked about: whether it is a reply to a ping.
    pub fn being_matched(connection: Connection, message: Datagram) -> Self {
        let (incoming, replied) = (Incoming::Message(message), AtomicBool::new(false));
        Self(Arc::new(Inner { connection, incoming, deciding: None, replied }))
    }

    /// A message that a policy decides about.
    pub fn being_decided(connection: Connection, message: Datagram, place: Place) -> Self {
        let (incoming, replied) = (Incoming::Message(message), AtomicBool::new(false));
        Self(Arc::new(Inner { connection, incoming, deciding: Some(place), replied }))
    }

    fn place(&self) -> Option<Place> {
        let decided = self.datagram().and_then(|datagram| datagram.decided.as_ref());
        self.0.deciding.or(decided.map(|decided| decided.place))
    }

    /// The message of which a script reads something. What did not arrive because the script was stopped ends the loop there.
    fn content(&self) -> Option<&Datagram> {
        if matches!(self.0.incoming, Incoming::Interrupted) {
            loops::ends();
        }
        self.datagram()
    }

    fn datagram(&self) -> Option<&Datagram> {
        match &self.0.incoming {
            Incoming::Message(datagram) => Some(datagram),
            _ => None,
        }
    }

    /// Whether nothing is left to be sent once a handler has returned `value`: it returned nothing, or the verdict about the
    /// reply that it has sent itself.
    pub(super) fn is_done_with(&self, value: &Dynamic) -> bool {
        value.is_unit() || (value.is::<Verdict>() && self.0.replied.load(Ordering::Relaxed))
    }

    /// Replies with a string or a blob.
    pub(super) fn reply(&self, ctx: &NativeCallContext, data: Dynamic) -> ScriptResult<Verdict> {
        let Some(request) = self.datagram() else {
            let message = format!("there is no message to reply to, but kind \"{}\"", word(&self.0.incoming));
            return raise(ctx, Error::invalid("reply", message));
        };
        let reply = |data: &[u8]| {
            let replied = context::peek(|context| self.0.connection.reply(request, data, &context.stop));
            replied.expect("script code runs in a context")
        };
        let replied = if let Some(text) = data.read_lock::<ImmutableString>() {
            reply(text.as_bytes())
        } else {
            reply(&bytes(ctx, data)?)
        };
        self.0.replied.store(true, Ordering::Relaxed);
        Ok(replied.or_raise(ctx)?.verdict(&UNDECIDED))
    }
}

fn word(incoming: &Incoming) -> &'static str {
    match incoming {
        Incoming::Message(_) => "message",
        Incoming::Path(_) => "unreachable",
        Incoming::Ended(ended) => ended.word(),
        Incoming::TimedOut => "timeout",
        Incoming::Interrupted => "interrupted",
    }
}

functions! {
    pub fn api;
    object ReceivedMessage as Message,
        "What a receive from a connection brought: a message, the end of the stream, an error of the path, a time-out or an",
        "interrupt.";

    /// What came: `"message"`; `"closed"` (the peer has sent all), `"reset"`, `"cut-off"` (the end came within a message),
    /// `"misframed"`, `"no-room"` (all connections hold too much), `"lost"`: the stream has ended; `"unreachable"`: an ICMP error came, and the connection lives on;
    /// `"timeout"` or `"interrupted"`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.recv(1.ms).kind, "timeout");
    /// listener.accept().close();
    /// expect(conn.recv().kind, "closed");
    /// ```
    get kind(message: &mut ReceivedMessage) -> String = word(&message.0.incoming).to_string();

    /// Who sent it.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.recv(1.ms).from, listener.addr);
    /// ```
    get from(message: &mut ReceivedMessage) -> std::net::SocketAddr = message.0.connection.peer();

    /// The message as text; what is not UTF-8 shows as `�`. `()` if none came, never an empty text.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("hello");
    /// expect(listener.accept().recv().text, "hello");
    /// ```
    get text(message: &mut ReceivedMessage) -> Dynamic =
        message.content().map_or(Dynamic::UNIT, |datagram| text(&datagram.data).into());

    /// The message as a blob; `()` if none came.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("A");
    /// expect(listener.accept().recv().data[0], 65);
    /// ```
    get data(message: &mut ReceivedMessage) -> Dynamic =
        message.content().map_or(Dynamic::UNIT, |datagram| Dynamic::from_blob(datagram.data.to_vec()));

    /// The size of the message in bytes; 0 if none came.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("hello");
    /// expect(listener.accept().recv().len, 5);
    /// ```
    get len(message: &mut ReceivedMessage) -> i64 = message.content().map_or(0, |datagram| datagram.data.len() as i64);

    /// The message's number within its connection, from 1, as the listener's policy counts it; `()` without a policy.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// set_policy(listener, |pkt| if pkt.number == 1 { drop() } else { pass() });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line" });
    /// conn.send("ping 1");
    /// let msg = listener.accept().recv(1.s);
    /// expect(msg.number, 1);
    /// ```
    get number(message: &mut ReceivedMessage) -> Dynamic =
        message.place().map_or(Dynamic::UNIT, |place| (place.number as i64).into());

    /// The number of the message's connection, by first appearance, from 0; `()` without a policy.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// set_policy(listener, |pkt| if pkt.flow == 0 { drop() } else { pass() });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line" });
    /// conn.send("ping 1");
    /// let msg = listener.accept().recv(1.s);
    /// expect(msg.flow, 0);
    /// ```
    get flow(message: &mut ReceivedMessage) -> Dynamic = message.place().map_or(Dynamic::UNIT, |place| place.flow.into());

    /// Why no message came, an error with `kind`, `message` and `hint`; `()` if one did, or the wait was over first.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// listener.accept().close();
    /// expect(conn.recv().error.message, "the peer has closed the connection");
    /// ```
    get error(message: &mut ReceivedMessage) -> Dynamic = match &message.0.incoming {
        Incoming::Ended(ended) => Dynamic::from(ended.error("recv")),
        Incoming::Path(error) => Dynamic::from(error.clone()),
        _ => Dynamic::UNIT,
    };

    /// Replies to a message: sends `data`, a string or a blob, over its connection, unless the policy drops it. The verdict.
    /// A reply to a client that has gone is counted, and no error; the verdict has the kind `"unsent"` then.
    ///
    /// Errors: `invalid`: there is no message to reply to, or a line that holds a line end; `closed`: it was closed here.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// client.send("ping 1");
    /// listener.accept().recv().reply("PING 1");
    /// expect(client.recv().text, "PING 1");
    /// ```
    fn reply(ctx: NativeCallContext, message: &mut ReceivedMessage, data: Dynamic) -> ScriptResult<Verdict> =
        message.reply(&ctx, data);

    /// What came in words.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.send("ping 1");
    /// expect(`${listener.accept().recv(1.s)}`, `6 bytes from ${conn.addr}`);
    /// ```
    fn to_string | to_debug(message: &mut ReceivedMessage) -> String = match &message.0.incoming {
        Incoming::Message(datagram) => format!("{} bytes from {}", datagram.data.len(), datagram.from),
        Incoming::Ended(ended) => ended.to_string(),
        Incoming::Path(error) => error.message.clone(),
        other => word(other).to_string(),
    };
}
