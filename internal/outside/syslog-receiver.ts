/**
 * A receiver of syslog messages over TLS (RFC 5425), or over TCP on this machine (RFC 6587). It answers nothing. What can be
 * known is told by how the connection ends: everything was sent and the end of it, and then the receiver, which had to read
 * up to there to see it, ended it from its side.
 */
import { connect, isIP } from 'node:net';
import { clock } from '../clock/clock.ts';
import { whyUnreached } from './unreached.ts';

/** How long one batch may take. */
const longestMs = 15_000;
/** Whoever only accepts and closes, as what stands before a dead receiver does, has closed by then. */
const settlingMs = 50;

/** Why a text was not surely taken, in words; undefined where it was. `signal` gives it up. `ca`: whom to trust instead. */
export async function handToReceiver(
  url: URL,
  text: string,
  { signal, ca, waitMs = longestMs }: { signal: AbortSignal; ca?: string; waitMs?: number },
): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'syslog+tls:';
  const port = Number(url.port || (isTls ? '6514' : '514'));
  const socket = isTls
    ? (await import('node:tls')).connect({ host, port, ca, ...(isIP(host) === 0 && { servername: host }) })
    : connect({ host, port });
  const limit = AbortSignal.any([signal, clock.deadline(waitMs)]);
  let isSent = false;
  return await new Promise<string | undefined>((resolve) => {
    const settle = (why: string | undefined) => {
      limit.removeEventListener('abort', tooLong);
      socket.destroy();
      resolve(why);
    };
    const tooLong = () => settle(signal.aborted ? 'it was interrupted' : `it has not ended in ${waitMs / 1000} s`);
    limit.addEventListener('abort', tooLong, { once: true });
    if (limit.aborted) tooLong();
    socket.once('error', (error) => settle(whyUnreached(error)?.reason ?? error.message));
    socket.once('close', () => settle(isSent ? undefined : 'it closed before it had everything'));
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      void clock.pause(settlingMs, limit).then(() => {
        if (!socket.destroyed) socket.end(text, () => (isSent = true));
        else settle('it closed before it had everything');
      });
    });
    // Whatever it says is no answer.
    socket.resume();
  });
}
