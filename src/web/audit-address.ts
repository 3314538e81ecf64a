import type { AuditFilter } from '../views/audit.ts';
import type { Query } from './address.ts';
import { givenTexts, hostIn, idIn } from './history-address.ts';

/** The filters of the audit log, as an address has them: the texts, and what they mean. */
export interface AuditAddress extends Omit<AuditFilter, 'limit'> {
  /** The parts of the address that choose something, as they were given. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Reads the filters. @throws FleetError CONFIG_INVALID with what is wrong */
export function parseAudit(query: Query): AuditAddress {
  const texts = givenTexts(query, ['who', 'act', 'host', 'before']);
  return {
    texts,
    who: texts.who ?? null,
    act: texts.act ?? null,
    host: hostIn(texts.host ?? null),
    before: idIn('an entry', texts.before ?? null),
  };
}
