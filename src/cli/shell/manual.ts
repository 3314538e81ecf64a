import { capital } from '../../lib/text.ts';
import { examplesOf } from '../examples.ts';
import type { CommandWords, OptionWords, Surface } from './surface.ts';

/** A text as troff prints it: its own signs are escaped, and a line does not begin with one of them. */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

const bold = (text: string): string => `\\fB${plain(text)}\\fR`;

/** An option as the help prints it, its value in italics. */
function flagsOf({ flags }: OptionWords): string {
  const [, names = '', value = ''] = /^(.*?)(?: ([<[].*))?$/.exec(flags) ?? [];
  const printed = names.split(', ').map(bold).join(', ');
  return value === '' ? printed : `${printed} \\fI${plain(value)}\\fR`;
}

const described = (term: string, text: string): string => `.TP\n${term}\n${plain(text)}\n`;

const exampleText = (name: string): string =>
  examplesOf(name)
    .map(([line, does]) => `.PP\n${plain(`${does}:`)}\n.PP\n.nf\n.RS\n${plain(line)}\n.RE\n.fi\n`)
    .join('');

const commandText = (command: CommandWords): string =>
  `.SS ${plain(command.name)} ${plain(command.usage)}
${plain(sentence(command.description))}
${command.arguments.map(({ name, description }) => described(`\\fI${plain(name)}\\fR`, description)).join('')}${command.options
  .map((one) => described(flagsOf(one), one.description))
  .join('')}${exampleText(command.name)}`;

/** A description of the help as a sentence. */
export const sentence = (text: string): string => `${capital(text)}${text.endsWith('.') ? '' : '.'}`;

/** The manual page of all commands, in troff's man macros. @param version of the package */
export const manualPage = (surface: Surface, version: string): string =>
  `.TH DECNET\\-FLEET 1 "" "decnet\\-fleet ${plain(version)}" "User Commands"
.SH NAME
decnet\\-fleet \\- keeps the fleet table of a DECNET deception network in sync
.SH SYNOPSIS
${bold('decnet-fleet')} \\fIcommand\\fR [\\fIoptions\\fR]
.SH DESCRIPTION
${plain(surface.description)}
.SH COMMANDS
${surface.commands.map(commandText).join('')}.SH EXIT STATUS
.TP
0
Success.
.TP
1
Failure.
.TP
2
Wrong usage or configuration; for ${bold('plan')}, there are changes.
.TP
3
With ${bold('status --exit-code')}: something is broken.
.TP
4
For ${bold('wait')}: it took longer than ${bold('--timeout')}.
.SH ENVIRONMENT
The most important variables; the documentation has all of them.
.TP
${bold('DATABASE_URL')}
The PostgreSQL database; without it, all commands share an embedded one.
.TP
${bold('REDIS_URL')}
The Redis server of the queues; without it, the queues are in PostgreSQL.
.TP
${bold('DECNET_STATE_FILE')}
The file in which DECNET declares the deckies of this host.
.TP
${bold('DECNET_HOST_UUID')}
The name of this host.
.TP
${bold('DOCKER_HOST')}
The address of the Docker engine.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const optionRows = (options: readonly OptionWords[]): string =>
  options.map(({ flags, description }) => `| \`${cell(flags)}\` | ${cell(description)} |\n`).join('');

const exampleRows = (name: string): string =>
  examplesOf(name)
    .map(([line, does]) => `# ${does}\n${line}\n`)
    .join('');

/** The same as a page of the documentation. */
export const commandsPage = (surface: Surface): string =>
  `# Every command

The same as \`decnet-fleet COMMAND --help\`. This page is written by \`npm run reference\`.
${surface.commands
  .map(
    (command) => `
## ${command.name}

${sentence(command.description)}

\`decnet-fleet ${[command.name, '[options]', command.usage].join(' ').trim()}\`

| option | does |
| --- | --- |
${optionRows(command.options)}
\`\`\`sh
${exampleRows(command.name)}\`\`\`
`,
  )
  .join('')}`;
