import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { handmadeZip } from '../../../test/support/handmade-zip.ts';
import { type Answer, type HostileServer, startHostileServer } from '../../../test/support/hostile-server.ts';
import { openPlatform } from '../../../test/support/open-platform.ts';
import { PlatformError } from '../../platform/client.ts';
import { Secret } from '../../secret/secret.ts';
import { sha256 } from '../../text/canonical.ts';
import { hashOf } from '../hash.ts';
import { downloadedFiles, hashOfFiles, UnreadableVersionError } from './download.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const archive = Buffer.from(zipSync({ 'triage/SKILL.md': bytes('skill'), 'triage/a/b.txt': bytes('b') }));

let interruption: AbortController;
beforeEach(() => {
  interruption = new AbortController();
});
afterEach(() => interruption.abort());

/** What comes of a download that is answered like this, in turns where there are several; the last one stays. */
async function download(...answers: [Answer, ...Answer[]]) {
  const server: HostileServer = await startHostileServer(
    () => answers[Math.min(server.requests.length, answers.length) - 1],
  );
  const platform = await openPlatform({
    baseUrl: server.origin,
    apiKey: new Secret('sk-ant-x'),
    authToken: undefined,
    signal: interruption.signal,
    onWait() {},
  });
  return { server, files: await downloadedFiles(platform, 'skill_1', 'skver_1').catch((error: unknown) => error) };
}

const sent =
  (body: Buffer, cutAt = body.length): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': String(body.length) });
    response.write(body.subarray(0, cutAt));
    if (cutAt < body.length) setTimeout(() => response.destroy(), 10);
    else response.end();
  };

test('a version is its files, and they hash like the folder that they came from', async () => {
  const { files, server } = await download(sent(archive));
  expect(hashOfFiles(files as Map<string, Uint8Array>)).toBe(
    hashOf([
      { path: 'SKILL.md', sha256: sha256('skill') },
      { path: 'a/b.txt', sha256: sha256('b') },
    ]),
  );
  expect(server.lines()).toEqual([expect.stringMatching(/^GET \/v1\/skills\/skill_1\/versions\/skver_1\/content/)]);
});

describe('a download that is not a skill is explained:', () => {
  test.each<[string, Answer, string]>([
    ['JSON', { json: { type: 'file' } }, 'cannot be read: it is not a zip file'],
    [
      'a page',
      { text: '<html>signed out</html>', headers: { 'content-type': 'text/html' } },
      'cannot be read: it is not a zip',
    ],
    ['nothing', { text: '' }, 'cannot be read: it is not a zip file'],
    [
      'half of an archive that calls itself whole',
      sent(archive.subarray(0, 90)),
      'cannot be read: it is not a zip file',
    ],
    ['a way out', sent(Buffer.from(handmadeZip([{ name: 'a/../../x' }]))), '"a/../../x" is not a path of a skill'],
    [
      'a skill that cannot be decrypted',
      { status: 409, json: undecryptable() },
      'answered 409 "the skill cannot be read"',
    ],
  ])('%s', async (_case, answer, why) => {
    const { files, server } = await download(answer);
    expect(files).toBeInstanceOf(UnreadableVersionError);
    expect(files).toMatchObject({ code: 'platform_refused', hint: expect.any(String) });
    expect(files).toHaveProperty('message', expect.stringContaining(why));
    expect(server.requests).toHaveLength(1);
  });

  test('one that does not end [P9]', async () => {
    let sentBytes = 0;
    const { files, server } = await download((response) => {
      response.writeHead(200, { 'content-type': 'application/zip' });
      const piece = Buffer.alloc(2 ** 20);
      const more = () => {
        while (!response.destroyed && response.write(piece)) sentBytes += piece.length;
        sentBytes += piece.length;
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    expect(files).toBeInstanceOf(UnreadableVersionError);
    expect(files).toHaveProperty('message', expect.stringContaining('answered with more than 40 MiB'));
    // Asked once only, and not read much further than that.
    expect(server.requests).toHaveLength(1);
    expect(sentBytes).toBeLessThan(60 * 2 ** 20);
  });

  test('one that is gone', async () => {
    const { files } = await download({
      status: 404,
      json: { type: 'error', error: { type: 'not_found_error', message: 'x' } },
    });
    expect(files).toBeInstanceOf(PlatformError);
    expect(files).toMatchObject({ code: 'platform_refused', status: 404 });
  });

  test('one that always breaks off in its middle, asked for three times', async () => {
    const { files, server } = await download(sent(archive, 40));
    expect(files).toMatchObject({ code: 'platform_unreachable', message: expect.stringContaining('download version') });
    expect(server.requests).toHaveLength(3);
  });
});

test('a download is asked for again after a stumble, and after one that broke off', async () => {
  const { files, server } = await download({ status: 500 }, sent(archive, 40), sent(archive));
  expect(files).toBeInstanceOf(Map);
  expect(server.requests).toHaveLength(3);
});

test('an interruption ends a download that stalls', async () => {
  const stalled = download((response) => {
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': '1000' }).write('PK');
    setTimeout(() => interruption.abort(), 50);
  });
  expect((await stalled).files).toMatchObject({ code: 'interrupted' });
});

function undecryptable() {
  const error = {
    type: 'invalid_request_error',
    message: 'the skill cannot be read',
    error_code: 'skill_read_blocked_undecryptable',
  };
  return { type: 'error', error };
}
