//! The native loop of a server: each message of a connection is given to a closure, and what that returns is the reply.

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::message::ReceivedMessage;
use crate::bindings::callback::Callback;
use crate::bindings::compiled::Compiled;
use crate::bindings::context::WaitingFor;
use crate::bindings::error::{OrRaise, ScriptResult};
use crate::bindings::{context, convert};
use crate::net::error::ErrorKind;
use crate::net::socket::tcp::{Connection, Incoming};

/// Gives `handler` each message that comes over `connection`, and sends what it returns.
pub(super) fn serve(ctx: &NativeCallContext, connection: &Connection, handler: FnPtr) -> ScriptResult<()> {
    let context = context::wait(WaitingFor::Connection(connection));
    let _calling = context.serving.calling();
    own(ctx, handler).repeatedly(|callback| {
        let mut tree = Compiled::of_handler(callback);
        loop {
            context.wait(WaitingFor::Connection(connection));
            match connection.receive(connection.framing().want(), None, &context.stop) {
                Ok(incoming @ Incoming::Message(_)) => {
                    if callback.renew() {
                        tree = Compiled::of_handler(callback);
                    }
                    if let (Some(tree), Incoming::Message(message)) = (&tree, &incoming)
                        && let Some(reply) = tree.reply(message, callback, &context)
                    {
                        connection.reply(message, &reply, &context.stop).or_raise(ctx)?;
                        continue;
                    }
                    if !call(ctx, connection, callback, incoming)? {
                        return Ok(());
                    }
                }
                // It is counted, and the connection lives on.
                Ok(Incoming::Path(_)) => {}
                Ok(_) => break,
                // Closing it ends the loop.
                Err(err) if err.kind == ErrorKind::Closed => break,
                Err(err) => {
                    context::has_left(connection);
                    return Err(err).or_raise(ctx);
                }
            }
        }
        context::has_left(connection);
        Ok(())
    })
}

/// What is called for each message. In a box, and made apart: what stands on the stack while the thread waits counts for each client.
#[inline(never)]
fn own(ctx: &NativeCallContext, handler: FnPtr) -> Box<Callback> {
    Box::new(Callback::local(ctx, handler).noting("handler").renewing())
}

/// Has the interpreter handle a message; `false`: the handler called `exit`.
#[inline(never)]
fn call(
    ctx: &NativeCallContext,
    connection: &Connection,
    callback: &mut Callback,
    incoming: Incoming,
) -> ScriptResult<bool> {
    let message = ReceivedMessage::new(connection.clone(), incoming);
    let Some(returned) = callback.call_again([Dynamic::from(message.clone())])? else { return Ok(false) };
    if !message.is_done_with(&returned) {
        message.reply(ctx, convert::reply_data(ctx, returned)?)?;
    }
    Ok(true)
}
