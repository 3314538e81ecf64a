/** Which values a setting takes. */
export type Takes =
  | { readonly as: 'text'; readonly allowed: string; holds(found: string): boolean }
  | { readonly as: 'path' }
  | { readonly as: 'address'; readonly protocols: readonly string[] }
  | { readonly as: 'address of Redis' }
  | { readonly as: 'address of DECNET' }
  | { readonly as: 'receivers' }
  | { readonly as: 'number'; readonly from: number; readonly to: number; readonly unit: string }
  | { readonly as: 'choice'; readonly of: readonly string[] }
  /** Given with commas between its parts. */
  | { readonly as: 'list'; readonly allowed: string; holds(part: string): boolean }
  /** On with any text. */
  | { readonly as: 'flag' };

/** One setting. Its row here is all that reading, `config`, the documents and the warnings know of it. */
export interface Setting {
  readonly takes: Takes;
  /** The value that holds if nothing sets it; null: none, and `unset` says what then happens. */
  readonly fallback: string | null;
  readonly unset?: string;
  /** How much of the value may be shown; absent: it is no secret. A secret may be given as a file or a credential. */
  readonly secret?: 'nothing' | 'address without password' | 'origin' | 'names of receivers';
  /** One sentence. */
  readonly help: string;
}

/** Which values a setting takes, in words. */
export function takenText({ takes }: Setting): string {
  switch (takes.as) {
    case 'number':
      return `a whole number from ${takes.from} to ${takes.to}`;
    case 'choice':
      return takes.of.join(', ');
    case 'list':
      return `a comma list, each ${takes.allowed}`;
    case 'text':
      return takes.allowed;
    case 'path':
      return 'a path';
    case 'address':
      return takes.protocols.map((one) => `${one}//…`).join(', ');
    case 'address of Redis':
      return 'redis://…, rediss://…, redis+sentinel://…, rediss+sentinel://…';
    case 'address of DECNET':
      return 'sqlite://…, mysql://…, mariadb://…';
    case 'receivers':
      return 'addresses with white space between them';
    case 'flag':
      return 'any text: on';
  }
}
