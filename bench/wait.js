/** A Node that does nothing until it is stopped: the floor of processes that run for ever. No TypeScript: reading it takes memory. */
setInterval(() => undefined, 2 ** 30);
