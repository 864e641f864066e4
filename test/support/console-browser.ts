/** A browser at the pages of a console that a test holds by the hand: every request as told, cookies and all. */
import { machineClock } from '../../internal/clock/clock.ts';
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask, type Question } from './ask.ts';
import { patiently } from './console-caller.ts';

/** Somebody who is signed in. */
export interface ConsoleBrowser {
  cookie: string;
  /** Goes to a page, as a link from anywhere would; what cannot be had yet for the limit of one person, it waits for. */
  get(path: string, question?: Question): Promise<Answered>;
  /** The form with this action on a page, and with these fields, as the browser sends it. */
  form(page: string, action: string, fields?: Readonly<Record<string, string>>): Promise<Required<Question>>;
  /** Sends such a form. */
  press(page: string, action: string, fields?: Readonly<Record<string, string>>): Promise<Answered>;
}

const navigation = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-user': '?1' };

/** Goes somewhere as a person, as soon as the limit of one address lets it. */
export async function visitAt(url: string, person: string): Promise<Awaited<ReturnType<typeof visit>>> {
  for (;;) {
    const visited = await visit(url, { person });
    if (visited.status !== 429) return visited;
    await machineClock.pause(1000);
  }
}

/** Signs a person of the sandbox in. */
export async function browserAt(origin: string, person: string): Promise<ConsoleBrowser> {
  const { status, url, body, cookie = '' } = await visitAt(`${origin}/sign-in?to=/signed-out`, person);
  if (status !== 200 || new URL(url).pathname !== '/signed-out')
    throw new Error(`no sign-in: ${status} ${url} ${body}`);
  const get: ConsoleBrowser['get'] = (path, question = {}) =>
    patiently(() =>
      ask(`${origin}${path}`, {
        ...question,
        headers: { cookie, ...navigation, 'sec-fetch-site': 'cross-site', ...question.headers },
      }),
    );
  const form: ConsoleBrowser['form'] = async (page, action, fields = {}) => {
    const { body } = await get(page);
    const forms = [...body.matchAll(/<form method="post" action="([^"]*)">(.*?)<\/form>/gs)];
    const sent = forms
      .filter(([, act]) => act === action)
      .map(
        ([, , inside = '']) =>
          new URLSearchParams(
            [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
              ([, name = '', value = '']): [string, string] => [name, value],
            ),
          ),
      )
      .find((each) => Object.entries(fields).every(([name, value]) => (each.get(name) ?? value) === value));
    if (sent === undefined) throw new Error(`${page} has no form for ${action}`);
    for (const [name, value] of Object.entries(fields)) sent.set(name, value);
    return {
      method: 'POST',
      target: action,
      headers: {
        origin,
        cookie,
        ...navigation,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: sent.toString(),
    };
  };
  return {
    cookie,
    get,
    form,
    async press(page, action, fields) {
      const sent = await form(page, action, fields);
      return await patiently(() => ask(origin, sent));
    },
  };
}
