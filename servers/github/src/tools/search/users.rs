//! Users.

use super::query::Search;
use crate::fetch::View;
use crate::shapes::PERSON;

pub(super) struct Users;

impl Search for Users {
    const VIEW: View = View::table("users found", PERSON).within("items");
    const PLACE: &'static str = "users";
    const ALWAYS: &'static str = "type:user";
    const IN_REPOS: bool = false;
}
