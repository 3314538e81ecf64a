import type { JsonObject } from '../lib/json.ts';
import type { ReceiverSettings } from './addresses.ts';
import type { Delivery, Transport } from './delivery.ts';
import { alertOf, alertsUrl } from './formats/alertmanager.ts';
import { ntfyBody, ntfyLocation } from './formats/ntfy.ts';
import { slackBody } from './formats/slack.ts';
import { mail } from './mail.ts';
import { post } from './post.ts';
import { receiverAddress } from './receiver-address.ts';
import { syslog } from './syslog.ts';

/** A receiver of notifications. */
export interface Receiver extends Transport, Pick<ReceiverSettings, 'key' | 'name' | 'filter'> {
  /** Sends what is open again; absent: the receiver remembers it. */
  repeat?(open: readonly JsonObject[], signal: AbortSignal): Promise<Delivery>;
}

export function openReceiver(settings: ReceiverSettings): Receiver {
  const { key, name, filter } = settings;
  return { key, name, filter, ...transports[settings.kind](settings) };
}

type Opened = Omit<Receiver, 'key' | 'name' | 'filter'>;

const transports: Readonly<Record<ReceiverSettings['kind'], (settings: ReceiverSettings) => Opened>> = {
  webhook,
  slack: ({ url }) => slack(url),
  ntfy: ({ url }) => {
    const location = ntfyLocation(url);
    const address = receiverAddress(location.url.href);
    return {
      origin: address.origin,
      send: ({ body }, signal) => post(address, ntfyBody(location.topic, body), { signal }),
    };
  },
  alertmanager: ({ url }) => {
    const address = receiverAddress(alertsUrl(url).href);
    return {
      origin: address.origin,
      send: ({ body }, signal) => post(address, [alertOf(body, Date.now())], { signal }),
      repeat: (open, signal) => {
        const now = Date.now();
        return post(
          address,
          open.map((incident) => alertOf({ incident }, now)),
          { signal },
        );
      },
    };
  },
  mail,
  syslog,
};

/**
 * A generic receiver. Slack accepts only `{text}`. The same format is used for any address with the query parameter
 * `format=slack`, which is removed from the address.
 */
function webhook({ url: given }: ReceiverSettings): Opened {
  const url = new URL(given);
  const isSlack = url.searchParams.get('format') === 'slack';
  if (isSlack) url.searchParams.delete('format');
  if (isSlack || url.hostname === 'hooks.slack.com') return slack(url);
  const address = receiverAddress(url.href);
  return {
    origin: address.origin,
    send: ({ id, body }, signal) => post(address, { id, ...body }, { signal, headers: idOf(id) }),
  };
}

function slack(url: URL): Opened {
  const address = receiverAddress(url.href);
  return {
    origin: address.origin,
    send: ({ id, body }, signal) => post(address, slackBody(body), { signal, headers: idOf(id) }),
  };
}

const idOf = (id: string): Readonly<Record<string, string>> => ({ 'decnet-notification-id': id });
