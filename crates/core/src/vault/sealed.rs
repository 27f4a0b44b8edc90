//! The file of stored secrets. Names and dates are in clear, values encrypted one by one, each
//! bound to its own name and dates; a seal over all of it comes last, so that no line can be
//! altered, swapped, taken from an older file or left out.
//!
//! ```text
//! lockkeeper-secrets 1 KEY-ID
//! NAME CREATED UPDATED NONCE+VALUE
//! . NONCE+TAG
//! ```

use super::VaultError;
use super::key::Key;
use crate::secret::Secret;
use crate::text::quoted;

const HEADER: &str = "lockkeeper-secrets 1 ";
const SEAL: &str = ". ";

/// One stored secret. Times are seconds since 1970.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) created: u64,
    pub(super) updated: u64,
    sealed: String,
}

impl Record {
    pub(super) fn new(key: &Key, fact: Fact<'_>, value: &[u8]) -> Result<Self, VaultError> {
        let sealed = key.seal(value, &fact.context()).ok_or(VaultError::Unsealed)?;
        let Fact { name, created, updated } = fact;
        Ok(Self { name: name.to_owned(), created, updated, sealed })
    }

    /// The value, if it is the one that was stored under this name.
    pub(super) fn open(&self, key: &Key) -> Option<Secret<Vec<u8>>> {
        key.open(&self.sealed, &self.fact().context())
    }

    pub(super) fn fact(&self) -> Fact<'_> {
        Fact { name: &self.name, created: self.created, updated: self.updated }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let (name, created, updated) = (fields.next()?, fields.next()?, fields.next()?);
        let (created, updated) = (created.parse().ok()?, updated.parse().ok()?);
        let sealed = fields.next().filter(|_| fields.next().is_none())?.to_owned();
        Some(Self { name: name.to_owned(), created, updated, sealed })
    }
}

/// What a value is bound to.
#[derive(Clone, Copy)]
pub(super) struct Fact<'a> {
    pub(super) name: &'a str,
    pub(super) created: u64,
    pub(super) updated: u64,
}

impl Fact<'_> {
    fn context(self) -> Vec<u8> {
        format!("{HEADER}record\n{} {} {}", self.name, self.created, self.updated).into_bytes()
    }
}

/// The id of the key under which a file says it is.
pub(super) fn key_id(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(HEADER)
}

/// The records of a file whose seal is whole; otherwise the place where it is not, which is a
/// record's name if one can be told.
pub(super) fn parse(key: &Key, text: &str) -> Result<Vec<Record>, Option<String>> {
    if let Some(records) = parse_sealed(key, text) {
        return Ok(records);
    }
    for line in text.lines().skip(1).filter(|line| !line.starts_with(SEAL)) {
        if Record::parse(line).and_then(|record| record.open(key)).is_none() {
            let name = line.split(' ').next().unwrap_or_default();
            return Err(Some(quoted(name)));
        }
    }
    Err(None)
}

fn parse_sealed(key: &Key, text: &str) -> Option<Vec<Record>> {
    let (before, last) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let (sealed, _) = text.split_at_checked(before.len() + 1)?;
    key.open(last.strip_prefix(SEAL)?, &context(sealed))?;
    before.split('\n').skip(1).map(Record::parse).collect()
}

/// The text of a file with these records.
pub(super) fn write(key: &Key, records: &[Record]) -> Result<String, VaultError> {
    let mut text = format!("{HEADER}{}\n", key.id());
    for Record { name, created, updated, sealed } in records {
        text.push_str(&format!("{name} {created} {updated} {sealed}\n"));
    }
    let seal = key.seal(b"", &context(&text)).ok_or(VaultError::Unsealed)?;
    text.push_str(&format!("{SEAL}{seal}\n"));
    Ok(text)
}

fn context(sealed: &str) -> Vec<u8> {
    format!("{HEADER}seal\n{sealed}").into_bytes()
}
