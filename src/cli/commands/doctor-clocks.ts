import type { App } from '../../app/app.ts';
import { ageOf } from '../../lib/age.ts';
import { type Finding, fault, note, ok, type Role } from './finding.ts';

/** Clock differences in seconds above which a note or a fault is reported. */
const clockDifferenceSeconds = { note: 5, fault: 60 };

/** Compares this machine's clock with those of the database, the queues and Docker. A part that does not answer is reported by its own check. */
export async function checkClocks(app: App, roles: readonly Role[]): Promise<Finding> {
  const aheadOf = async (
    name: string,
    ask: () => Promise<number>,
  ): Promise<readonly [string, number] | null> => {
    const before = Date.now();
    const there = await ask().catch(() => Number.NaN);
    // Compare with the middle of the request.
    const seconds = (there - (before + Date.now()) / 2) / 1000;
    return Number.isFinite(seconds) ? [name, seconds] : null;
  };
  const epoch = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now';
  const asked = [
    aheadOf('the database', async () => {
      const [row] = await (await app.database()).query<{ now: number }>(epoch);
      return row?.now ?? Number.NaN;
    }),
    aheadOf('the queues', async () => (await app.queues()).now()),
  ];
  if (roles.includes('worker')) asked.push(aheadOf('Docker', async () => (await app.engine()).now()));
  const clocks = (await Promise.all(asked)).filter((one) => one !== null);
  const off = clocks.filter(([, seconds]) => Math.abs(seconds) > clockDifferenceSeconds.note);
  if (off.length === 0)
    return ok(`in sync: ${clocks.map(([name]) => name).join(', ') || 'nothing else answers'}`);
  const text = off
    .map(
      ([name, seconds]) =>
        `the clock of ${name} is ${ageOf(Math.abs(seconds) * 1000)} ${seconds > 0 ? 'ahead' : 'behind'}`,
    )
    .join(', ');
  const finding = `Compared with this machine, ${text}. Passes are not affected, but displayed ages are wrong: synchronize the clocks, for example with NTP`;
  return off.some(([, seconds]) => Math.abs(seconds) > clockDifferenceSeconds.fault)
    ? fault(new Error(finding))
    : note(finding);
}
