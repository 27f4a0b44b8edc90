//! Paths of the API. A path begins at a [`RepoRef`](super::RepoRef) or at one of the few places
//! outside repositories, and grows by segments which are encoded one by one: no argument can leave
//! its place.

use lockkeeper_core::percent_decode;

use super::error::SourceError;
use super::repo::RepoRef;

/// Places in a repository that only those see who look after it.
const CONFIDENTIAL: [&str; 5] =
    ["code-scanning", "collaborators", "dependabot", "secret-scanning", "security-advisories"];

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    path: String,
    query: String,
    repo: Option<RepoRef>,
    /// Whether what is there isn't for everybody, although the repository may be.
    is_confidential: bool,
    /// What an error calls it.
    asked: String,
}

impl Route {
    /// A place outside repositories, such as `user`.
    pub(crate) fn outside(place: &'static str) -> Self {
        let path = format!("/{place}");
        Self {
            path,
            query: String::new(),
            is_confidential: false,
            repo: None,
            asked: place.to_owned(),
        }
    }

    pub(super) fn of_repo(repo: &RepoRef) -> Self {
        let path = format!("/repos/{}/{}", encoded(repo.owner()), encoded(repo.name()));
        Self {
            path,
            query: String::new(),
            is_confidential: false,
            asked: repo.full_name(),
            repo: Some(repo.clone()),
        }
    }

    /// What is looked up before there is a [`RepoRef`].
    pub(super) fn of_lookup(owner: &str, name: &str) -> Self {
        let path = format!("/repos/{}/{}", encoded(owner), encoded(name));
        Self {
            path,
            query: String::new(),
            is_confidential: false,
            repo: None,
            asked: format!("{owner}/{name}"),
        }
    }

    /// Where a repository is that has another name now.
    pub(super) fn of_repository_id(id: u64, asked: &str) -> Self {
        let path = format!("/repositories/{id}");
        Self {
            path,
            query: String::new(),
            is_confidential: false,
            repo: None,
            asked: asked.to_owned(),
        }
    }

    /// A segment of our own.
    #[must_use]
    pub(crate) fn at(mut self, segment: &'static str) -> Self {
        self.path.push('/');
        self.path.push_str(segment);
        self.is_confidential |= CONFIDENTIAL.contains(&segment);
        self
    }

    /// A number.
    #[must_use]
    pub(crate) fn number(mut self, number: u64) -> Self {
        self.path.push_str(&format!("/{number}"));
        self.asked.push_str(&format!(" {number}"));
        self
    }

    /// One segment from outside, whatever it holds.
    pub(crate) fn name(mut self, what: &'static str, name: &str) -> Result<Self, SourceError> {
        check(what, name)?;
        self.path.push('/');
        self.path.push_str(&encoded(name));
        self.asked.push_str(&format!(" {name}"));
        Ok(self)
    }

    /// Several segments from outside, such as the path of a file or the name of a branch.
    pub(crate) fn path(mut self, what: &'static str, path: &str) -> Result<Self, SourceError> {
        for segment in path.split('/') {
            check(what, segment)?;
            self.path.push('/');
            self.path.push_str(&encoded(segment));
        }
        self.asked.push_str(&format!(" {path}"));
        Ok(self)
    }

    /// A parameter.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and choices are written in place")]
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(&encoded(&value.to_string()));
        self
    }

    /// A parameter, if there is a value.
    #[must_use]
    pub(crate) fn maybe<T: ToString>(self, name: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(super) fn uri(&self, base: &str) -> String {
        format!("{base}{}{}", self.path, self.query)
    }

    /// The repository that it lies in.
    pub(crate) fn repo(&self) -> Option<&RepoRef> {
        self.repo.as_ref()
    }

    /// Whether what is there isn't for everybody, although the repository may be.
    pub(super) fn is_confidential(&self) -> bool {
        self.is_confidential
    }

    /// Its path, without parameters.
    pub(super) fn place(&self) -> &str {
        &self.path
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.trim_start_matches('?').split('&');
        let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        percent_decode(value?.1)
    }

    /// Whether what is there was printed by a job.
    pub(super) fn is_log(&self) -> bool {
        self.path.ends_with("/logs")
    }

    /// The pull request whose content is there, or the one at whose head something is read.
    pub(super) fn pull(&self) -> Option<u64> {
        let mut parts = self.path.split('/').skip(4);
        let by_path = (parts.next() == Some("pulls")).then(|| parts.next()?.parse().ok()).flatten();
        by_path.or_else(|| {
            let at = format!("{}{}", self.path, self.query);
            let (_, rest) = at.split_once("pull%2F").or_else(|| at.split_once("/pull/"))?;
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest.get(..digits)?.parse().ok()
        })
    }

    pub(super) fn asked(&self) -> &str {
        &self.asked
    }
}

/// Whether gists lie there.
pub(super) fn is_of_gists(place: &str) -> bool {
    place.starts_with("/gists") || (place.starts_with("/users/") && place.ends_with("/gists"))
}

/// What no segment is, encoded or not: servers and proxies on the way may decode it and climb.
fn check(what: &'static str, segment: &str) -> Result<(), SourceError> {
    let problem = match segment {
        "" => "is empty, or has an empty part",
        "." | ".." => "has `.` or `..` as a part",
        _ if segment.contains(['\\', '\0']) || segment.chars().any(char::is_control) => {
            "has a backslash or a control character"
        }
        _ => return Ok(()),
    };
    Err(SourceError::argument(format!("`{what}` {problem}")))
}

/// Checks the name of a branch, a tag or a commit, as far as a URL or a header would care.
pub(crate) fn check_ref(what: &'static str, name: &str) -> Result<(), SourceError> {
    if name.starts_with('-') || name.contains("..") {
        return Err(SourceError::argument(format!(
            "`{what}` is no name of a branch, tag or commit"
        )));
    }
    name.split('/').try_for_each(|segment| check(what, segment))
}

/// Percent-encoding (RFC 3986) of all but unreserved characters.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_segment() {
        for bad in ["", ".", "..", "a\\b", "a\0", "a\nb", "a\r\nHost: x"] {
            assert!(Route::outside("users").name("user", bad).is_err(), "{bad:?}");
            assert!(
                Route::outside("users").path("path", &format!("a/{bad}/b")).is_err(),
                "{bad:?}"
            );
        }
        let route = Route::outside("users").name("user", "a/../b?c#d%2e e").unwrap();
        assert_eq!(route.uri(""), "/users/a%2F..%2Fb%3Fc%23d%252e%20e");
        let route = Route::outside("x")
            .path("path", "src/ü b.rs")
            .unwrap()
            .query("q", "a&b=c")
            .query("n", 1);
        assert_eq!(route.uri("https://h"), "https://h/x/src/%C3%BC%20b.rs?q=a%26b%3Dc&n=1");
        for bad in ["-x", "a..b", "a//b", "../x"] {
            assert!(check_ref("ref", bad).is_err(), "{bad}");
        }
        assert!(check_ref("ref", "feature/x").is_ok());
    }
}
