import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { packageRoot } from '../../src/lib/package.ts';
import { findProgram } from '../harness/program.ts';

const promtool = await findProgram('promtool');
const skip = promtool === null ? 'promtool: it is not installed on this machine' : false;
const run = (...args: readonly string[]) => promisify(execFile)(promtool ?? '', args);
const file = join(packageRoot, 'docs/alerts.yml');

interface Rule {
  readonly alert: string;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = (
  parse(readFileSync(file, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);

/** The anchors of a document's headings, as GitHub makes them. */
const anchorsIn = (document: string): readonly string[] =>
  [...readFileSync(join(packageRoot, document), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  );

/** What one series does to the rules. */
const ruleTest = (
  name: string,
  { series, alert, at, fires }: { series: string; alert: string; at: string; fires: object | null },
) => ({
  name,
  interval: '1m',
  input_series: [{ series, values: '0x2 1x20 0x10' }],
  alert_rule_test: [
    {
      eval_time: at,
      alertname: alert,
      exp_alerts:
        fires === null
          ? []
          : [
              {
                exp_labels: fires,
                exp_annotations: rules
                  .filter((rule) => rule.alert === alert)
                  .map(({ annotations }) =>
                    Object.fromEntries(
                      Object.entries(annotations).map(([key, text]) => [
                        key,
                        text.replace('{{ $value }}', '1').replace('{{ $labels.kind }}', 'host_stale'),
                      ]),
                    ),
                  )[0],
              },
            ],
    },
  ],
});

describe('the shipped alerting rules', () => {
  test('each rule has a link to a section of the documents that exists', () => {
    assert.ok(rules.length > 10);
    for (const { alert, annotations } of rules) {
      const [document = '', anchor = ''] = (annotations.docs ?? '').split('#');
      assert.match(document, /^docs\/[\w-]+\.md$/, alert);
      assert.ok(anchorsIn(document).includes(anchor), `${alert}: ${annotations.docs}`);
    }
  });

  test('promtool accepts them', { skip }, async () => {
    const { stdout } = await run('check', 'rules', file);
    assert.match(stdout, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  test('an open incident fires the rule of its severity while it lasts, and no other', { skip }, async () => {
    const series = (severity: string): string =>
      `decnet_fleet_incidents{severity="${severity}", kind="host_stale"}`;
    const tests = [
      ...(
        [
          ['critical', 'DecnetFleetIncidentCritical', 'DecnetFleetIncidentWarning'],
          ['warning', 'DecnetFleetIncidentWarning', 'DecnetFleetIncidentCritical'],
        ] as const
      ).flatMap(([severity, alert, other]) => {
        const of = series(severity);
        const fires = { severity, kind: 'host_stale' };
        return [
          ruleTest(`${severity} fires`, { series: of, alert, at: '15m', fires }),
          ruleTest(`${severity} is over`, { series: of, alert, at: '30m', fires: null }),
          ruleTest(`${severity} alone`, { series: of, alert: other, at: '15m', fires: null }),
        ];
      }),
      ruleTest('info is none', {
        series: series('info'),
        alert: 'DecnetFleetIncidentCritical',
        at: '15m',
        fires: null,
      }),
    ];
    const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-rules-'));
    try {
      const path = join(directory, 'tests.yml');
      // JSON is YAML.
      writeFileSync(path, JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests }));
      const { stdout } = await run('test', 'rules', path);
      assert.match(stdout, /SUCCESS/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
