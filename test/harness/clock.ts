/**
 * Preloaded with `--import`: the clock of this process is wrong by CLOCK_OFFSET_MS milliseconds. Monotonic times and timers
 * stay right, as they do when a machine's clock is set.
 */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS);
const { now } = Date;
Date.now = () => now() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [target.now()] : args, newTarget) as Date,
  apply: (target) => new target(target.now()).toString(),
});
