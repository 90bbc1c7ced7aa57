//! Tools of the system as judges: over one link they see what we see.

use crate::common::{require_lab_or_skip, require_program_or_skip};
use crate::{PAIR, run_text};

/// A link of 5 ms and 10.56% loss each way: of the pings 20% are lost, as 1 - 0.8944² says.
const LOSSY: &str = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
    let link = net.link(a, b, #{ delay: 5.ms, policy: loss(0.1056) });
    // The number before the words.
    fn number(text, words) {
        let line = text.split(words)[0].split(\"\\n\");
        let part = line[line.len - 1].split(\" \");
        parse_int(part[part.len - 1])
    }\n";

#[test]
fn ping_reports_what_our_pinger_the_link_and_the_arithmetic_do() {
    if !require_lab_or_skip("ping over a lossy link") {
        return;
    }
    run_text(
        &format!(
            "{LOSSY}
             let out = a.exec([\"ping\", \"-q\", \"-n\", \"-c\", 500, \"-i\", 0.005, \"-W\", 3, b.addr], #{{ quiet: true }});
             {CHECK_PING}"
        ),
        0,
    );
}

const CHECK_PING: &str = "
    let sent = number(out.stdout, \" packets transmitted\");
    let received = number(out.stdout, \" received\");
    expect(sent, 500);
    // The link may be behind on a busy machine, and kernels may say a few things by themselves (MLD).
    while link.from(a).frames < sent || link.from(b).frames < link.from(a).passed - 8 { sleep(1.ms); }
    expect(link.from(a).frames, near(sent, 8), \"requests that the link saw\");
    expect(link.from(b).frames, near(link.from(a).passed, 8), \"answers to those that it let pass\");
    expect(received, near(link.from(b).passed, 8), \"answers that it let pass\");
    expect(sent - received, binomial(500, 0.2), \"lost, as the arithmetic has it\");
    let least = parse_float(out.stdout.split(\"mdev = \")[1].split(\"/\")[0]);
    expect(least, at_least(10.0), \"ping's least round-trip time in ms\");

    let before = [link.from(a).passed, link.from(b).passed];
    b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
    let rtts = stats();
    let plan = #{ count: 500, interval: 5.ms, window: 256, timeout: 2.s, icmp_wait: 0.s };
    run_in(a, || for ping in pinger(udp::open(\"b:11000\"), \"b:11000\", plan) { rtts.add(ping); });
    expect(rtts.received, near(link.from(b).passed - before[1], 8), \"answers of ours that the link let pass\");
    expect(rtts.lost, binomial(500, 0.2), \"lost of ours\");
    expect(rtts.min, at_least(10.ms), \"our least round-trip time\");
    // Both measure the same way: the best of 400 differ by what the two programs add.
    expect((rtts.min.ms - least).abs(), at_most(5.0), \"ping's and ours\");
    ()";

#[test]
fn tcpdump_counts_what_the_link_counts() {
    if !require_lab_or_skip("tcpdump in a lab") || !require_program_or_skip("tcpdump", "tcpdump in a lab") {
        return;
    }
    run_text(
        &format!(
            "{LOSSY}
             let tcpdump = b.start_program([\"tcpdump\", \"-ni\", \"eth0\", \"-w\", \"/dev/null\", \"udp\"], #{{ quiet: true }});
             expect(tcpdump.wait_for(\"listening on\", 20.s), true, tcpdump.stderr);
             b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
             let rtts = stats();
             let plan = #{{ count: 200, interval: 1.ms, window: 256, timeout: 2.s, icmp_wait: 0.s }};
             run_in(a, || for ping in pinger(udp::open(\"b:11000\"), \"b:11000\", plan) {{ rtts.add(ping); }});
             let out = tcpdump.interrupt();
             // It sees each request that the link let pass, and each answer before the link has had it.
             // The link counts what kernels say by themselves (MLD) as well.
             expect(number(out.stderr, \" packets received by filter\"), near(link.from(a).passed + link.from(b).frames, 8));
             expect(link.from(a).frames, near(rtts.sent, 8));
             expect(link.from(b).passed, near(rtts.received, 8));
             ()"
        ),
        0,
    );
}

#[test]
fn a_capture_of_nothing_has_its_header() {
    if !require_lab_or_skip("an empty capture") {
        return;
    }
    let dir = crate::common::TempDir::new();
    for (name, magic) in [("a.pcapng", [0x0a, 0x0d, 0x0d, 0x0a]), ("a.pcap", 0xa1b2_3c4d_u32.to_le_bytes())] {
        let file = dir.path().join(name);
        run_text(&format!("{PAIR}link.capture(\"{}\");", file.display()), 0);
        let bytes = std::fs::read(&file).expect("a capture");
        assert!(bytes.starts_with(&magic), "{name}: {bytes:?}");
    }
}

#[test]
fn captures_are_read_by_tcpdump_and_agree_with_the_counters() {
    if !require_lab_or_skip("captures") || !require_program_or_skip("tcpdump", "captures") {
        return;
    }
    let dir = crate::TempDir::new();
    for name in ["lossy.pcapng", "lossy.pcap"] {
        let file = dir.path().join(name);
        let run = run_text(&format!("{LOSSY}{COUNT_ICMP}link.capture({file:?}); {PING_AND_PRINT}"), 0);
        let frames = run.stdout.lines().next().and_then(|line| line.parse::<usize>().ok());
        let read = std::process::Command::new("tcpdump").arg("-nr").arg(&file).arg("icmp").output().expect("tcpdump");
        let lines = String::from_utf8_lossy(&read.stdout).lines().count();
        assert_eq!(Some(lines), frames, "{name}: {}", String::from_utf8_lossy(&read.stderr));
    }
}

/// Counts the frames of pings, and those of requests and of replies that pass, at the link's policy.
const COUNT_ICMP: &str = "let seen = counter(); let asked = counter(); let replies = counter();
    fn counted(pkt, seen, passed) {
        if pkt.protocol != \"icmp\" { return pass(); }
        seen.add(1);
        if random() < 0.1056 { return drop(); }
        passed.add(1);
        pass()
    }
    let replied = counter();
    set_policy(link.from(a), |pkt| counted(pkt, seen, asked));
    set_policy(link.from(b), |pkt| { if pkt.protocol == \"icmp\" { replied.add(1); } counted(pkt, seen, replies) });\n";

const PING_AND_PRINT: &str = "
    a.exec([\"ping\", \"-q\", \"-c\", 50, \"-i\", 0.005, \"-W\", 1, b.addr], #{ quiet: true });
    // What is on its way has arrived.
    while replied.value < asked.value { sleep(5.ms); }
    // What comes after it finds it recorded.
    let server = run_in(b, || udp::bind(\"*:11000\"));
    run_in(b, || start_thread(|| udp::serve(server, udp::echo())));
    expect(run_in(a, || udp::open(\"b:11000\").ping(\"b:11000\", \"ping 1\", 10.s)).kind, \"reply\");
    expect(seen.value, at_least(50));
    print(seen.value);
    exit(0);";

#[test]
fn a_link_is_recorded_in_every_file_it_is_given_and_none_is_emptied() {
    if !require_lab_or_skip("two captures of a link") {
        return;
    }
    let dir = crate::TempDir::new();
    let [one, two] = ["one.pcap", "two.pcap"].map(|name| dir.path().join(name).display().to_string());
    let ping = "a.exec([\"ping\", \"-q\", \"-c\", 1, b.addr], #{ quiet: true });";
    run_text(&format!("{PAIR}link.capture(\"{one}\"); link.capture(\"{two}\"); {ping}"), 0);
    let recorded = std::fs::read(&one).expect("a capture");
    assert!(recorded.len() > 24 + 2 * 98, "{}", recorded.len());
    assert!(recorded == std::fs::read(&two).expect("a capture"), "both have the same frames");
    for device in ["link", "a"] {
        let run = run_text(&format!("{PAIR}{device}.capture(\"{one}\");"), 3);
        assert!(run.stderr.contains("the file exists") && run.stderr.contains("overwrite: true"), "{}", run.stderr);
        assert!(recorded == std::fs::read(&one).expect("a capture"));
    }
    run_text(&format!("{PAIR}link.capture(\"{one}\", #{{ overwrite: true }});"), 0);
    assert_eq!(std::fs::read(&one).expect("a capture").len(), 24);
}

#[test]
fn links_given_the_same_file_record_in_it_together() {
    if !require_lab_or_skip("a capture of two links") || !require_program_or_skip("tshark", "a capture of two links") {
        return;
    }
    let dir = crate::TempDir::new();
    let file = dir.path().join("both.pcapng");
    std::fs::write(&file, "from before").expect("a file");
    run_text(
        &format!(
            "let net = lab::create();
             let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
             for link in [net.link(a, r), net.link(r, b)] {{ link.capture(\"{}\", #{{ overwrite: true }}); }}
             expect(a.exec([\"ping\", \"-q\", \"-c\", 3, \"-i\", 0.005, b.addr], #{{ quiet: true }}).code, 0);",
            file.display()
        ),
        0,
    );
    // Hosts say other things too, and when they like.
    let args = ["-r", file.to_str().expect("UTF-8"), "-Y", "icmp", "-T", "fields", "-e", "frame.interface_name"];
    let read = std::process::Command::new("tshark").args(args).output().expect("tshark");
    let read = String::from_utf8_lossy(&read.stdout).into_owned();
    for from in ["a-r from a", "a-r from r", "r-b from r", "r-b from b"] {
        assert_eq!(read.lines().filter(|line| *line == from).count(), 3, "{from}:\n{read}");
    }
}
