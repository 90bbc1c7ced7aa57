//! The steps of the tour: what each shows, what to type, and how it is checked.

/// One step.
#[derive(Debug)]
pub struct Step {
    /// What it is about.
    pub title: &'static str,
    /// Why, and what to see.
    pub text: &'static str,
    /// What to type, a line for each entry. Something else that leads to the same is as good.
    pub lines: &'static [&'static str],
    /// An expression that is true once the step is done.
    pub check: &'static str,
    /// For whom it was not.
    pub hint: &'static str,
    /// An expression that fails where the machine lacks what the step needs; empty: it needs nothing.
    pub needs: &'static str,
}

/// All steps, in order.
pub const STEPS: &[Step] = &[
    Step {
        title: "Time is a value",
        text: "A duration is a number with a dot and a unit: ns, us, ms, s. Durations can be added and compared, and \
               `rtt.ms` gives the number of milliseconds. Keep how long to wait for a reply:",
        lines: &["let wait = 250.ms;"],
        check: "wait > 0.s",
        hint: "declare the variable `wait` with let, and write the unit after a dot: 250.ms",
        needs: "",
    },
    Step {
        title: "A server to ping",
        text: "Scripts that came with pingscript can be started beside what you type. This one answers each datagram in \
               capitals. Port 0 asks the system for a free port:",
        lines: &["let server = start(\"udp_server_plain.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]);"],
        check: "server.addr.port > 0",
        hint: "the variable must be called `server`: the next steps use it",
        needs: "",
    },
    Step {
        title: "A socket",
        text: "UDP has no connections: a socket is bound to a port of this machine, and sends to whom it likes. \
               `udp::open` binds one to a free port, of the version of IP that the server has:",
        lines: &["let sock = udp::open(server.addr);"],
        check: "sock.port > 0",
        hint: "the variable must be called `sock`",
        needs: "",
    },
    Step {
        title: "The first ping",
        text: "A ping sends a message and waits for the reply that belongs to it. The time is taken beside the system \
               calls, not in the script. What comes of it is a value with fields; without a semicolon it is shown:",
        lines: &["let ping = sock.ping(server.addr, \"ping 1\", wait); ping"],
        check: "ping.kind == \"reply\"",
        hint: "the reply must arrive: ping `server.addr`, and keep what comes of it in `ping`",
        needs: "",
    },
    Step {
        title: "Many pings, and what they say together",
        text: "One round-trip time says little. stats() collects many, and forgets none that was lost. It is shown as a \
               summary:",
        lines: &[
            "let rtts = stats();",
            "for seq in 1..=10 { rtts.add(sock.ping(server.addr, `ping ${seq}`, wait)); }",
            "rtts",
        ],
        check: "rtts.sent >= 10 && rtts.lost == 0 && type_of(it) == \"Stats\"",
        hint: "collect ten pings of this server in `rtts`, and have it shown by its name alone; text between back-ticks holds values: `ping ${seq}`",
        needs: "",
    },
    Step {
        title: "A drop policy",
        text: "A policy is a closure from a packet to a verdict: pass(), drop(), delay(20.ms), … Put one on the server \
               while it runs. Its socket stays open, and the next packet meets the policy. This one drops each third:",
        lines: &["set_policy(server, |pkt| if pkt.number % 3 == 0 { drop() } else { pass() });"],
        check: "{ let other = udp::open(server.addr); let lost = []; \
                for n in 1..=6 { if other.ping(server.addr, `ping ${n}`, 100.ms).kind == \"timeout\" { lost.push(n); } } lost == [3, 6] }",
        hint: "each third packet of a client must be dropped, the third and the sixth: pkt.number counts them from 1, and % gives what is left over of a division",
        needs: "",
    },
    Step {
        title: "Loss, as the client sees it",
        text: "A UDP client gets no report of a dropped datagram: the reply fails to come. A new socket is a new flow, \
               counted from 1. Ping nine times, and see how many were lost:",
        lines: &[
            "let lossy = stats(); let client = udp::open(server.addr);",
            "for seq in 1..=9 { lossy.add(client.ping(server.addr, `ping ${seq}`, 100.ms)); }",
            "lossy.lost",
        ],
        check: "lossy.sent >= 9 && lossy.lost == lossy.sent / 3 && it == lossy.lost",
        hint: "collect nine pings from one new socket in `lossy`; with the policy of the step before three are lost",
        needs: "",
    },
    Step {
        title: "An error that answers",
        text: "A port where nothing is listening is no silence: the host says so with an ICMP error, which the ping brings back \
               at once. No privileges are needed for that:",
        lines: &["let gone = sock.ping(udp::closed_port(), \"anybody?\", wait); gone"],
        check: "gone.kind == \"icmp\"",
        hint: "ping udp::closed_port() and keep what comes of it in `gone`",
        needs: "",
    },
    Step {
        title: "Help",
        text: "Everything explains itself: help() shows what there is, help(\"udp::bind\") a function, help(sock) an object. \
               Tab completes what you have begun to type. Ask what a socket can do:",
        lines: &["help(sock)"],
        check: "true",
        hint: "write: help(sock)",
        needs: "",
    },
    Step {
        title: "Threads",
        text: "start_thread runs a closure beside the rest. What it captured is copied; a counter() is shared. Four threads \
               count together:",
        lines: &[
            "let hits = counter(); let workers = [];",
            "for i in 0..4 { workers.push(start_thread(|| for n in 0..100 { hits.add(1); })); }",
            "for worker in workers { worker.join(); } hits.value",
        ],
        check: "hits.value == 400 && it == 400",
        hint: "four threads that add 100 each to `hits` make 400; join waits for them",
        needs: "",
    },
    Step {
        title: "A server with a thread for each client",
        text: "In scripts/tcp_multi.rhai one line makes it so: for conn in listener { start_thread(|| serve(conn)); } \
               Connect two clients; the second is served although the first says nothing:",
        lines: &[
            "let multi = start(\"tcp_multi.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]);",
            "let first = tcp::connect(multi.addr); let second = tcp::connect(multi.addr);",
            "let answer = second.ping(\"ping 1\", wait); answer",
        ],
        check: "answer.kind == \"reply\" && !first.is_closed",
        hint: "keep the two connections in `first` and `second`, and what comes of the ping over the second in `answer`",
        needs: "",
    },
    Step {
        title: "A network of your own",
        text: "A lab is a network in this machine: hosts, links and routers, without root. Each link has a delay, a rate \
               and a policy of its own. Make two hosts, and a link that takes 20 ms:",
        lines: &[
            "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");",
            "let link = net.link(a, b, #{ delay: 20.ms });",
        ],
        check: "link.delay >= 20.ms",
        hint: "the variables must be called `net`, `a`, `b` and `link`",
        needs: "lab::create()",
    },
    Step {
        title: "Across the lab",
        text: "run_in runs a closure in a host: its sockets are made there. Nothing is listening in b, so b says so, and the \
               error needs 20 ms there and 20 ms back:",
        lines: &["let far = run_in(a, || udp::open(\"b:7\").ping(\"b:7\", \"hello\", 1.s)); far"],
        check: "far.kind == \"icmp\" && far.rtt >= 40.ms",
        hint: "ping b:7 from within a, and keep what comes of it in `far`; the link must have its delay of 20 ms",
        needs: "lab::create()",
    },
];
