import { randomBytes } from 'node:crypto';

/** A new id: short, since people read it; by chance, since after a clock was set back a kept one would be in its way. */
export const shortId = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;
