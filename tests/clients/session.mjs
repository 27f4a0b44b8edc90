// Sessions of the official TypeScript client with servers, told as a JSON list.
//
// session.mjs CLIENT JOBS: CLIENT is the module of version 1 or 2; JOBS a JSON list of objects with
// `mode` (`auto` or `legacy`; version 1 knows no other), `command`, `arguments`, and optionally
// `environment`, `calls` (pairs of tool and arguments), `read` (a URI) and `watch` (a URI and the call
// that changes it, whose notice is awaited).

import { pathToFileURL } from 'node:url';

const PATIENCE = 30_000;
const UPDATED = 'notifications/resources/updated';

const module = pathToFileURL(process.argv[2]);
const isFirst = module.pathname.endsWith('.js');
const { Client } = await import(module);
const beside = (name) => import(new URL(name, module));
const stdio = await beside(isFirst ? './stdio.js' : './stdio.mjs');
const updated = isFirst
  ? (await beside('../types.js')).ResourceUpdatedNotificationSchema
  : UPDATED;

async function session(job) {
  const transport = new stdio.StdioClientTransport({
    command: job.command,
    args: job.arguments,
    env: { ...stdio.getDefaultEnvironment(), ...job.environment },
  });
  const options = isFirst ? {} : { versionNegotiation: { mode: job.mode } };
  const client = new Client({ name: 'session', version: '1' }, options);
  const notices = [];
  let wake = () => {};
  client.setNotificationHandler(updated, (notice) => {
    notices.push(notice.params.uri);
    wake();
  });
  let version;
  if (isFirst) transport.setProtocolVersion = (chosen) => (version = chosen);
  await client.connect(transport);
  version ??= client.getNegotiatedProtocolVersion();

  const call = (name, args) => client.callTool({ name, arguments: args });
  const told = {
    version,
    server: client.getServerVersion().name,
    tools: (await client.listTools()).tools.map((tool) => tool.name),
    results: [],
  };
  for (const [tool, args] of job.calls ?? []) {
    const result = await call(tool, args);
    told.results.push({
      error: result.isError === true,
      data: result.structuredContent,
      content: result.content.map((block) => block.type),
      text: result.content[0].text,
    });
  }
  const capabilities = client.getServerCapabilities();
  if (capabilities.resources) {
    told.resources = (await client.listResources()).resources.map((resource) => resource.uri);
    const { resourceTemplates } = await client.listResourceTemplates();
    told.templates = resourceTemplates.map((template) => template.uriTemplate);
    told.subscribe = capabilities.resources.subscribe === true;
  }
  if (capabilities.prompts) {
    told.prompts = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
  }
  if (job.read) {
    told.read = (await client.readResource({ uri: job.read })).contents[0].text;
  }
  if (job.watch) {
    const [uri, [tool, args]] = job.watch;
    const legacy = version < '2026-07-28';
    const subscription = legacy
      ? await client.subscribeResource({ uri })
      : await client.listen({ resourceSubscriptions: [uri] });
    told.changed = (await call(tool, args)).isError !== true;
    if (notices.length === 0) {
      await new Promise((resolve, reject) => {
        wake = resolve;
        setTimeout(() => reject(new Error(`no notice of ${uri}`)), PATIENCE).unref();
      });
    }
    told.notice = notices[0];
    await (legacy ? client.unsubscribeResource({ uri }) : subscription.close());
  }
  await client.close();
  return told;
}

const jobs = JSON.parse(process.argv[3]);
console.log(JSON.stringify(await Promise.all(jobs.map(session))));
