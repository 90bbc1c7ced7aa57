//! The native loop of a server: each datagram is given to a closure, and what that returns is the reply.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::packet::{ReceivedPacket, reply};
use crate::bindings::callback::Callback;
use crate::bindings::compiled::Compiled;
use crate::bindings::context::{Context, WaitingFor};
use crate::bindings::error::{ScriptResult, thrown};
use crate::bindings::{context, convert};
use crate::net::error::ErrorKind;
use crate::net::policy::datagram::Datagram;
use crate::net::socket::batch::Serve;
use crate::net::socket::udp::{UdpIncoming, UdpSocket};

/// Gives `handler` each datagram that `socket` receives, and sends what it returns, until the script is stopped or the socket
/// closed.
pub(super) fn serve(ctx: &NativeCallContext, socket: &UdpSocket, handler: &mut Callback) -> ScriptResult<()> {
    let context = context::wait(WaitingFor::NewWork);
    let stop = context.stop.clone();
    socket.begin_to_serve();
    let tree = Compiled::of_handler(handler);
    let mut server = ServeHandler { ctx, socket, handler, tree, context, failed: None };
    let ended = socket.serve_by(&stop, &mut server);
    match (server.failed, ended) {
        (Some(error), _) => Err(error),
        (None, Err(err)) if err.kind != ErrorKind::Closed => Err(thrown(err, ctx.call_position())),
        _ => Ok(()),
    }
}

/// A handler that serves a socket.
struct ServeHandler<'s> {
    ctx: &'s NativeCallContext<'s>,
    socket: &'s UdpSocket,
    handler: &'s mut Callback,
    /// The handler without the interpreter, if it is simple enough.
    tree: Option<Arc<Compiled>>,
    context: Context,
    failed: Option<Box<EvalAltResult>>,
}

impl Serve for ServeHandler<'_> {
    fn reply(&mut self, request: &Datagram) -> Option<Vec<u8>> {
        self.context.wait(WaitingFor::NewWork);
        self.tree.as_ref()?.reply(request, self.handler, &self.context)
    }

    fn serve(&mut self, request: &Datagram) -> bool {
        let packet = ReceivedPacket::new(self.socket.clone(), UdpIncoming::Packet(request.clone()));
        let served = self.handler.call_again([Dynamic::from(packet.clone())]).and_then(|value| {
            let Some(value) = value else { return Ok(false) };
            if !packet.is_done_with(&value) {
                reply(self.ctx, self.socket, request, convert::reply_data(self.ctx, value)?)?;
            }
            Ok(true)
        });
        served.unwrap_or_else(|error| {
            self.failed = Some(error);
            false
        })
    }
}
