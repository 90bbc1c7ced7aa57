//! `pingscript report` and `--report`: that a page shows what the rows say, whatever they say, and needs nothing else.

mod common;

#[path = "report/numbers.rs"]
mod numbers;
#[path = "report/picture.rs"]
mod picture;
#[path = "report/several.rs"]
mod several;

use std::fmt::Write;
use std::fs;

use common::{Run, TempDir, pingscript, repo_root};

/// The first row of a run.
const RUN: &str = r#"{"type":"run","schema":1,"pingscript":"0.1.0","time_ns":1000,"script":"x.rhai","args":["--count","3"],"seed":42,"clocks":[]}"#;

/// The last, as far as it is read.
const SUMMARY: &str = r#"{"type":"summary","time_ns":5000001000,"reordered":1}"#;

/// A ping in the state that `state` says, or replied to after so many microseconds.
fn probe(n: u64, state: &str, us: Option<u64>) -> String {
    let (rtt, clock) = match us {
        Some(us) => ((us * 1000).to_string(), "\"a clock\""),
        None => ("null".to_string(), "null"),
    };
    format!(
        r#"{{"type":"probe","time_ns":{},"seq":{n},"from":"127.0.0.1:1","to":"127.0.0.1:7","bytes":8,"state":"{state}","rtt_ns":{rtt},"clock":{clock},"icmp":null,"error":null}}"#,
        1000 + n * 10_000_000,
    )
}

fn extra(n: u64, what: &str) -> String {
    format!(
        r#"{{"type":"stray","time_ns":{},"what":"{what}","seq":{n},"from":"127.0.0.1:1","to":"127.0.0.1:7","bytes":8,"after_ns":1200000000}}"#,
        1000 + n * 10_000_000 + 5_000_000,
    )
}

fn report(dir: &TempDir, args: &[&str]) -> Run {
    pingscript(&[&["report"], args].concat()).dir(dir.path()).run()
}

/// The page that is made of these rows; what is noted is expected.
fn page(rows: &[String], noted: &str) -> String {
    let dir = TempDir::new();
    dir.write("rows.jsonl", &(rows.join("\n") + "\n"));
    let run = report(&dir, &["rows.jsonl", "-o", "run.html"]).expect_code(0);
    assert_eq!(run.stderr.trim_end(), noted);
    let page = fs::read_to_string(dir.path().join("run.html")).expect("a page");
    stands_alone(&page);
    page
}

/// Fails if a page refers to anything but itself, or has a script.
fn stands_alone(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>\n<!-- pingscript report -->\n"));
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    for (place, _) in page.match_indices("href=") {
        assert!(page[place..].starts_with("href=\"#m-"), "{}", &page[place..place + 40]);
    }
    const TAGS: &[&str] = &[
        "polyline",
        "polygon",
        "tspan",
        "!DOCTYPE",
        "!--",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "section",
        "div",
        "figure",
        "figcaption",
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "li",
        "br",
        "small",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
        "svg",
        "defs",
        "g",
        "circle",
        "path",
        "use",
        "line",
        "rect",
        "text",
    ];
    let (head, body) = page.split_once("</style>").expect("a style");
    assert!(!head.contains("url(") && !head.contains("@import"));
    for tag in body.split('<').skip(1).map(|rest| rest.trim_start_matches('/')) {
        let (name, rest) = tag.split_at(tag.find([' ', '>', '/']).unwrap_or(tag.len()));
        assert!(TAGS.contains(&name), "{name:?} is a tag");
        // Without the values.
        let attributes: String = rest.split('>').next().unwrap_or_default().split('"').step_by(2).collect();
        assert!(!attributes.contains(" on"), "{attributes}");
    }
    let controls: Vec<char> = page.chars().filter(|c| c.is_control() && *c != '\n').collect();
    assert_eq!(controls, []);
}

/// How many marks of this kind the page has.
fn marks(page: &str, kind: &str) -> usize {
    page.matches(&format!("class=\"m {kind}\"")).count()
}

#[test]
fn each_ping_has_one_mark_that_says_what_became_of_it() {
    let mut rows = vec![RUN.to_string()];
    rows.extend((0..40).map(|n| probe(n, "replied", Some(500 + n))));
    rows.push(probe(40, "replied", Some(900)).replace("\"icmp\"", "\"out_of_order\":true,\"icmp\""));
    rows.extend((41..48).map(|n| probe(n, "timed_out", None)));
    rows.push(
        probe(48, "errored", None)
            .replace("\"icmp\":null", r#""icmp":{"type":3,"code":3,"name":"Port Unreachable","offender":"10.0.0.9"}"#),
    );
    rows.extend((49..51).map(|n| probe(n, "pending", None)));
    rows.extend((41..44).map(|n| extra(n, "late")));
    rows.extend([extra(3, "duplicate"), extra(3, "foreign")]);
    rows.push(
        r#"{"type":"cause","time_ns":9,"seq":44,"from":"0.0.0.0:1","to":"127.0.0.1:7","cause":"drop(): s.rhai:14","detail":"draw 0.165"}"#
            .to_string(),
    );
    rows.push(SUMMARY.to_string());
    let page = page(&rows, "");
    let found = ["reordered", "lost", "pending", "late", "duplicate", "foreign"].map(|kind| marks(&page, kind));
    assert_eq!(found, [1, 8, 2, 3, 1, 0]);
    // The cumulative distribution has a mark at three percentiles.
    assert_eq!(marks(&page, "reply"), 40 + 3);
    for said in [
        "<title>ping 12 at 0.120 s: 512 µs</title>",
        "<title>ping 40 at 0.400 s: 900 µs, reordered</title>",
        "<title>ping 44 at 0.440 s: lost, timed out\ndrop(): s.rhai:14 (draw 0.165)</title>",
        "<title>ping 48 at 0.480 s: lost, error\nPort Unreachable from 10.0.0.9</title>",
        "<title>late reply to ping 41 at 0.415 s, 1.20 s after it was sent</title>",
        "lost 8</li>",
        "8 of 49: 16.3%",
        // One run of all eight.
        "<tr><td>8 pings</td><td>1</td>",
        "x.rhai",
        "--count 3",
    ] {
        assert!(page.contains(said), "no {said:?} in {page}");
    }
}

#[test]
fn many_pings_are_a_smoke_chart_that_counts_them_all() {
    let mut rows = vec![RUN.to_string()];
    rows.extend((0..5000).map(|n| match n % 10 {
        3 => probe(n, "timed_out", None),
        _ => probe(n, "replied", Some(300 + n * 7919 % 1009)),
    }));
    rows.push(SUMMARY.to_string());
    let page = page(&rows, "");
    assert_eq!((marks(&page, "reply"), marks(&page, "lost")), (3, 0), "those of the distribution alone");
    let chart = page.split("<h2>Round-trip times").nth(1).and_then(|rest| rest.split("</section>").next());
    let chart = chart.expect("a chart");
    let numbers = |word: &str| -> u64 {
        let slots = chart.split("class=\"slot\"").skip(1).filter_map(|slot| slot.split(word).next());
        slots.filter_map(|before| before.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    assert_eq!((numbers(" sent, "), numbers(" lost")), (5000, 500));
    assert!(chart.matches("class=\"slot\"").count() <= 400);
    assert_eq!(chart.matches("class=\"band\"").count(), 3);
    // Some 20,000 of each of the twelve losses that have a ladder.
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn runs_lie_over_each_other() {
    let dir = TempDir::new();
    let rows = |us: u64| {
        let mut text = format!("{RUN}\n");
        (0..30).for_each(|n| writeln!(text, "{}", probe(n, "replied", Some(us + n))).expect("memory takes it"));
        text + SUMMARY + "\n"
    };
    dir.write("before.jsonl", &rows(300));
    dir.write("after.jsonl", &rows(700));
    report(&dir, &["before.jsonl", "after.jsonl", "-o", "both.html"]).expect_code(0);
    let page = fs::read_to_string(dir.path().join("both.html")).expect("a page");
    stands_alone(&page);
    assert_eq!(marks(&page, "reply"), 2 * (30 + 3));
    for said in
        ["<title>before.jsonl: ping 2 at", "<title>after.jsonl: ping 2 at", "<g class=\"s0\">", "<g class=\"s1\">"]
    {
        assert!(page.contains(said), "no {said:?}");
    }
}

#[test]
fn nothing_foreign_is_markup() {
    let evil = r#"<img src=x onerror=\"a\">'&\u001b[2J\u202e</title><script>alert(1)</script>"#;
    let mut rows = vec![RUN.replace("x.rhai", evil).replace("--count", evil)];
    rows.push(probe(1, "replied", Some(5)).replace("a clock", evil).replace("127.0.0.1:7", evil));
    rows.push(probe(2, "errored", None).replace("\"error\":null", &format!("\"error\":\"{evil}\"")));
    rows.push(
        probe(3, "errored", None)
            .replace("\"error\":null", "\"error\":null,\"ttl\":3")
            .replace("\"icmp\":null", &format!(r#""icmp":{{"type":3,"code":3,"name":"{evil}","offender":"{evil}"}}"#)),
    );
    rows.push(format!(r#"{{"type":"host","time_ns":1,"lab":1,"name":"{evil}","addrs":["{evil}"],"router":true}}"#));
    rows.push(format!(
        r#"{{"type":"link","time_ns":1,"lab":1,"name":"{evil}","ends":["{evil}","{evil}"],"delay_ns":0,"jitter_ns":0,"rate":null,"queue":null,"mtu":1500}}"#
    ));
    rows.push(format!(
        r#"{{"type":"cause","time_ns":9,"seq":2,"from":"a:1","to":"127.0.0.1:7","cause":"{evil}","detail":"{evil}"}}"#
    ));
    rows.push(format!(
        r#"{{"type":"lost","time_ns":9,"from":"a:1","to":"b:7","bytes":1,"why":"{evil}","at":"{evil}"}}"#
    ));
    rows.push(format!(
        r#"{{"type":"connection","time_ns":9,"from":"{evil}","to":"{evil}","event":"{evil}","outcome":"{evil}","error":"{evil}","host":"{evil}"}}"#
    ));
    rows.push(format!(
        r#"{{"type":"summary","time_ns":99,"policies":[{{"name":"{evil}","at":"{evil}","host":"{evil}","packets":3,"chosen":1,"acted":{{"{evil}":1}}}}],"kernel_drops":[{{"at":"{evil}","host":"{evil}","count":1}}]}}"#
    ));
    let page = page(&rows, "");
    assert!(page.matches("&lt;script&gt;").count() > 15, "it is shown, and in all places");
    let dir = TempDir::new();
    let name = "<b>\u{1b}[2J.jsonl";
    dir.write(name, "");
    dir.write("ok.jsonl", &format!("{RUN}\n{SUMMARY}\n"));
    let run = report(&dir, &[name, "ok.jsonl", "-o", "run.html"]).expect_code(0);
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
    stands_alone(&fs::read_to_string(dir.path().join("run.html")).expect("a page"));
}

#[test]
fn what_can_be_drawn_is_and_a_line_says_what_is_missing() {
    let whole = probe(1, "replied", Some(5));
    let cut = &whole[..60];
    let other = RUN.replace("\"schema\":1", "\"schema\":9");
    let cases: [(&[&str], &str, usize); 6] = [
        (&[RUN, &whole, cut], "note: rows.jsonl: the run did not come to its end (no summary); line 3 is no row", 1),
        (
            &[&other, &whole, SUMMARY],
            "note: rows.jsonl: its rows are of version 9, and this program writes version 1: read as far as they are alike",
            1,
        ),
        (&[&whole, SUMMARY], "note: rows.jsonl: the first row is missing", 1),
        (
            &[RUN, "\u{1b}[2J<b>", "{}", "[1]", &whole, SUMMARY],
            "note: rows.jsonl: 3 lines are no rows, the first of them line 2",
            1,
        ),
        (&[RUN, SUMMARY], "", 0),
        (&[RUN], "note: rows.jsonl: the run did not come to its end (no summary)", 0),
    ];
    for (rows, noted, marked) in cases {
        let rows: Vec<String> = rows.iter().map(|row| row.to_string()).collect();
        let page = page(&rows, noted);
        assert_eq!(marks(&page, "reply"), 4 * marked, "{noted}");
        assert!(page.contains(noted.strip_prefix("note: ").unwrap_or_default()), "{noted}");
    }
}

#[test]
fn of_a_run_that_was_cut_it_says_only_what_the_rows_know() {
    let drop = r#"{"type":"verdict","time_ns":2000,"verdict":"drop","origin":"loss(0.1)","at":"a-b","to":"10.0.0.2:7","from":"10.0.0.1:9"}"#;
    let pass = r#"{"type":"verdict","time_ns":2000,"verdict":"pass","origin":"x.rhai:3","to":"10.0.0.3:7","from":"10.0.0.1:9"}"#;
    let other = pass.replace("pass", "drop");
    let noted = "note: rows.jsonl: the run did not come to its end (no summary)";
    let rows = [RUN, drop, pass, &other, &probe(1, "replied", Some(5))].map(str::to_string);
    let page = self::page(&rows, noted);
    assert!(page.contains("1, of how many is not known") && page.contains("1 of 2: 50"), "{page}");
    assert!(page.contains("No ping was lost of those whose end is among the rows."), "{page}");
    let lost = self::page(&[RUN.to_string(), probe(1, "timed_out", None)], noted);
    assert!(lost.contains("causes are written at the end of a run, and these rows end before"), "{lost}");
}

#[test]
fn files_without_rows_and_files_of_others_are_refused() {
    let dir = TempDir::new();
    dir.write("empty.jsonl", "");
    dir.write("garbage.jsonl", "\u{0}\u{1}\nnot\n");
    dir.write("rows.jsonl", &format!("{RUN}\n{SUMMARY}\n"));
    dir.write("mine.html", "<!DOCTYPE html>\n<p>mine");
    for (name, said) in [
        ("empty.jsonl", "note: empty.jsonl: it has no rows\n"),
        ("garbage.jsonl", "note: garbage.jsonl: it has no rows\n"),
        ("none.jsonl", "error: report none.jsonl: no such file or directory\n"),
    ] {
        let run = report(&dir, &[name, "-o", "run.html"]).expect_code(2);
        assert_eq!(run.stderr, said);
    }
    let refused = "error: mine.html cannot be opened for a report: the file exists and holds something else\n  \
                   hint: only reports are written anew: remove it, or name another file\n";
    assert_eq!(report(&dir, &["rows.jsonl", "-o", "mine.html"]).expect_code(2).stderr, refused);
    let run = pingscript(&["--report", "mine.html", "-e", "1"]).dir(dir.path()).run().expect_code(2);
    assert_eq!(run.stderr, refused);
    assert_eq!(fs::read_to_string(dir.path().join("mine.html")).expect("it"), "<!DOCTYPE html>\n<p>mine");
    // A report is overwritten by the next.
    for _ in 0..2 {
        report(&dir, &["rows.jsonl", "-o", "run.html"]).expect_code(0);
    }
    // What is no page is not made, and nothing is written.
    for args in [&["report", "rows.jsonl", "-o", "rows.jsonl"][..], &["--report", "rows.jsonl", "-e", "1"]] {
        let rows = pingscript(args).dir(dir.path()).run().expect_code(2);
        assert!(rows.stderr.contains("no .jsonl is made: name a file .html or .htm or .svg"), "{}", rows.stderr);
    }
    assert_eq!(fs::read_to_string(dir.path().join("rows.jsonl")).expect("it"), format!("{RUN}\n{SUMMARY}\n"));
    dir.write("rows", &format!("{RUN}\n{SUMMARY}\n"));
    let rows = report(&dir, &["rows.jsonl", "-o", "rows"]).expect_code(2);
    assert!(rows.stderr.contains("the file exists and holds something else"), "{}", rows.stderr);
    let full = report(&dir, &["rows.jsonl", "-o", "/dev/full"]).expect_code(3);
    assert_eq!(full.stderr, "error: /dev/full could not be written: no space left on device\n");
}

#[test]
fn a_run_reports_the_same_as_its_rows() {
    const CODE: &str = r#"
        let net = lab::create();
        let a = net.host("a");
        let b = net.host("b");
        net.link(a, b, #{ delay: 5.ms, jitter: 3.ms, policy: chain([loss(0.2), chance(0.1, duplicate(2))]) });
        let server = run_in(b, || udp::bind("b:7"));
        run_in(b, || start_thread(|| udp::serve(server, udp::echo())));
        run_in(a, || { for ping in udp::open("b:7").pinger("b:7", #{ count: 50, interval: 2.ms, timeout: 200.ms }) {} });
        server.close();
    "#;
    let dir = TempDir::new();
    let args = ["--simulate", "--seed", "7", "--json", "rows.jsonl", "--report", "run.html", "-e", CODE];
    pingscript(&args).dir(dir.path()).run().expect_code(0);
    report(&dir, &["rows.jsonl", "-o", "rows.html"]).expect_code(0);
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("a file");
    let (rows, page) = (read("rows.jsonl"), read("run.html"));
    stands_alone(&page);
    assert_eq!(page, read("rows.html"));
    let count = |parts: &[&str]| rows.lines().filter(|row| parts.iter().all(|part| row.contains(part))).count();
    let lost = count(&["\"probe\"", "timed_out"]);
    assert!(lost > 2, "{rows}");
    assert_eq!(marks(&page, "lost"), lost);
    assert_eq!(count(&["\"cause\"", "dropped by"]), lost);
    assert_eq!(page.matches(": lost, timed out\ndropped by").count(), lost, "each says why");
    assert!(page.contains("<h3>The first packets</h3>") && page.contains("class=\"ladder\""));
    let reordered = count(&["\"probe\"", "out_of_order"]);
    assert_eq!(
        (marks(&page, "reordered"), marks(&page, "reply")),
        (reordered, count(&["\"probe\"", "replied"]) - reordered + 3)
    );
    assert_eq!(marks(&page, "duplicate"), count(&["\"stray\"", "duplicate"]));
    assert!(marks(&page, "duplicate") > 0 && reordered > 0, "{rows}");
    assert!(page.contains("class=\"topology\"") && page.contains("10.0.0.2"));
}

#[test]
fn what_was_sampled_and_what_tcp_did_is_drawn_over_time() {
    let mut rows = vec![RUN.to_string()];
    for n in 0..3000_u64 {
        let time = 1000 + n * 1_000_000;
        rows.push(format!(
            r#"{{"type":"sample","time_ns":{time},"values":{{"cwnd":{},"rtt_ns":{},"none":null}},"host":"a"}}"#,
            n % 100,
            n * 1000
        ));
    }
    for n in 0..20_u64 {
        let (lost, fate, cause) = if n == 7 { ("5", "dropped", "\"loss(0.1)\"") } else { ("null", "carried", "null") };
        for link in ["a-r", "r-b"] {
            rows.push(format!(
                r#"{{"type":"frame","time_ns":{},"lost_ns":{lost},"link":"{link}","protocol":"tcp","from":"10.0.0.1:9","to":"10.0.0.2:7","bytes":100,"tcp":{{"flags":"ACK","seq":{},"ack":1,"window":9,"retransmission":{}}},"fate":"{fate}","cause":{cause},"icmp":null,"draws":[]}}"#,
                1000 + n * 1_000_000,
                1 + n * 100,
                n == 9,
            ));
        }
    }
    rows.push(SUMMARY.to_string());
    let page = page(&rows, "");
    assert_eq!(page.matches("sample-line").count(), 3, "a line for each value there is, and what is in flight");
    assert!(page.contains("<figcaption>a: cwnd</figcaption>") && page.contains("<figcaption>a: rtt</figcaption>"));
    // Of the first link alone.
    assert_eq!((marks(&page, "lost"), marks(&page, "late")), (1, 1));
    assert!(page.contains("Octets in flight from 10.0.0.1:9 to 10.0.0.2:7"), "{page}");
    assert!(page.contains("20 segments, 2,000 octets, × lost 1, △ sent again 1"), "{page}");
    assert!(page.contains("<title>dropped: sequence 701 to 801, 100 octets at 0.007 s\nloss(0.1)</title>"), "{page}");
    assert!(page.len() < 200_000, "{}", page.len());
}
