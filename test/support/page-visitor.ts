/** A browser at the page of buttons that a test holds by the hand: every request as told, cookies and all. */
import { visit } from '../sandbox/visit.mjs';
import { type Answered, ask, type Question } from './ask.ts';

/** Signs in at the address that the command opened, and says where its callback sends the browser. */
export async function signInFor(address: string, person = 'ada', account = person): Promise<string> {
  const { url, cookie = '' } = await visit(address, { person, account, comesBack: false });
  const { status, headers } = await ask(url, { headers: { cookie } });
  const location = headers['location'];
  if (status !== 303 || typeof location !== 'string') throw new Error(`the callback answered ${status}`);
  return location;
}

/** Somebody who was let in. */
export interface Visitor {
  /** `http://127.0.0.1:<port>/<word>/`. */
  home: string;
  origin: string;
  cookie: string;
  /** The token in the forms. */
  token: string;
  /** Goes to a page, as a link from anywhere would. */
  get(path: string, question?: Question): Promise<Answered>;
  /** The form of a button, as the browser sends it. */
  form(act: string, fields?: Readonly<Record<string, string>>): Required<Question>;
  /** Presses a button, and says where that leads. */
  press(act: string, fields?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Answers what is asked now. */
  answer(answer: 'yes' | 'no' | 'again'): Promise<Answered>;
  /** Presses connect, allows it as somebody at the service, and sees what the page says then. */
  connect(service: string, account?: string): Promise<Answered>;
}

/** Lets a browser in with an invitation. */
export async function enterPage(invitation: string): Promise<Visitor> {
  const entered = await ask(invitation);
  const home = new URL(String(entered.headers['location']), invitation);
  const [cookie = ''] = String(entered.headers['set-cookie']).split(';');
  const { origin } = home;

  const get = (path: string, question: Question = {}) => {
    const { pathname, search } = new URL(path, home);
    const headers = { cookie, ...navigation, 'sec-fetch-site': 'cross-site', ...question.headers };
    return ask(home.href, { target: `${pathname}${search}`, ...question, headers });
  };
  const token = /name="token" value="([\w-]+)"/.exec((await get('')).body)?.[1] ?? '';
  const form: Visitor['form'] = (act, fields = {}) => ({
    method: 'POST',
    target: new URL(act, home).pathname,
    headers: {
      host: home.host,
      origin,
      cookie,
      ...navigation,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token, ...fields }).toString(),
  });
  const press: Visitor['press'] = (act, fields) => ask(home.href, form(act, fields));
  return {
    home: home.href,
    origin,
    cookie,
    token,
    get,
    form,
    press,
    async answer(answer) {
      const question = /name="question" value="([\w-]+)"/.exec((await get('flow')).body)?.[1] ?? '';
      return await press('answer', { question, answer });
    },
    async connect(service, account = 'ada') {
      const left = await press('connect', { service });
      const back = await signInFor(String(left.headers['location']), account);
      const { status, headers, body } = await get(back);
      return status === 303 ? await get(String(headers['location'])) : { status, headers, body };
    },
  };
}

const navigation = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' };
