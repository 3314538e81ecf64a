import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogFormat, LogLevel } from './log-options.ts';
import { withoutSecrets } from './mask.ts';
import { escapedJson, printable } from './text.ts';

export type Log = Logger;

/**
 * Creates a log on stderr.
 * @param write writes to stderr
 */
export function createLog(
  level: LogLevel,
  format: LogFormat = 'auto',
  write: (text: string) => void = (text) => void process.stderr.write(text),
): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const destination: DestinationStream = {
    write: (line: string) => {
      const safe = withoutSecrets(line);
      write(isPretty ? forPeople(safe) : escapedJson(safe));
    },
  };
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => serialize(error, level) },
    },
    destination,
  );
}

/** The code and message of an error, and its stack at level debug or trace. */
function serialize(error: unknown, level: LogLevel): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? { code: error.code } : {};
  const shown = { ...code, message: error.message || String(error) };
  return level === 'debug' || level === 'trace' ? { ...shown, stack: error.stack } : shown;
}

function forPeople(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${words(value)}`);
  const text = [String(time).slice(11, 19), String(level).padEnd(5), msg, ...rest].join(' ');
  return `${printable(text)}\n`;
}

const words = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return JSON.stringify(value);
};
