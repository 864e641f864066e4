/** What a command said, ready to be compared with a file of test/golden: all that differs from run to run is named. */
export function goldenText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/\b(agent|env|sesn|skill|skver|vlt)_[A-Za-z0-9]+/g, '{$1 id}')
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, 'http://127.0.0.1:{port}');
}
