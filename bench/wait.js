/** An idle Node process, the floor of long-running processes. Not TypeScript: loading it takes memory. */
setInterval(() => undefined, 2 ** 30);
