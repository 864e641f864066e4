import { expect, test } from 'vitest';
import { startHostileServer } from '../../test/support/hostile-server.ts';
import { Headers, FormData as OwnFormData } from './fetch-types.ts';
import { multipartOf } from './multipart.ts';
import { sendPlainly } from './plain-fetch.ts';
import { sender } from './send.ts';

const entries: [string, string | File | Blob, string?][] = [
  ['display_title', 'a title\nin "two" lines\r\nor three\r'],
  ['files[]', new File(['# Skill\n'], 'greet/SKILL.md')],
  ['files[]', new File([new Uint8Array([0, 255, 10, 13])], 'greet/a "b"\r\nc.bin', { type: 'image/png' })],
  ['files[]', new File([], 'greet/ü.txt')],
  ['files[]', new Blob(['blob'])],
  ['files[]', new Blob(['named']), 'n.txt'],
  ['od"d\nname', ''],
];

function filled<Form extends Pick<FormData, 'append'>>(form: Form): Form {
  for (const [name, value, file] of entries) {
    if (file === undefined) form.append(name, value);
    else form.append(name, value as Blob, file);
  }
  return form;
}

async function written(form: Iterable<[string, string | File]>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const { pieces: each } = multipartOf(form);
  for await (const piece of each()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** With the boundary, which is another each time, taken out. */
function plain(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.replaceAll(text.slice(0, text.indexOf('\r\n')), '--boundary');
}

test('a form is written as Node writes it, byte for byte', async () => {
  const node = Buffer.from(await new Response(filled(new FormData())).arrayBuffer());
  const own = filled(new OwnFormData()) as unknown as Iterable<[string, string | File]>;
  expect(plain(await written(own))).toBe(plain(node));
  expect(plain(await written(filled(new FormData()) as unknown as typeof own))).toBe(plain(node));
});

test('says its length before it is written', async () => {
  const form = filled(new OwnFormData()) as unknown as Iterable<[string, string | File]>;
  expect(multipartOf(form).length).toBe((await written(form)).length);
});

test('arrives as a whole', async () => {
  const form = new OwnFormData();
  form.append('files[]', new File([new Uint8Array(3_000_000).fill(65)], 'large.txt'));
  const server = await startHostileServer(() => ({ json: {} }));
  const { status, pieces } = await sendPlainly(server.origin, { method: 'POST', body: form as unknown as FormData });
  for await (const _ of pieces ?? []);
  expect(status).toBe(200);
  const [request] = server.requests;
  expect(request?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=form-[0-9a-f]{32}$/);
  expect(Number(request?.headers['content-length'])).toBe(multipartOf(form as never).length);
  expect(request?.body.length).toBe(multipartOf(form as never).length);
});

test('what is neither text nor a form is not sent', async () => {
  const body = new URLSearchParams();
  await expect(sendPlainly('http://127.0.0.1:1', { method: 'POST', body })).rejects.toThrow('only text and forms');
});

test('a file that cannot be read fails the request', async () => {
  const server = await startHostileServer(() => ({ json: {} }));
  const body = {
    contentType: 'multipart/form-data; boundary=x',
    length: 10,
    // biome-ignore lint/correctness/useYield: it fails before
    async *pieces() {
      throw new RangeError('cannot be read');
    },
  };
  const outgoing = { method: 'POST', headers: new Headers(), body, signal: undefined };
  await expect(sender()(new URL(server.origin), outgoing)).rejects.toThrow('cannot be read');
});
