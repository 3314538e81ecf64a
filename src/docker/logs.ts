import type { ContainerLogs } from '../pass/last-lines.ts';
import { type DockerSettings, dockerConnection } from './connection.ts';
import { engineLimits } from './limits.ts';
import { engineClient, logsOf } from './request.ts';

/** The maximum size of a log's end: Docker splits lines at 16 KiB, and at most 50 are wanted. */
const logBytes = 1024 * 1024;

/** Reads the logs of containers from this host's engine. @throws FleetError CONFIG_INVALID */
export function containerLogs(settings: DockerSettings): ContainerLogs {
  const { options } = dockerConnection(settings);
  const client = engineClient(options, { ...engineLimits, bodyBytes: logBytes });
  return {
    read: async (container, lines, signal) => {
      const query = { stdout: true, stderr: true, timestamps: false, tail: String(lines) };
      const text = logText(await client.bytes(logsOf(container), query, signal));
      return text
        .replace(/\r?\n$/, '')
        .split(/\r?\n/)
        .slice(-lines);
    },
  };
}

/** The bytes before each part of a log: the stream, three zeros, and the length of the part. */
const headBytes = 8;

/** The text of a log. Without a terminal, its parts have a head each; with one, it is the plain output. */
export function logText(body: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    const isHead =
      body.length - at >= headBytes && body.readUIntBE(at, 4) % 0x1000000 === 0 && (body[at] ?? 3) <= 2;
    const end = isHead ? at + headBytes + body.readUInt32BE(at + 4) : Number.POSITIVE_INFINITY;
    if (end > body.length) return body.toString();
    parts.push(body.subarray(at + headBytes, end));
    at = end;
  }
  return Buffer.concat(parts).toString();
}
