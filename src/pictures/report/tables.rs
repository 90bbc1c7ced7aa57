//! What is best said in tables: the summary, losses and their causes, policies, hops, connections.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use super::cells::PolicyCells;
use super::record::{Counted, RunRecord};
use super::text::{Shown, count, moment, percent, plural, time_or_na, utc};
use crate::net::observe::record::summary::RttCells;
use crate::net::policy::neighbours::Neighbours;
use crate::net::probe::stats::interval;

/// A table row by row: what each value is, and that of each run, with its name if it is one of several.
fn by_run<'a>(runs: &[&'a RunRecord], are_several: bool, rows: &[(&str, &dyn Fn(&'a RunRecord) -> String)]) -> String {
    let mut html = String::from("<div class=\"wide\"><table class=\"facts\">");
    if are_several {
        html += "<thead><tr><th></th>";
        runs.iter().for_each(|run| html += &format!("<th>{}</th>", Shown(&run.name)));
        html += "</tr></thead>";
    }
    html += "<tbody>";
    for (name, value) in rows {
        let cells: Vec<String> = runs.iter().copied().map(value).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = write!(html, "<tr><th>{name}</th>");
            cells.iter().for_each(|cell| html += &format!("<td>{cell}</td>"));
            html += "</tr>";
        }
    }
    html + "</tbody></table></div>\n"
}

/// What was run.
pub(super) fn about(runs: &[RunRecord]) -> String {
    let shown = |text: &str| Shown(text).to_string();
    let about = |run: &RunRecord, say: &dyn Fn(&super::cells::AboutCells) -> String| {
        run.about.as_ref().map_or(String::new(), say)
    };
    by_run(
        &runs.iter().collect::<Vec<_>>(),
        runs.len() > 1,
        &[
            ("script", &|run| about(run, &|about| shown(&about.script))),
            ("arguments", &|run| about(run, &|about| shown(&about.args.join(" ")))),
            ("seed", &|run| about(run, &|about| about.seed.to_string())),
            ("began", &|run| run.start.map_or(String::new(), |start| format!("{} UTC", utc(start)))),
            ("lasted", &|run| run.lasted().map_or(String::new(), moment)),
            ("clock", &|run| {
                let used: Vec<String> = run
                    .clocks
                    .list
                    .iter()
                    .map(|(clock, replies)| {
                        let all = run.clocks.list.len() == 1;
                        if all { clock.clone() } else { format!("{clock} ({})", count(*replies)) }
                    })
                    .collect();
                shown(&used.join(", "))
            }),
            ("pingscript", &|run| {
                about(run, &|about| format!("{} (rows of version {})", Shown(&about.pingscript), about.schema))
            }),
        ],
    )
}

/// The counts and the times of each run.
pub(super) fn summary(runs: &[RunRecord]) -> String {
    let number = |number: u64| if number == 0 { String::new() } else { count(number) };
    // As in the distribution below: of the rows, where they have replies.
    let rtt = |run: &RunRecord, of: fn(&RttCells) -> Option<i64>, share: f64| {
        let said = || Some(of(&run.summary.as_ref()?.rtt)? as f64);
        time_or_na(run.all.rtts.quantile(share).or_else(said))
    };
    by_run(
        &runs.iter().filter(|run| !run.is_of_paths()).collect::<Vec<_>>(),
        runs.len() > 1,
        &[
            ("pings sent", &|run| count(run.all.tally.sent())),
            ("replied", &|run| count(run.all.tally.replied)),
            ("lost", &loss),
            ("timed out", &|run| number(run.all.tally.timed_out)),
            ("errors", &|run| number(run.all.tally.errored)),
            ("still pending", &|run| number(run.all.tally.pending)),
            ("late", &|run| number(run.all.tally.late)),
            ("duplicate", &|run| number(run.all.tally.duplicate)),
            ("reordered", &|run| number(run.all.tally.reordered)),
            ("missed slots", &|run| number(run.summary.as_ref().map_or(0, |summary| summary.missed_slots))),
            ("foreign", &|run| number(run.summary.as_ref().map_or(0, |summary| summary.foreign))),
            ("truncated, corrupt, unmatched", &|run| {
                number(run.summary.as_ref().map_or(0, |all| all.truncated + all.corrupt + all.unmatched))
            }),
            ("RTT least", &|run| rtt(run, |rtt| rtt.min_ns, 0.0)),
            ("RTT median", &|run| rtt(run, |rtt| rtt.p50_ns, 0.5)),
            ("RTT p90", &|run| rtt(run, |rtt| rtt.p90_ns, 0.9)),
            ("RTT p99", &|run| rtt(run, |rtt| rtt.p99_ns, 0.99)),
            ("RTT most", &|run| rtt(run, |rtt| rtt.max_ns, 1.0)),
            ("RTT mean", &|run| {
                let said = run.summary.as_ref().map(|all| all.rtt.mean_ns.map(|ns| ns as f64));
                time_or_na(said.unwrap_or(run.all.rtts.mean()))
            }),
            ("jitter", &|run| {
                let said = run.summary.as_ref().and_then(|all| all.rtt.jitter_ns);
                said.map_or(String::new(), |ns| super::text::time(ns as f64))
            }),
        ],
    )
}

/// The loss with its interval: that of the run's summary, or else of its rows.
fn loss(run: &RunRecord) -> String {
    let tally = &run.all.tally;
    let counted = run.summary.as_ref().map(|summary| &summary.loss).filter(|loss| loss.of > 0);
    let (lost, of) = counted.map_or((tally.lost(), tally.settled()), |loss| (loss.lost, loss.of));
    let ends = match counted {
        Some(loss) => loss.low.zip(loss.high),
        None => interval(lost, of, &run.neighbours()),
    };
    let share = if of == 0 { "NA".to_string() } else { percent(lost as f64 / of as f64) };
    let ends = ends
        .map_or(String::new(), |(low, high)| format!("<br><small>95%: {} to {}</small>", percent(low), percent(high)));
    format!("{} of {}: {share}{ends}", count(lost), count(of))
}

/// Runs of losses, and why pings were lost.
pub(super) fn losses(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs.iter().filter(|run| !run.is_of_paths()) {
        let (name, lost) = (run.heading(runs.len()), run.all.tally.lost());
        let lengths = run.loss_runs();
        if lost == 0 {
            let of = if run.summary.is_some() { "" } else { " of those whose end is among the rows" };
            let _ = write!(html, "{name}<p class=\"none\">No ping was lost{of}.</p>");
            continue;
        }
        let most = lengths.values().copied().max().unwrap_or(1);
        let bar = |(length, number): (&u64, &u64)| {
            row([plural(*length, "ping"), count(*number), meter(*number as f64 / most as f64, None)])
        };
        let bars: String = lengths.iter().take(20).map(bar).collect();
        let more: u64 = lengths.values().skip(20).sum();
        let more = if more > 0 { row(["longer".to_string(), count(more), String::new()]) } else { String::new() };
        let _ = write!(
            html,
            "{name}<div class=\"pair\"><div><h3>Runs of losses</h3><table><thead><tr><th>in a row</th><th>times</th><th></th></tr></thead>\
             <tbody class=\"loss-runs\">{bars}{more}</tbody></table></div><div><h3>Causes</h3>{}</div></div>",
            causes(run)
        );
    }
    html
}

fn causes(run: &RunRecord) -> String {
    let lost = run.all.tally.lost();
    let known: u64 = run.causes.list.iter().map(|(_, number)| number).sum::<u64>() + run.causes.others;
    let mut html = counted(&run.causes, "cause", lost);
    let unknown = lost.saturating_sub(known);
    if unknown > 0 {
        let why = match run.summary {
            Some(_) => "whatever lost them did not say so, as it is with most losses outside of labs",
            None => "causes are written at the end of a run, and these rows end before",
        };
        let _ = write!(html, "<p>Of {} the rows have no cause: {why}.</p>", count(unknown));
    }
    html
}

/// A table of things and how often there was each.
fn counted(list: &Counted, what: &str, of: u64) -> String {
    if list.list.is_empty() {
        return String::new();
    }
    let mut html = format!("<table><thead><tr><th>{what}</th><th>times</th><th></th></tr></thead><tbody>");
    let others = [("others".to_string(), list.others)];
    for (name, number) in list.list.iter().chain(others.iter().filter(|(_, number)| *number > 0)) {
        let _ = write!(
            html,
            "<tr><td class=\"long\">{}</td><td>{}</td><td>{}</td></tr>",
            Shown(name),
            count(*number),
            meter(*number as f64 / of.max(1) as f64, None)
        );
    }
    html + "</tbody></table>"
}

/// Frames that links lost without a verdict, and what kernels dropped.
pub(super) fn frames(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let drops = run.summary.iter().flat_map(|summary| &summary.kernel_drops).filter(|drops| drops.count > 0);
        let mut list = run.frames.clone();
        for drops in drops {
            let host = drops.host.as_ref().map_or(String::new(), |host| format!(" in {host}"));
            list.list.push((format!("receive buffer full, or checksum wrong, at {}{host}", drops.at), drops.count));
        }
        if !list.list.is_empty() {
            let all = list.list.iter().map(|(_, number)| number).sum::<u64>() + list.others;
            let _ = write!(html, "{}{}", run.heading(runs.len()), counted(&list, "lost frames", all));
        }
    }
    html
}

/// What each policy did, against what it was set to.
pub(super) fn policies(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let policies = run.summary.as_ref().map_or(&run.decided, |summary| &summary.policies);
        if policies.is_empty() {
            continue;
        }
        let rows: String = policies.iter().map(|known| policy(known, run.summary.is_some())).collect();
        let _ = write!(
            html,
            "{}<div class=\"wide\"><table><thead><tr><th>policy</th><th>where</th><th>configured</th><th>acted on</th><th></th><th></th></tr></thead>\
             <tbody>{rows}</tbody></table></div>",
            run.heading(runs.len())
        );
    }
    html
}

/// A policy, with what the summary says of it; else with what its verdicts say: a policy of the core has no row for what it lets pass.
fn policy(policy: &PolicyCells, is_whole: bool) -> String {
    let PolicyCells { name, at, host, packets, chosen, acted, failed, configured } = policy;
    let place = host.as_ref().map_or_else(|| at.clone(), |host| format!("{at} in {host}"));
    let share = if *packets == 0 { 0.0 } else { *chosen as f64 / *packets as f64 };
    let mut kinds: Vec<String> =
        acted.iter().map(|(kind, number)| format!("{} {}", count(*number), Shown(kind))).collect();
    kinds.extend((*failed > 0).then(|| format!("failed on {}", count(*failed))));
    let is_known = is_whole || packets > chosen;
    row([
        Shown(name).to_string(),
        Shown(place).to_string(),
        configured.map_or_else(|| "–".to_string(), percent),
        match is_known {
            true => format!("{} of {}: {}", count(*chosen), count(*packets), percent(share)),
            false => format!("{}, of how many is not known", count(*chosen)),
        },
        if is_known { meter(share, *configured) } else { String::new() },
        kinds.join(", "),
    ])
}

/// A bar as long as the share, with a line at what it should be.
fn meter(share: f64, wanted: Option<f64>) -> String {
    let line = wanted.map_or(String::new(), |wanted| {
        format!("<line class=\"wanted\" x1=\"{0:.1}%\" x2=\"{0:.1}%\" y1=\"0\" y2=\"14\"/>", wanted * 100.0)
    });
    format!(
        "<svg class=\"meter\" width=\"110\" height=\"14\" aria-hidden=\"true\"><rect class=\"room\" width=\"100%\" height=\"14\"/>\
         <rect class=\"part\" width=\"{:.1}%\" height=\"14\"/>{line}</svg>",
        (share * 100.0).clamp(0.0, 100.0)
    )
}

/// A row of cells that are HTML already.
fn row<const N: usize>(cells: [impl Display; N]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>")
}

/// The hops of each traceroute.
pub(super) fn hops(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        for (to, hops) in &run.hops.0 {
            let most = hops.values().filter_map(|hop| hop.rtts.quantile(0.5)).fold(0.0, f64::max);
            let _ = write!(
                html,
                "{}<h3>to {}</h3><div class=\"wide\"><table><thead><tr><th>TTL</th><th>who replied</th><th>replied</th>\
                 <th>least</th><th>median</th><th>most</th><th></th></tr></thead><tbody class=\"hops\">",
                run.heading(runs.len()),
                Shown(to)
            );
            for (ttl, hop) in hops {
                let who: Vec<String> = hop.who.iter().map(|who| Shown(who).to_string()).collect();
                let at = |share: f64| hop.rtts.quantile(share);
                html += &row([
                    ttl.to_string(),
                    if who.is_empty() { "no reply".to_string() } else { who.join("<br>") },
                    format!("{} of {}", count(hop.sent - hop.lost), count(hop.sent)),
                    time_or_na(at(0.0)),
                    time_or_na(at(0.5)),
                    time_or_na(at(1.0)),
                    at(0.5).map_or(String::new(), |median| meter(median / most.max(1.0), None)),
                ]);
            }
            html += "</tbody></table></div>";
        }
    }
    html
}

/// What happened to TCP connections.
pub(super) fn connections(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs.iter().filter(|run| !run.connections.is_empty()) {
        let _ = write!(
            html,
            "{}<div class=\"wide\"><table><thead><tr><th>after</th><th>event</th><th>from</th><th>to</th><th>outcome</th><th>took</th><th>sent</th>\
             <th>received</th></tr></thead><tbody class=\"connections\">",
            run.heading(runs.len())
        );
        for event in &run.connections {
            let bytes = |number: Option<u64>| number.map_or(String::new(), |number| format!("{} bytes", count(number)));
            let host = event.host.as_ref().map_or(String::new(), |host| format!(" in {host}"));
            let outcome =
                [event.outcome.as_deref(), event.error.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
            html += &row([
                moment(event.time_ns.saturating_sub(run.start.unwrap_or_default())),
                Shown(&event.event).to_string(),
                Shown(format!("{}{host}", event.from)).to_string(),
                Shown(&event.to).to_string(),
                Shown(outcome).to_string(),
                event.took_ns.map_or(String::new(), super::text::time),
                bytes(event.sent_bytes),
                bytes(event.received_bytes),
            ]);
        }
        html += "</tbody></table></div>";
        if run.more_connections > 0 {
            let _ = write!(html, "<p>{} more are not shown.</p>", plural(run.more_connections, "event"));
        }
    }
    html
}

impl RunRecord {
    /// What stands over the part of a section that is about this run; nothing where there is but one.
    pub(super) fn heading(&self, runs: usize) -> String {
        if runs > 1 { format!("<h3>{}</h3>", Shown(&self.name)) } else { String::new() }
    }

    /// Whether it is a traceroute or the like: its probes measure paths, and no target.
    pub(super) fn is_of_paths(&self) -> bool {
        self.all.tally.sent() == 0 && !self.hops.0.is_empty()
    }

    fn lasted(&self) -> Option<i64> {
        let end = self.summary.as_ref().map(|summary| summary.time_ns);
        Some(end?.saturating_sub(self.start?))
    }

    /// How many runs of losses there were of each length, of each target by itself.
    fn loss_runs(&self) -> BTreeMap<u64, u64> {
        let Some(targets) = &self.targets else { return self.all.losses.runs.clone() };
        let mut all = BTreeMap::new();
        for (length, number) in targets.iter().flat_map(|(_, series)| &series.losses.runs) {
            *all.entry(*length).or_default() += number;
        }
        all
    }

    fn neighbours(&self) -> Neighbours {
        match &self.targets {
            Some(targets) => {
                targets.iter().fold(Neighbours::default(), |sum, (_, series)| sum + series.losses.neighbours)
            }
            None => self.all.losses.neighbours,
        }
    }
}
