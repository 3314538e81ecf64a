/** A strict parser of Prometheus's text format. */

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (families.has(of)) throw new Error(`${of} comes twice`);
      families.set(of, { help: rest, type: '', samples: [] });
    } else if (kind === 'TYPE') {
      const family = families.get(of);
      if (family === undefined || family.type !== '') throw new Error(`TYPE without HELP: ${line}`);
      family.type = rest;
    } else {
      const sample = parseSample(line);
      const family = [...families.entries()].at(-1);
      if (family === undefined || !belongs(sample.name, family[0], family[1].type))
        throw new Error(`no family: ${line}`);
      const series = line.slice(0, line.lastIndexOf(' '));
      if (seen.has(series)) throw new Error(`comes twice: ${series}`);
      seen.add(series);
      family[1].samples.push(sample);
    }
  }
  return families;
}

const belongs = (sample: string, family: string, type: string): boolean =>
  type === 'histogram'
    ? ['_bucket', '_sum', '_count'].some((suffix) => sample === family + suffix)
    : sample === family && type !== '';

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = '', labels = '', value = ''] = match;
  const found = labels.matchAll(/(\w+)="((?:[^"\\\n]|\\[\\"n])*)"/g);
  const number = Number(value);
  if (Number.isNaN(number)) throw new Error(`no number: ${line}`);
  return {
    name,
    labels: Object.fromEntries(
      [...found].map(([, label, text = '']) => [
        label,
        text.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c)),
      ]),
    ),
    value: number,
  };
}
