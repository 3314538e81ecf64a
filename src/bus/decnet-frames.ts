/** One frame of DECNET's bus. @see BUS.md, Frames */
export interface Frame {
  readonly verb: string;
  readonly args: string;
  /** UTF-8; empty: none. */
  readonly body: string;
}

const longestHeader = 4096;
const longestBody = 1_048_576;

/** @throws Error when the header or the body is longer than the server accepts */
export function encodeFrame(verb: string, args = '', body = ''): Buffer {
  const header = Buffer.from(args === '' ? `${verb}\n` : `${verb} ${args}\n`, 'ascii');
  const bytes = Buffer.from(body, 'utf8');
  if (header.length > longestHeader) throw new Error(`the topic is longer than ${longestHeader} bytes`);
  if (bytes.length > longestBody) throw new Error(`the message is longer than ${longestBody} bytes`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([header, length, bytes]);
}

/** Returns a function that takes chunks and returns the complete frames. It throws on invalid data; nothing after that can be read. */
export function frameReader(): (chunk: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (true) {
      const end = rest.indexOf(0x0a);
      if (end === -1) {
        if (rest.length >= longestHeader) throw new Error('a frame header has no end');
        return frames;
      }
      if (end >= longestHeader) throw new Error('a frame header is too long');
      if (rest.length < end + 5) return frames;
      const length = rest.readUInt32BE(end + 1);
      if (length > longestBody) throw new Error('a frame body is too long');
      if (rest.length < end + 5 + length) return frames;
      const header = rest.toString('ascii', 0, end).replace(/\r$/, '');
      const space = header.indexOf(' ');
      frames.push({
        verb: space === -1 ? header : header.slice(0, space),
        args: space === -1 ? '' : header.slice(space + 1).trim(),
        body: rest.toString('utf8', end + 5, end + 5 + length),
      });
      rest = rest.subarray(end + 5 + length);
    }
  };
}
