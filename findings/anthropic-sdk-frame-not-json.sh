#!/usr/bin/env bash
# @anthropic-ai/sdk 1.14.0, the event stream of a session, where one frame is not what the types promise: something on the
# way (a gateway's notice) writes text, or `null`, into a frame of its own.
#
# Guess: an error of the SDK's own (APIError or a subclass), nothing on stderr at the default log level, and what is no
#        event never reaches the loop.
# Seen:  text ends the loop with a bare SyntaxError, which is no APIError, so `catch (e) { if (e instanceof APIError) }`
#        lets it through as a bug of the program. The whole frame is written to stderr at the default level: what people
#        said in a session stands in the log of the job. `null` comes out of the loop as an event, typed as one.
# So:    give the client a logger (or `logLevel: 'off'`), take any error of the loop as a broken line, and parse each
#        event before looking at its `type`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/sdk@1.14.0
cat >seen.mjs <<'JS'
import { once } from 'node:events';
import { createServer } from 'node:http';
import Anthropic, { APIError } from '@anthropic-ai/sdk';

const frames = {
  text: 'event: user.message\ndata: somebody said this\n\n',
  nothing: 'event: user.message\ndata: null\n\n',
};
const server = createServer(({ url }, answer) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.end(frames[url.split('/')[3]]);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const client = new Anthropic({ apiKey: 'key', baseURL: `http://127.0.0.1:${server.address().port}`, maxRetries: 0 });
for (const session of Object.keys(frames)) {
  const events = [];
  try {
    for await (const event of await client.beta.sessions.events.stream(session)) events.push(event);
    console.log(session, JSON.stringify(events));
  } catch (error) {
    console.log(session, error.constructor.name, error instanceof APIError);
  }
}
server.close();
JS
node seen.mjs >out 2>err
printf '%s\n' '-- stdout' "$(cat out)" '-- stderr' "$(cat err)"
diff out - <<'TEXT'
text SyntaxError false
nothing [null]
TEXT
grep -q 'somebody said this' err
echo 'as described: @anthropic-ai/sdk 1.14.0'
