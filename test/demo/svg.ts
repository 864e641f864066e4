import { type Run, readRuns } from './ansi.ts';

const fontSize = 14;
const cellWidth = 8.4;
const lineHeight = 20;
const margin = 20;

/** Both colour schemes in one file: the reader's choice decides, also where the picture is an `<img>`. */
const style = `
    text { font: ${fontSize}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
    .bold { font-weight: 600 }
${inScheme({ paper: '#ffffff', edge: '#d0d7de', ink: '#1f2328', faint: '#59636e', red: '#cf222e', green: '#1a7f37' })}
    @media (prefers-color-scheme: dark) {
${inScheme({ paper: '#0d1117', edge: '#30363d', ink: '#e6edf3', faint: '#9198a1', red: '#ff7b72', green: '#3fb950' })}
    }`;

function inScheme(colours: Record<'paper' | 'edge' | 'ink' | 'faint' | 'red' | 'green', string>): string {
  const { paper, edge, ink, faint, red, green } = colours;
  return `    rect { fill: ${paper}; stroke: ${edge} }
    text { fill: ${ink} }
    .dim { fill: ${faint} }
    .red { fill: ${red} }
    .green { fill: ${green} }`;
}

/** Draws coloured terminal output as a picture that needs nothing else: text stays text, in cells of one width. */
export function drawTerminal(output: string, title: string): string {
  const lines = output.replace(/\n+$/, '').split('\n').map(readRuns);
  const columns = Math.max(...lines.map((runs) => runs.reduce((sum, { text }) => sum + text.length, 0)));
  const width = Math.ceil(columns * cellWidth) + 2 * margin;
  const height = lines.length * lineHeight + 2 * margin;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
  <title>${escapeXml(title)}</title>
  <style>${style}
  </style>
  <rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${lines.flatMap(drawLine).join('\n')}
</svg>
`;
}

function drawLine(runs: readonly Run[], row: number): string[] {
  const y = margin + row * lineHeight + fontSize;
  let column = 0;
  const drawn = runs.flatMap((run) => {
    const start = column + run.text.length - run.text.trimStart().length;
    column += run.text.length;
    const text = run.text.trim();
    if (text === '') return [];
    const names = [run.bold && 'bold', run.dim && 'dim', run.colour].filter(Boolean).join(' ');
    const styled = names === '' ? '' : ` class="${names}"`;
    // The length is given, so that columns line up whatever font there is.
    const place = `x="${margin + round(start * cellWidth)}" y="${y}" textLength="${round(text.length * cellWidth)}"`;
    return `  <text ${place}${styled}>${escapeXml(text)}</text>`;
  });
  return drawn;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
