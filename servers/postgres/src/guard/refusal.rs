//! Why a statement is not sent. Messages say what to do instead; they never carry text of others,
//! and under an allow-list not whether something exists.

/// Why a statement is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing to run.
    #[error("the statement is empty")]
    Empty,
    /// There is more than one statement.
    #[error("only one statement can be run at a time")]
    SeveralStatements,
    /// The parser does not understand it.
    #[error("syntax error at byte {at}: {message}")]
    Syntax {
        /// Where, in bytes.
        at: usize,
        /// What the parser says.
        message: String,
    },
    /// It is not a statement that only reads.
    #[error("{0} is not allowed: only SELECT, VALUES, TABLE, EXPLAIN of these and SHOW are")]
    NotReading(String),
    /// It is not a statement that changes rows.
    #[error("{0} is not allowed: only INSERT, UPDATE, DELETE, MERGE and TRUNCATE are")]
    NotWriting(String),
    /// A change of the schema that is not among those which are allowed.
    #[error("{0} is not allowed in a change of the schema")]
    Schema(String),
    /// A part of it is not on the list of what is understood.
    #[error("{what} is not allowed in a statement (byte {at})")]
    Part {
        /// What it is.
        what: String,
        /// Where, in bytes.
        at: usize,
    },
    /// It is larger or deeper than what is read.
    #[error("the statement is too large: {0}")]
    TooLarge(&'static str),
    /// A call whose result would be as long as a large number says.
    #[error("{function} makes too much: the number must be below 10^{digits}")]
    TooLong {
        /// Of which function.
        function: String,
        /// How many digits the number may have.
        digits: u32,
    },
    /// SHOW or `current_setting` of something that is not on the list of settings.
    #[error("the setting `{0}` can't be read")]
    Setting(String),
    /// A relation that the policy does not let through, or none.
    #[error("relation {0} does not exist or is not allowed")]
    Relation(String),
    /// A relation that can't be read although there is no allow-list.
    #[error("relation {relation} can't be read: {reason}")]
    Forbidden {
        /// Which.
        relation: String,
        /// Why, and what would help.
        reason: &'static str,
    },
    /// A relation that can't be written to.
    #[error("relation {relation} can't be written to: {reason}")]
    Target {
        /// Which.
        relation: String,
        /// Why, and what would help.
        reason: &'static str,
    },
    /// A view that runs a function which is not known to only read.
    #[error(
        "view {view} runs the function {function}, which is not known to only read; list the view or add the function to `allowed_functions`"
    )]
    View {
        /// Which.
        view: String,
        /// What it runs.
        function: String,
    },
    /// A function that is not known to only read, under any of its signatures.
    #[error("function {function} can't be called: {reason}")]
    Function {
        /// Which.
        function: String,
        /// Why, and what would help.
        reason: &'static str,
    },
    /// An operator that runs such a function.
    #[error(
        "operator {operator} can't be used: it runs the function {function}, which is not in `allowed_functions`"
    )]
    Operator {
        /// Which.
        operator: String,
        /// What it runs.
        function: String,
    },
    /// A type whose use runs such a function or tells of what is not allowed.
    #[error("type {name} can't be used: {reason}")]
    Type {
        /// Which.
        name: String,
        /// Why, and what would help.
        reason: String,
    },
}
