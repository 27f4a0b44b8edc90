//! Where a `Location` leads (RFC 3986, section 5.2). One parser reads it, the one that the request
//! is dialled and sent by: there are no two readings of a host.

use http::Uri;

use crate::HttpError;

/// The address that `location` names, as seen from `base`.
pub(super) fn resolve(base: &Uri, location: &str) -> Result<Uri, HttpError> {
    let invalid = HttpError::Redirect { reason: "its address is not valid" };
    // What browsers and proxies read in different ways is not read at all.
    let is_odd = |byte: u8| !byte.is_ascii_graphic() || byte == b'\\';
    if location.bytes().any(is_odd) {
        return Err(invalid);
    }
    let location = location.split_once('#').map_or(location, |(before, _)| before);
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let (scheme, rest) = match split_scheme(location) {
        Some((scheme, rest)) => (scheme, rest),
        None => (scheme, location),
    };
    let has_scheme = rest.len() != location.len();
    let (authority, reference) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        // `https:path` means two things to two readers.
        None if has_scheme => return Err(invalid),
        None => (authority, rest),
    };
    // A port that is no number would be the default one to some.
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    let is_port = port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok());
    if authority.is_empty() || authority.contains('@') || !is_port {
        return Err(invalid);
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let is_elsewhere = rest.starts_with("//");
    let (path, query) = if path.is_empty() && !is_elsewhere {
        (base.path().to_owned(), query.or_else(|| base.query()))
    } else if path.starts_with('/') || is_elsewhere {
        (without_dots(path), query)
    } else {
        let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        (without_dots(&format!("{directory}/{path}")), query)
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}{path}{query}").parse().map_err(|_| invalid)
}

fn split_scheme(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                // A path that ends with a dot names a directory.
                if is_last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let base = Uri::from_static("http://a/b/c/d;p?q");
        for (reference, target) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("//g?x", "http://g/?x"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://c:8443/d?e", "https://c:8443/d?e"),
            ("https://c", "https://c/"),
            ("/a:b", "http://a/a:b"),
            ("https://[::1]:8443/d", "https://[::1]:8443/d"),
            ("https://[::1]/d", "https://[::1]/d"),
        ] {
            assert_eq!(resolve(&base, reference).unwrap().to_string(), target, "{reference}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let base = Uri::from_static("https://a/b");
        for odd in [
            "https:g",
            "https:/g",
            "https:///g",
            "//",
            "///g",
            "https://user@b/",
            "https://user:word@b/",
            "//a@b/",
            "https:\\\\b",
            "/\\b",
            "https://b\u{e9}/",
            "/a b",
            "\thttps://b/",
            "https://[::1/",
            "https://b:port/",
            "https://b:/",
            "https://b:99999/",
            "https://b:+443/",
        ] {
            assert!(resolve(&base, odd).is_err(), "{odd}");
        }
    }
}
