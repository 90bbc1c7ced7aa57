//! A network as text: a tree of its hosts, each with its addresses and the link by which it hangs there.

use std::collections::VecDeque;

use crate::terminal::columns::fit;

/// A network to be drawn.
#[derive(Clone, Debug, Default)]
pub struct PicturedLab {
    /// Its hosts, in the order in which they were made.
    pub hosts: Vec<PicturedHost>,
    /// Its links.
    pub links: Vec<PicturedLink>,
}

/// A host of it.
#[derive(Clone, Debug, Default)]
pub struct PicturedHost {
    /// What it is called, with what it is if it is more than a host.
    pub name: String,
    /// Its addresses, between commas.
    pub addrs: String,
    /// What else is to be known of it.
    pub about: String,
}

/// A link of it.
#[derive(Clone, Debug, Default)]
pub struct PicturedLink {
    /// The numbers of the hosts at its ends.
    pub ends: [usize; 2],
    /// How it carries frames.
    pub about: String,
}

/// So many leaves beside each other that hang on links alike are shown as the first, a count, and the last.
const MANY: usize = 8;

/// Columns between two cells.
const GAP: usize = 3;

/// A line to be: what stands before the host in each of its lines, and its cells.
struct TreeLine {
    /// Before the first line, and before those that it goes on in.
    before: [String; 2],
    cells: [String; 3],
}

/// The network in lines of at most `width` columns where words allow it.
pub fn picture(network: &PicturedLab, width: usize) -> String {
    let (children, extra) = tree(network);
    let is_root = |host: &usize| !children.iter().any(|below| below.iter().any(|(child, _)| child == host));
    let mut lines = Vec::new();
    for root in (0..network.hosts.len()).filter(is_root) {
        let alone = children[root].is_empty();
        add(network, &children, root, None, ["", ""], &mut lines);
        if let Some(line) = lines.last_mut().filter(|_| alone) {
            line.cells[2] = joined(["no link", &line.cells[2]]);
        }
    }
    for link in extra.iter().map(|link| &network.links[*link]) {
        let [a, b] = link.ends.map(|end| network.hosts[end].name.as_str());
        let cells = [format!("{a} ── {b}"), String::new(), link.about.clone()];
        lines.push(TreeLine { before: Default::default(), cells });
    }
    laid_out(&lines, width)
}

/// The hosts that hang on each host, with their links, by the fewest links from the first one; and the links that are none of the
/// tree.
fn tree(network: &PicturedLab) -> (Vec<Vec<(usize, usize)>>, Vec<usize>) {
    let count = network.hosts.len();
    let mut children = vec![Vec::new(); count];
    let mut ends = vec![Vec::new(); count];
    for (number, link) in network.links.iter().enumerate() {
        let [a, b] = link.ends;
        ends[a].push((b, number));
        ends[b].push((a, number));
    }
    let (mut seen, mut used) = (vec![false; count], vec![false; network.links.len()]);
    for root in 0..count {
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        let mut queue = VecDeque::from([root]);
        while let Some(at) = queue.pop_front() {
            for &(peer, link) in &ends[at] {
                if !std::mem::replace(&mut seen[peer], true) {
                    used[link] = true;
                    children[at].push((peer, link));
                    queue.push_back(peer);
                }
            }
        }
    }
    let extra = (0..network.links.len()).filter(|link| !used[*link]).collect();
    (children, extra)
}

/// Adds the lines of `host`, which hangs on `link`, and of all that hang on it.
fn add(
    network: &PicturedLab,
    children: &[Vec<(usize, usize)>],
    host: usize,
    link: Option<usize>,
    before: [&str; 2],
    lines: &mut Vec<TreeLine>,
) {
    let PicturedHost { name, addrs, about } = &network.hosts[host];
    let about = joined([link.map_or("", |link| network.links[link].about.as_str()), about]);
    lines.push(TreeLine { before: before.map(str::to_string), cells: [name.clone(), addrs.clone(), about] });
    let below = &children[host];
    let mut at = 0;
    while at < below.len() {
        let alike = alike(network, children, &below[at..]);
        let shown: &[usize] = if alike >= MANY { &[at, at + alike - 1] } else { &[at] };
        for (place, &shown_at) in shown.iter().enumerate() {
            if place > 0 {
                let cells = [format!("… {} more", alike - 2), String::new(), "each on a link like these".to_string()];
                lines
                    .push(TreeLine { before: [format!("{}├─ ", before[1]), format!("{}│  ", before[1])], cells });
            }
            let (child, link) = below[shown_at];
            let last = shown_at + 1 == below.len();
            let first = format!("{}{}", before[1], if last { "└─ " } else { "├─ " });
            let next = format!("{}{}", before[1], if last { "   " } else { "│  " });
            add(network, children, child, Some(link), [&first, &next], lines);
        }
        at += if alike >= MANY { alike } else { 1 };
    }
}

/// How many of the first of `below` are leaves on links alike.
fn alike(network: &PicturedLab, children: &[Vec<(usize, usize)>], below: &[(usize, usize)]) -> usize {
    let about = |(host, link): &(usize, usize)| {
        children[*host].is_empty().then(|| (&network.links[*link].about, &network.hosts[*host].about))
    };
    let first = about(&below[0]);
    below.iter().take_while(|child| first.is_some() && about(child) == first).count()
}

/// Both texts, with a semicolon between them where there are two.
fn joined(texts: [&str; 2]) -> String {
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join("; ")
}

/// The lines with their cells beneath each other.
fn laid_out(lines: &[TreeLine], width: usize) -> String {
    let columns = |text: &str| text.chars().count();
    let widest = |wide: &dyn Fn(&TreeLine) -> usize| lines.iter().map(wide).max().unwrap_or(0);
    let names = widest(&|line| columns(&line.before[0]) + columns(&line.cells[0]));
    let rest = width.saturating_sub(names + 2 * GAP).max(24);
    let addrs = widest(&|line| columns(&line.cells[1])).min(rest / 2);
    let mut text = String::new();
    for TreeLine { before, cells } in lines {
        let pieces = [fit(&cells[1], addrs), fit(&cells[2], rest - addrs)];
        let mut pieces = [pieces[0].lines(), pieces[1].lines()];
        let mut name = cells[0].as_str();
        for number in 0.. {
            let [addr, about] = [pieces[0].next(), pieces[1].next()];
            if number > 0 && addr.is_none() && about.is_none() {
                break;
            }
            let host = format!("{}{}", before[usize::from(number > 0)], std::mem::take(&mut name));
            let (addr, about) = (addr.unwrap_or_default(), about.unwrap_or_default());
            let line = format!("{host:names$}{:GAP$}{addr:addrs$}{:GAP$}{about}", "", "");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.truncate(text.trim_end_matches('\n').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(hosts: &[(&str, &str)], links: &[([usize; 2], &str)]) -> PicturedLab {
        let host = |(name, addrs): &(&str, &str)| PicturedHost {
            name: name.to_string(),
            addrs: addrs.to_string(),
            about: String::new(),
        };
        let link = |(ends, about): &([usize; 2], &str)| PicturedLink { ends: *ends, about: about.to_string() };
        PicturedLab { hosts: hosts.iter().map(host).collect(), links: links.iter().map(link).collect() }
    }

    #[test]
    fn a_tree_hangs_on_the_first_host() {
        let hosts = [("a", "10.0.0.1"), ("r (router)", "10.0.0.2"), ("b", "10.0.0.3"), ("c", "10.0.0.4")];
        let links = [([0, 1], "5ms"), ([2, 1], "no delay"), ([1, 3], "10 Mbit/s")];
        let expected = "\
a               10.0.0.1
└─ r (router)   10.0.0.2   5ms
   ├─ b         10.0.0.3   no delay
   └─ c         10.0.0.4   10 Mbit/s";
        assert_eq!(picture(&network(&hosts, &links), 80), expected);
    }

    #[test]
    fn loops_and_lone_hosts_are_shown() {
        let hosts = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")];
        let shown = picture(&network(&hosts, &[([0, 1], "x"), ([1, 2], "y"), ([2, 0], "z")]), 80);
        assert_eq!(shown, "a        1\n├─ b     2   x\n└─ c     3   z\nd        4   no link\nb ── c       y");
    }

    #[test]
    fn many_hosts_alike_are_counted() {
        let names: Vec<String> = (0..=30).map(|n| format!("c{n}")).collect();
        let hosts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "-")).collect();
        let links: Vec<_> = (1..=30).map(|n| ([0, n], if n == 30 { "slow" } else { "1ms" })).collect();
        let shown = picture(&network(&hosts, &links), 80);
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(lines.len(), 5, "{shown}");
        assert!(lines[2].starts_with("├─ … 27 more") && lines[3].starts_with("├─ c29"), "{shown}");
        assert!(lines[4].starts_with("└─ c30") && lines[4].ends_with("slow"), "{shown}");
    }

    #[test]
    fn any_width_is_survived_and_80_columns_are_kept() {
        let addrs = "192.168.1.1/24, 203.0.113.1/24, fd00::1";
        let about = "from r: 5ms ±1ms, 10 Mbit/s, queue of 8, loss(0.1); from a: 100ms, 1 Mbit/s, queue of 100";
        let made = network(&[("r (router)", addrs), ("a", addrs), ("b", "")], &[([0, 1], about), ([0, 2], "")]);
        let shown = picture(&made, 80);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        for width in 0..100 {
            let shown = words(&picture(&made, width));
            assert!(words(about).iter().chain(&words(addrs)).all(|word| shown.contains(word)), "{width}");
        }
        assert_eq!(picture(&PicturedLab::default(), 80), "");
    }
}
