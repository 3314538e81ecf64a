/** The text of docs/configuration.md, which `npm run reference` writes and `test/app/settings.test.ts` holds equal to the code. */
import { join } from 'node:path';
import { usualConfigFile } from '../../src/app/config-file.ts';
import { type Setting, takenText } from '../../src/app/setting.ts';
import { configFileVariable, keyOf, secretNames, settingNames, settingOf } from '../../src/app/settings.ts';
import { packageRoot } from '../../src/lib/package.ts';

export const settingsFile: string = join(packageRoot, 'docs', 'configuration.md');

const takenOf = (setting: Setting): string =>
  setting.takes.as === 'number' ? `${takenText(setting)}; ${setting.takes.unit}` : takenText(setting);

const rows = settingNames.map((name) => {
  const setting = settingOf(name);
  const usual = setting.fallback === null ? (setting.unset ?? 'none') : `\`${setting.fallback}\``;
  const cells = [`\`${name}\``, `\`${keyOf(name)}\``, usual, takenOf(setting), setting.help];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
});

export const settingsText = (): string => `# Configuration

Each setting has an environment variable, and the same name in lower case as a key in a configuration file. The first of these
that has a value is used:

1. the environment: the variable, or for a secret the file that \`NAME_FILE\` names. An empty variable counts as not set
2. for a secret: a credential of systemd
3. the configuration file
4. the default

\`decnet-fleet config\` shows every setting, its value, and where it comes from. Passwords are hidden. \`-o json\` and \`-o yaml\` are for
programs.

## The configuration file
It is the file that \`decnet-fleet --config FILE\` or \`${configFileVariable}\` names, else \`${usualConfigFile}\` if it exists. It is never
looked for in the current directory, and a file that every user can write is refused. It is YAML: a line for each setting.

\`\`\`yaml
decnet_host_uuid: web-7
database_url_file: /etc/fleet/database_url   # or database_url: postgresql://…
redis_url_file: /etc/fleet/redis_url
decnet_interval: 60
decnet_notify:                               # a list, or one text
  - ntfy+https://ntfy.example.org/fleet?severity=critical
  - smtp://mail.example.org?from=fleet@example.org&to=ops@example.org
docker_tls_verify: false
\`\`\`

\`decnet-fleet config --check FILE\` validates a file: exit 0 or 2, and each error is a line with the file, the line and the key. A key
that is not known, or that is there twice, is an error.

## Secrets
${secretNames.map((name) => `\`${name}\``).join(', ')}
may contain passwords or tokens. Each may be given as a file instead, whose content without white space around it is the value:

* \`DATABASE_URL_FILE=/run/secrets/url\`, or \`database_url_file: /run/secrets/url\` in the configuration file
* a credential of systemd with the name of the key: \`LoadCredential=database_url:/etc/fleet/database_url\` in the unit. The file may
  be readable by root only

## Names that are not known
A variable that looks like one of ours and is none, \`DECNET_INTERVALL\` for example, is not an error, because DECNET and other programs
have variables of their own. Commands that run until they are stopped log a warning with the nearest known name when they start.
\`config\` and \`doctor\` show it, too.

## All settings

| variable | key | default | allowed | meaning |
| --- | --- | --- | --- | --- |
${rows.join('')}
The exact rules are in [the contract](CONTRACT.md#environment). This page is written by \`npm run reference\`.
`;
