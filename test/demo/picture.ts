/** `tsx test/demo/picture.ts`: draws docs/demo.svg from what the demo really prints. */
import { writeFile } from 'node:fs/promises';
import { Chalk } from 'chalk';
import { built } from './executables.ts';
import { drawTerminal } from './svg.ts';
import { tell } from './tell.ts';

const picture = new URL('../../docs/demo.svg', import.meta.url);
const paint = new Chalk({ level: 1 });

const told = [`${paint.dim('$')} ${paint.bold('npm run demo')}\n`];
if (await tell({ locate: built, paint, write: (text) => told.push(text) })) {
  await writeFile(picture, drawTerminal(steady(told.join('')), 'npm run demo: what it does and what proves it'));
} else {
  process.stderr.write(`${told.join('')}\nnothing is drawn of a demo that is not as told\n`);
  process.exitCode = 1;
}

/** Replaces what is different in every run, so that the picture changes only when the demo does. */
function steady(text: string): string {
  return text
    .replace(/\b(agent|env|req|sesn|sevt|skill|skver|vcrd|vlt|wrkspc)_[A-Za-z0-9]+/g, '$1_…')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
    .replace(/\d+\.\d s\b/g, '… s');
}
