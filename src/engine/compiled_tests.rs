//! Compiled closures against the interpreter: the same verdicts and the same random numbers, for closures made at random.

use std::sync::Arc;

use rhai::{Array, Dynamic, Position};

use super::programs::ScriptHost;
use super::run::{Job, context};
use super::sources::SHIPPED;
use crate::bindings::callback::Callback;
use crate::bindings::compiled::Compiled;
use crate::bindings::context::{Context, Programs, enter};
use crate::bindings::policy::scripted::Scripted;
use crate::net::policy::Place;
use crate::net::policy::attached::Decide;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::input::{PacketView, PolicyInput};
use crate::net::random::Draws;
use crate::net::random::{RandomStream, Sequence};
use crate::net::socket::udp::{Options, UdpSocket};

/// What the closures capture.
const CAPTURED: &str = "let p = 0.3; let n = 3; let t = \"Abc\"; let d = 20.ms; let c = 'b'; let yes = true; let none = ();\n\
     let count = 0; let last = \"\"; let seen = #{}; let sum = #{ n: 0 };\n";

/// What they call.
const FUNCTIONS: &str = "fn third(x) { x % 3 }\nfn text_of(pkt) { if pkt.number > 2 { return pkt.text; } \"few\" }\n\
                         fn lose(pkt, p) { if random() < p { drop() } else { pass() } }\n";

/// Closures written at random.
struct Author(Sequence);

impl Author {
    fn below(&self, n: usize) -> usize {
        (self.0.draw() * n as f64) as usize
    }

    fn one_of<'t>(&self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    /// An expression of some kind; now and then of another than was asked for.
    fn expression(&self, kind: &str, depth: usize) -> String {
        let kind = if self.below(60) == 0 { self.one_of(&["int", "float", "bool", "text", "duration"]) } else { kind };
        if depth == 0 {
            return self.leaf(kind).to_string();
        }
        let of = |kind: &str| self.expression(kind, depth - 1);
        match (kind, self.below(8)) {
            (_, 0) => format!("if {} {{ {} }} else {{ {} }}", of("bool"), of(kind), of(kind)),
            (_, 1) => format!("{{ let x = {}; {} }}", of("int"), of(kind).replace("pkt.len", "x")),
            ("int", 2) => format!("third({})", of("int")),
            ("int", 3) => format!("({}).len", of("text")),
            ("int", 4) => format!("random({}, {})", of("int"), of("int")),
            ("int", _) => format!("({} {} {})", of("int"), self.one_of(&["+", "-", "*", "/", "%"]), of("int")),
            ("float", 2) => format!("-({})", of("float")),
            ("float", 3) => format!("({} / {})", of("duration"), of("duration")),
            ("float", _) => {
                let other = self.one_of(&["int", "float"]);
                format!("({} {} {})", of("float"), self.one_of(&["+", "-", "*", "/", "%"]), of(other))
            }
            ("bool", 2) => format!("({} {} {})", of("bool"), self.one_of(&["&&", "||"]), of("bool")),
            ("bool", 3) => format!("!({})", of("bool")),
            ("bool", 4) => {
                let method = self.one_of(&["contains", "starts_with", "ends_with"]);
                format!("({}).{method}({})", of("text"), self.one_of(&["\"p\"", "'p'", "t", "c", "\"\""]))
            }
            ("bool", _) => {
                let (kind, other) = (self.one_of(&["int", "float", "text", "duration", "bool"]), self.below(9));
                let second = if other == 0 { "float" } else { kind };
                format!("({} {} {})", of(kind), self.one_of(&["==", "!=", "<", "<=", ">", ">="]), of(second))
            }
            ("text", 2) => format!("({}).{}()", of("text"), self.one_of(&["to_upper", "to_lower"])),
            ("text", 3) => format!("`<${{{}}}-${{{}}}>`", of("int"), of("text")),
            ("text", 4) => "text_of(pkt)".to_string(),
            ("text", 5) => format!("{{ let x = {}; if {} {{ x += x; }} x + x }}", of("text"), of("bool")),
            ("text", 6) => format!("{{ let x = {}; let y = x; if !yes {{ y = x; }} y + {} }}", of("text"), of("text")),
            ("text", _) => format!("({} + {})", of("text"), of("text")),
            ("duration", 2) => format!("({}).{}", of("int"), self.one_of(&["ms", "us", "s", "ns"])),
            ("duration", 3) => format!("({}).{}", of("float"), self.one_of(&["ms", "us", "s"])),
            ("duration", 4) => format!("({} * {})", of("duration"), of(self.one_of(&["int", "float"]))),
            ("duration", _) => format!("({} {} {})", of("duration"), self.one_of(&["+", "-"]), of("duration")),
            (_, 2) => format!("delay({})", of("duration")),
            (_, 3) => format!("duplicate({})", of("int")),
            (_, 4) => format!("replace({})", of("text")),
            (_, 5) => format!("lose(pkt, {})", of("float")),
            _ => self.leaf("verdict").to_string(),
        }
    }

    fn leaf(&self, kind: &str) -> &'static str {
        self.one_of(match kind {
            "int" => &[
                "0",
                "1",
                "2",
                "-7",
                "n",
                "count",
                "sum.n",
                "pkt.number",
                "pkt.len",
                "pkt.flow",
                "9223372036854775807",
            ],
            "float" => &["0.0", "0.5", "-1.5", "p", "random()", "1e300"],
            "bool" => &["true", "false", "yes", "random() < p", "pkt.number == 2", "pkt.text == t", "none == ()"],
            "text" => &["\"\"", "\"ping 2\"", "t", "last", "pkt.text", "\"Ä\"", "`${pkt.number}`", "`${pkt.from}`"],
            "duration" => &["1.ms", "d", "0.s", "2.5.ms", "-3.us"],
            _ => &["drop()", "pass()", "corrupt()", "delay(d)", "duplicate(2)", "\"drop\"", "()", "reject(\"echo\")"],
        })
    }

    /// A change of what is captured.
    fn change(&self) -> String {
        let of = |kind: &str| self.expression(kind, 2);
        match self.below(8) {
            0 => format!("count = {};", of("int")),
            1 => format!("count {}= {};", self.one_of(&["+", "-", "*", "/", "%"]), of("int")),
            2 => format!("last = {};", of("text")),
            3 => "last += pkt.text; if last.len > 12 { last = \"\"; }".to_string(),
            4 => format!("seen[`${{pkt.flow}}`] = {};", of(self.one_of(&["int", "text", "bool"]))),
            5 => format!("let key = pkt.flow.to_string(); seen[key] = (seen.get(key) ?? 0) + {};", of("int")),
            6 => format!("sum.n += {}; if sum.n > 5 {{ return drop(); }}", of("int")),
            _ => format!("let x = 1; x += {}; count = x;", of("int")),
        }
    }

    fn closure(&self) -> String {
        let body = self.expression("verdict", 4);
        match self.below(5) {
            3 => format!("|pkt| {{ {} {} {body} }}", self.change(), self.change()),
            4 => format!("|pkt| {{ if {} {{ {} }} {body} }}", self.expression("bool", 2), self.change()),
            0 => format!("|pkt| {{ if {} {{ return {}; }} {body} }}", self.expression("bool", 2), self.leaf("verdict")),
            1 => format!("|pkt| {{ let y = {}; {body} }}", self.expression("int", 2)),
            _ => format!("|pkt| {body}"),
        }
    }
}

fn bench() -> (Arc<ScriptHost>, Context) {
    let host = Arc::new(ScriptHost::new());
    let job = Job { name: "main.rhai".into(), seed: Some(1), ..Job::default() };
    let context = context(&host, &job).expect("a context");
    (host, context)
}

/// The closures of a program that ends with an array of them.
fn closures(host: &ScriptHost, context: &Context, text: &str) -> Vec<Callback> {
    let program = host.compile("main.rhai", text).expect("a program");
    let (value, global) = host.evaluate(&program, context).map_err(|error| error.to_string()).expect("a value");
    let all = if value.is_array() { value.cast::<Array>() } else { vec![value] };
    let callback = |closure: Dynamic| Callback::in_program(closure.cast(), global.clone(), "main.rhai", Position::NONE);
    all.into_iter().map(callback).collect()
}

#[test]
fn the_policies_that_ship_are_compiled() {
    let (host, context) = bench();
    let _inside = enter(context.clone());
    for (name, text) in SHIPPED.iter().filter(|(name, _)| name.starts_with("policies/")) {
        let [policy] = closures(&host, &context, text).try_into().unwrap();
        assert!(Compiled::of(&policy).is_some(), "{name}");
    }
}

/// Whether the parser takes it: it refuses some conditions that are no truth values.
fn is_program(host: &ScriptHost, closure: &str) -> bool {
    host.engine().compile(format!("{FUNCTIONS}{CAPTURED}{closure}")).is_ok()
}

#[test]
fn a_tree_decides_as_the_interpreter_does() {
    let (host, context) = bench();
    let _inside = enter(context.clone());
    let (device, session) = (context.host.clone(), context.run.session.clone());
    let socket = UdpSocket::bind(device, session, "127.0.0.1:0".parse().unwrap(), Options::default()).unwrap();
    let author = Author(Sequence::new(RandomStream::of_seed(7)));
    let rounds = std::env::var("PINGSCRIPT_CLOSURES").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(5_000) / 500;
    let (mut compiled, mut decided) = (0, 0);
    for _ in 0..rounds {
        let written: Vec<String> = (0..500).map(|_| author.closure()).filter(|text| is_program(&host, text)).collect();
        let text = format!("{FUNCTIONS}{CAPTURED}[\n{}\n]", written.join(",\n"));
        for (callback, text) in closures(&host, &context, &text).into_iter().zip(&written) {
            let is_known = Compiled::of(&callback).is_some();
            assert!(is_known || text.contains("reject"), "{text}");
            compiled += usize::from(is_known);
            let tree = Scripted::quiet(callback.fresh(), context.clone());
            let interpreter = Scripted::interpreted(callback, context.clone());
            for number in 1..=3u64 {
                let datagram = Datagram::new(format!("ping {number} ä").as_bytes(), socket.local());
                let subject =
                    PolicyInput::Request(PacketView { local: socket.local(), datagram: &datagram, receiver: &socket });
                let place = Place {
                    flow: (number % 2) as i64,
                    number,
                    draws: RandomStream::of_seed(author.0.draw().to_bits()),
                };
                let (mut first, mut second) = (Draws::new(), Draws::new());
                let verdict = interpreter.decide(&subject, &place, &mut first);
                let by_tree = tree.decide_by_tree(&subject, &place, &mut second);
                decided += usize::from(by_tree.is_some());
                let both = by_tree.or_else(|| {
                    second.clear();
                    tree.decide(&subject, &place, &mut second)
                });
                assert_eq!((both, second), (verdict, first), "{text} of packet {number}");
            }
        }
    }
    // Some are wrong on purpose, and are left to the interpreter.
    assert!(decided > compiled, "trees decided about {decided} of {} packets", compiled * 3);
}
