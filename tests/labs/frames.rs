//! Frames that no stack would send.

use super::*;

/// Frames of IPv4 with a UDP datagram in them, sent by a packet socket: each with one field at its edge, and the sum of the IP
/// header right again. Prints how many were sent.
const STRANGE_FRAMES: &str = r#"
import socket
def summed(f):
    n = (f[14] & 15) * 4
    f[24:26] = b"\0\0"
    head = bytes(f[14:14 + n])
    total = sum(int.from_bytes(head[i:i + 2], "big") for i in range(0, len(head), 2))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    f[24:26] = (0xffff - total).to_bytes(2, "big")
    return bytes(f)
whole = bytes.fromhex("0200000000020200000000010800" "4500002100070000401100000a0000010a000002" "00090007000d0000") + b"hello"
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
sent = 0
for field, values in ((14, (0x40, 0x44, 0x46, 0x4e, 0x4f, 0x55)), (16, (0xff,)), (17, (0, 19, 20, 27, 34, 255)), (38, (1, 255)), (39, (0, 7, 14, 255))):
    for value in values:
        f = bytearray(whole)
        f[field] = value
        s.send(summed(f)); sent += 1
tcp = bytearray.fromhex("02000000000102000000000208004e00002c1c4640003c06c1760a000002c000020994040000c73801bb1122ec3344000000005002faf0db8c0000")
s.send(tcp); sent += 1
print(sent)
"#;

#[test]
fn frames_that_contradict_themselves_are_counted_and_stop_nothing() {
    if !require_lab_or_skip("malformed frames") || !require_program_or_skip("python3", "malformed frames") {
        return;
    }
    for policy in ["replace(\"x\")", "reject(\"port-unreachable\")", "duplicate(2)", "corrupt()", "delay(1.ms)"] {
        let dir = TempDir::new();
        let program = dir.write("frames.py", STRANGE_FRAMES);
        run_text(
            &format!(
                "{PAIR}{PINGS}
                 let bad = counter();
                 set_policy(link.from(a), |pkt| {{
                     let all = `${{pkt}} ${{pkt.protocol}} ${{pkt.from}} ${{pkt.to}} ${{pkt.text}} ${{pkt.data}} ${{pkt.len}} ${{pkt.size}}`;
                     if pkt.malformed {{ bad.add(1); }}
                     {policy}
                 }});
                 let sent = parse_int(a.exec([\"python3\", {program:?}], #{{ quiet: true }}).stdout);
                 while link.from(a).frames < sent {{ sleep(1.ms); }}
                 set_policy(link.from(a), |pkt| pass());
                 expect(link.from(a).counts.malformed, sent, \"each is counted\");
                 expect(bad.value, sent, \"and the policy sees it\");
                 expect(ping(a, 10.s).kind, \"reply\", \"and the link goes on\");"
            ),
            0,
        );
    }
}

/// Frames of IPv4 and IPv6 with UDP, TCP and ICMP in them, sent by a packet socket: each octet of each header at its edges, the
/// sum of an IPv4 header right again. Prints how many were sent.
const EDGES: &str = r#"
import socket, time
def summed(f):
    n = (f[14] & 15) * 4
    if f[12:14] == b"\x08\0" and n >= 20 and 14 + n <= len(f):
        f[24:26] = b"\0\0"
        total = sum(int.from_bytes(f[i:i + 2], "big") for i in range(14, 14 + n, 2))
        while total >> 16: total = (total & 0xffff) + (total >> 16)
        f[24:26] = (0xffff - total).to_bytes(2, "big")
    return bytes(f)
udp = bytes.fromhex("00090007000d0000") + b"hello"
tcp = bytes.fromhex("000900070000000100000002601801000000000002" "0405b4") + b"hello"
echo = bytes.fromhex("0800000000010002") + b"hi"
first = bytes.fromhex("1100010400000000")
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
sent = 0
for version, protocol, rest, headers in ((4, 17, udp, 8), (4, 6, tcp, 24), (4, 1, echo, 8), (6, 17, udp, 8), (6, 6, tcp, 24),
                                         (6, 58, b"\x80" + echo[1:], 8), (6, 0, first + udp, 16), (6, 44, first + udp, 16)):
    if version == 4:
        ip = bytes((0x45, 0)) + (20 + len(rest)).to_bytes(2, "big") + bytes((0, 7, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2))
    else:
        ip = bytes((0x60, 0, 0, 0)) + len(rest).to_bytes(2, "big") + bytes((protocol, 64))
        ip += b"".join(socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::1", "fd00::2"))
    whole = bytes.fromhex("020000000002020000000001") + (b"\x08\0" if version == 4 else b"\x86\xdd") + ip + rest
    for at in range(14, 14 + len(ip) + headers):
        for value in (0, 1, whole[at] ^ 1, 0x7f, 0x80, 0xff):
            f = bytearray(whole)
            f[at] = value
            s.send(summed(f)); sent += 1
        time.sleep(0.001)
print(sent)
"#;

#[test]
fn a_policy_that_reads_and_replaces_all_meets_each_field_at_its_edges() {
    if !require_lab_or_skip("fields at their edges") || !require_program_or_skip("python3", "fields at their edges") {
        return;
    }
    let dir = TempDir::new();
    let program = dir.write("edges.py", EDGES);
    for policy in
        ["replace(\"x\")", "reject(\"port-unreachable\")", "reject(\"tcp-reset\")", "corrupt()", "duplicate(3)"]
    {
        let run = run_text(
            &format!(
                "{PAIR}{PINGS}
                 let seen = counter(); let bad = counter();
                 set_policy(link.from(a), |pkt| {{
                     let all = [pkt.kind, pkt.from, pkt.to, pkt.protocol, pkt.flags, pkt.icmp, pkt.id, pkt.seq, pkt.ttl, pkt.text,
                                pkt.data, pkt.len, pkt.size, pkt.number, pkt.flow, pkt.host, pkt.direction, pkt.link];
                     let text = `${{pkt}} ${{all}}`;
                     seen.add(1);
                     if pkt.malformed {{ bad.add(1); }}
                     {policy}
                 }});
                 let sent = parse_int(a.exec([\"python3\", {program:?}], #{{ quiet: true }}).stdout);
                 while seen.value < sent {{ sleep(1.ms); }}
                 set_policy(link.from(a), |pkt| pass());
                 let counts = link.from(a).counts;
                 expect(sent, at_least(1000));
                 expect([counts.malformed, counts.unusable], [bad.value, 0], \"each is counted, and none is lost by a bug\");
                 expect(bad.value, at_least(150));
                 expect(ping(a, 10.s).kind, \"reply\", \"and the link goes on\");"
            ),
            0,
        );
        assert!(!run.stderr.contains("bug") && !run.stderr.contains("error"), "{policy}: {}", run.stderr);
    }
}
