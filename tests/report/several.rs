//! Several runs in one report, and several in one file.

use super::*;

/// A run of so many pings of which every fifth is lost.
fn rows(count: u64) -> String {
    let row = |n| if n % 5 == 4 { probe(n, "timed_out", None) } else { probe(n, "replied", Some(300 + n % 7)) };
    let rows: Vec<String> = (0..count).map(row).collect();
    format!("{RUN}\n{}\n{SUMMARY}\n", rows.join("\n"))
}

/// A probe of a traceroute, which a hop replied to.
fn hop(n: u64) -> String {
    let icmp = r#""icmp":{"type":11,"code":0,"name":"Time to Live exceeded in Transit","offender":"10.0.0.9"}"#;
    probe(n, "errored", Some(40)).replace("\"error\":null", "\"error\":null,\"ttl\":1").replace("\"icmp\":null", icmp)
}

fn report_of(files: &[(&str, String)]) -> (String, String) {
    let dir = TempDir::new();
    files.iter().for_each(|(name, rows)| drop(dir.write(name, rows)));
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let run = report(&dir, &[&names[..], &["-o", "run.html"]].concat()).expect_code(0);
    let page = fs::read_to_string(dir.path().join("run.html")).expect("a page");
    stands_alone(&page);
    (page, run.stderr)
}

#[test]
fn each_of_several_smoke_charts_has_a_strip_for_its_losses() {
    let (page, _) = report_of(&[("before.jsonl", rows(3000)), ("after.jsonl", rows(3000))]);
    let places: Vec<Vec<&str>> = ["<g class=\"s0\">", "<g class=\"s1\">"]
        .iter()
        .map(|line| {
            let own = page.split(line).nth(1).and_then(|rest| rest.split("</g>").next()).expect("a line");
            let bars = own.split("class=\"slot-lost\"").skip(1);
            bars.map(|bar| bar.split(" y=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a place"))
                .collect()
        })
        .collect();
    assert!(places[0].len() > 20 && places[0].len() == places[1].len(), "{places:?}");
    assert!(places[0].iter().all(|place| !places[1].contains(place)), "none hides another: {places:?}");
    assert_eq!(page.matches(">lost</text>").count(), 2);
    // Which line is whose stands beneath each chart that has both.
    assert!(page.matches("</svg> after.jsonl</li>").count() >= 2, "{page}");
}

#[test]
fn a_traceroute_beside_pings_has_its_path_and_no_line() {
    let trace = format!("{RUN}\n{}\n{}\n{SUMMARY}\n", hop(1), hop(2));
    let (page, _) = report_of(&[("trace.jsonl", trace), ("pings.jsonl", rows(50))]);
    assert!(page.contains("<h2>Path</h2>") && page.contains("10.0.0.9: Time to Live exceeded in Transit"));
    let part = |heading: &str| {
        let rest = page.split(&format!("<h2>{heading}</h2>")).nth(1).expect("a part");
        rest.split("</section>").next().expect("its end").to_string()
    };
    for heading in ["Summary", "Round-trip times", "Distribution", "Losses"] {
        assert!(
            !part(heading).contains("trace.jsonl") && part(heading).contains("pings.jsonl"),
            "{heading}: {}",
            part(heading)
        );
    }
    // A hop's reply is no loss.
    let ladders = part("Ladders");
    assert!(ladders.contains("Time to Live exceeded in Transit") && !ladders.contains("errored by"), "{ladders}");
}

#[test]
fn several_runs_in_one_file_are_several_runs() {
    let cut = rows(20).lines().take(15).fold(String::new(), |text, row| text + row + "\n");
    let (page, noted) = report_of(&[("all.jsonl", rows(10) + &cut + &rows(30))]);
    assert!(page.contains("<h1>3 runs</h1>"));
    for (name, pings) in [("all.jsonl (1)", 8), ("all.jsonl (2)", 12), ("all.jsonl (3)", 24)] {
        let said = page.matches(&format!("<title>{name}: ping")).count();
        assert!(said >= pings, "{name}: {said}");
    }
    assert_eq!(noted, "note: all.jsonl (2): the run did not come to its end (no summary)\n");
    let dir = TempDir::new();
    dir.write("all.jsonl", &(rows(10) + &rows(30)));
    let run = pingscript(&["ladder", "all.jsonl"]).dir(dir.path()).run().expect_code(0);
    assert!(run.stderr.contains("it has 2 runs, of which the first is drawn"), "{}", run.stderr);
    assert!(run.stdout.contains("seq 9") && !run.stdout.contains("seq 12"), "{}", run.stdout);
}
