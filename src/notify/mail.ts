import { codeOf } from '../lib/errors.ts';
import type { ReceiverSettings } from './addresses.ts';
import { answerWithinMs, type Delivery, type Transport } from './delivery.ts';
import { mailOf } from './formats/mail.ts';

const usualPorts = { 'smtp:': 25, 'smtps:': 465 } as const;

/** Mail through an SMTP server. A login is sent only over an encrypted connection. */
export function mail({ url, from, to }: Pick<ReceiverSettings, 'url' | 'from' | 'to'>): Transport {
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? usualPorts[secure ? 'smtps:' : 'smtp:'] : Number(url.port);
  const user = decodeURIComponent(url.username);
  const login = user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } };
  return {
    origin: `${url.protocol}//${url.hostname}:${port}`,
    send: async (message, signal): Promise<Delivery> => {
      const { createTransport } = await import('nodemailer');
      const half = answerWithinMs / 2;
      const transport = createTransport({
        ...{ host, port, secure, requireTLS: user !== '' },
        ...{ connectionTimeout: half, greetingTimeout: half, socketTimeout: half, dnsTimeout: half },
        ...{ disableFileAccess: true, disableUrlAccess: true },
        ...login,
      });
      const limit = AbortSignal.timeout(answerWithinMs * 2);
      const until = AbortSignal.any([limit, signal]);
      try {
        const sent = await Promise.race([
          transport.sendMail({ from, to: [...to], ...mailOf(message) }),
          new Promise<never>((_, fail) =>
            until.addEventListener('abort', () => fail(until.reason), { once: true }),
          ),
        ]);
        const refused = sent.rejected.length;
        const also = refused === 0 ? '' : `, and refused ${refused} of ${to.length} recipients`;
        return { kind: 'delivered', answer: `it answered ${sent.response.slice(0, 3)}${also}` };
      } catch (error) {
        return { kind: 'failed', reason: limit.aborted ? 'no answer in time' : mailFault(error) };
      } finally {
        transport.close();
      }
    },
  };
}

/** Only codes: the texts contain addresses. */
function mailFault(error: unknown): string {
  const { responseCode, command } = error as { responseCode?: number; command?: string };
  if (typeof responseCode === 'number')
    return `it answered ${responseCode}${typeof command === 'string' ? ` to ${command}` : ''}`;
  return codeOf(error) ?? 'it does not answer';
}
