//! What must agree inside one transcript, whatever its masked parts are: the golden files cannot
//! see whether a reply carries the time of its own request.

/// Check a client's transcript, unmasked: each reply repeats the time and address of its ping,
/// the summary's counts are those of the lines, and its RTTs those of the replies.
pub(crate) fn check_client(screen: &str) {
    let mut sent: Vec<(&str, &str)> = Vec::new();
    let mut rtts: Vec<&str> = Vec::new();
    for line in screen.lines() {
        if let Some(rest) = line.strip_prefix("send to ") {
            sent.push(rest.split_once(": ping ").unwrap_or_else(|| panic!("{line:?}\n{screen}")));
        } else if let Some(rest) = line.strip_prefix("received from ") {
            let (addr, rest) = rest.split_once(" PING ").unwrap_or_else(|| panic!("{line:?}\n{screen}"));
            let (ping, rtt) = rest.split_once(" rtt=").unwrap_or_else(|| panic!("{line:?}\n{screen}"));
            assert!(sent.contains(&(addr, ping)), "a reply to nothing that was sent: {line}\n{screen}");
            rtts.push(rtt);
        }
    }
    let field = |name: &str| {
        let value = screen.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_else(|| panic!("no {name:?} in\n{screen}"))
    };
    assert_eq!(field("Packets Sent: "), sent.len().to_string(), "{screen}");
    assert_eq!(field("Packets Received: "), rtts.len().to_string(), "{screen}");
    if rtts.is_empty() {
        return;
    }
    let mut values: Vec<f64> = rtts.iter().map(|rtt| ms(rtt)).collect();
    values.sort_by(f64::total_cmp);
    assert!(values[0] >= 0.0, "a negative RTT\n{screen}");
    let (min, max) = (ms(field("MIN RTT: ")), ms(field("MAX RTT: ")));
    assert_eq!((min, max), (values[0], values[values.len() - 1]), "{screen}");
    // Each printed value is rounded to 0.001 ms.
    #[allow(clippy::cast_precision_loss, reason = "a handful of replies")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let avg = ms(field("AVG RTT: "));
    assert!((avg - mean).abs() < 0.0011, "AVG RTT {avg}, of the lines {mean}\n{screen}");
}

/// Check the transcript of a server of TCP, unmasked: each answer goes to a client that is connected, and is what that
/// client has sent last, upper-cased.
pub(crate) fn check_tcp_server(text: &str) {
    let mut last: Vec<(&str, String)> = Vec::new();
    for line in text.lines() {
        if let Some(from) = line.strip_prefix("Connected to ") {
            last.push((from, String::new()));
        } else if let Some((from, what)) = line.strip_prefix("received from ").and_then(|rest| rest.split_once(": ")) {
            let known = last.iter_mut().rev().find(|(client, _)| *client == from);
            known.unwrap_or_else(|| panic!("from nobody: {line}\n{text}")).1 = what.to_uppercase();
        } else if let Some((to, what)) = line.strip_prefix("sent to ").and_then(|rest| rest.split_once(' ')) {
            let known = last.iter().rev().any(|(client, asked)| *client == to && asked == what);
            assert!(known, "about nothing that was received: {line}\n{text}");
        }
    }
}

/// Check a server's transcript, unmasked: each verdict line is about a ping that was received,
/// upper-cased and otherwise unchanged, and each `sent` goes where its ping came from.
pub(crate) fn check_server(text: &str) {
    let received: Vec<(&str, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("received from ")?.split_once(": "))
        .map(|(from, ping)| (from, ping.to_uppercase()))
        .collect();
    for line in text.lines() {
        let known = if let Some(rest) = line.strip_prefix("sent to ") {
            received.iter().any(|(from, ping)| rest == format!("{from}: {ping}"))
        } else if let Some(ping) = line.strip_prefix("dropped message: ") {
            received.iter().any(|(_, p)| p == ping)
        } else {
            continue;
        };
        assert!(known, "about nothing that was received: {line}\n{text}");
    }
}

/// A printed RTT in ms.
fn ms(text: &str) -> f64 {
    text.strip_suffix("ms")
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("not an RTT in ms: {text:?}"))
}
