import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** A hash of a password by scrypt, as `$scrypt$ln=15,r=8,p=3$<salt>$<key>` in base64. */
interface Hash {
  /** The cost is two to this power. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** 32 MB and about a fifth of a second. @see OWASP, Password Storage Cheat Sheet */
const cost = { ln: 15, r: 8, p: 3 };
const saltBytes = 16;
const keyBytes = 32;
/** A hash that takes more is refused: each login would use this memory. */
const maxMemory = 256 * 1024 * 1024;

/** Hashes a password for a file of users. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const key = await derived(password, { ...cost, salt }, keyBytes);
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(key)}`;
}

/** Whether a text is a hash that `isPasswordOf` can check. */
export const isPasswordHash = (text: string): boolean => parse(text) !== null;

/** Compares a password with a hash, in constant time. False for a hash that is not valid. */
export async function isPasswordOf(password: string, text: string): Promise<boolean> {
  const hash = parse(text);
  if (hash === null) return false;
  return timingSafeEqual(await derived(password, hash, hash.key.length), hash.key);
}

function parse(text: string): Hash | null {
  const found =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{8,128})\$([A-Za-z0-9+/]{22,128})$/.exec(
      text,
    );
  if (found === null) return null;
  const [ln, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (ln < 1 || r < 1 || p < 1 || memoryOf({ ln, r, p }) > maxMemory) return null;
  return {
    ln,
    r,
    p,
    salt: Buffer.from(found[4] ?? '', 'base64'),
    key: Buffer.from(found[5] ?? '', 'base64'),
  };
}

const memoryOf = ({ ln, r, p }: Pick<Hash, 'ln' | 'r' | 'p'>): number => 128 * r * (2 ** ln + p);

const derived = (password: string, hash: Omit<Hash, 'key'>, bytes: number): Promise<Buffer> =>
  new Promise((done, fail) => {
    const { ln, r, p, salt } = hash;
    const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf(hash) };
    scrypt(password, salt, bytes, options, (error, key) => (error === null ? done(key) : fail(error)));
  });

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
