import type { ServerResponse } from 'node:http';
import type { Fault } from '../faults.ts';
import type { StreamSink } from './answer.ts';

/** A stream that goes wrong once a number of events was sent. Pings are no events. */
export function faultyStream(response: ServerResponse, { after, how }: Extract<Fault, { kind: 'stream' }>): StreamSink {
  const sent: string[] = [];
  let broken = false;
  const goWrong = (frame: string): void => {
    broken = true;
    switch (how) {
      case 'reset':
        response.destroy();
        break;
      case 'half':
        response.write(frame.slice(0, frame.length / 2), () => response.destroy());
        break;
      case 'end':
        response.end();
        break;
      case 'error':
        response.end(
          'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
        );
        break;
      case 'stall':
        break;
      case 'garbage':
        response.write(`${frame.slice(0, frame.length / 2)}\n\n`);
        break;
      case 'untyped':
        response.write(untyped(frame));
        break;
      case 'replay':
        for (const each of [...sent, frame]) response.write(each);
        break;
    }
  };
  const whole = ['garbage', 'replay'];
  return {
    write(frame) {
      if (broken) {
        if (how === 'untyped') response.write(untyped(frame));
        if (whole.includes(how)) response.write(frame);
        return;
      }
      if (!frame.startsWith('event: ping') && sent.length === after) {
        goWrong(frame);
        return;
      }
      if (!frame.startsWith('event: ping')) sent.push(frame);
      response.write(frame);
    },
    end: () => void response.end(),
    on: (event, listener) => void response.on(event, listener),
  };
}

/** A stream on which nothing goes wrong. */
export function plainStream(response: ServerResponse): StreamSink {
  return {
    write: (frame) => void response.write(frame),
    end: () => void response.end(),
    on: (event, listener) => void response.on(event, listener),
  };
}

function untyped(frame: string): string {
  return frame.replace(/^event: .*\n/, '');
}
