import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message to people, as far as it is used here. @see docs/schemas/notification.schema.json */
export interface ReceivedMessage {
  readonly kind: string;
  readonly name: string | null;
  readonly names: readonly string[];
  readonly text: string;
}

/** A receiver of the messages to people. */
export interface MessageReceiver {
  /** For DECNET_WEBHOOK_URL. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function messageReceiver(take: (message: ReceivedMessage) => void): Promise<MessageReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      take(JSON.parse(Buffer.concat(chunks).toString()) as ReceivedMessage);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
