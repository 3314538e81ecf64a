import { type Html, html } from '../html.ts';

export interface ChartedPass {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Milliseconds. */
  readonly durationMs: number;
  readonly failure: string | null;
  readonly result: { readonly docker: string | undefined } | null;
}

/** Height of the chart, in the units of the drawing, as its width is 100. */
const height = 60;
/** The bars are at most as wide as those of this many passes. */
const fewest = 20;

/** What the bar of a pass looks like, and what that means. */
const styles = {
  bar: 'done',
  mute: 'Docker unreachable',
  failed: 'failed',
} as const;
const styleOf = ({ failure, result }: ChartedPass): keyof typeof styles =>
  failure !== null ? 'failed' : result?.docker === 'unreachable' ? 'mute' : 'bar';

/**
 * How long each of the last passes took, oldest first. The axis is logarithmic: one slow pass does not flatten the others.
 * The table under it has the same figures.
 */
export function passChart(passes: readonly ChartedPass[]): Html {
  const shown = passes.toReversed();
  const times = shown.map(({ durationMs }) => Math.max(1, durationMs));
  const [least, max] = decadesOf(times);
  const heightOf = (ms: number): number => (height * (Math.log10(Math.max(1, ms)) - least)) / (max - least);
  const wide = 100 / Math.max(fewest, shown.length);
  const ticks = Array.from({ length: max - least + 1 }, (_, at) => max - at);
  const kinds = Object.entries(styles).filter(([style]) => shown.some((pass) => styleOf(pass) === style));
  return html`<figure class="chart"><ol class="axis" aria-hidden="true">${ticks.map((power) => html`<li>${inUnits(10 ** power)}</li>`)}</ol>
<svg viewBox="0 0 100 ${height}" preserveAspectRatio="none" role="img" aria-label="Duration of the last ${shown.length} passes, ${Math.min(...times)} to ${Math.max(...times)} ms">${ticks.map(
    (power) =>
      html`<line x1="0" x2="100" y1="${(height - heightOf(10 ** power)).toFixed(2)}" y2="${(height - heightOf(10 ** power)).toFixed(2)}"/>`,
  )}${shown.map((pass, at) => {
    const tall = Math.max(1, heightOf(pass.durationMs));
    return html`<rect class="${styleOf(pass)}" x="${(at * wide).toFixed(2)}" y="${(height - tall).toFixed(2)}" width="${(wide * 0.8).toFixed(2)}" height="${tall.toFixed(2)}"><title>${new Date(pass.at).toISOString()}: ${pass.durationMs} ms, ${pass.failure ?? styles[styleOf(pass)]}</title></rect>`;
  })}</svg>
<figcaption>Duration of each pass, oldest first. ${kinds.map(([style, text]) => html`<span class="key"><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${style}" width="10" height="10"/></svg> ${text}</span> `)}</figcaption></figure>`;
}

/** The powers of ten below and above all times, at least one apart. */
function decadesOf(times: readonly number[]): readonly [least: number, max: number] {
  const least = Math.floor(Math.log10(Math.min(...times)));
  return [least, Math.max(least + 1, Math.ceil(Math.log10(Math.max(...times))))];
}

/** `100 ms`, `10 s`. */
const inUnits = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);
