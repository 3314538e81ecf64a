import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a store, which can be cut as a cable is. */
export interface CutProxy {
  /** The address of the store through the proxy. */
  readonly url: string;
  cut(): void;
  restore(): void;
  /** Ends the next connection that is opened, when it sends its n-th request; 0: at once. */
  endNextAt(request: number): void;
  /** Whether `endNextAt` has ended its connection. */
  hasEnded(): boolean;
  close(): Promise<void>;
}

export async function cutProxy(address: string, defaultPort: number): Promise<CutProxy> {
  const to = new URL(address);
  const target = { host: to.hostname, port: Number(to.port || defaultPort) };
  const open = new Set<Socket>();
  let isCut = false;
  let endAt: number | null = null;
  let isEnded = false;
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    if (endAt !== null) {
      let left = endAt;
      endAt = null;
      const requested = (): void => {
        if (left-- > 0 || near.destroyed) return;
        isEnded = true;
        near.destroy();
      };
      requested();
      near.on('data', requested);
      if (near.destroyed) return;
    }
    const far = connect(target);
    for (const one of [near, far]) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const listening = server.address();
  const url = new URL(address);
  url.hostname = '127.0.0.1';
  url.port = String(typeof listening === 'object' ? listening?.port : 0);
  const end = (): void => {
    for (const one of open) one.destroy();
  };
  return {
    url: url.href,
    cut: () => {
      isCut = true;
      end();
    },
    restore: () => {
      isCut = false;
    },
    endNextAt: (request) => {
      [endAt, isEnded] = [request, false];
    },
    hasEnded: () => isEnded,
    close: async () => {
      isCut = true;
      end();
      await new Promise((done) => server.close(done));
    },
  };
}
