import { randomBytes } from 'node:crypto';

/** A new id. It is short for readability, and random because an id from the clock could repeat after the clock is set back. */
export const shortId = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;
