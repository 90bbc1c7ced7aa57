//! A connection in scripts: what it sends and receives, and its end.

use rhai::{Dynamic, NativeCallContext, Position};

use super::message::ReceivedMessage;
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::bytes;
use crate::bindings::error::{OrRaise, ScriptResult, raise, thrown};
use crate::net::error::{Error, ErrorKind};
use crate::net::socket::tcp::{Connection, Incoming, Sent, Want};
use crate::net::time::{Duration, Instant};

/// A loop over a connection runs for each message, until the stream has ended, the script is stopped or the connection
/// closed.
impl IntoIterator for Connection {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let context = context::wait(WaitingFor::Connection(&self));
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            while !ended {
                context.wait(WaitingFor::Connection(&self));
                match self.receive(self.framing().want(), None, &context.stop) {
                    Ok(incoming @ Incoming::Message(_)) => {
                        return Some(Ok(Dynamic::from(ReceivedMessage::new(self.clone(), incoming))));
                    }
                    // It is counted, and the connection lives on.
                    Ok(Incoming::Path(_)) => {}
                    Ok(_) => ended = true,
                    // Closing it ends the loop.
                    Err(err) if err.kind == ErrorKind::Closed => ended = true,
                    Err(err) => {
                        ended = true;
                        return Some(Err(thrown(err, Position::NONE)));
                    }
                }
            }
            context::has_left(&self);
            None
        }))
    }
}

fn receive(
    ctx: &NativeCallContext,
    connection: &Connection,
    want: Want,
    until: Option<Instant>,
) -> ScriptResult<ReceivedMessage> {
    let incoming =
        connection.receive(want, until, &context::wait(WaitingFor::Connection(connection)).stop).or_raise(ctx)?;
    if matches!(incoming, Incoming::Ended(_)) {
        context::has_left(connection);
    }
    Ok(ReceivedMessage::new(connection.clone(), incoming))
}

fn send(ctx: &NativeCallContext, connection: &Connection, data: Dynamic, until: Option<Instant>) -> ScriptResult<bool> {
    let data = bytes(ctx, data)?;
    if let Some(ended) = connection.ended().filter(|ended| ended.word() != "closed") {
        return raise(ctx, ended.error("send").with_peer(connection.peer()));
    }
    let sent = connection.send_as_decided(&data, until, &context::current().stop).or_raise(ctx)?;
    Ok(sent == Sent::All)
}

fn soon(timeout: Duration) -> Option<Instant> {
    Some(context::current().host.now() + timeout)
}

/// The number of bytes of an exact read.
fn exactly(ctx: &NativeCallContext, connection: &Connection, count: i64) -> ScriptResult<Want> {
    match usize::try_from(count) {
        Ok(count) if (1..=connection.limit()).contains(&count) => Ok(Want::Exact(count)),
        _ => {
            let limit = connection.limit();
            let error = Error::invalid("recv_exact", format!("1 to {limit} bytes can be waited for, not {count}"));
            raise(ctx, error.with_hint("the option `limit` of tcp::connect and tcp::listen allows more"))
        }
    }
}

functions! {
    pub fn api;
    object Connection,
        "A connection. Copies are the same one. `for msg in conn { … }` runs for each message until the stream has ended;",
        "`conn.ended` then says how.";

    /// Sends a message, a string or a blob, in the connection's framing; waits until the socket has taken all of it. False
    /// if the script was stopped first. Where the listener has a policy, it meets the policy's verdict about the message that it
    /// replies.
    ///
    /// Errors: `closed`, also after `shutdown`; `reset`; `unreachable` and others: the connection was lost; `invalid`: a line that
    /// holds a line end.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.send("hello"), true);
    /// ```
    fn send(ctx: NativeCallContext, conn: &mut Connection, data: Dynamic) -> ScriptResult<bool> =
        send(&ctx, conn, data, None);

    /// Sends a message, and waits for at most `timeout` until the socket has taken all of it. False if it has not; the rest
    /// then goes out before whatever is sent next.
    ///
    /// Errors: as `send`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.send(blob(20_000_000), 10.ms), false);
    /// ```
    fn send(ctx: NativeCallContext, conn: &mut Connection, data: Dynamic, timeout: Duration) -> ScriptResult<bool> =
        send(&ctx, conn, data, soon(timeout));

    /// Waits for the next message, in the connection's framing, until the script is stopped. The result's `kind` says what
    /// came: the end of the stream is never an empty message.
    ///
    /// Errors: `closed`, also when another thread closes it meanwhile.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// tcp::connect(listener.addr, #{ framing: "line" }).send("hello");
    /// let conn = listener.accept();
    /// expect(conn.recv().text, "hello");
    /// ```
    fn recv(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, conn.framing().want(), None);

    /// Waits for the next message for at most `timeout`.
    ///
    /// Errors: as `recv`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).recv(1.ms).kind, "timeout");
    /// ```
    fn recv(ctx: NativeCallContext, conn: &mut Connection, timeout: Duration) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, conn.framing().want(), soon(timeout));

    /// Waits for the next message until a deadline.
    ///
    /// Errors: as `recv`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).recv(deadline(1.ms)).kind, "timeout");
    /// ```
    fn recv(ctx: NativeCallContext, conn: &mut Connection, deadline: Instant) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, conn.framing().want(), Some(deadline));

    /// Waits for any bytes, whatever the connection's framing: what has come, at most about 65,536.
    ///
    /// Errors: as `recv`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("hello");
    /// expect(listener.accept().recv_some(1.s).text, "hello");
    /// ```
    fn recv_some(ctx: NativeCallContext, conn: &mut Connection, timeout: Duration) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, Want::Some, soon(timeout));

    /// Waits for exactly `count` bytes, whatever the connection's framing. What has come when the time is over stays for the
    /// next receive.
    ///
    /// Errors: as `recv`; `invalid`: more than the connection's `limit`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("hello");
    /// let conn = listener.accept();
    /// expect(conn.recv_exact(2, 1.s).text, "he");
    /// expect(conn.recv_exact(9, 1.s).kind, "cut-off");
    /// ```
    fn recv_exact(
        ctx: NativeCallContext, conn: &mut Connection, count: i64, timeout: Duration,
    ) -> ScriptResult<ReceivedMessage> = {
        let want = exactly(&ctx, conn, count)?;
        receive(&ctx, conn, want, soon(timeout))
    };

    /// Waits for a line, whatever the connection's framing; its end is not part of it.
    ///
    /// Errors: as `recv`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr).send("GET /\r\n");
    /// expect(listener.accept().recv_line(1.s).text, "GET /");
    /// ```
    fn recv_line(ctx: NativeCallContext, conn: &mut Connection, timeout: Duration) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, Want::Line, soon(timeout));

    /// Waits for a message with its length before it, four bytes in network order, whatever the connection's framing.
    ///
    /// Errors: as `recv`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// tcp::connect(listener.addr, #{ framing: "length" }).send("hello");
    /// expect(listener.accept().recv_length(1.s).text, "hello");
    /// ```
    fn recv_length(ctx: NativeCallContext, conn: &mut Connection, timeout: Duration) -> ScriptResult<ReceivedMessage> =
        receive(&ctx, conn, Want::Length, soon(timeout));

    /// Half-closes: says that nothing more will be sent (shutdown(2)). What the peer still sends can be received.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// let conn = listener.accept();
    /// client.shutdown();
    /// expect(conn.recv().kind, "closed");
    /// conn.send("still received");
    /// expect(client.recv().text, "still received");
    /// ```
    fn shutdown(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<()> = conn.shutdown().or_raise(&ctx);

    /// Closes the connection; what was sent is still delivered. Using it afterwards is the error `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.close();
    /// try { conn.send("x"); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    fn close(conn: &mut Connection) = {
        conn.close();
        context::has_left(conn);
    };

    /// Breaks the connection off: what was not delivered is thrown away, and the peer gets a reset (RST).
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// listener.accept().reset();
    /// expect(client.recv().kind, "reset");
    /// ```
    fn reset(conn: &mut Connection) = {
        conn.reset();
        context::has_left(conn);
    };

    /// Whether both are the same connection.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn == conn, true);
    /// ```
    fn "=="(a: Connection, b: Connection) -> bool = a.is(&b);

    /// The connection in words.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(`${conn}`, `TCP connection ${conn.addr} - ${listener.addr}`);
    /// ```
    fn to_string | to_debug(conn: &mut Connection) -> String = {
        let state = if conn.is_closed() { "closed " } else { "" };
        format!("{state}TCP connection {} - {}", conn.local(), conn.peer())
    };
}
