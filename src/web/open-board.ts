import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { missingPackage } from '../lib/optional.ts';
import { isForPrograms, send } from './answers.ts';
import type { BoardOptions } from './board.ts';
import { problem } from './layout.ts';
import type { WebPorts } from './ports.ts';
import { boardPath } from './words.ts';

/** The pages below `/queues`. */
export interface QueueBoard {
  /** False: its packages are not installed. It answers 404, and no page links to it. */
  readonly isInstalled: boolean;
  register(app: FastifyInstance): Promise<void>;
  /** Shows a host's queue, or one of its jobs. @returns its address */
  open(host: string, job: string | null): Promise<string>;
  close(): void;
}

/** Loads Bull Board, an optional part of the package. @throws Error if it is installed and cannot be loaded */
export async function openBoard(
  { queues, report, log }: Pick<WebPorts, 'queues' | 'report' | 'log'>,
  options: Omit<BoardOptions, 'log'>,
): Promise<QueueBoard> {
  try {
    const { queueBoard } = await import('./board.ts');
    return queueBoard(queues, report, { ...options, log });
  } catch (error) {
    const missing = missingPackage(error);
    if (!missing?.startsWith('@bull-board/')) throw error;
    // Not info: the dashboard logs that only on request.
    log.warn({ package: missing }, 'Bull Board is not installed; there are no pages below /queues');
    return absentBoard;
  }
}

const absentBoard: QueueBoard = {
  isInstalled: false,
  // No routes: what does not exist is nobody's act, and is not in the audit log.
  register: async (app) => {
    await app.register(
      (scope, _options, done) => {
        scope.setNotFoundHandler(notInstalled);
        done();
      },
      { prefix: boardPath },
    );
  },
  open: async () => `${boardPath}/`,
  close: () => undefined,
};

const [title, howToGetIt] = [
  'Bull Board is not installed here',
  'To get it, install the package again without --omit=optional on the machine of the dashboard, and restart the dashboard.',
];

const notInstalled = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  void reply.code(404);
  return isForPrograms(request.url)
    ? reply.send({ error: `${title}. ${howToGetIt}` })
    : send(
        reply,
        problem(title, 'It is the part of the dashboard that shows the queues and their jobs.', howToGetIt),
      );
};
