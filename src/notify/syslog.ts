import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import type { ReceiverSettings } from './addresses.ts';
import { answerWithinMs, type Delivery, type Transport } from './delivery.ts';
import { counted, syslogLine } from './formats/syslog.ts';
import { connectionFault } from './receiver-address.ts';

const usualPort = 514;

/** A receiver of syslog. It never answers: a message counts as delivered when it has left this machine. */
export function syslog({ url }: Pick<ReceiverSettings, 'url'>): Transport {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? usualPort : Number(url.port);
  const isTcp = url.protocol === 'tcp:';
  return {
    origin: `${url.protocol}//${url.hostname}:${port}`,
    send: async (message, signal): Promise<Delivery> => {
      const limit = AbortSignal.timeout(answerWithinMs);
      const line = syslogLine(message, Date.now(), hostname());
      try {
        const until = AbortSignal.any([limit, signal]);
        await (isTcp ? overTcp(counted(line), host, port, until) : overUdp(line, host, port, until));
        return { kind: 'delivered', answer: 'sent; receivers of syslog do not answer' };
      } catch (error) {
        return { kind: 'failed', reason: limit.aborted ? 'no answer in time' : connectionFault(error) };
      }
    },
  };
}

/** A connection for each message: what was written to one that the receiver has closed would be lost. */
const overTcp = (text: string, host: string, port: number, signal: AbortSignal): Promise<void> =>
  new Promise((done, fail) => {
    const socket = connect({ host, port, signal }, () => socket.end(text));
    socket.on('error', fail);
    // Without a reader of its answers, its end would not be seen.
    socket.resume();
    socket.on('close', (hadError) => (hadError ? undefined : done()));
  });

const overUdp = (text: string, host: string, port: number, signal: AbortSignal): Promise<void> =>
  new Promise((done, fail) => {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', signal });
    socket.on('error', fail);
    socket.send(text, port, host, (error) => {
      socket.close();
      if (error === null) done();
      else fail(error);
    });
  });
