//! Regular expressions that could run for ever. Servers try them by backtracking, and a repeated
//! group of something repeated (`(a+)+`) doubles the work with each character of a value that doesn't
//! match.

use super::refusal::Refusal;

/// Longest pattern. Servers take 16 kB.
const MAX_LENGTH: usize = 4_000;

pub(super) fn check(pattern: &str) -> Result<(), Refusal> {
    if pattern.len() > MAX_LENGTH {
        return Err(Refusal::bound(format!("a pattern of more than {MAX_LENGTH} bytes")));
    }
    if is_explosive(pattern) {
        Err(Refusal::new("a pattern that could run for ever: it repeats a repetition")
            .hint("write it without a repeated group of something repeated, such as (a+)+"))
    } else {
        Ok(())
    }
}

/// What an open group holds so far.
#[derive(Debug, Default, Clone)]
struct Group {
    /// Items of the alternative that is being read: their text, and whether they repeat.
    items: Vec<(String, bool)>,
    /// The alternatives before it.
    alternatives: Vec<Vec<(String, bool)>>,
}

impl Group {
    /// Whether repeating it multiplies ways to match the same text: an alternative that is one
    /// repetition (alone, or among things that may be empty), or two that begin alike.
    fn explodes(&self) -> bool {
        let all = || self.alternatives.iter().chain([&self.items]);
        let single = |items: &[(String, bool)]| {
            let fixed = items.iter().filter(|(_, repeats)| !repeats).count();
            fixed == 0 && items.iter().any(|(_, repeats)| *repeats)
        };
        let mut seen = Vec::new();
        for items in all() {
            if single(items) {
                return true;
            }
            let text: String = items.iter().map(|(text, _)| text.as_str()).collect();
            if seen.contains(&text) {
                return true;
            }
            seen.push(text);
        }
        false
    }
}

fn is_explosive(pattern: &str) -> bool {
    let mut groups = vec![Group::default()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let mut text = c.to_string();
        let mut explodes = false;
        match c {
            '\\' => text.extend(chars.next()),
            '[' => {
                let mut first = true;
                while let Some(c) = chars.next() {
                    text.push(c);
                    match c {
                        '\\' => text.extend(chars.next()),
                        ']' if !first => break,
                        '^' if first => continue,
                        _ => {}
                    }
                    first = false;
                }
            }
            '(' => {
                if chars.peek() == Some(&'?') {
                    // What kind of group it is says nothing of what it repeats.
                    while chars
                        .peek()
                        .is_some_and(|c| "?:=!<>PimsxU-'".contains(*c) || c.is_ascii_alphanumeric())
                    {
                        let c = chars.next();
                        if matches!(c, Some(':' | '=' | '!' | '>')) {
                            break;
                        }
                    }
                }
                groups.push(Group::default());
                continue;
            }
            '|' => {
                if let Some(group) = groups.last_mut() {
                    let items = std::mem::take(&mut group.items);
                    group.alternatives.push(items);
                }
                continue;
            }
            ')' => {
                let Some(group) = groups.pop() else { return false };
                explodes = group.explodes();
                let parts = group.alternatives.iter().chain([&group.items]);
                let parts =
                    parts.map(|items| items.iter().map(|(text, _)| text.as_str()).collect());
                text = format!("({})", parts.collect::<Vec<String>>().join("|"));
                if groups.is_empty() {
                    return false;
                }
            }
            '^' | '$' => continue,
            _ => {}
        }
        let repeats = match chars.peek() {
            Some('*' | '+') => {
                text.extend(chars.next());
                true
            }
            Some('?') => {
                text.extend(chars.next());
                false
            }
            Some('{') => {
                let mut bounds = String::new();
                for c in chars.by_ref() {
                    bounds.push(c);
                    if c == '}' {
                        break;
                    }
                }
                let inner = bounds.trim_start_matches('{').trim_end_matches('}');
                let most = inner.rsplit(',').next().unwrap_or_default().trim();
                let many = most.is_empty() || most.parse::<u32>().is_ok_and(|most| most > 10);
                text.push_str(&bounds);
                many
            }
            _ => false,
        };
        // Possessive repetitions give nothing back; lazy ones do.
        let possessive = repeats && chars.next_if_eq(&'+').is_some();
        chars.next_if_eq(&'?');
        if explodes && repeats && !possessive {
            return true;
        }
        if let Some(group) = groups.last_mut() {
            group.items.push((text, (repeats || explodes) && !possessive));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_of_repetitions_are_found() {
        for bomb in [
            "(a+)+$",
            "^(a*)*$",
            "(.*)*x",
            "([a-z]+)*$",
            "(\\w+)+",
            "((a+))+",
            "(a|a)*$",
            "(a+){20}",
            "(?:a+)+",
            "(a*){1,}",
            "(a+|b)+",
            "(\\d*)*",
            "([^,]*)*",
            "(a+b*)+",
            "(?<x>a+)+",
            "x(y(a+)+)z",
            "(a+)*?",
        ] {
            assert!(check(bomb).is_err(), "{bomb}");
        }
    }

    #[test]
    fn patterns_that_people_write_are_taken() {
        for fine in [
            "^Ada",
            "son$",
            "^(Mr|Mrs|Ms)\\.? ",
            "\\d{3}-\\d{4}",
            "^[\\w.+-]+@[\\w-]+\\.[\\w.]+$",
            "^(\\w+\\s)*\\w+$",
            "(foo|bar)+",
            "a.*b.*c",
            "^https?://([^/]+\\.)?example\\.org(/.*)?$",
            "(?i)error",
            "^\\s*$",
            "[(+]+",
            "x{2,5}",
            "^(\\d{1,3}\\.){3}\\d{1,3}$",
            "(",
            ")",
            "[",
            "",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        assert!(check(&"a".repeat(5_000)).is_err());
    }
}
