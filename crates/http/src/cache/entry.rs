//! One answer as it is kept, and the rules (RFC 9111, as a private cache) for whether it may be
//! kept, how long it holds and whether it answers another request.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_RANGE, DATE, ETAG, EXPIRES, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, SET_COOKIE, TRANSFER_ENCODING, VARY,
};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tokio::time::Instant;

use crate::decode::Unframed;
use crate::fingerprint::Fingerprint;
use crate::redirect::Redirected;
use crate::{Body, Response};

/// What an entry costs beside its texts, bytes: a guess on the high side.
const OVERHEAD: usize = 1_024;

/// A whole answer with status 200.
#[derive(Debug)]
pub(super) struct Entry {
    version: Version,
    headers: HeaderMap,
    body: Bytes,
    vary: Vec<HeaderName>,
    /// What the request had in the headers that `vary` names; a digest, as one may be a credential.
    varied: [u8; 32],
    fresh_until: Instant,
    /// The number of changes through this cache when the answer was asked for.
    epoch: u64,
    weight: usize,
}

/// When an answer was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Instant,
    pub(super) epoch: u64,
}

/// How long answers hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) unsaid: Duration,
    pub(super) longest: Duration,
}

impl Entry {
    pub(super) fn new(
        request: &HeaderMap,
        response: &Parts,
        body: &Bytes,
        asked: Asked,
        lifetimes: Lifetimes,
    ) -> Self {
        let mut headers = response.headers.clone();
        // They belong to the connection, or to the moment.
        for name in [CONNECTION, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let of_the_moment: Vec<HeaderName> =
            headers.keys().filter(|name| is_of_the_moment(name)).cloned().collect();
        for name in of_the_moment {
            headers.remove(name);
        }
        let vary = vary(&headers).unwrap_or_default();
        let texts: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        Self {
            version: response.version,
            varied: varied(&vary, request),
            vary,
            fresh_until: asked.at + lifetime(&headers, lifetimes),
            epoch: asked.epoch,
            weight: OVERHEAD + texts + body.len(),
            headers,
            // The bytes may be a part of a much larger buffer.
            body: Bytes::copy_from_slice(body),
        }
    }

    /// The same answer after the upstream said, with status 304, that it still holds.
    pub(super) fn renewed(
        &self,
        request: &HeaderMap,
        response: &Parts,
        asked: Asked,
        lifetimes: Lifetimes,
    ) -> Self {
        let mut headers = self.headers.clone();
        for name in response.headers.keys() {
            // What describes the body stays as it came with the body.
            if name.as_str().starts_with("content-") || *name == TRANSFER_ENCODING {
                continue;
            }
            headers.remove(name);
            for value in response.headers.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let mut parts = http::Response::new(()).into_parts().0;
        parts.version = self.version;
        parts.headers = headers;
        Self::new(request, &parts, &self.body, asked, lifetimes)
    }

    pub(super) fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.version_mut() = self.version;
        *response.headers_mut() = self.headers.clone();
        response
    }

    /// Whether it answers a request with these headers.
    pub(super) fn answers(&self, request: &HeaderMap) -> bool {
        self.varied == varied(&self.vary, request)
    }

    /// Whether it needs no question to the upstream.
    pub(super) fn is_fresh(&self, now: Asked) -> bool {
        self.epoch == now.epoch && now.at < self.fresh_until
    }

    /// Adds the question whether it still holds, if there is a way to ask it.
    pub(super) fn ask(&self, request: &mut HeaderMap) -> bool {
        if let Some(tag) = self.headers.get(ETAG) {
            request.insert(IF_NONE_MATCH, tag.clone());
            return true;
        }
        let Some(modified) = self.headers.get(LAST_MODIFIED) else { return false };
        request.insert(IF_MODIFIED_SINCE, modified.clone());
        true
    }

    /// Whether a 304 speaks about this entry: it must not name another version.
    pub(super) fn is_meant_by(&self, response: &HeaderMap) -> bool {
        let strip = |tag: &HeaderValue| {
            let tag = tag.as_bytes();
            tag.strip_prefix(b"W/").unwrap_or(tag).to_vec()
        };
        match (response.get(ETAG), self.headers.get(ETAG)) {
            (Some(told), Some(ours)) => strip(told) == strip(ours),
            _ => true,
        }
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    #[cfg(test)]
    pub(super) fn of_length(length: usize) -> Self {
        let parts = http::Response::new(()).into_parts().0;
        let asked = Asked { at: Instant::now(), epoch: 0 };
        let lifetimes = Lifetimes { unsaid: Duration::ZERO, longest: Duration::ZERO };
        Self::new(&HeaderMap::new(), &parts, &vec![0; length].into(), asked, lifetimes)
    }
}

/// Whether an answer may be kept, as far as its head tells.
pub(super) fn may_be_kept(response: &Parts) -> bool {
    let headers = &response.headers;
    let directives = Directives::of(headers);
    response.status == StatusCode::OK
        && !directives.no_store
        && !headers.contains_key(SET_COOKIE)
        && !headers.contains_key(CONTENT_RANGE)
        && vary(headers).is_some()
        // Nobody knows whether a body without a length or an end came whole.
        && response.extensions.get::<Unframed>().is_none()
        // What an answer from elsewhere says of its lifetime isn't about the address asked for.
        && response.extensions.get::<Redirected>().is_none()
}

/// How much of a quota is left is true once.
fn is_of_the_moment(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-ratelimit-") || name.as_str().starts_with("ratelimit")
}

/// The names in `Vary`; `None` if no request is like another.
fn vary(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for value in headers.get_all(VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // `*` is no header name.
            names.push(HeaderName::try_from(name).ok().filter(|name| name.as_str() != "*")?);
        }
    }
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Some(names)
}

fn varied(names: &[HeaderName], request: &HeaderMap) -> [u8; 32] {
    let mut varied = Fingerprint::default();
    for name in names {
        varied.add_header(request, name);
    }
    varied.finish()
}

fn lifetime(headers: &HeaderMap, lifetimes: Lifetimes) -> Duration {
    let directives = Directives::of(headers);
    if directives.no_cache {
        return Duration::ZERO;
    }
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    let age = Duration::from_secs(age.unwrap_or(0));
    let told = directives.max_age.or_else(|| expires(headers));
    told.map_or(lifetimes.unsaid, |told| told.saturating_sub(age)).min(lifetimes.longest)
}

fn expires(headers: &HeaderMap) -> Option<Duration> {
    let expires = headers.get(EXPIRES)?;
    let date = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
    // One that is no date, such as `0`, is in the past.
    let Some(then) = date(expires) else { return Some(Duration::ZERO) };
    let now = headers.get(DATE).and_then(date).unwrap_or_else(SystemTime::now);
    Some(then.duration_since(now).unwrap_or_default())
}

/// What `Cache-Control` says, as far as it is for a private cache.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    max_age: Option<Duration>,
}

impl Directives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            // One that can't be read may say anything.
            let Ok(value) = value.to_str() else {
                all.no_store = true;
                continue;
            };
            value.split(',').for_each(|one| all.take(one));
        }
        all
    }

    fn take(&mut self, directive: &str) {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim().trim_matches('"')),
            None => (directive.trim(), ""),
        };
        if name.eq_ignore_ascii_case("no-store") {
            self.no_store = true;
        } else if name.eq_ignore_ascii_case("no-cache") {
            self.no_cache = true;
        } else if name.eq_ignore_ascii_case("max-age") {
            // Nonsense counts as nothing, and of two the shorter one.
            let told = Duration::from_secs(value.parse().unwrap_or(0));
            self.max_age = Some(self.max_age.map_or(told, |before| before.min(told)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes =
        Lifetimes { unsaid: Duration::from_secs(5), longest: Duration::from_secs(100) };

    fn head(headers: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        headers.iter().map(pair).fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        })
    }

    #[test]
    fn lifetimes_are_those_of_the_upstream_within_ours() {
        const NOON: (&str, &str) = ("date", "Fri, 20 Nov 2026 12:00:00 GMT");
        let cases: &[(&[(&str, &str)], u64)] = &[
            (&[], 5),
            (&[("cache-control", "private, max-age=60, s-maxage=900")], 60),
            (&[("cache-control", "max-age=60"), ("age", "50")], 10),
            (&[("cache-control", "max-age=60"), ("age", "70")], 0),
            (&[("cache-control", "MAX-AGE=\"7\"")], 7),
            (&[("cache-control", "max-age=9, max-age=3")], 3),
            (&[("cache-control", "max-age=9"), ("cache-control", "max-age=4")], 4),
            (&[("cache-control", "max-age=31536000")], 100),
            (&[("cache-control", "max-age=99999999999999999999999")], 0),
            (&[("cache-control", "max-age=-1")], 0),
            (&[("cache-control", "max-age")], 0),
            (&[("cache-control", "no-cache, max-age=60")], 0),
            (&[("cache-control", "must-revalidate")], 5),
            (&[NOON, ("expires", "Fri, 20 Nov 2026 12:00:30 GMT")], 30),
            (&[NOON, ("expires", "Mon, 01 Jan 1990 00:00:00 GMT")], 0),
            (&[("expires", "0")], 0),
            (&[NOON, ("cache-control", "max-age=9"), ("expires", "0")], 9),
        ];
        for (headers, seconds) in cases {
            let told = lifetime(&head(headers), LIFETIMES);
            assert_eq!(told, Duration::from_secs(*seconds), "{headers:?}");
        }
    }

    #[test]
    fn what_is_kept_is_whole_public_to_us_and_from_there() {
        let may = |status: u16, headers: &[(&'static str, &str)]| {
            let mut parts = http::Response::new(()).into_parts().0;
            parts.status = StatusCode::from_u16(status).unwrap();
            parts.headers = head(headers);
            may_be_kept(&parts)
        };
        assert!(may(200, &[]));
        assert!(may(200, &[("cache-control", "private"), ("vary", "Accept, Authorization")]));
        for status in [201, 203, 204, 206, 301, 302, 304, 400, 401, 403, 404, 410, 429, 500, 503] {
            assert!(!may(status, &[("cache-control", "max-age=60")]), "{status}");
        }
        for refused in [
            ("cache-control", "max-age=60, No-Store"),
            ("set-cookie", "a=b"),
            ("content-range", "bytes 0-1/5"),
            ("vary", "*"),
            ("vary", "accept, *"),
        ] {
            assert!(!may(200, &[refused]), "{refused:?}");
        }
    }

    #[test]
    fn answers_vary() {
        let parts = |vary| {
            let mut parts = http::Response::new(()).into_parts().0;
            parts.headers = head(&[("vary", vary)]);
            parts
        };
        let asked = Asked { at: Instant::now(), epoch: 0 };
        let entry = |vary, request: &[(&'static str, &str)]| {
            Entry::new(&head(request), &parts(vary), &Bytes::new(), asked, LIFETIMES)
        };
        let json = ("accept-language", "de");
        assert!(entry("Accept-Language", &[json]).answers(&head(&[json, ("x", "y")])));
        assert!(!entry("Accept-Language", &[json]).answers(&head(&[])));
        assert!(!entry("accept-language", &[]).answers(&head(&[json])));
        assert!(!entry("accept-language", &[json]).answers(&head(&[json, json])));
        // Two values are not the same text cut elsewhere.
        let cut = |at| {
            let (a, b) = "abcd".split_at(at);
            head(&[("a", a), ("b", b)])
        };
        let entry = Entry::new(&cut(1), &parts("a, b"), &Bytes::new(), asked, LIFETIMES);
        assert!(entry.answers(&cut(1)) && !entry.answers(&cut(2)));
    }

    #[test]
    fn what_is_true_once_is_not_kept() {
        let mut parts = http::Response::new(()).into_parts().0;
        parts.headers = head(&[("x-ratelimit-remaining", "7"), ("etag", "\"a\""), ("link", "<b>")]);
        let asked = Asked { at: Instant::now(), epoch: 0 };
        let entry = Entry::new(&HeaderMap::new(), &parts, &Bytes::new(), asked, LIFETIMES);
        assert_eq!(*entry.response().headers(), head(&[("etag", "\"a\""), ("link", "<b>")]));
    }
}
