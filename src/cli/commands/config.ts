import { type Config, checkConfigFile, chooseStateFile, parseConfig } from '../../app/config.ts';
import { takenText } from '../../app/setting.ts';
import { keyOf, type SettingName, settingNames, settingOf } from '../../app/settings.ts';
import type { Origin } from '../../app/sources.ts';
import { FleetError } from '../../lib/errors.ts';
import { maskAddress, withoutSecrets } from '../../lib/mask.ts';
import { printable } from '../../lib/text.ts';
import type { Context, Register } from '../context.ts';
import { exitCodeOf } from '../failure.ts';
import { option } from '../options.ts';
import { countOf, paint, table } from '../text.ts';
import { yamlText } from '../yaml.ts';

const forms = ['table', 'json', 'yaml'] as const;
type Form = (typeof forms)[number];

interface Options {
  readonly check?: string;
  readonly json?: true;
  readonly output?: Form;
}

/** Shows the settings that hold and where each comes from, or validates a configuration file. */
export const configCommand: Register = (command, context) => {
  command
    .option('-o, --output <form>', `the form: ${forms.join(', ')}`, (text) => option.oneOf(forms, text))
    .option('--json', 'the same as -o json')
    .option('--check <file>', 'only validate this configuration file')
    .addHelpText('after', '\nExit code: 0 valid, 2 not valid or wrong usage.')
    .action(async (options: Options) => {
      if (options.check !== undefined) return check(context, options.check);
      const config = parseConfig(context.env);
      const form = options.json ? 'json' : (options.output ?? 'table');
      if (form === 'table') print(context, config);
      else if (form === 'json') context.printJson(documentOf(config));
      else context.write(await yamlText(documentOf(config)));
    });
};

function check(context: Context, file: string): void {
  const { problems, warnings, count } = checkConfigFile(file);
  printWarnings(context, warnings);
  if (problems.length === 0) context.print(`${file}: valid, ${countOf(count, 'setting')}`);
  for (const problem of problems) context.note(`decnet-fleet: ${printable(problem)}`);
  if (problems.length > 0) context.exitCode = exitCodeOf(new FleetError('CONFIG_INVALID', ''));
}

function printWarnings(context: Context, warnings: readonly string[]): void {
  for (const warning of warnings) context.note(`decnet-fleet: warning: ${printable(warning)}`);
}

function print(context: Context, config: Config): void {
  const { screen } = context;
  context.print(`configuration file: ${config.sources.file ?? 'none'}\n`);
  context.print(
    table(
      screen,
      settingNames.map((name) => {
        const value = shownValue(name, config);
        const origin = config.sources.values.get(name)?.origin;
        const shown = value ?? paint(screen, 'gray', `(${settingOf(name).unset ?? 'none'})`);
        const from = origin === undefined ? paint(screen, 'gray', 'default') : originText(origin);
        return [name, printable(from), printable(shown)];
      }),
    ),
  );
  printWarnings(context, config.warnings);
}

/** @see docs/schemas/config.schema.json */
const documentOf = (config: Config) => ({
  file: config.sources.file,
  settings: settingNames.map((name) => {
    const setting = settingOf(name);
    const origin = config.sources.values.get(name)?.origin;
    return {
      variable: name,
      key: keyOf(name),
      value: shownValue(name, config),
      from: origin ?? { kind: 'default' },
      default: setting.fallback,
      is_secret: setting.secret !== undefined,
      allowed: takenText(setting),
      unit: setting.takes.as === 'number' ? setting.takes.unit : null,
      meaning: setting.help,
    };
  }),
  warnings: config.warnings,
});

function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'environment':
      return 'environment';
    case 'config file':
      return `${origin.file}:${origin.line}`;
    case 'secret file':
      return `${origin.named}=${origin.file}`;
    case 'credential':
      return `credential ${origin.file}`;
  }
}

/** The value that holds, without its secret part; null: none. */
function shownValue(name: SettingName, config: Config): string | null {
  const { secret, fallback } = settingOf(name);
  const text = config.sources.values.get(name)?.text;
  if (text === undefined) return usual(name, config) ?? fallback;
  if (secret === undefined) return withoutSecrets(text);
  switch (secret) {
    case 'nothing':
      return '***';
    case 'address without password':
      return maskAddress(text);
    case 'origin':
      return `${new URL(text).origin}/***`;
    case 'names of receivers':
      return config.receivers
        .filter(({ key }) => key !== '')
        .map((one) => one.name)
        .join(', ');
  }
}

/** What is found where a setting has no value. */
function usual(name: SettingName, config: Config): string | null {
  if (name === 'DECNET_DATA_DIR') return config.dataDir;
  return name === 'DECNET_STATE_FILE' ? chooseStateFile(config) : null;
}
