// Reduces GitHub's official OpenAPI document to the operations that lockkeeper-github may use, in
// the form that the request checker and the front proxy of its tests read. Run it where the package
// was installed:
//
//   npm install @octokit/openapi@23.0.2
//   node reduce-github-openapi.mjs > github-openapi.json && gzip -9n github-openapi.json

import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(process.cwd(), "node_modules/@octokit/openapi");
const { version } = JSON.parse(readFileSync(join(root, "package.json")));
const document = JSON.parse(readFileSync(join(root, "generated/api.github.com.deref.json")));

// Below a repository, by first segment; the empty one is the repository itself.
const REPOSITORY = new Set([
  "", "actions", "assignees", "branches", "code-scanning", "collaborators", "comments", "commits",
  "compare", "contents", "contributors", "dependabot", "forks", "git", "issue-types", "issues",
  "labels", "languages", "merges", "milestones", "notifications", "pulls", "readme", "releases", "secret-scanning",
  "security-advisories", "stargazers", "statuses", "subscription", "tags", "topics",
]);
const ACTIONS = /\/actions\/(artifacts|jobs|runs|workflows)(\/|$)/;
const LEFT_OUT = /protection|autofix|codeql|sarifs|default-setup|custom-patterns|bypass|timing|concurrency|stacks|merge-async|codespaces|pending_deployments|approvals|cache|suggestions|analyses/;
const ELSEWHERE = [
  /^\/user$/, /^\/users\/\{username\}$/, /^\/orgs\/\{org\}$/, /^\/user\/(teams|orgs|repos|starred|subscriptions)/,
  /^\/users\/\{username\}\/(repos|starred|gists|projectsV2)/, /^\/orgs\/\{org\}\/(repos|teams|members|issue-types|issue-fields|projectsV2|security-advisories)/,
  /^\/search\//, /^\/gists/, /^\/notifications/, /^\/advisories/, /^\/rate_limit$/, /^\/app\/installations/, /^\/app$/,
];

function isUsed(path) {
  const beneath = /^\/repos\/\{owner\}\/\{repo\}(?:\/([^/]+))?/.exec(path);
  if (LEFT_OUT.test(path)) return false;
  if (!beneath) return ELSEWHERE.some((pattern) => pattern.test(path));
  if (beneath[1] === "actions") return ACTIONS.test(path);
  return REPOSITORY.has(beneath[1] ?? "");
}

// OpenAPI 3.0 says `nullable`, which JSON Schema doesn't know; and a flat body takes no other
// fields than those that are described, or misspelt ones would pass.
function schema(from, isBody) {
  if (Array.isArray(from)) return from.map((one) => schema(one, false));
  if (from === null || typeof from !== "object") return from;
  const to = {};
  for (const [key, value] of Object.entries(from)) {
    if (["description", "example", "examples", "title", "nullable", "deprecated", "externalDocs"].includes(key)) {
      if (key !== "title" && key !== "description" && key !== "example") continue;
      if (typeof value !== "object") continue;
    }
    to[key] = key === "properties"
      ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, schema(one, false)]))
      : key === "enum" || key === "default" || key === "required" ? value : schema(value, false);
  }
  delete to.default;
  if (isBody && to.properties && !to.anyOf && !to.oneOf && !to.allOf && to.additionalProperties === undefined) {
    to.additionalProperties = false;
  }
  return from.nullable ? { anyOf: [to, { type: "null" }] } : to;
}

// Some examples are wrapped twice.
function unwrapped(example) {
  const isWrapper = (key) => key === "value" || key === "summary" || key.startsWith("x-");
  return example?.value && Object.keys(example).every(isWrapper) ? unwrapped(example.value) : example;
}

const operations = [];
for (const [path, methods] of Object.entries(document.paths)) {
  if (!isUsed(path)) continue;
  for (const method of ["get", "post", "put", "patch", "delete"]) {
    const operation = methods[method];
    if (!operation) continue;
    const parameters = [...(methods.parameters ?? []), ...(operation.parameters ?? [])]
      .map((one) => ({
        name: one.name, in: one.in, required: one.required === true || undefined,
        multi: one["x-multi-segment"] || undefined, schema: schema(one.schema, false),
      }));
    const content = operation.requestBody?.content?.["application/json"];
    const status = Object.keys(operation.responses).find((code) => code.startsWith("2") || code.startsWith("3"));
    const answer = operation.responses[status]?.content?.["application/json"];
    // The longest one: some only show what is special about a case.
    const length = (example) => JSON.stringify(example.value ?? null).length;
    const examples = Object.values(answer?.examples ?? {}).sort((a, b) => length(b) - length(a));
    operations.push({
      method: method.toUpperCase(), path, parameters,
      body: content ? schema(content.schema, true) : undefined,
      body_required: (content && operation.requestBody.required) || undefined,
      status: Number(status), example: unwrapped(answer?.example ?? examples[0]?.value),
    });
  }
}
process.stdout.write(JSON.stringify({ package: "@octokit/openapi", version, operations }));
