/** A stretch of text in one style. */
export interface Run {
  readonly text: string;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly colour: Colour | undefined;
}

/** The colours that the demo uses. */
export type Colour = 'red' | 'green';

const colours: Readonly<Record<string, Colour>> = { 31: 'red', 32: 'green' };

/** Splits a line of terminal output into its styled runs. Throws at a control sequence that the demo does not use. */
export function readRuns(line: string): Run[] {
  const runs: Run[] = [];
  let style: Omit<Run, 'text'> = { bold: false, dim: false, colour: undefined };
  for (const [index, piece] of line.split('\u001b').entries()) {
    const [, code, text] = index === 0 ? [piece, undefined, piece] : (/^\[(\d+)m(.*)$/.exec(piece) ?? []);
    if (text === undefined) throw new Error(`not a style: ${JSON.stringify(piece)}`);
    if (code !== undefined) style = changed(style, code);
    if (text !== '') runs.push({ ...style, text });
  }
  return runs;
}

function changed(style: Omit<Run, 'text'>, code: string): Omit<Run, 'text'> {
  switch (code) {
    case '1':
      return { ...style, bold: true };
    case '2':
      return { ...style, dim: true };
    case '22':
      return { ...style, bold: false, dim: false };
    case '39':
      return { ...style, colour: undefined };
    default:
      if (colours[code] === undefined) throw new Error(`a style that the picture does not know: ${code}`);
      return { ...style, colour: colours[code] };
  }
}
