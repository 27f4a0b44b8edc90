//! The operators that there are, and what each does with what it is given. What isn't here is not
//! sent: operators that run JavaScript, and those that a newer server may have.

/// What an operator of expressions makes of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// A scalar, of scalars: documents are an error or nothing to it, or only their number or type
    /// counts.
    Scalar,
    /// Its operands, or parts of them under the same names.
    Carries,
    /// Something longer, of its operands one after another.
    Joins,
    /// An answer to how its operands compare.
    Compares,
    /// Its operands, chosen by how they compare.
    Chooses,
    /// Something in which the names of its operands' fields are lost.
    Mixes,
    /// Has an own rule.
    Special,
}

/// Operators of expressions, sorted.
const EXPRESSIONS: &[(&str, Makes)] = {
    use Makes::{Carries, Chooses, Compares, Joins, Mixes, Scalar, Special};
    &[
        ("$abs", Scalar),
        ("$acos", Scalar),
        ("$acosh", Scalar),
        ("$add", Scalar),
        ("$allElementsTrue", Scalar),
        ("$and", Scalar),
        ("$anyElementTrue", Scalar),
        ("$arrayElemAt", Carries),
        ("$arrayToObject", Mixes),
        ("$asin", Scalar),
        ("$asinh", Scalar),
        ("$atan", Scalar),
        ("$atan2", Scalar),
        ("$atanh", Scalar),
        ("$avg", Scalar),
        ("$binarySize", Scalar),
        ("$bitAnd", Scalar),
        ("$bitNot", Scalar),
        ("$bitOr", Scalar),
        ("$bitXor", Scalar),
        ("$bsonSize", Mixes),
        ("$ceil", Scalar),
        ("$cmp", Compares),
        ("$concat", Joins),
        ("$concatArrays", Joins),
        ("$cond", Special),
        ("$convert", Mixes),
        ("$cos", Scalar),
        ("$cosh", Scalar),
        ("$dateAdd", Scalar),
        ("$dateDiff", Scalar),
        ("$dateFromParts", Scalar),
        ("$dateFromString", Scalar),
        ("$dateSubtract", Scalar),
        ("$dateToParts", Scalar),
        ("$dateToString", Scalar),
        ("$dateTrunc", Scalar),
        ("$dayOfMonth", Scalar),
        ("$dayOfWeek", Scalar),
        ("$dayOfYear", Scalar),
        ("$degreesToRadians", Scalar),
        ("$divide", Scalar),
        ("$eq", Compares),
        ("$exp", Scalar),
        ("$filter", Special),
        ("$first", Carries),
        ("$firstN", Carries),
        ("$floor", Scalar),
        ("$getField", Special),
        ("$gt", Compares),
        ("$gte", Compares),
        ("$hour", Scalar),
        ("$ifNull", Carries),
        ("$in", Compares),
        ("$indexOfArray", Compares),
        ("$indexOfBytes", Scalar),
        ("$indexOfCP", Scalar),
        ("$isArray", Scalar),
        ("$isNumber", Scalar),
        ("$isoDayOfWeek", Scalar),
        ("$isoWeek", Scalar),
        ("$isoWeekYear", Scalar),
        ("$last", Carries),
        ("$lastN", Carries),
        ("$let", Special),
        ("$literal", Special),
        ("$ln", Scalar),
        ("$log", Scalar),
        ("$log10", Scalar),
        ("$lt", Compares),
        ("$lte", Compares),
        ("$ltrim", Scalar),
        ("$map", Special),
        ("$max", Chooses),
        ("$maxN", Chooses),
        ("$median", Scalar),
        ("$mergeObjects", Carries),
        ("$meta", Special),
        ("$millisecond", Scalar),
        ("$min", Chooses),
        ("$minN", Chooses),
        ("$minute", Scalar),
        ("$mod", Scalar),
        ("$month", Scalar),
        ("$multiply", Scalar),
        ("$ne", Compares),
        ("$not", Scalar),
        ("$objectToArray", Mixes),
        ("$or", Scalar),
        ("$percentile", Scalar),
        ("$pow", Scalar),
        ("$radiansToDegrees", Scalar),
        ("$rand", Scalar),
        ("$range", Special),
        ("$reduce", Special),
        ("$regexFind", Special),
        ("$regexFindAll", Special),
        ("$regexMatch", Special),
        ("$replaceAll", Scalar),
        ("$replaceOne", Scalar),
        ("$reverseArray", Carries),
        ("$round", Scalar),
        ("$rtrim", Scalar),
        ("$sampleRate", Scalar),
        ("$second", Scalar),
        ("$setDifference", Chooses),
        ("$setEquals", Compares),
        ("$setField", Special),
        ("$setIntersection", Chooses),
        ("$setIsSubset", Compares),
        ("$setUnion", Joins),
        ("$sigmoid", Scalar),
        ("$sin", Scalar),
        ("$sinh", Scalar),
        ("$size", Scalar),
        ("$slice", Carries),
        ("$sortArray", Special),
        ("$split", Scalar),
        ("$sqrt", Scalar),
        ("$stdDevPop", Scalar),
        ("$stdDevSamp", Scalar),
        ("$strLenBytes", Scalar),
        ("$strLenCP", Scalar),
        ("$strcasecmp", Scalar),
        ("$substr", Scalar),
        ("$substrBytes", Scalar),
        ("$substrCP", Scalar),
        ("$subtract", Scalar),
        ("$sum", Scalar),
        ("$switch", Special),
        ("$tan", Scalar),
        ("$tanh", Scalar),
        ("$toBool", Scalar),
        ("$toDate", Scalar),
        ("$toDecimal", Scalar),
        ("$toDouble", Scalar),
        ("$toHashedIndexKey", Mixes),
        ("$toInt", Scalar),
        ("$toLong", Scalar),
        ("$toLower", Scalar),
        ("$toObjectId", Scalar),
        // Newer servers write whole documents as text.
        ("$toString", Mixes),
        ("$toUUID", Scalar),
        ("$toUpper", Scalar),
        ("$trim", Scalar),
        ("$trunc", Scalar),
        ("$tsIncrement", Scalar),
        ("$tsSecond", Scalar),
        ("$type", Scalar),
        ("$unsetField", Special),
        ("$week", Scalar),
        ("$year", Scalar),
        ("$zip", Special),
    ]
};

/// What an operator of expressions makes; none for one that isn't sent.
pub(super) fn expression(name: &str) -> Option<Makes> {
    EXPRESSIONS.iter().find(|(known, _)| *known == name).map(|(_, makes)| *makes)
}

/// Accumulators of `$group`, `$bucket` and windows that take one expression and aren't operators of
/// expressions, too.
pub(super) fn accumulator(name: &str) -> Option<Makes> {
    const BOTH: &[&str] = &[
        "$avg",
        "$concatArrays",
        "$first",
        "$firstN",
        "$last",
        "$lastN",
        "$max",
        "$maxN",
        "$median",
        "$mergeObjects",
        "$min",
        "$minN",
        "$percentile",
        "$setUnion",
        "$stdDevPop",
        "$stdDevSamp",
        "$sum",
    ];
    match name {
        "$push" => Some(Makes::Carries),
        "$addToSet" => Some(Makes::Chooses),
        "$count" => Some(Makes::Scalar),
        "$top" | "$topN" | "$bottom" | "$bottomN" => Some(Makes::Special),
        _ if BOTH.contains(&name) => expression(name),
        _ => None,
    }
}

/// What only windows have.
pub(super) fn window(name: &str) -> Option<Makes> {
    match name {
        "$rank" | "$denseRank" | "$documentNumber" | "$derivative" | "$integral"
        | "$covariancePop" | "$covarianceSamp" | "$expMovingAvg" | "$linearFill"
        | "$minMaxScaler" => Some(Makes::Scalar),
        "$locf" | "$shift" => Some(Makes::Carries),
        _ => accumulator(name),
    }
}

/// Whether an operator runs JavaScript on the server.
pub(super) fn is_javascript(name: &str) -> bool {
    matches!(name, "$where" | "$function" | "$accumulator")
}
