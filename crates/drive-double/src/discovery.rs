//! Google's discovery documents: what may be asked of Drive, Sheets and Docs, and what they answer.
//! Nothing here knows the double; the checks are for any traffic that is meant for Google.

mod check;
mod path;
mod schema;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Mutex, OnceLock};

use flate2::read::GzDecoder;
use serde_json::Value;

use self::path::Segment;
use self::schema::Schemas;

pub(crate) use self::path::pairs;

pub use self::check::{Asked, Problem};

/// The documents as they are in `data`, compressed.
static DOCUMENTS: [&[u8]; 3] = [
    include_bytes!("../data/drive.v3.json.gz"),
    include_bytes!("../data/sheets.v4.json.gz"),
    include_bytes!("../data/docs.v1.json.gz"),
];

/// All documents.
#[derive(Debug)]
pub struct Discovery {
    services: Vec<Service>,
}

/// One document: a service with its methods.
#[derive(Debug)]
pub struct Service {
    /// `drive`, `sheets` or `docs`.
    pub name: String,
    /// The day of the document.
    pub revision: String,
    /// The host that Google serves it on.
    pub host: String,
    methods: Vec<Method>,
    schemas: Schemas,
}

/// One method of a service.
#[derive(Debug)]
pub struct Method {
    /// `drive.files.get` and so on.
    pub id: String,
    /// The name of its service.
    pub service: String,
    /// `GET`, `POST`, `PATCH`, `PUT` or `DELETE`.
    pub verb: String,
    /// Any one of them is enough.
    pub scopes: Vec<String>,
    /// Whether content can be sent with it, below `/upload`.
    pub uploads: bool,
    /// Whether `alt=media` answers content.
    pub downloads: bool,
    segments: Vec<Segment>,
    parameters: BTreeMap<String, Parameter>,
    request: Option<String>,
    response: Option<String>,
}

#[derive(Debug)]
struct Parameter {
    kind: String,
    is_required: bool,
    is_repeated: bool,
    in_query: bool,
    allowed: Option<Vec<String>>,
    least: Option<i64>,
    most: Option<i64>,
}

impl Discovery {
    /// The documents, read once a process.
    pub fn get() -> &'static Self {
        static READ: OnceLock<Discovery> = OnceLock::new();
        READ.get_or_init(|| Self { services: DOCUMENTS.iter().copied().map(service).collect() })
    }

    /// The services.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// A method by its id.
    pub fn method(&self, id: &str) -> Option<&Method> {
        self.methods().find(|method| method.id == id)
    }

    fn methods(&self) -> impl Iterator<Item = &Method> {
        self.services.iter().flat_map(|service| &service.methods)
    }

    fn service(&self, method: &Method) -> Option<&Service> {
        self.services.iter().find(|service| service.name == method.service)
    }
}

impl Method {
    /// Whether it has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// Whether it answers a resource, of which `fields` may select parts.
    pub fn answers_json(&self) -> bool {
        self.response.is_some()
    }
}

#[expect(clippy::expect_used, reason = "the documents are part of the program")]
fn service(compressed: &[u8]) -> Service {
    let mut text = String::new();
    GzDecoder::new(compressed).read_to_string(&mut text).expect("it was compressed whole");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    let word = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    let mut methods = Vec::new();
    collect(&document, &document, &mut methods);
    let host = word("rootUrl").trim_start_matches("https://").trim_end_matches('/').to_owned();
    Service {
        name: word("name"),
        revision: word("revision"),
        host,
        methods,
        schemas: Schemas::new(&document["schemas"]),
    }
}

/// The methods of a resource and of those in it.
fn collect(document: &Value, resource: &Value, methods: &mut Vec<Method>) {
    for method in resource["methods"].as_object().into_iter().flat_map(|all| all.values()) {
        methods.push(method_of(document, method));
    }
    for inner in resource["resources"].as_object().into_iter().flat_map(|all| all.values()) {
        collect(document, inner, methods);
    }
}

fn method_of(document: &Value, method: &Value) -> Method {
    let word = |key: &str| method[key].as_str().unwrap_or_default().to_owned();
    let reference = |key: &str| method[key]["$ref"].as_str().map(str::to_owned);
    let path = format!("{}{}", document["servicePath"].as_str().unwrap_or_default(), word("path"));
    let common = document["parameters"].as_object().into_iter().flatten();
    let own = method["parameters"].as_object().into_iter().flatten();
    let scopes = method["scopes"].as_array().into_iter().flatten();
    Method {
        id: word("id"),
        service: document["name"].as_str().unwrap_or_default().to_owned(),
        verb: word("httpMethod"),
        scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
        uploads: method["supportsMediaUpload"] == true,
        downloads: method["supportsMediaDownload"] == true,
        segments: path::template(&path),
        parameters: common
            .chain(own)
            .map(|(name, value)| (name.clone(), Parameter::new(value)))
            .collect(),
        request: reference("request"),
        response: reference("response"),
    }
}

impl Parameter {
    fn new(value: &Value) -> Self {
        let number = |key: &str| value[key].as_str()?.parse().ok();
        let words = |all: &Vec<Value>| {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        Self {
            kind: value["type"].as_str().unwrap_or_default().to_owned(),
            is_required: value["required"] == true,
            is_repeated: value["repeated"] == true,
            in_query: value["location"] == "query",
            allowed: value["enum"].as_array().map(words),
            least: number("minimum"),
            most: number("maximum"),
        }
    }
}

/// Validators are made when they are first asked for: that takes a while.
type Validators = Mutex<BTreeMap<String, std::sync::Arc<jsonschema::Validator>>>;
