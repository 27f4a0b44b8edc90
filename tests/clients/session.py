"""Sessions of the official Python client with servers, told as a JSON list.

session.py JOBS: a JSON list of objects with `mode` (`auto` or `legacy`), `command`, `arguments`, and
optionally `environment`, `calls` (pairs of tool and arguments), `read` (a URI), `complete` (a template
and its argument), `answer` (what a person answers when asked) and `watch` (a URI and the call that
changes it, whose notice is awaited).
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters, types
from mcp.client.stdio import get_default_environment, stdio_client

PATIENCE = 30


async def session(job: dict) -> dict:
    asked = []
    notices = asyncio.Queue()

    async def elicit(context, params):
        asked.append(params.message)
        return types.ElicitResult(action=job["answer"], content={})

    async def message(message):
        if isinstance(message, types.ResourceUpdatedNotification):
            await notices.put(str(message.params.uri))

    environment = {**get_default_environment(), **job.get("environment", {})}
    server = StdioServerParameters(command=job["command"], args=job["arguments"], env=environment)
    more = {"elicitation_callback": elicit} if "answer" in job else {}
    stream = stdio_client(server)
    async with Client(stream, mode=job["mode"], message_handler=message, **more) as client:
        tools = (await client.list_tools()).tools
        told = {
            "version": client.protocol_version,
            "server": client.server_info.name,
            "tools": [tool.name for tool in tools],
            "results": [],
            "progress": [],
        }

        async def progress(done, total, message):
            told["progress"].append(done)

        for tool, arguments in job.get("calls", []):
            result = await client.call_tool(tool, arguments, progress_callback=progress)
            told["results"].append(
                {
                    "error": bool(result.is_error),
                    "data": result.structured_content,
                    "content": [block.type for block in result.content],
                    "text": getattr(result.content[0], "text", None),
                }
            )
        if client.server_capabilities.resources:
            resources = (await client.list_resources()).resources
            told["resources"] = [str(resource.uri) for resource in resources]
            templates = (await client.list_resource_templates()).resource_templates
            told["templates"] = [template.uri_template for template in templates]
            told["subscribe"] = bool(client.server_capabilities.resources.subscribe)
        if client.server_capabilities.prompts:
            prompts = (await client.list_prompts()).prompts
            told["prompts"] = [prompt.name for prompt in prompts]
        if "read" in job:
            read = await client.read_resource(job["read"])
            told["read"] = read.contents[0].text
        if "complete" in job:
            template, name, value = job["complete"]
            reference = types.ResourceTemplateReference(uri=template)
            completion = await client.complete(reference, {"name": name, "value": value})
            told["completions"] = completion.completion.values
        if "watch" in job:
            uri, (tool, arguments) = job["watch"]
            if told["version"] < "2026-07-28":
                await client.subscribe_resource(uri)
                changed = await client.call_tool(tool, arguments)
                told["notice"] = await asyncio.wait_for(notices.get(), PATIENCE)
                await client.unsubscribe_resource(uri)
            else:
                async with client.listen(resource_subscriptions=[uri]) as events:
                    changed = await client.call_tool(tool, arguments)
                    event = await asyncio.wait_for(anext(events), PATIENCE)
                    told["notice"] = str(event.uri)
            told["changed"] = not changed.is_error
        told["asked"] = asked
        return told


async def main(jobs: list) -> list:
    return await asyncio.gather(*(session(job) for job in jobs))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
