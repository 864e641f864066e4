/** Text browsers, each in a terminal of its own (tmux) that a test types in and reads. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { searchPath } from '../demo/executables.ts';
import { type DrivenBrowser, longestWaitMs } from './driven-browser.ts';

/** How a text browser is used. */
interface Ways {
  /** Words that start it, before the address. */
  start: readonly string[];
  /** Keys that press what the words name on this screen, in their order; none where they name nothing. */
  press(words: string, screen: string): readonly (readonly string[])[];
  /** A dialogue that is there once the first of the keys were typed, and gone before the last is. */
  dialogue?: string;
}

const literal = (text: string) => ['-l', text];

/** The places on a screen that a mark stands in front of, each with the words behind it. */
function marked(screen: string, mark: RegExp): { mark: string; words: string }[] {
  return [...screen.matchAll(mark)].map((match) => ({
    mark: match[1] ?? match[0],
    words: screen
      .slice(match.index + match[0].length)
      .replace(/\s+/g, ' ')
      .trimStart(),
  }));
}

/** Whether a text begins with the words of a button: a question that begins with them is none. */
function isNamed(text: string, words: string): boolean {
  return text.startsWith(words) && !/^[^[(]*\?/.test(text);
}

/** What lynx shows in front of what can be chosen: a button without words of its own, or the number of a link. */
const lynxMark = /\((?:BUTTON|ada|grace|linus|mallory|allow|deny)\)|\[\d+\]/g;

const ways = {
  // A search leads to the words, the last of them on the page that stand at the beginning of a line or of a button.
  w3m: {
    start: ['w3m'],
    press(words, screen) {
      // Where the words stand before that, as in a heading, the search has to go on.
      const before = screen.slice(0, buttonAt(screen, words)).split(words).length - 1;
      return [['g'], ['/'], literal(words), ['Enter'], ...Array.from({ length: before }, () => ['n']), ['Enter']];
    },
  },
  // Tab leads from one to the next.
  lynx: {
    start: ['lynx', '-accept_all_cookies', '-number_links', '-nopause'],
    press(words, screen) {
      const index = marked(screen, lynxMark).findIndex((each) => isNamed(each.words, words));
      return index < 0 ? [] : [['C-a'], ...Array.from({ length: index }, () => ['Tab']), ['Enter']];
    },
  },
  // Everything has a number.
  elinks: {
    start: [
      ...['elinks', '-no-home', '-eval', "'set document.browse.links.numbering = 1'"],
      ...['-eval', "'set document.browse.forms.confirm_submit = 0'"],
    ],
    press(words, screen) {
      const number = marked(screen, /\[(\d+)\]/g).find((each) => isNamed(each.words, words))?.mark;
      return number === undefined ? [] : [...[...number].map(literal), ['Enter'], ['Enter']];
    },
    dialogue: 'Enter link number',
  },
} satisfies Record<string, Ways>;

/** Where a button of these words stands on a screen: the last place that no question or sentence goes on from. */
function buttonAt(screen: string, words: string): number {
  const places = [...screen.matchAll(new RegExp(`(?<![\\w"])${words}(?= *$|  | \\w| Deny| Keep)`, 'gm'))];
  return places.at(-1)?.index ?? screen.lastIndexOf(words);
}

/** The text browsers that are known how to use. */
export type TextBrowser = keyof typeof ways;

const columns = 120;
const lines = 160;

/** A text browser, at a terminal of its own, that is not started yet. */
export async function textBrowser(name: TextBrowser): Promise<DrivenBrowser> {
  const { start, press, dialogue }: Ways = ways[name];
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const env = { PATH: searchPath, HOME: folder, TMPDIR: folder, TERM: 'xterm', LC_ALL: 'C.UTF-8' };
  const tmux = async (...words: string[]) =>
    (await promisify(execFile)('tmux', ['-S', join(folder, 'tmux'), '-f', '/dev/null', ...words], { env })).stdout;
  const screen = () => tmux('capture-pane', '-p', '-t', 'b');

  /** Waits for something on the screen. */
  const until = async (what: string, found: (screen: string) => boolean): Promise<string> => {
    const end = Date.now() + longestWaitMs;
    for (;;) {
      const seen = await screen();
      if (found(seen)) return seen;
      if (Date.now() > end) throw new Error(`${name} does not show ${what}:\n${seen.replace(/\n\s*\n+/g, '\n')}`);
      await sleep(100);
    }
  };

  return {
    goesOn: name === 'elinks',
    async open(address) {
      const size = ['-x', `${columns}`, '-y', `${lines}`];
      await tmux('new-session', '-d', '-s', 'b', '-c', folder, ...size, [...start, `'${address}'`].join(' '));
    },
    async press(words) {
      // What was done is shown first, and what stands above it is out of sight.
      if (dialogue !== undefined) await tmux('send-keys', '-t', 'b', 'Home');
      const seen = await until(`a button ${words}`, (text) => text.includes(words) && press(words, text).length > 0);
      const typed = press(words, seen);
      for (const [index, keys] of typed.entries()) {
        await tmux('send-keys', '-t', 'b', ...keys);
        if (dialogue !== undefined && index === 0) await until(dialogue, (text) => text.includes(dialogue));
        if (dialogue !== undefined && index === typed.length - 2)
          await until(`no ${dialogue}`, (text) => !text.includes(dialogue));
        // Some read what comes at once as one word.
        await sleep(50);
      }
    },
    shows: (...words) => until(words.join(' or '), (text) => words.some((each) => text.includes(each))),
    async close() {
      await tmux('kill-server').catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
