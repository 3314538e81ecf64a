import { readFileSync } from 'node:fs';

/*
 * Checks that a tag, package.json and the changelog name the same version, and prints the notes of the release:
 * `node .ci/release.ts v1.2.3 > notes.md`, in the root of a checkout.
 */

export interface Release {
  /** Such as `v1.2.3`. */
  readonly tag: string;
  /** Of package.json. */
  readonly version: string;
  readonly changelog: string;
}

/** The title of a version's section: `## 1.2.3 - 2026-01-31`, as Keep a Changelog writes it, with or without brackets. */
const title = /^## \[?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)\]?(?: - (.*))?$/;
const isDate = (text = ''): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && new Date(text).toJSON()?.slice(0, 10) === text;

/** The changelog's section of the version, without its title. @throws Error that says what does not fit, and what to do */
export function releaseNotes({ tag, version, changelog }: Release): string {
  if (tag !== `v${version}`)
    throw new Error(
      `The tag is ${tag}, but package.json has version ${version}: tag v${version}, or change it`,
    );
  const lines = changelog.split('\n');
  const at = lines.findIndex((line) => title.exec(line)?.[1] === version);
  if (at === -1)
    throw new Error(`CHANGELOG.md has no section of ${version}: rename "Unreleased" to "${version} - DATE"`);
  const [, , date] = title.exec(lines[at] ?? '') ?? [];
  if (!isDate(date))
    throw new Error(`CHANGELOG.md:${at + 1}: the section of ${version} has no date such as 2026-01-31`);
  const length = lines.slice(at + 1).findIndex((line) => line.startsWith('## '));
  const notes = lines
    .slice(at + 1, length === -1 ? undefined : at + 1 + length)
    .join('\n')
    .trim();
  if (notes === '') throw new Error(`CHANGELOG.md:${at + 1}: the section of ${version} is empty`);
  return `${notes}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const [tag = ''] = process.argv.slice(2);
  try {
    process.stdout.write(releaseNotes({ tag, version, changelog: readFileSync('CHANGELOG.md', 'utf8') }));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
