//! The reference as one page, in Markdown or HTML.

use super::find::GROUPS;
use super::{DocBlock, HelpEntry, Reference, blocks};

/// What stands at the head of the page.
const TITLE: &str = "pingscript: what scripts can call";

/// A part of the page: its title, what it says, and its entries.
type PagePart<'a> = (String, String, Vec<&'a HelpEntry>);

/// The whole reference in Markdown.
pub fn markdown(reference: &Reference) -> String {
    let mut page = format!("# {TITLE}\n");
    for (title, about, entries) in parts(reference) {
        page.push_str(&format!("\n## {title}\n"));
        if !about.is_empty() {
            page.push_str(&format!("\n{about}\n"));
        }
        for entry in entries {
            page.push_str(&format!("\n### {}\n", escaped_markdown(&entry.title)));
            page.push_str(&self::entry(entry));
        }
    }
    page
}

/// The forms of an entry and what they say, in Markdown.
pub fn entry(entry: &HelpEntry) -> String {
    let part = |(signatures, doc): (Vec<&str>, &[String])| {
        format!("\n```text\n{}\n```\n\n{}\n", signatures.join("\n"), doc.join("\n").trim_end())
    };
    entry.by_doc().into_iter().map(part).collect()
}

/// The whole reference in HTML: one page that needs no other file.
pub fn html(reference: &Reference) -> String {
    let parts = parts(reference);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{TITLE}</title>\n<style>{STYLE}</style>\n<h1>{TITLE}</h1>\n<nav><ul>\n"
    );
    for (title, ..) in &parts {
        page.push_str(&format!("<li><a href=\"#part-{}\">{}</a></li>\n", anchor(title), escaped(title)));
    }
    page.push_str("</ul></nav>\n<main>\n");
    for (title, about, entries) in &parts {
        page.push_str(&format!("<h2 id=\"part-{}\">{}</h2>\n", anchor(title), escaped(title)));
        if !about.is_empty() {
            page.push_str(&format!("<p>{}</p>\n", inline(about)));
        }
        for entry in entries {
            page.push_str(&format!("<h3 id=\"{}\">{}</h3>\n", anchor(&entry.title), escaped(&entry.title)));
            for (signatures, doc) in entry.by_doc() {
                page.push_str(&format!(
                    "<pre class=\"form\">{}</pre>\n{}",
                    escaped(&signatures.join("\n")),
                    in_html(doc)
                ));
            }
        }
    }
    page.push_str("</main>\n</html>\n");
    page
}

/// Namespaces, groups, what stands in neither, and types.
fn parts(reference: &Reference) -> Vec<PagePart<'_>> {
    let mut parts: Vec<PagePart<'_>> = Vec::new();
    for name in reference.namespaces() {
        parts.push((format!("Namespace {name}"), String::new(), reference.of_namespace(name).collect()));
    }
    for group in GROUPS.iter() {
        let entries: Vec<&HelpEntry> = reference.ours().filter(|entry| group.holds(entry)).collect();
        parts.push((format!("Functions: {}", group.name), format!("{}.", group.about), entries));
    }
    let free = |entry: &&HelpEntry| entry.namespace.is_empty() && entry.of.is_empty();
    let rest = reference.ours().filter(free).filter(|entry| !GROUPS.iter().any(|group| group.holds(entry)));
    parts.push(("Other functions".to_string(), String::new(), rest.collect()));
    let mut kinds: Vec<&str> = reference.ours().map(|entry| entry.of.as_str()).collect();
    kinds.extend(reference.types.keys().map(String::as_str));
    kinds.retain(|kind| !kind.is_empty());
    // Objects first, then the values of the language.
    kinds.sort_unstable_by_key(|kind| (!kind.starts_with(char::is_uppercase), *kind));
    kinds.dedup();
    for kind in kinds {
        let entries = reference.of_type(kind).filter(|entry| entry.ours).collect();
        parts.push((kind.to_string(), reference.types.get(kind).cloned().unwrap_or_default(), entries));
    }
    parts.retain(|(_, about, entries)| !(about.is_empty() && entries.is_empty()));
    parts
}

/// A documentation in HTML: paragraphs and examples.
fn in_html(doc: &[String]) -> String {
    let shown = |block: DocBlock| match block {
        DocBlock::Paragraph(text) => format!("<p>{}</p>\n", inline(&text)),
        DocBlock::Code(_, text) => format!("<pre><code>{}</code></pre>\n", escaped(text.trim_end())),
    };
    blocks(doc).into_iter().map(shown).collect()
}

/// Text with its back-ticks as code.
fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let part = |(index, part): (usize, &str)| match index % 2 {
        1 => format!("<code>{}</code>", escaped(part)),
        _ => escaped(part),
    };
    parts.map(part).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A title in which no sign has a meaning of Markdown's.
fn escaped_markdown(text: &str) -> String {
    text.chars().map(|c| if "*_[]<>`#".contains(c) { format!("\\{c}") } else { c.to_string() }).collect()
}

/// A name for links within the page.
fn anchor(title: &str) -> String {
    title.chars().map(|c| if c.is_alphanumeric() { c.to_string() } else { format!("-{:x}", u32::from(c)) }).collect()
}

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
pre{background:#f5f5f5;padding:.6rem .8rem;overflow-x:auto}pre.form{border-left:3px solid #06c}\
code,pre{font:14px/1.45 ui-monospace,monospace}h2{border-bottom:1px solid #ccc;margin-top:3rem}nav ul{columns:3}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}pre{background:#222}a{color:#6bf}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::programs::ScriptHost;

    #[test]
    fn both_pages_hold_every_function_with_its_example() {
        let reference = Reference::collect(ScriptHost::new().described());
        let (markdown, html) = (markdown(&reference), html(&reference));
        for entry in reference.ours() {
            assert!(markdown.contains(&format!("\n### {}\n", escaped_markdown(&entry.title))), "{}", entry.title);
            assert!(html.contains(&format!("<h3 id=\"{}\">", anchor(&entry.title))), "{}", entry.title);
            for example in entry.forms.iter().flat_map(|form| super::super::examples(&form.doc)) {
                assert!(markdown.contains(example.trim_end()), "{example}");
                assert!(html.contains(&escaped(example.trim_end())), "{example}");
            }
        }
        let ids = html.matches(" id=\"").count();
        let mut seen: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        seen.sort_unstable();
        let twice: Vec<&[&str]> = seen.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(ids > 100 && twice.is_empty(), "{twice:?}");
        for tag in ["pre", "p", "code", "h2", "h3", "main", "li"] {
            let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
