//! Comments on files.

use serde_json::{Value, json};

use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::query;
use crate::world::{Comment, World};

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let deleted = call.flag("includeDeleted");
    let since = match call.parameter("startModifiedTime") {
        Some(text) => Some(
            query::time(text)
                .ok_or_else(|| ApiError::parameter("startModifiedTime", "Invalid Value"))?,
        ),
        None => None,
    };
    let mut found: Vec<&Comment> = file
        .comments
        .iter()
        .filter(|one| deleted || !one.deleted)
        .filter(|one| since.is_none_or(|since| one.modified >= since))
        .collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.modified));
    let (found, next) = page(call, world.skipped, found, call.number("pageSize", 20))?;
    let me = call.caller.email.as_str();
    let found: Vec<Value> = found.iter().map(|one| world.comment_json(one, me, deleted)).collect();
    let mut list = json!({ "kind": "drive#commentList", "comments": found });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let deleted = call.flag("includeDeleted");
    let one = find(&file.comments, call, deleted)?;
    Ok(Answer::Json(world.comment_json(one, &call.caller.email, deleted)))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file_to(world, "canComment")?;
    let content = content(call)?;
    let now = world.tick();
    let comment = Comment {
        id: world.word(11),
        author: call.caller.email.clone(),
        content,
        quoted: call.body.get("quotedFileContent").cloned(),
        anchor: call.text("anchor").map(str::to_owned),
        created: now,
        modified: now,
        resolved: false,
        deleted: false,
        replies: Vec::new(),
    };
    let json = world.comment_json(&comment, &call.caller.email, false);
    if let Some(file) = world.files.get_mut(&file.id) {
        file.comments.push(comment);
    }
    Ok(Answer::Json(json))
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let content = content(call)?;
    change(world, call, |one, now| {
        one.content = content;
        one.modified = now;
    })
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    change(world, call, |one, now| {
        one.deleted = true;
        one.content = String::new();
        one.modified = now;
    })?;
    Ok(Answer::Empty)
}

fn change(
    world: &mut World,
    call: &Call,
    change: impl FnOnce(&mut Comment, chrono::DateTime<chrono::Utc>),
) -> Result<Answer> {
    let file = call.file_to(world, "canComment")?;
    let known = find(&file.comments, call, false)?;
    own(call, &known.author)?;
    let now = world.tick();
    let files = &mut world.files;
    let mut comments = files.get_mut(&file.id).into_iter().flat_map(|file| &mut file.comments);
    let Some(comment) = comments.find(|one| one.id == known.id) else {
        return Err(missing(&known.id));
    };
    change(comment, now);
    let comment = comment.clone();
    Ok(Answer::Json(world.comment_json(&comment, &call.caller.email, false)))
}

/// Only whoever wrote it may change it.
pub(super) fn own(call: &Call, author: &str) -> Result<()> {
    if author == call.caller.email { Ok(()) } else { Err(ApiError::no_right()) }
}

pub(super) fn content(call: &Call) -> Result<String> {
    let text = call.text("content").filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| {
        let message = "The content field is required.";
        ApiError::at(400, "required", message, Some(("content", "other")))
    })
}

pub(super) fn find<'a>(all: &'a [Comment], call: &Call, deleted: bool) -> Result<&'a Comment> {
    let id = call.id("commentId");
    all.iter().find(|one| one.id == id && (deleted || !one.deleted)).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> ApiError {
    ApiError::nothing("Comment", id, "commentId")
}
