//! The same seed is the same run.

use super::*;

#[test]
fn the_same_seed_drops_the_same_packets_of_each_flow_with_any_number_of_threads() {
    let dir = TempDir::new();
    for (name, text) in [
        ("loss.rhai", "loss(0.3)"),
        ("gilbert.rhai", "gilbert(0.1, 0.3)"),
        ("closure.rhai", "|pkt| if random() < 0.3 { drop() } else { pass() }"),
    ] {
        dir.write(name, text);
    }
    for policy in ["loss:p=0.3", "gilbert:p=0.1,r=0.3", "./loss.rhai", "./gilbert.rhai", "./closure.rhai"] {
        let one = dropped(&dir, policy, "5", "1");
        assert!(one.iter().all(|flow| (1..FLOW).contains(&flow.len())), "{policy}: {one:?}");
        assert!(one[0] != one[1] && one[1] != one[2], "{policy}: flows have draws of their own: {one:?}");
        assert_eq!(one, dropped(&dir, policy, "5", "4"), "{policy}: four threads");
        assert_eq!(one, dropped(&dir, policy, "5", "4"), "{policy}: four threads again");
        assert_ne!(one, dropped(&dir, policy, "6", "4"), "{policy}: another seed");
    }
}

#[test]
fn rows_of_verdicts_are_the_same_with_the_same_seed() {
    let [one, four, other] = [(5, 1), (5, 4), (6, 4)].map(|(seed, threads)| {
        let code = format!(
            "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
             set_policy(server, chain([loss(0.2), |pkt| if random() < 0.2 {{ drop() }} else {{ pass() }}]));
             for i in 0..{threads} {{ start_thread(|| udp::serve(server, |pkt| pkt.text)); }}
             let clients = [];
             for flow in 0..3 {{
                 let sock = udp::open(addr);
                 sock.send_to(\"first\", addr);
                 clients.push(start_thread(|| {{
                     for ping in pinger(sock, addr, #{{ count: 40, interval: 0.ms, timeout: 20.ms, icmp_wait: 0.s }}) {{ }}
                 }}));
             }}
             for client in clients {{ client.join(); }}
             server.close();"
        );
        let run = pingscript(&["--seed", &seed.to_string(), "--json", "-", "-e", &code]).run();
        let mut rows: Vec<(u64, u64, String, String)> = Vec::new();
        for line in run.stdout.lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            if row["type"] == "verdict" {
                let number = |field: &str| row[field].as_u64().expect("a number");
                rows.push((number("flow"), number("number"), row["verdict"].to_string(), row["draws"].to_string()));
            }
        }
        rows.sort();
        assert_eq!(rows.len(), 3 * 41, "{}", run.stderr);
        rows
    });
    assert_eq!(one, four);
    assert_ne!(one, other);
}

/// How many packets each flow sends.
const FLOW: usize = 60;

/// The numbers of the packets that `udp_multi.rhai` drops of each of three flows that send at once.
fn dropped(dir: &TempDir, policy: &str, seed: &str, threads: &str) -> [Vec<usize>; 3] {
    let args = ["--seed", seed, "udp_multi", "--listen", "127.0.0.1:0", "--threads", threads, "--policy", policy];
    let server = pingscript(&args).dir(dir.path()).start();
    let to = loopback(server.bound_port());
    let flows = [(); 3].map(|()| socket());
    let send = |flow: usize, n: usize| {
        flows[flow].send_to(format!("{flow} {n}").as_bytes(), to).expect("cannot send");
    };
    // Flows are numbered as they first appear.
    (0..3).for_each(|flow| send(flow, 1));
    std::thread::scope(|scope| {
        for flow in 0..3 {
            scope.spawn(move || (2..=FLOW).for_each(|n| send(flow, n)));
        }
    });
    let seen = server.wait_lines(1 + 2 * 3 * FLOW);
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for line in seen.lines() {
        if let Some((flow, n)) = line.strip_prefix("dropped message: ").and_then(|rest| rest.split_once(' ')) {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            found.entry(number(flow)).or_default().push(number(n));
        }
    }
    [0, 1, 2].map(|flow| {
        let mut numbers = found.remove(&flow).unwrap_or_default();
        numbers.sort_unstable();
        numbers
    })
}
