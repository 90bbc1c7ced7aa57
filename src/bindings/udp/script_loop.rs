//! Loops of servers, `for pkt in server { … }`: where the body is simple enough, the core's loop runs its tree.

use rhai::{Dynamic, EvalAltResult, EvalContext, Expr, Expression, ImmutableString, Stmt, StmtBlock};

use crate::bindings::compiled::tree::{Cells, Change, Effect, Effects, State, Tree};
use crate::bindings::compiled::{self, View, translate};
use crate::bindings::context::{self, Context, WaitingFor};
use crate::bindings::error::{ScriptResult, thrown};
use crate::bindings::print::print;
use crate::bindings::udp::packet::{ReceivedPacket, UNDECIDED};
use crate::net::error::ErrorKind;
use crate::net::policy::Verdict;
use crate::net::policy::datagram::Datagram;
use crate::net::random::Draws;
use crate::net::socket::batch::Serve;
use crate::net::socket::udp::{UdpIncoming, UdpSocket};

/// Runs the loop in `whole`, if it is one over the packets of a socket with a body that is simple enough; `None`: the
/// interpreter is to run it.
///
/// # Errors
/// What the loop throws.
pub fn serve(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    whole: &Expression<'_>,
) -> ScriptResult<Option<Dynamic>> {
    let Expr::Stmt(block) = &**whole else { return Ok(None) };
    let [Stmt::For(parts, _)] = block.statements() else { return Ok(None) };
    let (variable, None, flow) = &**parts else { return Ok(None) };
    let Expr::Variable(over, ..) = &flow.expr else { return Ok(None) };
    let scope = context.scope();
    let socket = scope.get(&over.1).and_then(|value| value.read_lock::<UdpSocket>().map(|socket| socket.clone()));
    let (Some(socket), true) = (socket, compiled::is_wanted()) else { return Ok(None) };
    // What a closure has captured may change while the loop runs.
    let outer = |name: &str| scope.get(name).filter(|value| !value.is_shared()).cloned();
    let body = flow.body.statements();
    let global = context.global_runtime_state();
    let translated = translate::turn(&variable.name, body, global, &outer);
    let source = global.source.as_deref().unwrap_or_default();
    let place = compiled::place(source, flow.expr.position().line());
    compiled::trace(&place, translated.as_ref().err());
    let Ok((mut tree, outer)) = translated else { return Ok(None) };
    tree.place = place;
    let (variable, body) = (&variable.name, &flow.body);
    let run = context::wait(WaitingFor::NewWork);
    let stop = run.stop.clone();
    let mut served =
        ServedLoop { context, run, socket: &socket, tree, outer, variable, body, iteration: None, failed: None };
    let ended = socket.serve_by(&stop, &mut served);
    match (served.failed, ended) {
        (Some(error), _) => Err(error),
        (None, Err(error)) if error.kind != ErrorKind::Closed => Err(thrown(error, flow.expr.position())),
        _ => Ok(Some(Dynamic::UNIT)),
    }
}

/// The iterations of a loop.
struct ServedLoop<'t, 'a, 's, 'ps, 'g, 'c, 'tp> {
    context: &'t mut EvalContext<'a, 's, 'ps, 'g, 'c, 'tp>,
    run: Context,
    socket: &'t UdpSocket,
    tree: Tree,
    /// The variables of the script that the tree reads for each packet.
    outer: Vec<ImmutableString>,
    variable: &'t str,
    body: &'t StmtBlock,
    /// What the tree asked for; `None`: it gave up.
    iteration: Option<Iteration>,
    /// The error that ends the loop.
    failed: Option<Box<EvalAltResult>>,
}

/// What the tree asked for in one iteration.
struct Iteration {
    effects: Effects,
    /// Whether something depends on what becomes of the reply.
    asks_verdict: bool,
    /// Variables, or entries of maps in them, and their new values.
    changes: Vec<(usize, Option<String>, Dynamic)>,
    drawn: Draws,
}

impl Serve for ServedLoop<'_, '_, '_, '_, '_, '_, '_> {
    fn reply(&mut self, request: &Datagram) -> Option<Vec<u8>> {
        self.run.wait(WaitingFor::NewWork);
        let verdict = request.decided.as_ref().map_or(&UNDECIDED, |decided| &decided.verdict);
        self.iteration = self.by_tree(request, verdict);
        let is_reply = |one: &mut Iteration| matches!(one.effects[..], [Effect::Reply(..)]) && !one.asks_verdict;
        let mut iteration = self.iteration.take_if(is_reply)?;
        let Effect::Reply(data, _) = iteration.effects.pop()? else { return None };
        self.end(iteration);
        Some(data)
    }

    fn serve(&mut self, request: &Datagram) -> bool {
        let served = match self.iteration.take() {
            Some(iteration) => self.carry_out(request, iteration).map(|()| true),
            None => self.by_interpreter(request),
        };
        served.unwrap_or_else(|error| {
            self.failed = Some(error);
            false
        })
    }
}

impl ServedLoop<'_, '_, '_, '_, '_, '_, '_> {
    /// Runs the tree, whose reply meets this verdict; `None`: it gave up.
    fn by_tree(&self, request: &Datagram, verdict: &Verdict) -> Option<Iteration> {
        let (place, from) = (request.decided.as_deref().map(|decided| &decided.place), Some(request.from));
        let random = Some(&*self.run.random);
        let view = View { data: &request.data, place, from, frame: None, verdict: Some(verdict), random };
        let mut drawn = Draws::new();
        let mut state = State::new(&self.tree, &view, &mut drawn, Cells::Outer(self.context.scope(), &self.outer));
        state.run()?;
        let State { effects, changes, asks_verdict, .. } = state;
        let changes = match changes.is_empty() {
            true => Vec::new(),
            false => {
                let changed = |change: Change<'_>| Some((change.at, change.key, change.value.dynamic()?));
                changes.into_iter().filter_map(changed).collect()
            }
        };
        Some(Iteration { effects, asks_verdict, changes, drawn })
    }

    /// Does what the tree asked for. Where a reply could not be sent, what comes after it is that of an iteration that knows that.
    fn carry_out(&mut self, request: &Datagram, mut iteration: Iteration) -> ScriptResult<()> {
        self.socket.sends_no_reply(request);
        let (mut done, mut ended) = (0, Ok(()));
        while let Some(effect) = iteration.effects.get(done) {
            done += 1;
            match effect {
                Effect::Print(line) => print(line),
                Effect::Reply(data, at) => match self.socket.reply(request, data) {
                    Ok(replied) if replied.unsent.is_some() && iteration.asks_verdict => {
                        let verdict = replied.verdict(&UNDECIDED);
                        iteration = self.by_tree(request, &verdict).unwrap_or(iteration);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        ended = Err(thrown(error, *at));
                        break;
                    }
                },
            }
        }
        self.end(iteration);
        ended
    }

    /// Changes the variables that an iteration changes.
    fn end(&mut self, iteration: Iteration) {
        for (at, key, value) in iteration.changes {
            if let Some(variable) = self.outer.get(at).and_then(|name| self.context.scope_mut().get_mut(name)) {
                compiled::set(variable, key, value);
            }
        }
        compiled::used(&iteration.drawn, &self.run);
    }

    /// One iteration by the interpreter. Whether to go on.
    fn by_interpreter(&mut self, request: &Datagram) -> ScriptResult<bool> {
        let packet = ReceivedPacket::new(self.socket.clone(), UdpIncoming::Packet(request.clone()));
        let before = self.context.scope().len();
        self.context.scope_mut().push(self.variable.to_string(), packet);
        let body = Expr::Stmt(Box::new(self.body.clone()));
        let result = self.context.eval_expression_tree(&Expression::from(&body));
        self.context.scope_mut().rewind(before);
        match result.map_err(|error| *error) {
            Ok(_) | Err(EvalAltResult::LoopBreak(false, ..)) => Ok(true),
            Err(EvalAltResult::LoopBreak(true, ..)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
