"""A session of the official Python client with a server, told as one JSON object.

session.py MODE JOB: MODE is `auto` or `legacy`; JOB is a JSON object with `command`, `arguments`,
and optionally `calls` (pairs of tool and arguments), `read` (a URI), `complete` (a template and
its argument) and `answer` (what a person answers when asked).
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters, types
from mcp.client.stdio import stdio_client


async def main(mode: str, job: dict) -> dict:
    asked = []

    async def elicit(context, params):
        asked.append(params.message)
        return types.ElicitResult(action=job["answer"], content={})

    server = StdioServerParameters(command=job["command"], args=job["arguments"])
    more = {"elicitation_callback": elicit} if "answer" in job else {}
    async with Client(stdio_client(server), mode=mode, **more) as client:
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
        if "read" in job:
            read = await client.read_resource(job["read"])
            told["read"] = read.contents[0].text
        if "complete" in job:
            template, name, value = job["complete"]
            reference = types.ResourceTemplateReference(uri=template)
            completion = await client.complete(reference, {"name": name, "value": value})
            told["completions"] = completion.completion.values
        told["asked"] = asked
        return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))))
