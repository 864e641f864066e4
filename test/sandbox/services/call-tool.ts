import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { JsonObject } from '../authorization/control.ts';

/** Calls one tool with a token, as the official client does, and reads the JSON that services answer with. */
export async function callTool(
  mcpUrl: string,
  accessToken: string,
  name: string,
  input: JsonObject = {},
): Promise<JsonObject> {
  const client = new Client({ name: 'sandbox test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl), {
    requestInit: { headers: { authorization: `Bearer ${accessToken}` } },
  });
  // The SDK declares optional callbacks that its own interface makes exact; the classes fit all the same.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  try {
    const { content, isError } = await client.callTool({ name, arguments: input });
    const [first] = content as { type: string; text: string }[];
    if (isError === true || first?.type !== 'text') throw new Error(first?.text ?? 'the tool answered nothing');
    return JSON.parse(first.text);
  } finally {
    await client.close();
  }
}
