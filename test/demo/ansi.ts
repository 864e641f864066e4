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
  // Text and codes take turns: the capturing group puts each code between two texts.
  for (const [index, part] of line.split(/\u001b\[(\d+)m/).entries()) {
    if (index % 2 === 1) style = changed(style, part);
    else if (part.includes('\u001b')) throw new Error(`not a style: ${JSON.stringify(part)}`);
    else if (part !== '') runs.push({ ...style, text: part });
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
