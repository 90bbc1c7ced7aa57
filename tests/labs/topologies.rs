//! Networks with loops, and networks of several links: who reaches whom, by both versions of IP.

use crate::common::{require_lab_or_skip, require_program_or_skip};
use crate::run_text;

/// Each of `all` pings each other one, by both versions of IP; how many got a reply.
const EACH_OTHER: &str = "
    fn each_other(all) {
        let replies = 0;
        for from in all { for to in all { if from.name != to.name { for addr in [to.addr, to.addr6] {
            let ping = run_in(from, || icmp::open(addr).ping(addr, 10.s));
            expect(ping.kind, \"reply\", `${from.name} to ${addr}`);
            replies += 1;
        } } } }
        replies
    }\n";

/// Makes `$routers` routers with a host at each, in a ring or each joined to each.
const ROUTERS: &str = "
    let net = lab::create();
    let routers = [];
    for i in 0..$routers { routers.push(net.router(`r${i}`)); }
    for i in 0..$routers { for j in (i + 1)..$routers {
        if $mesh || j == i + 1 || (i == 0 && j == $routers - 1) { net.link(routers[i], routers[j]); }
    } }
    let all = routers;
    for router in routers { let host = net.host(`of_${router.name}`); net.link(host, router); all.push(host); }
    expect(each_other(all), 2 * all.len * (all.len - 1));\n";

#[test]
fn rings_and_meshes_of_routers_reach_each_other() {
    if !require_lab_or_skip("rings and meshes of routers") {
        return;
    }
    for (routers, mesh) in [(3, false), (5, false), (8, false), (5, true)] {
        let text = ROUTERS.replace("$routers", &routers.to_string()).replace("$mesh", &mesh.to_string());
        run_text(&format!("{EACH_OTHER}{text}"), 0);
    }
}

#[test]
fn a_ring_goes_on_when_a_link_is_cut_and_routed_around() {
    if !require_lab_or_skip("a ring that is cut") {
        return;
    }
    run_text(
        &format!(
            "{EACH_OTHER}
             let net = lab::create();
             let r = [1, 2, 3].map(|n| net.router(`r${{n}}`));
             let cut = net.link(r[0], r[1]);
             net.link(r[1], r[2]);
             net.link(r[2], r[0]);
             expect(each_other(r), 12);
             cut.down();
             for (from, to) in [1, 0] {{ for addr in [r[to].addr, r[to].addr6] {{ r[from].route(addr, r[2]); }} }}
             expect(each_other(r), 12);"
        ),
        0,
    );
}

#[test]
fn a_network_on_several_links_of_one_router_works_behind_its_nat() {
    if !require_lab_or_skip("a network behind NAT") || !require_program_or_skip("nft", "a network behind NAT") {
        return;
    }
    let rules = "table inet nat {\n chain post {\n type nat hook postrouting priority 100\n \
                 ip daddr 203.0.113.0/24 masquerade\n ip6 daddr fd02::/64 masquerade\n }\n}\n";
    run_text(
        &format!(
            "{EACH_OTHER}
             let net = lab::create();
             let r = net.router(\"r\", #{{ addrs: [\"192.168.1.1/24\", \"fd01::1/64\", \"203.0.113.1/24\", \"fd02::1/64\"] }});
             let inside = [10, 11, 12].map(|n| {{
                 let host = net.host(`h${{n}}`, #{{ addrs: [`192.168.1.${{n}}/24`, `fd01::${{n}}/64`] }});
                 net.link(host, r);
                 host
             }});
             let s = net.host(\"s\", #{{ addrs: [\"203.0.113.9/24\", \"fd02::9/64\"] }});
             net.link(r, s);
             expect(each_other(inside + [r]), 24);
             expect(r.exec([\"nft\", \"-f\", \"-\"], #{{ stdin: {rules:?} }}).code, 0);
             // The server repeats who asked it: the router.
             for at in [\"0.0.0.0:7\", \"[::]:7\"] {{
                 let server = run_in(s, || udp::bind(at));
                 run_in(s, || start_thread(|| udp::serve(server, |pkt| `${{pkt.text}} from ${{pkt.from.ip}}`)));
             }}
             for host in inside {{ for pair in [[\"203.0.113.9:7\", \"203.0.113.1\"], [\"[fd02::9]:7\", \"fd02::1\"]] {{
                 let sock = run_in(host, || udp::open(pair[0]));
                 sock.send_to(\"who\", pair[0]);
                 expect(sock.recv(10.s).text, `who from ${{pair[1]}}`, host.name);
             }} }}
             exit(0)"
        ),
        0,
    );
}
