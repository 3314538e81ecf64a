import type { App } from '../../app/app.ts';
import { pausedWords } from '../../fleet/pause.ts';
import { type Finding, note } from './finding.ts';

/** More are only counted. */
const namedAtMost = 5;

/** The hosts whose passes somebody paused; without any, there is nothing to say. A database that does not answer is reported by its own check. */
export async function checkPauses(app: App): Promise<readonly Finding[] | null> {
  const hosts = await app
    .report()
    .then((report) => report.hosts(null))
    .catch(() => []);
  const found = hosts.flatMap(({ host_uuid: host, paused }) =>
    paused === null
      ? []
      : [note(`host ${host} is ${pausedWords(paused)}. To resume it: decnet-fleet resume ${host}`)],
  );
  const more = found.length - namedAtMost;
  if (found.length === 0) return null;
  return [
    ...found.slice(0, namedAtMost),
    ...(more > 0 ? [note(`${more.toLocaleString('en')} more hosts are paused: decnet-fleet hosts`)] : []),
  ];
}
