//! `files.list`: which files there are to look through, which of them the query means, and in which order.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::query::{Field, Matched, Operand, Query, Term, meets};
use crate::world::{File, Role, World};

/// What is looked through.
enum Corpus {
    User,
    Drive(String),
    Domain,
    All,
}

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let invalid = |name: &str| ApiError::parameter(name, "Invalid Value");
    let query = match call.parameter("q") {
        Some(text) if !text.trim().is_empty() => {
            Some(Query::parse(text).map_err(|()| invalid("q"))?)
        }
        _ => None,
    };
    let query = query.map(|query| named(world, call, query)).transpose()?;
    let order = match call.parameter("orderBy") {
        Some(text) if !text.is_empty() => keys(text).ok_or_else(|| invalid("orderBy"))?,
        _ => Vec::new(),
    };
    let is_full_text = |query: &Query| query.terms().iter().any(|t| t.field == Field::FullText);
    if !order.is_empty() && query.as_ref().is_some_and(is_full_text) {
        let message = "Sorting is not supported for queries with fullText terms. Results are always \
                       in descending relevance order.";
        return Err(ApiError::at(403, "forbidden", message, Some(("orderBy", "parameter"))));
    }
    let corpus = corpus(call)?;
    if !call.parameter("spaces").unwrap_or("drive").split(',').any(|space| space == "drive") {
        return Ok(Answer::Json(json!({ "kind": "drive#fileList", "files": [] })));
    }
    let mut found: Vec<&File> = world
        .files
        .values()
        .filter(|file| is_in(world, call, &corpus, query.as_ref(), file))
        .filter(|file| query.as_ref().is_none_or(|q| meets(q, &matched(world, call, file))))
        .collect();
    found.sort_by(|one, other| in_order(call, &order, one, other));

    let size = call.number("pageSize", 100);
    let size = world.settings.most_on_a_page.map_or(size, |most| most.min(size));
    let (found, next) = page(call, world.skipped, found, size)?;
    let mask = call.mask.inner("files");
    let files: Vec<Value> =
        found.iter().map(|file| world.file(file, &call.caller, &mask)).collect();
    let mut list = json!({
        "kind": "drive#fileList",
        "incompleteSearch": world.settings.incomplete_search && matches!(corpus, Corpus::All),
        "files": files,
    });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

/// The query with its aliases resolved. A parent that the caller can't see is an error of its own.
fn named(world: &World, call: &Call, query: Query) -> Result<Query> {
    Ok(match query {
        Query::And(one, other) => {
            Query::And(Box::new(named(world, call, *one)?), Box::new(named(world, call, *other)?))
        }
        Query::Or(one, other) => {
            Query::Or(Box::new(named(world, call, *one)?), Box::new(named(world, call, *other)?))
        }
        Query::Not(inner) => Query::Not(Box::new(named(world, call, *inner)?)),
        Query::Term(Term { field, operator, value: Operand::Text(text) }) => {
            let text = match field {
                Field::Parents => {
                    let id = call.resolved(world, &text);
                    let seen =
                        world.files.get(&id).is_some_and(|one| world.sees(one, &call.caller));
                    if !seen {
                        return Err(ApiError::no_file(""));
                    }
                    id
                }
                Field::Owners | Field::Writers | Field::Readers if text == "me" => {
                    call.caller.email.clone()
                }
                _ => text,
            };
            Query::Term(Term { field, operator, value: Operand::Text(text) })
        }
        term @ Query::Term(_) => term,
    })
}

fn corpus(call: &Call) -> Result<Corpus> {
    let includes = call.flag("includeItemsFromAllDrives") || call.flag("includeTeamDriveItems");
    let drive = call.parameter("driveId").or_else(|| call.parameter("teamDriveId"));
    let corpora = call.parameter("corpora").unwrap_or("user");
    if (corpora == "drive") != drive.is_some() {
        let message =
            "The driveId parameter must be specified if and only if corpora is set to drive.";
        return Err(ApiError::new(400, "teamDriveIdRequiresTeamDriveCorpora", message));
    }
    if matches!(corpora, "drive" | "allDrives") && !includes {
        let message = "The includeItemsFromAllDrives parameter must be set to true when driveId is \
                       specified or corpora contains drive or allDrives.";
        return Err(ApiError::new(403, "includeTeamDriveItemsRequired", message));
    }
    if includes && !call.knows_drives() {
        let message = "The supportsAllDrives parameter must be set to true when \
                       includeItemsFromAllDrives is set to true.";
        return Err(ApiError::new(403, "supportsTeamDrivesRequired", message));
    }
    Ok(match corpora {
        "user" => Corpus::User,
        "drive" => Corpus::Drive(drive.unwrap_or_default().to_owned()),
        "domain" => Corpus::Domain,
        "allDrives" => Corpus::All,
        _ => return Err(ApiError::parameter("corpora", "Invalid Value")),
    })
}

/// Whether a file is among those that are looked through.
fn is_in(world: &World, call: &Call, corpus: &Corpus, query: Option<&Query>, file: &File) -> bool {
    let me = call.caller.email.as_str();
    let is_top = file.parents.is_empty() && (file.drive.is_some() || world.is_root(file));
    if is_top || !world.is_opened(file, &call.caller) {
        return false;
    }
    let includes = call.flag("includeItemsFromAllDrives") || call.flag("includeTeamDriveItems");
    let reads = world.role(file, me) >= Role::Reader;
    let Some(drive) = &file.drive else {
        return match corpus {
            Corpus::User | Corpus::All => world.is_listed(file, me),
            Corpus::Domain => {
                reads && world.permissions(file).iter().any(|(p, _)| p.kind == "domain")
            }
            Corpus::Drive(_) => false,
        };
    };
    // Of shared drives the user's own corpus has what they opened, and what they ask a folder for.
    let asked = |term: &&Term| {
        term.field == Field::Parents
            && matches!(&term.value, Operand::Text(id) if file.parents.contains(id))
    };
    reads
        && includes
        && match corpus {
            Corpus::User => {
                file.viewed_by.contains_key(me)
                    || query.is_some_and(|query| query.terms().iter().any(asked))
            }
            Corpus::Drive(wanted) => drive == wanted,
            Corpus::Domain => false,
            Corpus::All => true,
        }
}

/// A file as queries see it.
fn matched(world: &World, call: &Call, file: &File) -> Matched {
    let me = call.caller.email.as_str();
    let permissions = world.permissions(file);
    let with = |least: Role| -> Vec<String> {
        let named = permissions.iter().filter(|(one, _)| one.role >= least);
        named.map(|(one, _)| one.whom.clone()).filter(|whom| !whom.is_empty()).collect()
    };
    let has = |kind: &str| permissions.iter().any(|(one, _)| one.kind == kind);
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let cells = file.sheets.iter().flat_map(|sheet| sheet.rows.iter().flatten());
    let cells: Vec<String> = cells.map(crate::formats::shown).collect();
    let tabs: Vec<&str> = file.tabs.iter().map(|(_, text)| text.as_str()).collect();
    let description = file.description.as_deref().unwrap_or_default();
    let full_text =
        [world.name(file), description, file.text(), &tabs.join("\n"), &cells.join("\n")]
            .join("\n");
    Matched {
        name: world.name(file).to_owned(),
        mime_type: file.mime_type.clone(),
        full_text,
        modified: Some(file.modified),
        created: Some(file.created),
        viewed: file.viewed_by.get(me).copied(),
        shared_with_me: file.is_shared_with(me).then_some(file.shared_at),
        trashed: world.is_trashed(file),
        starred: file.starred_by.contains(me),
        parents: file.parents.clone(),
        owners: file.owner.iter().cloned().collect(),
        writers: with(Role::Writer),
        readers: with(Role::Reader),
        properties: pairs(&file.properties),
        app_properties: pairs(&file.app_properties),
        visibility: if has("anyone") {
            "anyoneWithLink"
        } else if has("domain") {
            "domainWithLink"
        } else {
            "limited"
        },
        shortcut_target: file.target.clone(),
    }
}

/// The keys of an order, and which of them go down.
fn keys(text: &str) -> Option<Vec<(String, bool)>> {
    const KNOWN: [&str; 11] = [
        "createdTime",
        "folder",
        "modifiedByMeTime",
        "modifiedTime",
        "name",
        "name_natural",
        "quotaBytesUsed",
        "recency",
        "sharedWithMeTime",
        "starred",
        "viewedByMeTime",
    ];
    let keys = text.split(',').map(|key| {
        let mut words = key.split_whitespace();
        let name = words.next()?;
        let down = match (words.next(), words.next()) {
            (None, None) => false,
            (Some("desc"), None) => true,
            _ => return None,
        };
        KNOWN.contains(&name).then(|| (name.to_owned(), down))
    });
    keys.collect()
}

fn in_order(call: &Call, order: &[(String, bool)], one: &File, other: &File) -> Ordering {
    let me = call.caller.email.as_str();
    for (key, down) in order {
        let ordering = match key.as_str() {
            "createdTime" => one.created.cmp(&other.created),
            "folder" => other.is_folder().cmp(&one.is_folder()),
            "name" | "name_natural" => one.name.to_lowercase().cmp(&other.name.to_lowercase()),
            "quotaBytesUsed" => one.quota().cmp(&other.quota()),
            "sharedWithMeTime" => one.shared_at.cmp(&other.shared_at),
            "starred" => other.starred_by.contains(me).cmp(&one.starred_by.contains(me)),
            "viewedByMeTime" => one.viewed_by.get(me).cmp(&other.viewed_by.get(me)),
            _ => one.modified.cmp(&other.modified),
        };
        let ordering = if *down { ordering.reverse() } else { ordering };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    // Nothing is promised here; the newest first is what is seen.
    other.modified.cmp(&one.modified).then_with(|| one.id.cmp(&other.id))
}
